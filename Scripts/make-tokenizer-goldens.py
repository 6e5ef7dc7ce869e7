#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the goldens of the `tokenizer-files` suite with Hugging Face `tokenizers` and `sentencepiece`.

For every case a tiny tokenizer is trained on the text below and written as `NAME.json` or
`NAME.model`, and `NAME.jsonl` holds, line by line, the ids of the texts in `texts.jsonl`, with and
without special tokens, and what they decode to. `patterns.jsonl` holds where `tokenizers` cuts texts
by regular expressions, `steps.jsonl` what its normalizers and pre-tokenizers make of texts,
`decoders.jsonl` what its decoders make of random tokens.

    pip install tokenizers sentencepiece
    Scripts/make-tokenizer-goldens.py
"""

from __future__ import annotations

import hashlib
import io
import json
import random
import tempfile
import unicodedata
from pathlib import Path

import sentencepiece
from tokenizers import (AddedToken, Regex, Tokenizer, decoders, models, normalizers,
                        pre_tokenizers, processors, trainers)
from tokenizers.normalizers import Normalizer

ROOT = Path(__file__).resolve().parent.parent / "Tests" / "Goldens"
FOLDER = ROOT / "tokenizer-files"
SEED = 20261125

CORPUS = """
The quick brown fox jumps over the lazy dog, and the dog doesn't mind; it's used to it.
We'll see whether you've read what they're saying, or I'm wrong and he'd rather not.
Once upon a time, there was a little girl who lived in a village near the forest.
def encode(text, pieces): return [pieces[piece] for piece in text.split(' ') if piece in pieces]
for (int i = 0; i < count; i++) { total += values[i] * 2; }  // sums twice the values
import os, sys; print(f"{os.path.join('a', 'b')}: {sys.argv[1:]}", file=sys.stderr)
Der schnelle braune Fuchs springt über den faulen Hund. Größe, Übermut, Äpfel, Straße.
Le cœur déçu mais l'âme plutôt naïve, Louÿs rêva de crapaüter en canoë au delà des îles.
El pingüino Wenceslao hizo kilómetros bajo exhaustiva lluvia y frío, añoraba a su querido cachorro.
Съешь же ещё этих мягких французских булок, да выпей чаю. Широкая электрификация.
いろはにほへと ちりぬるを 我が世誰ぞ 常ならむ 有為の奥山 今日越えて 東京タワー
天地玄黃 宇宙洪荒 日月盈昃 辰宿列張 寒來暑往 秋收冬藏 閏餘成歲 律呂調陽
키스의 고유조건은 입술끼리 만나야 하고 특별한 기술은 필요치 않다.
נקרא תורה שבעל פה  صِف خَلقَ خَودِ كَمِثلِ الشَمسِ  ऋषियों को सताने वाले दुष्ट राक्षसों के राजा
1234567890 3.14159 2,718,281 0xDEADBEEF 1e-9 100% $5.00 #42 @home user@example.com https://example.com/a?b=c&d=e
🙂 🚀 👩‍👩‍👧‍👦 🇩🇪 ❤️ ½ ² ™ ﬁne ｆｕｌｌ ＷＩＤＥ Ⅳ ① ㍿ ℌ
""".strip().split("\n")


# --------------------------------------------------------------------------------------------
# Texts
# --------------------------------------------------------------------------------------------


def settled(code: int) -> bool:
    """Whether all Unicode versions in use agree on a scalar: assigned by version 3.2 at the latest."""
    return unicodedata.ucd_3_2_0.category(chr(code)) not in ("Cn", "Cs", "Co")


SETTLED = [c for c in range(0x20, 0x30000) if settled(c)]
ALPHABETS = [
    list(range(0x61, 0x7B)), list(range(0x41, 0x5B)), list(range(0x30, 0x3A)), list(range(0x20, 0x7F)),
    list(range(0xC0, 0x180)), list(range(0x300, 0x330)), list(range(0x391, 0x3CA)), list(range(0x410, 0x450)),
    list(range(0x5D0, 0x5EB)), list(range(0x621, 0x64B)), list(range(0x905, 0x93A)), list(range(0x3041, 0x3097)),
    list(range(0x30A1, 0x30FF)), list(range(0x4E00, 0x4F00)), list(range(0xAC00, 0xAD00)),
    list(range(0xFF01, 0xFF5F)), list(range(0x1F600, 0x1F640)), list(range(0x2190, 0x2200)),
    [0x09, 0x0A, 0x0D, 0x20, 0x20, 0x85, 0xA0, 0x2003, 0x2028, 0x3000], list(range(0x00, 0x20)),
    [0x200B, 0x200C, 0x200D, 0xFE0F, 0xAD, 0xFFFD, 0x2581, 0x120, 0x10A],
]
ALPHABETS = [[c for c in a if settled(c) or c > 0x1F000 or c < 0x20] for a in ALPHABETS]

FIXED = [
    "", " ", "  ", "\n", "a", " a", "a ", "  a  b  ", "Hello, world!", "I'LL  pay $12345 forHTMLTags,\n\n  don't!  ",
    "it's we're I'M they'Ve 'tis rock'n'roll ''s", "a" * 40, " " * 33, "\n" * 9 + "x", "\t\tif (x):\r\n\t\treturn  1\r\n",
    "e\u0301 é a\u0328\u0301 \u1E9B\u0323 ﬁ Å \uAC01 \u1112\u1161\u11AB", "ＦＵＬＬ　ｗｉｄｔｈ １２３", "日本語のテキストと漢字、東京タワー。",
    "👩‍👩‍👧‍👦🇩🇪❤️🙂", "x\u0000y\u0001z\u007f\u0085\u009f", "<s>not special</s> <unk> [CLS] [SEP] <|end|> <pad>",
    "▁▁x ▁ y", "ĠaĊb", "don't do not can't", "UPPER lower MiXeD ÀÉÎ ßẞ İıſK Σς", "0123456789 ٣٤ Ⅳ½ 12,345.67",
    "a_b-c.d/e\\f|g~h`i^j", "((([[[{{{}}}]]])))", "\u200b\u200c\u200d\u00ad", "foo<mask>bar <mask> baz", "hello  <tool> x<tool>y",
    "Übermut tut selten gut — “so” heißt’s…", "def f(n):\n    return n if n < 2 else f(n-1) + f(n-2)\n",
]


def texts(count: int) -> list[str]:
    rng = random.Random(SEED)
    out = list(FIXED)
    while len(out) < count:
        parts = []
        for _ in range(rng.randint(2, 9)):
            kind = rng.random()
            if kind < 0.35:
                parts.append(rng.choice(rng.choice(CORPUS).split(" ")))
            elif kind < 0.45:
                parts.append(chr(rng.choice(SETTLED)))
            elif kind < 0.55:
                parts.append(rng.choice("a =\n-.🙂é") * rng.randint(1, 12))
            else:
                alphabet = rng.choice(ALPHABETS)
                parts.append("".join(chr(rng.choice(alphabet)) for _ in range(rng.randint(1, 6))))
            parts.append(rng.choice(["", " ", "  ", "\n", "", " "]))
        out.append("".join(parts))
    return out


# --------------------------------------------------------------------------------------------
# Cases of tokenizer.json
# --------------------------------------------------------------------------------------------

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
          r"|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
QWEN35 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}").replace(r"]?\p{L}+", r"]?[\p{L}\p{M}]+").replace(
    r"[^\s\p{L}\p{N}]", r"[^\s\p{L}\p{M}\p{N}]")
CONTRACTION = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
GPT4O = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+" + CONTRACTION +
         r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*" + CONTRACTION +
         r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
TEKKEN = GPT4O.replace(CONTRACTION, "").replace(r"\p{N}{1,3}", r"\p{N}")
DEEPSEEK = [r"\p{N}{1,3}", "[一-龥぀-ゟ゠-ヿ]+",
            r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*"
            r"|\s*[\r\n]+|\s+(?!\S)|\s+"]
DEEPSEEK_CODER = [r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", "[一-龥ࠀ-一가-퟿]+", r"\p{N}"]
CL100K = (r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]"
          r"|\s+(?!\S)|\s")
O200K_HAN = (r"[\p{Han}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+"
             + CONTRACTION + r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
CLIP = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


def split(pattern: str, behavior: str = "isolated", invert: bool = False):
    return pre_tokenizers.Split(Regex(pattern), behavior=behavior, invert=invert)


def byte_bpe(patterns: list, size: int = 420, prefix: bool = False, **model) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(**model))
    steps = patterns + [pre_tokenizers.ByteLevel(add_prefix_space=prefix, use_regex=not patterns)]
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(steps) if len(steps) > 1 else steps[0]
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=size, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer


def edited(tokenizer: Tokenizer, **changes) -> Tokenizer:
    """The tokenizer with other values in its model, where no Python setter exists."""
    data = json.loads(tokenizer.to_str())
    for key, value in changes.items():
        data["model"][key] = value
    return Tokenizer.from_str(json.dumps(data))


def with_bytes(tokenizer: Tokenizer, **changes) -> Tokenizer:
    """Adds the tokens `<0x00>` to `<0xFF>` to a model of merges or of scores."""
    data = json.loads(tokenizer.to_str())
    names = [f"<0x{i:02X}>" for i in range(256)]
    if data["model"]["type"] == "Unigram":
        data["model"]["vocab"] += [[name, 0.0] for name in names]
    else:
        vocab = data["model"]["vocab"]
        for name in names:
            vocab.setdefault(name, len(vocab))
    data["model"]["byte_fallback"] = True
    data["model"].update(changes)
    return Tokenizer.from_str(json.dumps(data))


def train(tokenizer: Tokenizer, trainer) -> Tokenizer:
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer


def bpe_trainer(**settings):
    return trainers.BpeTrainer(vocab_size=400, show_progress=False, limit_alphabet=120, **settings)


def charsmap() -> bytes:
    """A small compiled table of replacements, as SentencePiece makes one."""
    model = spm("unigram", vocab_size=320, normalization_rule_tsv=rules_file())
    return field(field(model, 3), 2)


def field(message: bytes, wanted: int) -> bytes:
    """The last field of a number in a protocol buffer message, if it holds bytes."""
    found, at = b"", 0

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(message):
        tag = varint()
        if tag & 7 == 2:
            length = varint()
            if tag >> 3 == wanted:
                found = message[at : at + length]
            at += length
        elif tag & 7 == 0:
            varint()
        else:
            at += {1: 8, 5: 4}[tag & 7]
    return found


def make_cases() -> dict[str, Tokenizer]:
    cases: dict[str, Tokenizer] = {}

    t = byte_bpe([])
    t.post_processor = processors.ByteLevel(trim_offsets=False)
    t.add_special_tokens(["<|endoftext|>"])
    cases["gpt2"] = t

    t = edited(byte_bpe([split(LLAMA3)]), ignore_merges=True)
    t.add_special_tokens(["<|begin|>", "<|end|>"])
    t.add_tokens([AddedToken("<tool>", normalized=False, lstrip=True), AddedToken("rock", single_word=True, normalized=False)])
    t.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=False),
        processors.TemplateProcessing(single="<|begin|> $A", pair="<|begin|> $A $B", special_tokens=[("<|begin|>", t.token_to_id("<|begin|>"))])])
    cases["llama3"] = t

    t = byte_bpe([split(QWEN2)])
    t.normalizer = normalizers.NFC()
    t.add_tokens([AddedToken("<mask>", rstrip=True, normalized=True)])
    cases["qwen2"] = t

    cases["gpt4o"] = byte_bpe([split(GPT4O, "removed", True)])
    cases["deepseek"] = byte_bpe([split(p) for p in DEEPSEEK])
    cases["starcoder"] = byte_bpe([pre_tokenizers.Digits(individual_digits=True), split(GPT2)], prefix=True)

    t = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True))
    t.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    t = with_bytes(train(t, bpe_trainer(special_tokens=["<unk>", "<s>", "</s>"])))
    t.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    t.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)])
    cases["llama2"] = t

    t = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True))
    t.normalizer = normalizers.Replace(" ", "▁")
    t.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_previous")
    t = with_bytes(train(t, bpe_trainer(special_tokens=["<pad>", "<unk>"])))
    t.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    t.add_tokens(["▁▁▁▁", "\n\n"])
    cases["gemma"] = t

    t = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=20))
    t.normalizer = normalizers.BertNormalizer()
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    t = train(t, trainers.WordPieceTrainer(vocab_size=400, limit_alphabet=120, show_progress=False,
                                           special_tokens=["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"]))
    t.decoder = decoders.WordPiece()
    t.post_processor = processors.BertProcessing(("[SEP]", 2), ("[CLS]", 1))
    cases["bert"] = t

    t = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    t.normalizer = normalizers.BertNormalizer(clean_text=True, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    t.pre_tokenizer = pre_tokenizers.Whitespace()
    t = train(t, trainers.WordPieceTrainer(vocab_size=400, limit_alphabet=120, show_progress=False, special_tokens=["[UNK]"]))
    t.decoder = decoders.WordPiece(cleanup=False)
    cases["cased"] = t

    t = Tokenizer(models.Unigram())
    t.normalizer = normalizers.Sequence([normalizers.Precompiled(charsmap()), normalizers.Replace(Regex(" {2,}"), " ")])
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    t = train(t, trainers.UnigramTrainer(vocab_size=350, show_progress=False, special_tokens=["<pad>", "</s>", "<unk>"], unk_token="<unk>"))
    t.decoder = decoders.Metaspace()
    t.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    cases["t5"] = t

    t = Tokenizer(models.Unigram())
    t.normalizer = normalizers.Sequence([normalizers.Replace("``", '"'), normalizers.NFKD(), normalizers.StripAccents(), normalizers.Lowercase()])
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Metaspace(prepend_scheme="first"), pre_tokenizers.Digits(individual_digits=True)])
    t = train(t, trainers.UnigramTrainer(vocab_size=300, show_progress=False, special_tokens=["<unk>", "<s>"], unk_token="<unk>"))
    t = with_bytes(t)
    t.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace(prepend_scheme="first")])
    t.add_special_tokens([AddedToken("<mask>", lstrip=True)])
    cases["albert"] = t

    t = Tokenizer(models.BPE(unk_token="<|endoftext|>", end_of_word_suffix="</w>"))
    t.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
    t.pre_tokenizer = pre_tokenizers.Sequence([split(CLIP, "removed", True), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    t = train(t, trainers.BpeTrainer(vocab_size=700, show_progress=False, end_of_word_suffix="</w>",
                                     special_tokens=["<|startoftext|>", "<|endoftext|>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    t.decoder = decoders.ByteLevel()
    t.post_processor = processors.RobertaProcessing(("<|endoftext|>", 1), ("<|startoftext|>", 0), trim_offsets=False, add_prefix_space=False)
    cases["clip"] = t

    t = Tokenizer(models.BPE(unk_token="<unk>", continuing_subword_prefix="##", end_of_word_suffix="</w>"))
    t.normalizer = normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC(), normalizers.Strip()])
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation("contiguous")])
    t = train(t, bpe_trainer(special_tokens=["<unk>"], continuing_subword_prefix="##", end_of_word_suffix="</w>"))
    t.decoder = decoders.BPEDecoder()
    cases["affixes"] = t

    t = Tokenizer(models.WordLevel(unk_token="<unk>"))
    t.normalizer = normalizers.Sequence([normalizers.NFD(), normalizers.Lowercase()])
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.UnicodeScripts(), pre_tokenizers.Whitespace()])
    t = train(t, trainers.WordLevelTrainer(vocab_size=300, show_progress=False, special_tokens=["<unk>"]))
    cases["words"] = t
    return cases


# --------------------------------------------------------------------------------------------
# Cases of SentencePiece
# --------------------------------------------------------------------------------------------


def rules_file() -> str:
    """Rules of normalisation: source and target as code points, tab between."""
    rules = {"ﬁ": "fi", "…": "...", "＝": "=", "　": " ", "\t": " ", "\u00a0": " ", "\u200b": "", "½": "1/2", "é": "e", "e\u0301": "E",
             "日本": "nihon", "日": "hi", "“": '"', "”": '"', "ａ": "a", "\u0301": ""}
    path = Path(tempfile.gettempdir()) / "dendrite-rules.tsv"
    hexes = lambda s: " ".join(f"{ord(c):X}" for c in s)
    path.write_text("".join(f"{hexes(a)}\t{hexes(b)}\n" for a, b in rules.items()))
    return str(path)


def spm(kind: str, **settings) -> bytes:
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(CORPUS), model_writer=model, model_type=kind, character_coverage=0.98,
        hard_vocab_limit=False, minloglevel=2, num_threads=1, **settings)
    return model.getvalue()


def make_models() -> dict[str, bytes]:
    rules = rules_file()
    return {
        "spm-bpe": spm("bpe", vocab_size=600, byte_fallback=True, normalization_rule_name="identity",
                       remove_extra_whitespaces=False, user_defined_symbols=["<tool>", "  "]),
        "spm-bpe-plain": spm("bpe", vocab_size=400, normalization_rule_tsv=rules, add_dummy_prefix=False),
        "spm-unigram": spm("unigram", vocab_size=400, normalization_rule_tsv=rules, user_defined_symbols=["<mask>", "foo"]),
        "spm-unigram-bytes": spm("unigram", vocab_size=560, byte_fallback=True, normalization_rule_name="identity"),
    }


# --------------------------------------------------------------------------------------------
# Patterns, steps, decoders
# --------------------------------------------------------------------------------------------

PATTERNS = [GPT2, LLAMA3, QWEN2, QWEN35, GPT4O, TEKKEN, CL100K, O200K_HAN, CLIP, *DEEPSEEK, *DEEPSEEK_CODER, r"[^\n]+|[\n]+",
            r"a|ab|abc", r"(?:a|ab)(?:c|bcd)(?:d*)", r"a*?b", r"(a|b)*abb", r"x*", r"(?=a)\w+", r"(?<=a)b|(?<!\s)\d", r"\bfoo\b|\Bo",
            r"^\s+|\s+$", r"\A.|.\z", r"(?i)über|TEXT|mass|k", r"(?i:[a-cs])+", r"[[:alpha:]]+|[[:punct:]]", r"[^\W\d_]+", r"\h+", r"\R",
            r"[\w&&[^aeiou]]+", r"a{2}|b{1,}|c{,2}|d{2,3}?", r"(?>a+)b|a++c", r"\d{1,3}(?=(?:\d{3})*\b)", r"(?:(?:a*)*)*b", r"()", r"a||b",
            r"(?!a)\w", r".", r"(?m:.)+", r"\p{Greek}+|\p{Cyrillic}+|\p{^L}", r"[\x{4e00}-\x{9fff}]+", r"\x41|\u0042|\t", r"[a\-z]+|[]x]",
            r"(?:(?=(?:ab)*c).)+", r"\w+(?!\w*ing)", r"(?x) a b # comment"]
BEHAVIORS = ["removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"]
NAMES = {"removed": "Removed", "isolated": "Isolated", "merged_with_previous": "MergedWithPrevious",
         "merged_with_next": "MergedWithNext", "contiguous": "Contiguous"}


def make_patterns(some: list[str]) -> list[dict]:
    rng = random.Random(SEED)
    short = ["abcabcd abbb aabb", "foo food afoo oo", "12345678 1234 ab12", "ÜBER über Mass K\u212a ſs mAſſ", "aaab aac aaac",
             "Ⅳ½ ΑΒΓ абв x", "a-z]x[ ab# \tAB", "sing ring bring", "ababc abab c"]
    out = []
    for pattern in PATTERNS:
        for text in rng.sample(some, 4) + rng.sample(short, 4):
            behavior = rng.choice(BEHAVIORS[1:2] * 3 + BEHAVIORS)
            invert = rng.random() < 0.2
            pieces = [p for p, _ in split(pattern, behavior, invert).pre_tokenize_str(text)]
            out.append({"pattern": pattern, "behavior": NAMES[behavior], "invert": invert, "text": text, "pieces": pieces})
    return out


def make_steps(some: list[str]) -> list[dict]:
    norm = [normalizers.NFC(), normalizers.NFD(), normalizers.NFKC(), normalizers.NFKD(), normalizers.Lowercase(), normalizers.StripAccents(),
            normalizers.Strip(), normalizers.Strip(left=True, right=False), normalizers.Nmt(), normalizers.ByteLevel(),
            normalizers.Replace("a", "bb"), normalizers.Replace(Regex(r"\s+"), "_"), normalizers.Prepend("▁"), normalizers.BertNormalizer(),
            normalizers.BertNormalizer(clean_text=False, handle_chinese_chars=False, strip_accents=True, lowercase=False),
            normalizers.Precompiled(charsmap())]
    cut = [pre_tokenizers.Whitespace(), pre_tokenizers.WhitespaceSplit(), pre_tokenizers.BertPreTokenizer(), pre_tokenizers.UnicodeScripts(),
           pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.Digits(individual_digits=False), pre_tokenizers.CharDelimiterSplit("a"),
           *[pre_tokenizers.Punctuation(b) for b in BEHAVIORS], *[pre_tokenizers.Metaspace(prepend_scheme=s) for s in ("always", "first", "never")],
           pre_tokenizers.Metaspace(split=False), pre_tokenizers.FixedLength(length=4),
           pre_tokenizers.Sequence([pre_tokenizers.ByteLevel(add_prefix_space=True), pre_tokenizers.Digits()])]
    rng = random.Random(SEED + 1)
    out = []
    for step in norm:
        data = json.loads(step.__getstate__())
        for text in rng.sample(some, 14):
            out.append({"normalizer": data, "text": text, "pieces": [p for p in [step.normalize_str(text)] if p]})
    for step in cut:
        data = json.loads(step.__getstate__())
        for text in rng.sample(some, 10):
            out.append({"pre_tokenizer": data, "text": text, "pieces": [p for p, _ in step.pre_tokenize_str(text)]})
    return out


def make_decoders() -> list[dict]:
    chains = [decoders.ByteLevel(), decoders.WordPiece(), decoders.WordPiece(prefix="@@", cleanup=False), decoders.Metaspace(),
              decoders.Metaspace(prepend_scheme="never"), decoders.BPEDecoder(), decoders.CTC(), decoders.Fuse(), decoders.ByteFallback(),
              decoders.Strip(" ", 1, 1), decoders.Replace("a", "xyz"), decoders.Replace(Regex(r"\s+"), " "),
              decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]),
              decoders.Sequence([decoders.Fuse(), decoders.Strip("a", 2, 2), decoders.Replace("ab", "-")]),
              decoders.Sequence([decoders.Fuse(), decoders.Replace(Regex("a+"), "A")]),
              decoders.Sequence([decoders.CTC(cleanup=False), decoders.Metaspace()])]
    alphabet = ["a", "b", "ab", "aab", " a", "a ", " ", "▁a", "▁", "▁b▁", "##ing", "@@x", "the</w>", "n't", ".", ",", "'s", "do", "not",
                "<pad>", "|", "<0x41>", "<0xE6>,<0x97>,<0xA5>", "Ġa", "Ċ", "é", "日", "ð,Ł,ĺ,Ģ"]
    rng = random.Random(SEED + 2)
    out = []
    for chain in chains:
        data = json.loads(chain.__getstate__())
        for _ in range(10):
            tokens = [t for _ in range(rng.randint(1, 9)) for t in rng.choice(alphabet).split(",") if t] or ["a"]
            # A whole character or none: what comes of half of one is ours to say.
            if "<0xE6>" in tokens and data["type"] == "ByteLevel":
                continue
            try:
                text = chain.decode(tokens)
            except BaseException:  # Strip ends the peer where nothing is left of a token
                continue
            out.append({"decoder": data, "tokens": tokens, "text": text})
    return out


# --------------------------------------------------------------------------------------------


def dump(name: str, lines: list) -> None:
    text = "".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in lines)
    (FOLDER / name).write_text(text)


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in FOLDER.iterdir():
        old.unlink()
    some = texts(110)
    dump("texts.jsonl", some)
    for name, tokenizer in make_cases().items():
        (FOLDER / f"{name}.json").write_text(tokenizer.to_str() + "\n")
        lines = []
        for text in some:
            ids = tokenizer.encode(text, add_special_tokens=False).ids
            lines.append({"ids": ids, "special": tokenizer.encode(text).ids, "text": tokenizer.decode(ids)})
            if lines[-1]["special"] == ids:
                del lines[-1]["special"]
        dump(f"{name}.jsonl", lines)
    for name, model in make_models().items():
        (FOLDER / f"{name}.model").write_bytes(model)
        processor = sentencepiece.SentencePieceProcessor(model_proto=model)
        lines = []
        for text in some:
            ids = processor.encode(text)
            lines.append({"ids": ids, "text": processor.decode(ids)})
        dump(f"{name}.jsonl", lines)
    dump("patterns.jsonl", make_patterns(some))
    dump("steps.jsonl", make_steps(some))
    dump("decoders.jsonl", make_decoders())

    sums = ROOT / "SHA256SUMS"
    kept = [l for l in sums.read_text().splitlines() if "  tokenizer-files/" not in l]
    for path in sorted(FOLDER.iterdir()):
        kept.append(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  tokenizer-files/{path.name}")
    sums.write_text("\n".join(sorted(kept, key=lambda l: l.split("  ")[1])) + "\n")


main()
