#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Train the small language model that ships in `Models/`.

Five steps, each a subcommand, each restartable on its own:

    prepare    collect redistributable text into WORK/documents.jsonl
    tokenizer  train the byte-level BPE and pack the documents into token files
    train      train; stop it whenever you like, it resumes from WORK/checkpoint.pt
    export     write the GGUF and check it against the checkpoint
    sample     continue a prompt, to see with your own eyes

The model is a plain Llama: RMS norm, rotary positions, grouped-query attention, SwiGLU, tied head. It is trained with
a second loss on an *early exit*: the hidden state at half depth, through the same output norm and the same head. A
decoder that speculates can then read a draft off the model's own middle.

Everything is sized in tokens, never in seconds, so pausing the process (SIGSTOP) does not disturb the schedule. To end
early, write the number of decay tokens into WORK/finish: the learning rate then falls to zero over that many tokens.

Requirements are in `Scripts/train-requirements.txt`. A typical run:

    python Scripts/train-bundled.py prepare --swift-packages DIR --gsm8k gsm8k-train.jsonl
    python Scripts/train-bundled.py tokenizer
    python Scripts/train-bundled.py train
    python Scripts/train-bundled.py export --output Models/dendrite-tiny-q8_0.gguf
"""

from __future__ import annotations

import argparse
import ast
import ctypes
import dataclasses
import hashlib
import importlib.metadata
import json
import math
import os
import random
import re
import subprocess
import sys
import sysconfig
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

# Idle OpenMP threads sleep instead of spinning: the machine may have other work to do. Must precede `import torch`.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "0")

END_OF_TEXT = "<|endoftext|>"

# The pre-tokenizer that GGUF files call `llama-bpe`.
LLAMA3_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)


@dataclasses.dataclass(frozen=True)
class Shape:
    """The numbers that fix the architecture."""

    vocabulary: int = 4096
    width: int = 512
    head_dim: int = 64
    heads: int = 8
    kv_heads: int = 2
    layers: int = 4
    ffn: int = 512
    context: int = 4096
    rope_base: float = 10000.0
    rms_eps: float = 1e-5

    @property
    def exit_layer(self) -> int:
        """How many layers run before the early exit."""
        return self.layers // 2


# ---------------------------------------------------------------------------------------------------------------------
# prepare: collect text that may be redistributed
# ---------------------------------------------------------------------------------------------------------------------


@dataclasses.dataclass
class Document:
    """One text with its origin. `weight` says how often it appears in one pass over the training data."""

    text: str
    source: str
    licence: str
    weight: int = 1


MAX_DOCUMENT_BYTES = 160_000
MAX_LINE_CHARACTERS = 500
TEST_PATH = re.compile(
    r"(^|/)(tests?|testing|idle_test|lib2to3|_vendor|vendored|fixtures?)(/|$)"
    r"|(^|/)(test_|conftest)|_test\.py$|Tests/",
    re.I,
)
GENERATED = re.compile(r"(auto-?)?generated (by|from|file|code)|do not edit|DO NOT MODIFY", re.I)
E_MAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.]+")
ALLOWED_LICENCE = re.compile(r"\b(MIT|BSD|Apache|PSF|Python Software Foundation|0BSD)\b|\b(MIT|BSD|Apache|PSF)-", re.I)
REFUSED_LICENCE = re.compile(r"GPL|MPL|CNRI|Mozilla|Eclipse|CDDL|CC-BY|proprietary|non-?commercial", re.I)


def tidy(text: str) -> str | None:
    """Return `text` cleaned for training, or None if it is not worth training on.

    Licence headers and lines with e-mail addresses go (nobody's personal data), as do files that are generated, mostly
    numbers, mostly non-ASCII, or made of very long lines.
    """
    text = text.replace("\r\n", "\n").replace("\t", "    ")
    if not 200 <= len(text) <= MAX_DOCUMENT_BYTES or "\0" in text or GENERATED.search(text[:1500]):
        return None
    lines = text.split("\n")
    if max(map(len, lines)) > MAX_LINE_CHARACTERS:
        return None
    start = 0  # The leading comment block is dropped when it is a licence header.
    while start < len(lines) and (not lines[start].strip() or lines[start].lstrip().startswith(("#", "//", "/*", "*"))):
        start += 1
    if re.search(r"copyright|licen[cs]e", "\n".join(lines[:start]), re.I):
        lines = lines[start:]
    text = "\n".join(line.rstrip() for line in lines if not E_MAIL.search(line))
    text = re.sub(r"\n{4,}", "\n\n\n", text).strip() + "\n"
    if len(text) < 200:
        return None
    characters = Counter(text)
    digits = sum(characters[d] for d in "0123456789")
    foreign = sum(n for c, n in characters.items() if ord(c) > 126)
    if digits > 0.15 * len(text) or foreign > 0.05 * len(text):
        return None
    return text


def read_text(path: Path) -> str | None:
    """The file's text, or None if it is unreadable, too large or not UTF-8."""
    try:
        if path.stat().st_size > 4 * MAX_DOCUMENT_BYTES:
            return None
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def fraction(text: str) -> float:
    """A number in [0, 1) that depends on nothing but `text`: for stable sampling."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=6).digest(), "big") / 2**48


def standard_library(root: Path, weight: int) -> Iterator[Document]:
    """Python's own modules, and the language reference that `pydoc` carries."""
    licence = "PSF-2.0"
    for path in sorted(root.rglob("*.py")):
        name = path.relative_to(root).as_posix()
        if re.search(r"(^|/)(site-packages|dist-packages|encodings)/", name) or TEST_PATH.search(name):
            continue
        if name == "pydoc_data/topics.py":
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.Assign):
                    for topic in ast.literal_eval(node.value).values():
                        yield Document(topic, "Python standard library (pydoc topics)", licence, weight)
        elif text := read_text(path):
            yield Document(text, "Python standard library", licence, weight)


def licence_of(distribution: importlib.metadata.Distribution) -> str | None:
    """The distribution's licence if it is one of those we accept."""
    metadata = distribution.metadata
    classifiers = [c.split(" :: ")[-1] for c in metadata.get_all("Classifier", []) if c.startswith("License ::")]
    field = (metadata.get("License") or "").strip()
    stated = metadata.get("License-Expression") or "; ".join(c for c in classifiers if c != "OSI Approved")
    stated = stated or (field if len(field) < 80 and "\n" not in field else "")
    if not ALLOWED_LICENCE.search(stated) or REFUSED_LICENCE.search(stated + field[:80]):
        return None
    return stated


def python_packages(directories: list[str], cap: int) -> Iterator[Document]:
    """Sources and documentation of installed, permissively licensed packages; at most `cap` bytes of each."""
    seen = set()
    for distribution in importlib.metadata.distributions(path=directories):
        name, licence = distribution.metadata["Name"], licence_of(distribution)
        if licence is None or name in seen or name.startswith(("nvidia", "triton")):
            continue
        seen.add(name)
        files = [f for f in distribution.files or [] if f.suffix in (".py", ".rst", ".md")]
        files = [f for f in files if not re.search(r"\.dist-info|\.\./", str(f)) and not TEST_PATH.search(str(f))]
        taken = 0
        for file in sorted(files, key=lambda f: fraction(f"{name}/{f}")):
            if taken >= cap:
                break
            if text := read_text(Path(distribution.locate_file(file))):
                taken += len(text)
                yield Document(text, f"{name} {distribution.version}", licence)


def git(repository: Path, *arguments: str) -> bytes:
    """Output of a git command in `repository`."""
    return subprocess.run(["git", "-C", str(repository), *arguments], check=True, capture_output=True).stdout


def licence_text_name(text: str) -> str | None:
    """The SPDX name of a licence text, if it is one of those we accept."""
    text = " ".join(text.split())
    if "GNU " in text[:2000] or "Mozilla Public" in text:
        return None
    if "Apache License" in text:
        return "Apache-2.0"
    if "Permission is hereby granted, free of charge" in text:
        return "MIT"
    return "BSD" if "Redistributions of source code must retain" in text else None


def swift_packages(root: Path, cap: int) -> Iterator[Document]:
    """Sources and documentation at the newest tag of every bare repository OWNER/NAME.git below `root`."""
    seen = set()
    for repository in sorted(root.glob("*/*.git")):
        key = repository.stem.lower()
        tags = git(repository, "tag", "--sort=-v:refname").decode().split()
        releases = [tag for tag in tags if re.fullmatch(r"v?\d+(\.\d+)*", tag)]
        if key in seen or not releases:
            continue
        seen.add(key)
        tag = releases[0]
        names = git(repository, "ls-tree", "-r", "--name-only", tag).decode().split("\n")
        licence_file = next((n for n in names if re.fullmatch(r"LICEN[CS]E(\.txt|\.md)?", n, re.I)), None)
        licence = licence_file and licence_text_name(git(repository, "show", f"{tag}:{licence_file}").decode())
        if not licence:
            continue
        wanted = [n for n in names if n.endswith((".swift", ".md")) and not n.endswith((".pb.swift", ".grpc.swift"))]
        wanted = [n for n in wanted if not TEST_PATH.search(n) and not re.search("generated|vendor", n, re.I)]
        taken = 0
        for file in sorted(wanted, key=lambda n: fraction(f"{key}/{n}")):
            if taken >= cap:
                break
            try:
                text = git(repository, "show", f"{tag}:{file}").decode("utf-8")
            except UnicodeDecodeError:
                continue
            taken += len(text)
            yield Document(text, f"{repository.stem} {tag} (Swift)", licence)


def school_maths(path: Path, weight: int) -> Iterator[Document]:
    """GSM8K training problems, without their calculator annotations."""
    for line in path.read_text(encoding="utf-8").splitlines():
        problem = json.loads(line)
        answer = re.sub(r"<<[^>]*>>", "", problem["answer"])
        text = f"Question: {problem['question'].strip()}\nAnswer: {answer.strip()}\n"
        yield Document(text, "GSM8K (train)", "MIT", weight)


class NearDuplicates:
    """Remembers blocks of lines, to recognise documents that mostly repeat what was seen."""

    def __init__(self, block: int = 5, share: float = 0.4):
        self.block, self.share, self.seen = block, share, set()

    def is_repeat(self, text: str) -> bool:
        lines = [line.strip() for line in text.split("\n") if line.strip()]
        blocks = {hash(tuple(lines[i : i + self.block])) for i in range(max(1, len(lines) - self.block + 1))}
        repeated = len(blocks & self.seen) > self.share * len(blocks)
        if not repeated:
            self.seen |= blocks
        return repeated


def prepare(options: argparse.Namespace) -> None:
    """Write WORK/documents.jsonl and WORK/sources.json."""
    options.work.mkdir(parents=True, exist_ok=True)
    stdlib = options.stdlib or [Path(sysconfig.get_paths()["stdlib"])]
    site = options.site_packages or [sysconfig.get_paths()["purelib"]]

    def everything() -> Iterator[Document]:
        for root in stdlib:
            yield from standard_library(root, options.stdlib_weight)
        yield from python_packages([str(d) for d in site], options.package_cap)
        if options.swift_packages:
            yield from swift_packages(options.swift_packages, options.package_cap)
        if options.gsm8k:
            yield from school_maths(options.gsm8k, options.gsm8k_weight)

    duplicates, sources = NearDuplicates(), {}
    with open(options.work / "documents.jsonl", "w", encoding="utf-8") as output:
        for document in everything():
            text = document.text if document.source.startswith("GSM8K") else tidy(document.text)
            if text is None or duplicates.is_repeat(text):
                continue
            entry = sources.setdefault(document.source, {"licence": document.licence, "documents": 0, "bytes": 0})
            entry["documents"] += 1
            entry["bytes"] += len(text.encode())
            held_out = fraction(text) < options.held_out
            record = {"text": text, "source": document.source, "weight": document.weight, "held_out": held_out}
            output.write(json.dumps(record) + "\n")
    (options.work / "sources.json").write_text(json.dumps(sources, indent=1))
    total = sum(entry["bytes"] for entry in sources.values())
    print(f"{len(sources)} sources, {sum(e['documents'] for e in sources.values())} documents, {total / 1e6:.1f} MB")


# ---------------------------------------------------------------------------------------------------------------------
# tokenizer: byte-level BPE, and the packed token files
# ---------------------------------------------------------------------------------------------------------------------


def empty_tokenizer(vocabulary: dict[str, int] | None = None, merges: list[tuple[str, str]] | None = None):
    """A byte-level BPE with the Llama 3 split. Whole words that are tokens are taken as they are (`ignore_merges`)."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, ignore_merges=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(LLAMA3_SPLIT), behavior="isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def read_tokenizer(path: Path):
    """The tokenizer of a GGUF file that `export` wrote."""
    import gguf
    from tokenizers import AddedToken

    fields = gguf.GGUFReader(path).fields
    pieces = fields["tokenizer.ggml.tokens"].contents()
    merges = [tuple(merge.split(" ")) for merge in fields["tokenizer.ggml.merges"].contents()]
    tokenizer = empty_tokenizer({piece: index for index, piece in enumerate(pieces)}, merges)
    tokenizer.add_special_tokens([AddedToken(END_OF_TEXT, special=True, normalized=False)])
    return tokenizer


def read_documents(work: Path) -> list[dict]:
    """All prepared documents, in one fixed random order."""
    with open(work / "documents.jsonl", encoding="utf-8") as lines:
        documents = [json.loads(line) for line in lines]
    documents = [d for d in documents for _ in range(1 if d["held_out"] else d["weight"])]
    random.Random(1).shuffle(documents)
    return documents


def make_tokenizer(options: argparse.Namespace) -> None:
    """Write WORK/tokenizer.json, WORK/train.bin and WORK/held-out.bin (little-endian u16 tokens)."""
    import numpy
    from tokenizers import pre_tokenizers, trainers

    documents = read_documents(options.work)
    if options.resume_from:
        tokenizer = read_tokenizer(options.resume_from)
    else:
        budget, sample = options.sample_bytes, []
        for document in documents:
            if not document["held_out"] and budget > 0:
                sample.append(document["text"])
                budget -= len(document["text"])
        tokenizer = empty_tokenizer()
        trainer = trainers.BpeTrainer(
            vocab_size=Shape.vocabulary,
            special_tokens=[END_OF_TEXT],
            initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
            show_progress=False,
        )
        tokenizer.train_from_iterator(sample, trainer)
    tokenizer.save(str(options.work / "tokenizer.json"))
    assert tokenizer.get_vocab_size() == Shape.vocabulary and tokenizer.token_to_id(END_OF_TEXT) == 0

    for name, held_out in (("train.bin", False), ("held-out.bin", True)):
        chosen = [d["text"] for d in documents if d["held_out"] == held_out]
        tokens = size = 0
        with open(options.work / name, "wb") as output:
            for start in range(0, len(chosen), 512):
                for encoding in tokenizer.encode_batch(chosen[start : start + 512], add_special_tokens=False):
                    output.write(numpy.array([0, *encoding.ids], dtype="<u2").tobytes())
                    tokens += 1 + len(encoding.ids)
            size = sum(len(text.encode()) for text in chosen)
        print(f"{name}: {len(chosen)} documents, {tokens:,} tokens, {size / tokens:.2f} bytes per token")


# ---------------------------------------------------------------------------------------------------------------------
# the model
# ---------------------------------------------------------------------------------------------------------------------


def define_model():
    """Import torch and return the module class and the loss. (`prepare` and `--help` work without torch.)"""
    import torch
    import torch.nn.functional as F
    from torch import Tensor, nn

    class Layer(nn.Module):
        """Attention and feed-forward, each behind an RMS norm. Rotary pairs are (i, i + head_dim / 2)."""

        def __init__(self, shape: Shape):
            super().__init__()
            width, kv_width = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
            matrix = lambda rows, columns: nn.Parameter(torch.randn(rows, columns) * columns**-0.5)
            self.shape = shape
            self.attn_norm, self.ffn_norm = nn.Parameter(torch.ones(shape.width)), nn.Parameter(torch.ones(shape.width))
            self.attn_q, self.attn_k = matrix(width, shape.width), matrix(kv_width, shape.width)
            self.attn_v = matrix(kv_width, shape.width)
            self.ffn_gate, self.ffn_up = matrix(shape.ffn, shape.width), matrix(shape.ffn, shape.width)
            # What writes to the residual stream starts at zero: the network begins as its embedding.
            self.attn_output = nn.Parameter(torch.zeros(shape.width, width))
            self.ffn_down = nn.Parameter(torch.zeros(shape.width, shape.ffn))

        def forward(self, h: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
            s, (batch, length, width) = self.shape, h.shape
            x = F.rms_norm(h, (width,), self.attn_norm, s.rms_eps)
            qkv = F.linear(x, torch.cat([self.attn_q, self.attn_k, self.attn_v]))
            qkv = qkv.view(batch, length, s.heads + 2 * s.kv_heads, s.head_dim)
            qk, v = qkv.split([s.heads + s.kv_heads, s.kv_heads], dim=2)
            first, second = qk.chunk(2, dim=-1)
            qk = torch.cat([first * cosine - second * sine, second * cosine + first * sine], dim=-1)
            q, k = qk.transpose(1, 2).split([s.heads, s.kv_heads], dim=1)
            group = s.heads // s.kv_heads
            k, v = (t.repeat_interleave(group, dim=1) for t in (k, v.transpose(1, 2)))
            attended = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            h = h + F.linear(attended.transpose(1, 2).reshape(batch, length, -1), self.attn_output)
            x = F.rms_norm(h, (width,), self.ffn_norm, s.rms_eps)
            gate, up = F.linear(x, torch.cat([self.ffn_gate, self.ffn_up])).chunk(2, dim=-1)
            return h + F.linear(F.silu(gate) * up, self.ffn_down)

    class Model(nn.Module):
        """The transformer. `forward` returns the normed hidden states at half depth and at the end."""

        def __init__(self, shape: Shape):
            super().__init__()
            self.shape = shape
            self.token_embd = nn.Parameter(torch.randn(shape.vocabulary, shape.width) * 0.02)
            self.output_norm = nn.Parameter(torch.ones(shape.width))
            self.blk = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
            half = shape.head_dim // 2
            frequency = shape.rope_base ** (-torch.arange(half, dtype=torch.float64) / half)
            angle = torch.outer(torch.arange(shape.context, dtype=torch.float64), frequency)[:, None, :]
            self.register_buffer("cosine", angle.cos().float(), persistent=False)
            self.register_buffer("sine", angle.sin().float(), persistent=False)

        def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
            h, length = F.embedding(tokens, self.token_embd), tokens.shape[1]
            for index, layer in enumerate(self.blk):
                if index == self.shape.exit_layer:
                    middle = h
                h = layer(h, self.cosine[:length], self.sine[:length])
            norm = lambda x: F.rms_norm(x, (self.shape.width,), self.output_norm, self.shape.rms_eps)
            return norm(middle), norm(h)

        def logits(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
            """Logits at the exit and at the end."""
            middle, final = self(tokens)
            return F.linear(middle, self.token_embd), F.linear(final, self.token_embd)

    class HeadLoss(torch.autograd.Function):
        """Mean cross entropy of a linear head, its gradient computed chunk by chunk in the forward pass.

        The logits of a batch are far larger than everything else; here only one chunk of them ever exists, and none
        of them is computed twice.
        """

        CHUNK = 1024

        @staticmethod
        def forward(context, hidden: Tensor, head: Tensor, targets: Tensor, want_gradient: bool) -> Tensor:
            scale, total = 1.0 / len(targets), 0.0
            if want_gradient:
                hidden_gradient, head_gradient = torch.empty_like(hidden), torch.zeros_like(head)
            for start in range(0, len(targets), HeadLoss.CHUNK):
                part = slice(start, start + HeadLoss.CHUNK)
                logits, target = hidden[part] @ head.T, targets[part, None]
                if not want_gradient:
                    total += F.cross_entropy(logits, target[:, 0], reduction="sum") * scale
                    continue
                probability = torch.softmax(logits, dim=-1)
                chosen = probability.gather(1, target)
                total -= chosen.clamp_min(1e-30).log().sum() * scale
                probability.scatter_(1, target, chosen - 1)
                torch.mm(probability, head, out=hidden_gradient[part])
                head_gradient.addmm_(probability.T, hidden[part])
            if want_gradient:
                context.save_for_backward(hidden_gradient.mul_(scale), head_gradient.mul_(scale))
            return torch.as_tensor(total)

        @staticmethod
        def backward(context, upstream: Tensor):
            hidden_gradient, head_gradient = context.saved_tensors
            return hidden_gradient * upstream, head_gradient * upstream, None, None

    def head_loss(hidden: Tensor, head: Tensor, targets: Tensor) -> Tensor:
        return HeadLoss.apply(hidden, head, targets, torch.is_grad_enabled())

    return Model, head_loss


def define_muon():
    """The optimiser for the matrices: momentum, orthogonalised by a Newton-Schulz iteration."""
    import torch

    class Muon(torch.optim.Optimizer):
        """Muon (Jordan et al. 2024). Matrices of one shape are orthogonalised together."""

        def __init__(self, parameters, lr: float = 0.02, momentum: float = 0.95, weight_decay: float = 0.01):
            super().__init__(parameters, dict(lr=lr, momentum=momentum, weight_decay=weight_decay))

        @torch.no_grad()
        def step(self) -> None:
            for group in self.param_groups:
                shapes = {}
                for parameter in group["params"]:
                    shapes.setdefault(parameter.shape, []).append(parameter)
                for (rows, columns), parameters in shapes.items():
                    for parameter in parameters:
                        average = self.state[parameter].setdefault("momentum", torch.zeros_like(parameter))
                        average.lerp_(parameter.grad, 1 - group["momentum"])
                        parameter.grad.lerp_(average, group["momentum"])  # Nesterov
                    update = self.orthogonalise(torch.stack([p.grad for p in parameters]))
                    step = group["lr"] * max(1.0, rows / columns) ** 0.5
                    for parameter, direction in zip(parameters, update):
                        parameter.mul_(1 - group["lr"] * group["weight_decay"]).add_(direction, alpha=-step)

        @staticmethod
        def orthogonalise(x: torch.Tensor, iterations: int = 5) -> torch.Tensor:
            """Push every singular value of the matrices `x` [n, rows, columns] towards 1."""
            a, b, c = 3.4445, -4.7750, 2.0315
            x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
            tall = x.shape[1] > x.shape[2]
            x = x.mT if tall else x
            for _ in range(iterations):
                gram = x @ x.mT
                x = a * x + (b * gram + c * gram @ gram) @ x
            return x.mT if tall else x

    return Muon


# ---------------------------------------------------------------------------------------------------------------------
# train
# ---------------------------------------------------------------------------------------------------------------------


class Lanes:
    """Reads packed tokens from many places at once, so that a batch mixes documents; the places are resumable.

    `seen` tokens of the pass count as read: the lanes begin behind them.
    """

    def __init__(self, tokens, seen: int = 0, lanes: int = 64):
        self.tokens = tokens
        self.cursor = [(len(tokens) * lane + seen) // lanes % len(tokens) for lane in range(lanes)]
        self.next_lane = 0

    def batch(self, rows: int, length: int):
        """Inputs and targets [rows, length], each row from the next lane."""
        import numpy
        import torch

        windows = numpy.empty((rows, length + 1), dtype=numpy.int64)
        for window in windows:
            position = self.cursor[self.next_lane]
            if position + length + 1 > len(self.tokens):
                position = 0
            window[:] = self.tokens[position : position + length + 1]
            self.cursor[self.next_lane] = position + length
            self.next_lane = (self.next_lane + 1) % len(self.cursor)
        windows = torch.from_numpy(windows)
        return windows[:, :-1].contiguous(), windows[:, 1:].contiguous()


@dataclasses.dataclass
class Schedule:
    """Warm-up, constant, linear decay to zero: all in tokens. The last quarter of the decay uses long sequences."""

    total: int
    decay: int
    warm_up: int = 1_000_000
    began: int = 0

    def rate(self, seen: int) -> float:
        """Learning-rate factor in [0, 1]."""
        return max(0.0, min(1.0, (seen - self.began + 1) / self.warm_up, (self.total - seen) / self.decay))

    def is_long(self, seen: int) -> bool:
        return seen >= self.total - self.decay // 4

    def end_soon(self, seen: int, decay: int) -> None:
        """Begin the decay now, unless it would end later than planned."""
        if seen + decay < self.total:
            self.total, self.decay = seen + decay, decay


def keep_freed_memory() -> None:
    """Ask glibc to reuse large blocks: handing them back to the kernel costs a page fault per 4 KiB, every step."""
    try:
        libc = ctypes.CDLL("libc.so.6")
        m_trim_threshold, m_top_pad, m_mmap_max = -1, -2, -4
        libc.mallopt(m_mmap_max, 0)
        libc.mallopt(m_trim_threshold, 2**31 - 1)
        libc.mallopt(m_top_pad, 256 << 20)
    except (OSError, AttributeError):
        pass  # Not glibc: slower, not wrong.


def evaluate(model, head_loss, tokens, length: int = 512, windows: int = 64) -> dict[str, float]:
    """Held-out losses in nats per token, at the end and at the exit, over evenly spaced windows."""
    import numpy
    import torch

    windows = min(windows, (len(tokens) - 1) // length)
    starts = numpy.linspace(0, len(tokens) - length - 1, windows).astype(int)
    main = exit_ = 0.0
    with torch.no_grad():
        for start in starts:
            window = torch.from_numpy(tokens[start : start + length + 1].astype(numpy.int64))
            middle, final = model(window[None, :-1])
            main += head_loss(final[0], model.token_embd, window[1:]).item() / windows
            exit_ += head_loss(middle[0], model.token_embd, window[1:]).item() / windows
    return {"main": main, "exit": exit_, "tokens": windows * length}


def train(options: argparse.Namespace) -> None:
    """Train until the schedule ends; write WORK/checkpoint.pt on the way."""
    if options.seen and not options.resume_from:
        raise SystemExit("--seen without --resume-from\n  try: name the file that has seen so many tokens")
    keep_freed_memory()
    import numpy
    import torch

    torch.set_flush_denormal(True)
    if options.threads:
        torch.set_num_threads(options.threads)
    Model, head_loss = define_model()
    torch.manual_seed(options.seed)
    model = Model(Shape())
    matrices = [p for name, p in model.blk.named_parameters() if p.ndim == 2]
    norms = [p for p in model.parameters() if p.ndim == 1]
    muon = define_muon()(matrices, lr=options.matrix_rate)
    adam = torch.optim.AdamW([model.token_embd, *norms], lr=options.rate, betas=(0.9, 0.95), weight_decay=0.0)
    optimisers = {"muon": muon, "adam": adam}
    base_rates = {name: [g["lr"] for g in o.param_groups] for name, o in optimisers.items()}

    lanes = Lanes(numpy.memmap(options.work / "train.bin", dtype="<u2", mode="r"), options.seen)
    held_out = numpy.memmap(options.work / "held-out.bin", dtype="<u2", mode="r")
    schedule = Schedule(options.tokens, int(options.tokens * options.decay_share), began=options.seen)
    seen, step, history, finishing = options.seen, 0, [], None
    checkpoint_path = options.work / "checkpoint.pt"
    if options.resume_from and not checkpoint_path.exists():
        model.load_state_dict(read_weights(options.resume_from, model))
        print(f"continuing {options.resume_from.name} from {seen:,} tokens", flush=True)
    if checkpoint_path.exists():
        state = torch.load(checkpoint_path, weights_only=True)
        model.load_state_dict(state["model"])
        for name, optimiser in optimisers.items():
            optimiser.load_state_dict(state["optimisers"][name])
        seen, step, history = state["seen"], state["step"], state["history"]
        lanes.cursor, lanes.next_lane = state["cursor"], state["next_lane"]
        if state["finishing"]:
            schedule = Schedule(*state["finishing"])
        finishing = state["finishing"]
        print(f"resumed at {seen:,} tokens", flush=True)

    def save() -> None:
        state = {
            "model": model.state_dict(), "optimisers": {n: o.state_dict() for n, o in optimisers.items()},
            "seen": seen, "step": step, "history": history, "cursor": lanes.cursor, "next_lane": lanes.next_lane,
            "finishing": finishing,
        }
        temporary = checkpoint_path.with_suffix(".partial")
        torch.save(state, temporary)
        os.replace(temporary, checkpoint_path)

    def report() -> None:
        losses = evaluate(model, head_loss, held_out)
        history.append({"seen": seen, **losses})
        clock = time.strftime("%H:%M:%S")
        print(f"{clock} held-out {losses['main']:.4f} exit {losses['exit']:.4f} at {seen:,}", flush=True)
        save()

    forward = torch.compile(model, dynamic=False) if options.compile else model
    generator = torch.Generator()
    last_report = last_line = time.monotonic()
    line_tokens, running, running_exit = 0, 0.0, 0.0
    finish_file = options.work / "finish"
    while seen < schedule.total:
        if finishing is None and finish_file.exists():
            schedule.end_soon(seen, int(finish_file.read_text().strip()))
            finishing = dataclasses.astuple(schedule)
            print(f"finishing: decay from {seen:,} to {schedule.total:,}", flush=True)
        length = options.length // 2 if seen < options.short_tokens else options.length
        length = options.long_length if schedule.is_long(seen) else length
        for name, optimiser in optimisers.items():
            for group, rate in zip(optimiser.param_groups, base_rates[name]):
                group["lr"] = rate * schedule.rate(seen)
        micro_batches = options.batch_tokens // options.micro_tokens
        generator.manual_seed(options.seed * 1_000_003 + step)
        for _ in range(micro_batches):
            inputs, targets = lanes.batch(options.micro_tokens // length, length)
            targets = targets.view(-1)
            middle, final = (h.reshape(len(targets), -1) for h in forward(inputs))
            some = torch.randperm(len(targets), generator=generator)[: len(targets) // 4]
            main = head_loss(final, model.token_embd, targets)
            exit_ = head_loss(middle[some], model.token_embd, targets[some])
            ((main + options.exit_weight * exit_) / micro_batches).backward()
            running += main.item() / micro_batches
            running_exit += exit_.item() / micro_batches
        torch.nn.utils.clip_grad_norm_([model.token_embd, *norms], 1.0)
        for optimiser in optimisers.values():
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        step += 1
        seen += options.batch_tokens
        line_tokens += options.batch_tokens
        if step % options.log_steps == 0:
            now = time.monotonic()
            loss, exit_loss = running / options.log_steps, running_exit / options.log_steps
            speed = line_tokens / (now - last_line)
            print(f"{time.strftime('%H:%M:%S')} step {step} tokens {seen:,} loss {loss:.4f} exit {exit_loss:.4f} "
                  f"rate {schedule.rate(seen):.3f} length {length} {speed:.0f} tok/s", flush=True)
            last_line, line_tokens, running, running_exit = now, 0, 0.0, 0.0
        if time.monotonic() - last_report > options.report_seconds:
            report()
            last_report = last_line = time.monotonic()
            line_tokens = 0
        if options.stop_after and step >= options.stop_after:
            return
    losses = evaluate(model, head_loss, held_out, windows=10**6)
    history.append({"seen": seen, "final": True, **losses})
    save()
    print(f"done: {seen:,} tokens, held-out {losses['main']:.4f}, exit {losses['exit']:.4f}", flush=True)


# ---------------------------------------------------------------------------------------------------------------------
# export and sample
# ---------------------------------------------------------------------------------------------------------------------


def load_checkpoint(work: Path):
    """The model of WORK/checkpoint.pt, its tokenizer and the rest of the checkpoint."""
    import torch
    from tokenizers import Tokenizer

    state = torch.load(work / "checkpoint.pt", weights_only=True, map_location="cpu")
    model = define_model()[0](Shape())
    model.load_state_dict(state["model"])
    return model.eval(), Tokenizer.from_file(str(work / "tokenizer.json")), state


def interleave(rows, heads: int):
    """From rotary pairs (i, i + d/2) to (2i, 2i + 1), the order that GGUF's `llama` architecture expects."""
    return rows.reshape(heads, 2, -1, rows.shape[1]).swapaxes(1, 2).reshape(rows.shape)


def separate(rows, heads: int):
    """The inverse of `interleave`."""
    return rows.reshape(heads, -1, 2, rows.shape[1]).swapaxes(1, 2).reshape(rows.shape)


def gguf_name(parameter: str) -> str:
    return parameter + ".weight"


def write_gguf(path: Path, model, tokenizer, name: str) -> None:
    """Write `model` as GGUF: matrices Q8_0, norms F32."""
    import gguf

    shape = model.shape
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name(name)
    writer.add_description("A toy model of code and school maths, for trying things offline.")
    writer.add_license("apache-2.0")
    writer.add_type("model")
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    writer.add_vocab_size(shape.vocabulary)
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.ffn)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_key_length(shape.head_dim)
    writer.add_value_length(shape.head_dim)
    writer.add_rope_dimension_count(shape.head_dim)
    writer.add_rope_freq_base(shape.rope_base)
    writer.add_layer_norm_rms_eps(shape.rms_eps)

    tokens = sorted(tokenizer.get_vocab(), key=tokenizer.get_vocab().get)
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    control, normal = gguf.TokenType.CONTROL, gguf.TokenType.NORMAL
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("llama-bpe")
    writer.add_token_list(tokens)
    writer.add_token_types([control if token == END_OF_TEXT else normal for token in tokens])
    writer.add_token_merges([m if isinstance(m, str) else " ".join(m) for m in merges])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(0)
    writer.add_add_bos_token(True)
    writer.add_add_eos_token(False)

    heads_of = {"attn_q": shape.heads, "attn_k": shape.kv_heads}
    for parameter, tensor in model.named_parameters():
        values = tensor.detach().float().numpy()
        if heads := heads_of.get(parameter.split(".")[-1]):
            values = interleave(values, heads)
        if values.ndim == 1:
            writer.add_tensor(gguf_name(parameter), values)
        else:
            kind = gguf.GGMLQuantizationType.Q8_0
            writer.add_tensor(gguf_name(parameter), gguf.quantize(values, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def read_weights(path: Path, model) -> dict:
    """The weights of a GGUF file that `write_gguf` wrote, named and ordered as `model` has them."""
    import gguf
    import torch

    shape, state = model.shape, {}
    heads_of = {"attn_q": shape.heads, "attn_k": shape.kv_heads}
    for tensor in gguf.GGUFReader(path).tensors:
        parameter = tensor.name.removesuffix(".weight")
        values = gguf.dequantize(tensor.data, tensor.tensor_type)
        if heads := heads_of.get(parameter.split(".")[-1]):
            values = separate(values, heads)
        state[parameter] = torch.tensor(values)
    return state


def check_gguf(path: Path, model, tokenizer, work: Path) -> dict[str, float]:
    """Read the file back and compare logits with the checkpoint, and tokens with the tokenizer."""
    import numpy
    import torch

    reloaded = type(model)(model.shape)
    reloaded.load_state_dict(read_weights(path, model))
    rebuilt = read_tokenizer(path)
    held_out = numpy.fromfile(work / "held-out.bin", dtype="<u2", count=16384).astype(int)
    texts = ["def f(x):\n\treturn 'héllo' + 日本 👋 12345  \n\n", "I'LL  pay $12345!  "]
    texts.append(tokenizer.decode(held_out.tolist()))
    for text in texts:
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        assert rebuilt.encode(text, add_special_tokens=False).ids == ids, "the tokenizer in the file differs"
        assert tokenizer.decode(ids) == text, "the tokenizer does not round-trip"

    with torch.no_grad():
        window = torch.from_numpy(held_out[:2048])[None]
        expected, found = model.logits(window), reloaded.logits(window)
    error = [((f - e).norm() / e.norm()).item() for e, f in zip(expected, found)]
    agree = (expected[1].argmax(-1) == found[1].argmax(-1)).float().mean().item()
    assert max(error) < 0.05, f"logits of the file differ from the checkpoint's by {error}"
    return {"exit_error": error[0], "main_error": error[1], "top1_agreement": agree}


def export(options: argparse.Namespace) -> None:
    """Write the GGUF atomically and print what the model card needs as JSON."""
    model, tokenizer, state = load_checkpoint(options.work)
    partial = options.output.with_suffix(".partial")
    write_gguf(partial, model, tokenizer, options.name)
    check = check_gguf(partial, model, tokenizer, options.work)
    os.replace(partial, options.output)
    last = state["history"][-1] if state["history"] else {}
    print(json.dumps({
        "file": options.output.name, "bytes": options.output.stat().st_size,
        "sha256": hashlib.sha256(options.output.read_bytes()).hexdigest(),
        "parameters": sum(p.numel() for p in model.parameters()),
        "tokens_seen": state["seen"], "steps": state["step"],
        "held_out_loss": last.get("main"), "held_out_exit_loss": last.get("exit"),
        "held_out_tokens": last.get("tokens"), "final": last.get("final", False), "check": check,
    }, indent=2))


def sample(options: argparse.Namespace) -> None:
    """Continue a prompt. Recomputes everything for every token: slow, and obviously right."""
    import torch

    model, tokenizer, _ = load_checkpoint(options.work)
    torch.manual_seed(options.seed)
    ids = [0, *tokenizer.encode(options.prompt.encode().decode("unicode_escape"), add_special_tokens=False).ids]
    with torch.no_grad():
        for _ in range(options.count):
            logits = model.logits(torch.tensor([ids[-model.shape.context :]]))[0 if options.exit else 1][0, -1]
            if options.temperature > 0:
                token = int(torch.multinomial(torch.softmax(logits / options.temperature, -1), 1))
            else:
                token = int(logits.argmax())
            if token == 0:
                break
            ids.append(token)
    print(tokenizer.decode(ids))


def parse_arguments() -> argparse.Namespace:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--work", type=Path, default=Path("build/training"), help="where everything is kept")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, action, summary: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, parents=[common], help=summary, description=summary,
                                  formatter_class=argparse.ArgumentDefaultsHelpFormatter)
        sub.set_defaults(action=action)
        return sub

    sub = command("prepare", prepare, "collect redistributable text")
    sub.add_argument("--stdlib", type=Path, action="append",
                     help="a Python standard library; this interpreter's if absent")
    sub.add_argument("--site-packages", type=Path, action="append",
                     help="a directory of installed packages; this interpreter's if absent")
    sub.add_argument("--swift-packages", type=Path, help="a directory of bare Swift repositories OWNER/NAME.git")
    sub.add_argument("--gsm8k", type=Path, help="GSM8K training problems (JSON lines)")
    sub.add_argument("--package-cap", type=int, default=2_500_000, help="bytes taken from one package at most")
    sub.add_argument("--stdlib-weight", type=int, default=2, help="copies of the standard library in one pass")
    sub.add_argument("--gsm8k-weight", type=int, default=3, help="copies of GSM8K in one pass")
    sub.add_argument("--held-out", type=float, default=0.01, help="share of documents never trained on")

    def continuable(sub: argparse.ArgumentParser) -> None:
        sub.add_argument("--resume-from", type=Path, metavar="GGUF",
                         help="begin with what a file of `export` holds, where there is no checkpoint")

    sub = command("tokenizer", make_tokenizer, "train the tokenizer and pack the documents")
    continuable(sub)
    sub.add_argument("--sample-bytes", type=int, default=30_000_000, help="text the merges are learned from")

    sub = command("train", train, "train, or resume training")
    continuable(sub)
    sub.add_argument("--seen", type=int, default=0, help="tokens that the file of --resume-from has seen")
    sub.add_argument("--tokens", type=int, default=40_000_000, help="length of the run; may change on resume")
    sub.add_argument("--decay-share", type=float, default=0.2,
                     help="share of the run over which the rate falls to zero")
    sub.add_argument("--batch-tokens", type=int, default=12288, help="tokens per optimiser step")
    sub.add_argument("--micro-tokens", type=int, default=4096, help="tokens per forward pass")
    sub.add_argument("--length", type=int, default=512, help="sequence length")
    sub.add_argument("--short-tokens", type=int, default=0,
                     help="begin with half the sequence length for so many tokens")
    sub.add_argument("--long-length", type=int, default=2048,
                     help="sequence length in the last quarter of the decay")
    sub.add_argument("--exit-weight", type=float, default=0.3, help="weight of the early exit's loss")
    sub.add_argument("--matrix-rate", type=float, default=0.02, help="learning rate of the matrices (Muon)")
    sub.add_argument("--rate", type=float, default=3e-3, help="learning rate of embedding and norms (AdamW)")
    sub.add_argument("--seed", type=int, default=1, help="of the initial weights and the exit's positions")
    sub.add_argument("--threads", type=int, default=0, help="threads, 0 for torch's choice")
    sub.add_argument("--compile", action=argparse.BooleanOptionalAction, default=True, help="use torch.compile")
    sub.add_argument("--log-steps", type=int, default=10, help="steps between log lines")
    sub.add_argument("--report-seconds", type=float, default=300, help="seconds between evaluations with checkpoint")
    sub.add_argument("--stop-after", type=int, default=0,
                     help="stop at this step without a checkpoint (to measure speed), 0 for never")

    sub = command("export", export, "write the GGUF and check it")
    sub.add_argument("--output", type=Path, default=Path("Models/dendrite-tiny-q8_0.gguf"),
                     help="the file to write")
    sub.add_argument("--name", default="dendrite-tiny", help="general.name")

    sub = command("sample", sample, "continue a prompt")
    sub.add_argument("prompt", help="text; \\n and \\t are understood")
    sub.add_argument("--count", type=int, default=96, help="tokens at most")
    sub.add_argument("--temperature", type=float, default=0.0, help="0 takes the most probable token")
    sub.add_argument("--seed", type=int, default=1, help="of the sampling")
    sub.add_argument("--exit", action="store_true", help="read the early exit instead of the last layer")
    return parser.parse_args()


if __name__ == "__main__":
    arguments = parse_arguments()
    sys.exit(arguments.action(arguments))
