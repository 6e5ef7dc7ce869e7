#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Races this package against Hugging Face `tokenizers` on the same files and texts, one thread each.

Both encode ten megabytes of mixed text (prose, code, mathematics, a dozen writing systems) in
documents of about four kilobytes, in turn, in one run; the ids must be equal. Vocabularies come from
GGUF files (`--vocab-dir`), or are trained on the text.

    pip install tokenizers gguf numpy
    swift build -c release --product TokenizerRace
    Scripts/compare-tokenizers.py --vocab-dir DIR --text-dir DIR [--pairs 30]
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

os.environ["RAYON_NUM_THREADS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
          r"|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
CONTRACTION = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
GPT4O = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+" + CONTRACTION +
         r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*" + CONTRACTION +
         r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
OTHER = """Der schnelle braune Fuchs springt über den faulen Hund, während die Größe der Straße niemanden kümmert.
Le cœur déçu mais l'âme plutôt naïve, Louÿs rêva de crapaüter en canoë au delà des îles, près du mälström.
Съешь же ещё этих мягких французских булок, да выпей чаю; широкая электрификация южных губерний даст мощный толчок.
いろはにほへと ちりぬるを 我が世誰ぞ 常ならむ 有為の奥山 今日越えて 浅き夢見じ 酔ひもせず
天地玄黃，宇宙洪荒。日月盈昃，辰宿列張。寒來暑往，秋收冬藏。閏餘成歲，律呂調陽。
키스의 고유조건은 입술끼리 만나야 하고 특별한 기술은 필요치 않다.
صِف خَلقَ خَودِ كَمِثلِ الشَمسِ إِذ بَزَغَت يَحظى الضَجيعُ بِها نَجلاءَ مِعطارِ
ऋषियों को सताने वाले दुष्ट राक्षसों के राजा रावण का सर्वनाश करने वाले विष्णुवतार भगवान श्रीराम
🙂 🚀 👩‍👩‍👧‍👦 🇩🇪 ❤️  1234567890 3.14159 2,718,281 0xDEADBEEF  https://example.com/a?b=c&d=e
""".split("\n")


def documents(folder: Path, size: int) -> list[str]:
    """Mixed text in documents of about four kilobytes."""
    parts = []
    for path in sorted(ROOT.glob("**/*")):
        if path.suffix in (".swift", ".md", ".c", ".h", ".py") and ".build" not in path.parts and "Goldens" not in path.parts:
            parts.append(path.read_text(errors="replace"))
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_text().splitlines():
            parts.append(json.dumps(json.loads(line), ensure_ascii=False).replace("\\n", "\n"))
    for path in sorted(folder.glob("*.jsonl.gz")):
        for line in gzip.open(path, "rt"):
            parts.append("\n".join(str(v) for v in json.loads(line).values()))
    rng = random.Random(1)
    pieces = [part[i : i + 700] for part in parts for i in range(0, len(part), 700)]
    pieces += OTHER * (len(pieces) // 30)
    rng.shuffle(pieces)
    out, current, total = [], "", 0
    while total < size:
        for piece in pieces:
            current += piece.replace("\0", "") + "\n"
            if len(current) > 4000:
                out.append(current)
                total += len(current.encode())
                current = ""
                if total >= size:
                    break
        rng.shuffle(pieces)
    return out


def from_gguf(path: Path, pattern: str, **model) -> Tokenizer:
    import gguf

    reader = gguf.GGUFReader(path)
    field = lambda name: reader.fields[f"tokenizer.ggml.{name}"].contents()
    types = field("token_type")
    # A vocabulary may list a text twice; the model needs one id for each.
    vocab = {token: i for i, token in enumerate(field("tokens")) if types[i] == 1}
    merges = [tuple(m.split(" ", 1)) if not m.startswith(" ") else m for m in field("merges")]
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=merges, **model))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(pattern), behavior="isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def trained(kind: str, texts: list[str]) -> Tokenizer:
    if kind == "wordpiece":
        tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
        tokenizer.normalizer = normalizers.BertNormalizer()
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        trainer = trainers.WordPieceTrainer(vocab_size=8000, special_tokens=["[UNK]"], show_progress=False)
    elif kind == "unigram":
        tokenizer = Tokenizer(models.Unigram())
        tokenizer.normalizer = normalizers.NFKC()
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
        trainer = trainers.UnigramTrainer(vocab_size=8000, special_tokens=["<unk>"], unk_token="<unk>", show_progress=False)
    else:
        tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True))
        tokenizer.normalizer = normalizers.Replace(" ", "▁")
        tokenizer.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_previous")
        trainer = trainers.BpeTrainer(vocab_size=8000, special_tokens=["<unk>"], show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def race(name: str, tokenizer: Tokenizer, texts: list[str], binary: Path, folder: Path, pairs: int) -> None:
    path = folder / f"{name}.json"
    tokenizer.save(str(path))
    peer = Tokenizer.from_file(str(path))
    (folder / "documents").write_bytes("\0".join(texts).encode())
    size = sum(len(t.encode()) for t in texts) / 1e6
    ours = subprocess.Popen([binary, path, folder / "documents"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    ready = ours.stdout.readline().strip()

    def ask() -> tuple[float, int, int]:
        ours.stdin.write("\n")
        ours.stdin.flush()
        seconds, count, total = ours.stdout.readline().split()
        return float(seconds), int(count), int(total)

    def peer_run():
        start = time.perf_counter()
        encoded = peer.encode_batch_fast(texts, add_special_tokens=False)
        return time.perf_counter() - start, encoded

    _, encoded = peer_run()
    count = total = 0
    for one in encoded:
        for i in one.ids:
            total = (total * 31 + i) & 0xFFFFFFFFFFFFFFFF
        count += len(one.ids)
    del encoded
    _, our_count, our_total = ask()
    equal = (count, total) == (our_count, our_total)
    ratios, mine, theirs = [], [], []
    for _ in range(pairs):
        seconds = ask()[0]
        other, encoded = peer_run()
        del encoded
        mine.append(size / seconds)
        theirs.append(size / other)
        ratios.append(other / seconds)
    ours.stdin.close()
    ours.wait()
    ratios.sort()
    low, high = ratios[len(ratios) // 20], ratios[-1 - len(ratios) // 20]
    print(f"{name:12} {count:9,} ids {'equal' if equal else 'DIFFERENT'}  ours {statistics.median(mine):6.1f} MB/s  tokenizers "
          f"{statistics.median(theirs):5.2f} MB/s  ratio {statistics.median(ratios):5.2f} ({low:.2f}–{high:.2f})  {ready}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vocab-dir", type=Path, required=True, help="llama.cpp's ggml-vocab-*.gguf")
    parser.add_argument("--text-dir", type=Path, required=True, help="*.jsonl and *.jsonl.gz with English and code")
    parser.add_argument("--pairs", type=int, default=30)
    parser.add_argument("--megabytes", type=float, default=10)
    parser.add_argument("--only", nargs="*")
    options = parser.parse_args()
    tools = subprocess.run(["swift", "build", "-c", "release", "--show-bin-path"], cwd=ROOT, capture_output=True, text=True, check=True)
    binary = Path(tools.stdout.strip()) / "TokenizerRace"
    texts = documents(options.text_dir, int(options.megabytes * 1e6))
    vocab = options.vocab_dir
    makers = {
        "gpt-2": lambda: from_gguf(vocab / "ggml-vocab-gpt-2.gguf", GPT2),
        "llama-3": lambda: from_gguf(vocab / "ggml-vocab-llama-bpe.gguf", LLAMA3, ignore_merges=True),
        "qwen2": lambda: from_gguf(vocab / "ggml-vocab-qwen2.gguf", QWEN2),
        "gpt-4o": lambda: from_gguf(vocab / "ggml-vocab-llama-bpe.gguf", GPT4O),
        "wordpiece": lambda: trained("wordpiece", texts[:300]),
        "unigram": lambda: trained("unigram", texts[:300]),
        "spaced-bpe": lambda: trained("bpe", texts[:300]),
    }
    with tempfile.TemporaryDirectory() as folder:
        for name, make in makers.items():
            if not options.only or name in options.only:
                race(name, make(), texts, binary, Path(folder), options.pairs)


main()
