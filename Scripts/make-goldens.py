#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the goldens of the `logits` and `tokenizer` suites with code that is not ours.

logits      Tiny seeded checkpoints (Llama 2, Llama 3 with GQA and scaled RoPE, Qwen 2, Mistral with a
            sliding window) are built and run with transformers (float32, CPU, eager attention) and written as GGUF
            files next to their golden logits and hidden states. Every GGUF file is then read back
            and recomputed with a plain float64 forward pass in GGUF's own conventions; the script
            fails if the two disagree, so a mistake in the conversion cannot become a golden.

tokenizer   Vocabularies stored in GGUF files are rebuilt with Hugging Face `tokenizers`
            (byte-level BPE) and `sentencepiece` (BPE with byte fallback) and encode several
            hundred nasty strings. Without `--vocab-dir` this suite is left alone.

The formats are described in Tests/Goldens/README.md. The script rewrites that file's generated
blocks (versions, seed, measured errors) and the lines of SHA256SUMS that belong to the two suites.

    pip install numpy gguf torch transformers tokenizers sentencepiece
    Scripts/make-goldens.py --vocab-dir DIR
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import platform
import struct
import sys
import unicodedata
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

import gguf
import numpy as np

DEFAULT_SEED = 20250229

SIZE_CAP_LOGITS = 3_000_000
"""Bytes that the whole `logits` suite may occupy."""

SIZE_CAP_TOKENIZER = 400_000
"""Bytes that the whole `tokenizer` suite may occupy."""

SELF_CHECK_TOLERANCE = 1e-5
"""Largest accepted error of the float64 recomputation, relative to the case's largest value."""

KIND_LOGITS = 0
KIND_HIDDEN = 1


# --------------------------------------------------------------------------------------------
# Checkpoints
# --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Llama3Scaling:
    """Parameters of the `llama3` RoPE scaling rule."""

    factor: float
    low_freq_factor: float
    high_freq_factor: float
    original_context: int

    def divisors(self, base: float, head_dim: int) -> np.ndarray:
        """Divisor of each pair's frequency, as GGUF keeps it in `rope_freqs.weight`."""
        out = []
        for i in range(head_dim // 2):
            wavelength = 2 * math.pi * base ** (2 * i / head_dim)
            if wavelength < self.original_context / self.high_freq_factor:
                out.append(1.0)
            elif wavelength > self.original_context / self.low_freq_factor:
                out.append(self.factor)
            else:
                smooth = (self.original_context / wavelength - self.low_freq_factor) / (
                    self.high_freq_factor - self.low_freq_factor
                )
                out.append(1.0 / ((1.0 - smooth) / self.factor + smooth))
        return np.array(out, dtype=np.float64)


@dataclass(frozen=True)
class Spec:
    """Shape and conventions of one tiny checkpoint."""

    name: str
    arch: str
    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    ffn: int
    vocab: int
    rope_base: float
    eps: float
    tied: bool
    qkv_bias: bool
    permuted: bool
    pre: str
    context: int = 2048
    scaling: Llama3Scaling | None = None
    window: int | None = None
    """A row sees itself and the `window - 1` rows before it."""

    @property
    def control_id(self) -> int:
        """Id of the only control token; it stands last."""
        return self.vocab - 1


SPECS = [
    Spec(
        name="llama2", arch="llama", hidden=64, layers=2, heads=4, kv_heads=4, head_dim=16, ffn=96,
        vocab=96, rope_base=10000.0, eps=1e-5, tied=False, qkv_bias=False, permuted=True,
        pre="llama-bpe",
    ),
    Spec(
        name="llama3", arch="llama", hidden=128, layers=2, heads=4, kv_heads=2, head_dim=32,
        ffn=160, vocab=128, rope_base=500000.0, eps=1e-5, tied=True, qkv_bias=False, permuted=True,
        pre="llama-bpe", scaling=Llama3Scaling(8.0, 1.0, 4.0, 64),
    ),
    Spec(
        name="qwen2", arch="qwen2", hidden=96, layers=2, heads=3, kv_heads=1, head_dim=32, ffn=128,
        vocab=112, rope_base=1000000.0, eps=1e-6, tied=True, qkv_bias=True, permuted=False,
        pre="qwen2",
    ),
    Spec(
        name="mistral", arch="llama", hidden=64, layers=2, heads=4, kv_heads=2, head_dim=16, ffn=96,
        vocab=96, rope_base=10000.0, eps=1e-5, tied=False, qkv_bias=False, permuted=True,
        pre="llama-bpe", window=100,
    ),
]  # fmt: skip


def make_weights(spec: Spec, seed: int) -> dict[str, np.ndarray]:
    """Draws a checkpoint in Hugging Face names, shapes and row order, float32.

    Query and key rows are scaled up so that scores spread by about two and attention is far from
    uniform; the embedding or output matrix is scaled so that logits spread by about two.
    """
    rng = np.random.default_rng([seed, SPECS.index(spec)])

    def normal(std: float, *shape: int) -> np.ndarray:
        return (rng.standard_normal(shape) * std).astype(np.float32)

    d, q_rows, kv_rows = spec.hidden, spec.heads * spec.head_dim, spec.kv_heads * spec.head_dim
    logit_std = 2.0 / math.sqrt(d)
    weights = {"model.embed_tokens.weight": normal(logit_std if spec.tied else 1.0, spec.vocab, d)}
    for n in range(spec.layers):
        layer = f"model.layers.{n}."
        attention = layer + "self_attn."
        weights[layer + "input_layernorm.weight"] = 1 + normal(0.15, d)
        weights[attention + "q_proj.weight"] = normal(1.6 / math.sqrt(d), q_rows, d)
        weights[attention + "k_proj.weight"] = normal(1.6 / math.sqrt(d), kv_rows, d)
        weights[attention + "v_proj.weight"] = normal(1.0 / math.sqrt(d), kv_rows, d)
        if spec.qkv_bias:
            weights[attention + "q_proj.bias"] = normal(0.5, q_rows)
            weights[attention + "k_proj.bias"] = normal(0.5, kv_rows)
            weights[attention + "v_proj.bias"] = normal(0.5, kv_rows)
        weights[attention + "o_proj.weight"] = normal(1.0 / math.sqrt(q_rows), d, q_rows)
        weights[layer + "post_attention_layernorm.weight"] = 1 + normal(0.15, d)
        weights[layer + "mlp.gate_proj.weight"] = normal(1.2 / math.sqrt(d), spec.ffn, d)
        weights[layer + "mlp.up_proj.weight"] = normal(1.2 / math.sqrt(d), spec.ffn, d)
        weights[layer + "mlp.down_proj.weight"] = normal(1.2 / math.sqrt(spec.ffn), d, spec.ffn)
    weights["model.norm.weight"] = 1 + normal(0.15, d)
    if not spec.tied:
        weights["lm_head.weight"] = normal(logit_std, spec.vocab, d)
    return weights


# --------------------------------------------------------------------------------------------
# Cases
# --------------------------------------------------------------------------------------------


@dataclass
class Case:
    """One golden: a token sequence, what was read out, and the values."""

    name: str
    kind: int
    layer: int
    tokens: list[int]
    positions: list[int]
    rows: list[int]
    values: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), dtype=np.float32))


def make_cases(spec: Spec, seed: int) -> list[Case]:
    """The cases of one checkpoint, without their values."""
    rng = np.random.default_rng([seed, 100 + SPECS.index(spec)])

    def draw(count: int) -> list[int]:
        return [int(t) for t in rng.integers(0, spec.vocab, count)]

    prefix, high, long = draw(40), draw(48), draw(2048)
    natural = list(range(40))
    shifted = list(range(2000, 2048))
    gap = list(range(16)) + list(range(2016, 2048))
    few = [0, 1, 5, 11, 23, 39]
    last = spec.layers
    return [
        Case("prefix", KIND_LOGITS, last, prefix, natural, list(range(24)) + [27, 31, 35, 38, 39]),
        Case("shifted", KIND_LOGITS, last, high, shifted, [0, 1, 7, 15, 31, 46, 47]),
        Case("gap", KIND_LOGITS, last, high, gap, [0, 15, 16, 17, 23, 31, 46, 47]),
        Case(
            "long", KIND_LOGITS, last, long, list(range(2048)),
            [63, 64, 255, 256, 511, 512, 1023, 1024, 2040, 2046, 2047],
        ),
        Case("hidden", KIND_HIDDEN, 1, prefix, natural, few),
        Case("hidden-gap", KIND_HIDDEN, 1, high, gap, [0, 16, 47]),
        Case("exit", KIND_LOGITS, 1, prefix, natural, few),
    ]  # fmt: skip


def write_golden(path: Path, cases: list[Case]) -> None:
    """Writes cases in the DGLD format (Tests/Goldens/README.md)."""
    out = bytearray(b"DGLD" + struct.pack("<I", len(cases)))
    for case in cases:
        name = case.name.encode("utf-8")
        count, width = case.values.shape
        assert count == len(case.rows) and len(case.tokens) == len(case.positions)
        out += struct.pack("<I", len(name)) + name
        out += struct.pack("<III", case.kind, case.layer, len(case.tokens))
        out += np.array(case.tokens, dtype="<i4").tobytes()
        out += np.array(case.positions, dtype="<i4").tobytes()
        out += struct.pack("<I", count) + np.array(case.rows, dtype="<i4").tobytes()
        out += struct.pack("<I", width) + case.values.astype("<f4").tobytes()
    path.write_bytes(bytes(out))


def read_golden(path: Path) -> list[Case]:
    """Reads a DGLD file back."""
    data, at = path.read_bytes(), 4
    if data[:4] != b"DGLD":
        raise ValueError(f"{path.name}: found magic {data[:4]!r}, expected b'DGLD'")

    def ints(count: int) -> list[int]:
        nonlocal at
        at += 4 * count
        return list(struct.unpack_from(f"<{count}i", data, at - 4 * count))

    cases = []
    for _ in range(ints(1)[0]):
        length = ints(1)[0]
        name = data[at : at + length].decode("utf-8")
        at += length
        kind, layer, token_count = ints(3)
        tokens, positions = ints(token_count), ints(token_count)
        rows = ints(ints(1)[0])
        width = ints(1)[0]
        values = np.frombuffer(data, "<f4", len(rows) * width, at).reshape(len(rows), width)
        at += values.nbytes
        cases.append(Case(name, kind, layer, tokens, positions, rows, values))
    if at != len(data):
        raise ValueError(f"{path.name}: {len(data) - at} bytes left over")
    return cases


# --------------------------------------------------------------------------------------------
# Reference run: transformers
# --------------------------------------------------------------------------------------------


def build_transformers(spec: Spec, weights: dict[str, np.ndarray]):
    """The checkpoint as a model of transformers."""
    import torch
    from transformers import AutoModelForCausalLM, LlamaConfig, MistralConfig, Qwen2Config

    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    rope: dict[str, Any] = {"rope_type": "default", "rope_theta": spec.rope_base}
    if spec.scaling:
        rope |= {
            "rope_type": "llama3",
            "factor": spec.scaling.factor,
            "low_freq_factor": spec.scaling.low_freq_factor,
            "high_freq_factor": spec.scaling.high_freq_factor,
            "original_max_position_embeddings": spec.scaling.original_context,
        }
    families = {"llama": LlamaConfig, "qwen2": Qwen2Config}
    windowed = {"sliding_window": spec.window} if spec.window else {}
    config = (MistralConfig if spec.window else families[spec.arch])(
        hidden_size=spec.hidden, num_hidden_layers=spec.layers, num_attention_heads=spec.heads,
        num_key_value_heads=spec.kv_heads, intermediate_size=spec.ffn, vocab_size=spec.vocab,
        max_position_embeddings=spec.context, rms_norm_eps=spec.eps, rope_parameters=rope,
        tie_word_embeddings=spec.tied, hidden_act="silu", bos_token_id=spec.control_id,
        eos_token_id=spec.control_id, **windowed,
    )  # fmt: skip
    head_dim = getattr(config, "head_dim", None) or spec.hidden // spec.heads
    assert head_dim == spec.head_dim
    model = AutoModelForCausalLM.from_config(
        config, attn_implementation="eager", dtype=torch.float32
    ).eval()
    state = {name: torch.from_numpy(w) for name, w in weights.items()}
    if spec.tied:
        state["lm_head.weight"] = state["model.embed_tokens.weight"]
    model.load_state_dict(state, strict=True)
    model.tie_weights()
    assert model.config._attn_implementation == "eager"
    return model


def frequencies_of(model) -> np.ndarray:
    """The inverse frequencies that transformers uses."""
    return model.model.rotary_emb.inv_freq.numpy().astype(np.float64)


def run_transformers(spec: Spec, model, cases: list[Case]) -> None:
    """Fills the cases' values with transformers."""
    import torch

    with torch.no_grad():
        for case in cases:
            result = model(
                input_ids=torch.tensor([case.tokens]),
                position_ids=torch.tensor([case.positions]),
                # Explicit, or else a jump in the positions is taken for packed sequences.
                attention_mask=torch.ones(1, len(case.tokens), dtype=torch.long),
                output_hidden_states=True,
                use_cache=False,
            )
            if case.kind == KIND_HIDDEN or case.layer < spec.layers:
                # The last entry is already normed, so only earlier layers can be read here.
                assert case.layer < spec.layers
                values = result.hidden_states[case.layer]
                if case.kind == KIND_LOGITS:
                    values = model.lm_head(model.model.norm(values))
            else:
                values = result.logits
            case.values = values[0, case.rows].numpy().astype(np.float32)
            assert np.isfinite(case.values).all()


# --------------------------------------------------------------------------------------------
# GGUF
# --------------------------------------------------------------------------------------------


def byte_characters() -> dict[int, str]:
    """The byte-to-character alphabet of byte-level BPE."""
    visible = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    table = {b: chr(b) for b in visible}
    for b in range(256):
        if b not in table:
            table[b] = chr(0x100 + len(table) - len(visible))
    return table


def tiny_vocabulary(size: int) -> tuple[list[str], list[str]]:
    """Tokens and merges: single bytes from 0x20 on, two spaces as one piece, one control token."""
    alphabet = byte_characters()
    order = [*range(0x20, 0x7F), 0x0A, 0x0D, 0x09, *range(0x80, 0x100)]
    space = alphabet[0x20]
    tokens = [alphabet[b] for b in order[: size - 2]] + [space * 2, "<|endoftext|>"]
    return tokens, [f"{space} {space}"]


def permute(rows: np.ndarray, heads: int) -> np.ndarray:
    """Rotate-half row order to interleaved pairs, per head (weights and biases)."""
    shape = rows.shape
    halves = rows.reshape(heads, 2, shape[0] // heads // 2, *shape[1:])
    return np.ascontiguousarray(halves.swapaxes(1, 2).reshape(shape))


def write_gguf(path: Path, spec: Spec, weights: dict[str, np.ndarray]) -> None:
    """Writes the checkpoint as a complete F32 GGUF file, tokenizer included."""
    writer = gguf.GGUFWriter(path, spec.arch)
    writer.add_name(f"dendrite-golden-{spec.name}")
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_vocab_size(spec.vocab)
    writer.add_context_length(spec.context)
    writer.add_embedding_length(spec.hidden)
    writer.add_block_count(spec.layers)
    writer.add_feed_forward_length(spec.ffn)
    writer.add_head_count(spec.heads)
    writer.add_head_count_kv(spec.kv_heads)
    writer.add_rope_dimension_count(spec.head_dim)
    writer.add_rope_freq_base(spec.rope_base)
    writer.add_layer_norm_rms_eps(spec.eps)
    if spec.window:
        writer.add_sliding_window(spec.window)
    tokens, merges = tiny_vocabulary(spec.vocab)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(spec.pre)
    writer.add_token_list(tokens)
    writer.add_token_types([gguf.TokenType.NORMAL] * (spec.vocab - 1) + [gguf.TokenType.CONTROL])
    writer.add_token_merges(merges)
    writer.add_bos_token_id(spec.control_id)
    writer.add_eos_token_id(spec.control_id)
    writer.add_add_bos_token(False)

    suffixes = {
        "input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
        "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
        "post_attention_layernorm": "ffn_norm", "mlp.gate_proj": "ffn_gate",
        "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
    }  # fmt: skip
    outside = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}
    for name, tensor in weights.items():
        stem, kind = name.rsplit(".", 1)
        if stem in outside:
            writer.add_tensor(f"{outside[stem]}.{kind}", tensor)
            continue
        _, _, number, part = stem.split(".", 3)
        if spec.permuted and part in ("self_attn.q_proj", "self_attn.k_proj"):
            tensor = permute(tensor, spec.heads if part.endswith("q_proj") else spec.kv_heads)
        writer.add_tensor(f"blk.{number}.{suffixes[part]}.{kind}", tensor)
    if spec.scaling:
        divisors = spec.scaling.divisors(spec.rope_base, spec.head_dim)
        writer.add_tensor("rope_freqs.weight", divisors.astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


class GGUFModel:
    """A plain float64 forward pass that knows only the GGUF file and GGUF's conventions."""

    def __init__(self, path: Path) -> None:
        reader = gguf.GGUFReader(path)
        self.tensors = {
            t.name: np.array(t.data, dtype=np.float64).reshape([int(n) for n in t.shape[::-1]])
            for t in reader.tensors
        }
        self.arch = reader.fields["general.architecture"].contents()

        def key(name: str) -> Any:
            return reader.fields[f"{self.arch}.{name}"].contents()

        self.layers = key("block_count")
        self.heads = key("attention.head_count")
        self.kv_heads = key("attention.head_count_kv")
        self.eps = key("attention.layer_norm_rms_epsilon")
        self.head_dim = key("embedding_length") // self.heads
        assert key("rope.dimension_count") == self.head_dim
        pairs = np.arange(self.head_dim // 2)
        self.frequencies = float(key("rope.freq_base")) ** (-2.0 * pairs / self.head_dim)
        if "rope_freqs.weight" in self.tensors:
            self.frequencies = self.frequencies / self.tensors["rope_freqs.weight"]
        window = reader.fields.get(f"{self.arch}.attention.sliding_window")
        self.window = window.contents() if window else None
        self.attention_peak = 0.0

    def norm(self, x: np.ndarray, name: str) -> np.ndarray:
        """RMS norm of the last dimension."""
        mean = np.mean(x * x, axis=-1, keepdims=True)
        return x / np.sqrt(mean + self.eps) * self.tensors[name + ".weight"]

    def linear(self, x: np.ndarray, name: str) -> np.ndarray:
        """x·Wᵀ, plus the bias if the file has one."""
        y = x @ self.tensors[name + ".weight"].T
        return y + self.tensors[name + ".bias"] if name + ".bias" in self.tensors else y

    def rotate(self, x: np.ndarray, angles: np.ndarray) -> np.ndarray:
        """RoPE of [tokens, heads, headDim]: adjacent pairs for llama, halves for qwen2."""
        cos, sin = np.cos(angles)[:, None], np.sin(angles)[:, None]
        half = self.head_dim // 2
        first, second = (
            (slice(0, None, 2), slice(1, None, 2))
            if self.arch == "llama"
            else (slice(0, half), slice(half, None))
        )
        out = np.empty_like(x)
        out[..., first] = x[..., first] * cos - x[..., second] * sin
        out[..., second] = x[..., first] * sin + x[..., second] * cos
        return out

    def forward(
        self, tokens: list[int], positions: list[int], layers: int, angles: np.ndarray | None = None
    ) -> np.ndarray:
        """Hidden states after the first `layers` blocks, before the final norm."""
        if angles is None:
            angles = np.outer(positions, self.frequencies)
        count = len(tokens)
        visible = np.tril(np.ones((count, count), dtype=bool))
        if self.window:
            visible &= ~np.tril(visible, -self.window)
        group = self.heads // self.kv_heads
        h = self.tensors["token_embd.weight"][tokens]
        for n in range(layers):
            blk = f"blk.{n}."
            x = self.norm(h, blk + "attn_norm")
            q = self.linear(x, blk + "attn_q").reshape(count, self.heads, self.head_dim)
            k = self.linear(x, blk + "attn_k").reshape(count, self.kv_heads, self.head_dim)
            v = self.linear(x, blk + "attn_v").reshape(count, self.kv_heads, self.head_dim)
            q, k = self.rotate(q, angles), self.rotate(k, angles)
            mixed = np.empty_like(q)
            peaks = []
            for head in range(self.heads):
                scores = q[:, head] @ k[:, head // group].T / math.sqrt(self.head_dim)
                scores = np.where(visible, scores, -np.inf)
                p = np.exp(scores - scores.max(axis=1, keepdims=True))
                p /= p.sum(axis=1, keepdims=True)
                mixed[:, head] = p @ v[:, head // group]
                peaks.append(p[min(8, count - 1) : 40].max(axis=1).mean())
            self.attention_peak = float(np.mean(peaks))
            h = h + self.linear(mixed.reshape(count, -1), blk + "attn_output")
            x = self.norm(h, blk + "ffn_norm")
            gate, up = self.linear(x, blk + "ffn_gate"), self.linear(x, blk + "ffn_up")
            h = h + self.linear(gate / (1 + np.exp(-gate)) * up, blk + "ffn_down")
        return h

    def evaluate(self, case: Case, angles: np.ndarray | None = None) -> np.ndarray:
        """What the case's values should be."""
        h = self.forward(case.tokens, case.positions, case.layer, angles)[case.rows]
        if case.kind == KIND_HIDDEN:
            return h
        output = "output" if "output.weight" in self.tensors else "token_embd"
        return self.norm(h, "output_norm") @ self.tensors[output + ".weight"].T


def relative_error(found: np.ndarray, expected: np.ndarray) -> float:
    """Largest difference over largest value."""
    return float(np.abs(found - expected).max() / np.abs(expected).max())


def self_check(spec: Spec, folder: Path, inv_freq: np.ndarray) -> list[dict[str, Any]]:
    """Recomputes the files on disk; returns what was measured, raises if anything is off.

    transformers forms RoPE angles in float32, an error of up to 1e-4 rad near position 2,048. The
    strict comparison therefore uses its float32 angles; the same comparison with exact angles is
    measured as well, because that is what an engine with exact angles will see.
    """
    model = GGUFModel(folder / f"{spec.name}.gguf")
    drift = np.abs(inv_freq / model.frequencies - 1).max()
    if drift > 1e-6:
        raise SystemExit(f"{spec.name}: RoPE frequencies differ by {drift:.1e} (relative)")
    report = []
    for case in read_golden(folder / f"{spec.name}.golden"):
        # The float32 product, as transformers forms it; frequencies × positions round once.
        rounded = np.outer(
            np.array(case.positions, dtype=np.float32), inv_freq.astype(np.float32)
        ).astype(np.float64)
        strict = relative_error(model.evaluate(case, rounded), case.values)
        exact = relative_error(model.evaluate(case), case.values)
        if strict > SELF_CHECK_TOLERANCE:
            raise SystemExit(
                f"{spec.name}/{case.name}: relative error {strict:.1e} in the self-check"
            )
        top = np.sort(case.values, axis=1)
        report.append(
            {
                "model": spec.name,
                "case": case.name,
                "kind": case.kind,
                "std": float(case.values.std()),
                "strict": strict,
                "exact": exact,
                "margin": float((top[:, -1] - top[:, -2]).min()),
                "peak": model.attention_peak,
            }
        )
    first = report[0]
    if not 1.0 <= first["std"] <= 3.0 or not 0.2 <= first["peak"] <= 0.9:
        raise SystemExit(f"{spec.name}: unhealthy weights: {first}")
    return report


def make_logits(folder: Path, seed: int, chosen: list[str]) -> list[dict[str, Any]]:
    """Makes the chosen models of the `logits` suite and checks all of them."""
    folder.mkdir(parents=True, exist_ok=True)
    report = []
    for spec in SPECS:
        weights = make_weights(spec, seed)
        model = build_transformers(spec, weights)
        if spec.name in chosen:
            cases = make_cases(spec, seed)
            run_transformers(spec, model, cases)
            write_gguf(folder / f"{spec.name}.gguf", spec, weights)
            write_golden(folder / f"{spec.name}.golden", cases)
        report += self_check(spec, folder, frequencies_of(model))
    return report


# --------------------------------------------------------------------------------------------
# Tokenizers
# --------------------------------------------------------------------------------------------

CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"


def llama3_pattern(digits: str) -> str:
    """The Llama 3 pre-tokenizer pattern with its digit rule left open."""
    return (
        rf"{CONTRACTIONS}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|{digits}| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*"
        r"|\s*[\r\n]+|\s+(?!\S)|\s+"
    )


BPE_FAMILIES: dict[str, tuple[str, bool]] = {
    "gpt-2": (
        r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
        False,
    ),
    "llama-bpe": (llama3_pattern(r"\p{N}{1,3}"), True),
    "qwen2": (llama3_pattern(r"\p{N}"), False),
}
"""Vocabulary name to (pre-tokenizer pattern, ignore_merges)."""

SPM_FAMILIES = ["llama-spm"]


def read_vocabulary(path: Path) -> dict[str, Any]:
    """The `tokenizer.ggml.*` arrays of a GGUF file."""
    fields = gguf.GGUFReader(path).fields
    names = ["model", "pre", "tokens", "token_type", "merges", "scores"]
    keys = {n: f"tokenizer.ggml.{n}" for n in names}
    return {n: fields[k].contents() for n, k in keys.items() if k in fields}


def bpe_encoder(vocabulary: dict[str, Any], name: str):
    """A byte-level BPE encoder made with `tokenizers`; special tokens are plain text to it."""
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers

    pattern, ignore_merges = BPE_FAMILIES[name]
    pieces = {
        token: i
        for i, (token, kind) in enumerate(
            zip(vocabulary["tokens"], vocabulary["token_type"], strict=True)
        )
        if kind == gguf.TokenType.NORMAL
    }
    merges = []
    for merge in vocabulary["merges"]:
        cut = merge.index(" ", 1)
        merges.append((merge[:cut], merge[cut + 1 :]))
    tokenizer = Tokenizer(models.BPE(vocab=pieces, merges=merges, ignore_merges=ignore_merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pattern), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    return lambda text: tokenizer.encode(text, add_special_tokens=False).ids


def spm_encoder(vocabulary: dict[str, Any]):
    """A SentencePiece BPE encoder with byte fallback, its model file built from the GGUF arrays."""
    import sentencepiece

    def varint(value: int) -> bytes:
        out = bytearray()
        while value > 0x7F:
            out.append(value & 0x7F | 0x80)
            value >>= 7
        return bytes(out) + bytes([value])

    def number(tag: int, value: int) -> bytes:
        return varint(tag << 3) + varint(value)

    def message(tag: int, body: bytes) -> bytes:
        return varint(tag << 3 | 2) + varint(len(body)) + body

    def real(tag: int, value: float) -> bytes:
        return varint(tag << 3 | 5) + struct.pack("<f", value)

    arrays = (vocabulary["tokens"], vocabulary["scores"], vocabulary["token_type"])
    kinds = arrays[2]
    unknown = kinds.index(gguf.TokenType.UNKNOWN)
    proto = b"".join(
        message(1, message(1, token.encode("utf-8")) + real(2, score) + number(3, kind))
        for token, score, kind in zip(*arrays, strict=True)
    )
    # trainer_spec: BPE, byte fallback, unk/bos/eos ids, no pad (−1).
    bpe, bos, eos, minus_one = 2, unknown + 1, unknown + 2, (1 << 64) - 1
    trainer = number(3, bpe) + number(4, len(kinds)) + number(35, 1) + number(40, unknown)
    trainer += number(41, bos) + number(42, eos) + number(43, minus_one)
    # normalizer_spec: identity, one space in front, spaces kept, spaces written as U+2581.
    normalizer = message(1, b"identity") + number(3, 1) + number(4, 0) + number(5, 1)
    processor = sentencepiece.SentencePieceProcessor()
    processor.LoadFromSerializedProto(proto + message(2, trainer) + message(3, normalizer))
    return lambda text: processor.EncodeAsIds(text)


HAND_PICKED = [
    "", " ", "  ", "\n", "\r\n", "\t", "\r", "\n\n\n", " \n ", "\n \n", "\r\r\n\n", "\u00a0",
    "\u3000", "\u2028\u2029", "\u0085", "\u200b", "\ufeff", "\u00ad", "\ue000\uf8ff", "\U000f0000",
    "\u0000", "a\u0000b", "\u0001\u001f\u007f", "<|endoftext|>", "<|im_start|>user\nhi<|im_end|>",
    "<|begin_of_text|>a<|eot_id|>", "<s>x</s>", "<unk>", "<0x0A>", "<0xFF>", "[INST] [/INST]",
    "\u2581", "\u2581\u2581a\u2581", "\u0120\u010a", "I'LL you'VE We'Re HE'S don'T i'M she'D",
    "'s 'S ''S '''re'", "it\u2019s \u2018tis", "'\u017f", "'\u017ft", "1", "12", "123", "1234",
    "12345678901234567890", "1,234.56e-7", "\u0661\u0662\u0663\u0664", "\u00bd\u00b2\u2167",
    "\uff11\uff12\uff13\uff14", "e\u0301", "\u00e9", "\u1ebf e\u0302\u0301",
    "Z\u0351\u036b\u0343\u036a", "\u0915\u094d\u0937\u093f", "\u1100\u1161\u11a8", "\uac01",
    "\u212b \u00c5 A\u030a", "\ufb01\ufb03", "\U0001f469\u200d\U0001f4bb",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466",
    "\U0001f3f3\ufe0f\u200d\U0001f308", "\U0001f1e9\U0001f1ea\U0001f1eb", "1\ufe0f\u20e3",
    "\U0001f44d\U0001f3fd", "#\ufe0f\u20e3!?", "\u05e9\u05b8\u05dc\u05d5\u05b9\u05dd",
    "\u0627\u0644\u0633\u0644\u0627\u0645\u064f", "a\u0300\u0301\u0302\u0303\u0304", "  x", "x  ",
    " x ", "x\n  y\n\n\tz ", "\t\t  \t", "=====", "-->", "/* */ // ##", "if(x){y();}\r\n\r\n",
    "a.b.c", "!!!\n\n", "?!\r\n?!", "...\n ...", "\u4f60\u597d\uff0c\u4e16\u754c\u3002",
    "\u30c6\u30b9\u30c8\u306e\u6587", "\ud55c\uad6d\uc5b4 \ubb38\uc7a5", "camelCaseHTMLTag",
    "snake_case_1_2", "\U00010348\U00010300", "\U0001d54f\U0001d7d8", "\U00020000\U0002a6d6",
    "\u202eabc\u202c", "\u00a0\u00a0x", "x\u3000\u3000", "\u2003 \u2003",
    # Pieces of the Llama 3 vocabulary that no chain of merges reaches: they need ignore_merges.
    " nhi\u1ec1u \u0111i\u1ec1u h\u1ee3p Vi\u1ec7t", " vi\u1ec7c hi\u1ec3u",
    "gitmektedir ektedir mektedir", " de\u011fi\u015f geli\u015f ulas",
    " \u0434\u0430\u0436\u0435 \u0445\u0430\u0440\u0430\u043a\u0442\u0435\u0440",
    " \u0440\u043e\u0437\u0432\u0438\u0442", ".:.:.:.:.:.:.:.:", "lar\u0131ndan\nlardan",
]  # fmt: skip

SCRIPT_RANGES = [
    (0x41, 0x7A), (0xC0, 0x24F), (0x370, 0x3FF), (0x400, 0x4FF), (0x531, 0x587), (0x5D0, 0x5EA),
    (0x621, 0x6D3), (0x710, 0x72C), (0x904, 0x94D), (0x985, 0x9CD), (0xB85, 0xBCD), (0xE01, 0xE4E),
    (0xE81, 0xECD), (0xF40, 0xF84), (0x1000, 0x1039), (0x10A0, 0x10F6), (0x1200, 0x1356),
    (0x13A0, 0x13F4), (0x1780, 0x17D3), (0x1820, 0x1877), (0x1E00, 0x1EF9), (0x1F00, 0x1FFC),
    (0x3041, 0x3094), (0x30A1, 0x30FE), (0x4E00, 0x9FA5), (0xAC00, 0xD7A3), (0xFF21, 0xFF5A),
    (0x10400, 0x1044D), (0x1D400, 0x1D7FF), (0x20000, 0x2A6D6),
]  # fmt: skip

SPACES = [
    " ", " ", " ", "  ", "   ", "\n", "\n", "\n\n", "\r\n", "\r", "\t", "\t\t", "\u00a0", "\u3000",
    "\u2003", "\u2009", "\u202f", "\u205f", "\u1680", "\u0085", "\u2028", "\u2029", "\u000b",
    "\u000c",
]  # fmt: skip

SYMBOLS = list("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~") + [
    "\u2019", "\u2026", "\u2014", "\u00ab", "\u20ac", "\u2581", "\u00b0", "\u221e", "\u2192",
    "\u3001", "\u061f", "\u0964", "\u00a7",
]  # fmt: skip

INVISIBLE = [
    "\u0000", "\u0001", "\u0007", "\u0008", "\u001b", "\u001c", "\u001f", "\u007f", "\u0080",
    "\u009f", "\u00ad", "\u200b", "\u200c", "\u200d", "\u200e", "\u2060", "\ufeff", "\ufffd",
    "\ue000", "\uf8ff", "\U000f1234", "\U0010fffd", "\ufe0f", "\U000e0041",
]  # fmt: skip

EMOJI = [
    "\U0001f600", "\U0001f680", "\U0001f999", "\u2705", "\u2764\ufe0f", "\U0001f44d\U0001f3fd",
    "\U0001f1fa\U0001f1f3", "7\ufe0f\u20e3", "\U0001f469\u200d\U0001f52c",
    "\U0001f636\u200d\U0001f32b\ufe0f", "\U0001f468\u200d\U0001f469\u200d\U0001f466",
    "\U0001f3f4\u200d\u2620\ufe0f",
]  # fmt: skip

SPECIALS = [
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|eot_id|>", "<s>", "</s>", "<unk>", "<0x00>",
    "[INST]", "<|", "|>", "<pad>",
]  # fmt: skip

ENDINGS = [
    "'s", "'t", "'re", "'ve", "'m", "'ll", "'d", "n't", "'", "''", "'x", "\u2019s", "'\u00e9",
]  # fmt: skip

DIGITS = [
    "0123456789", "\u0660\u0661\u0662\u0663\u0669", "\u0966\u0967\u0968\u096f",
    "\uff10\uff11\uff19", "\u00b2\u00b3\u00b9\u00bd\u2167\u2460\u3007",
]  # fmt: skip


def stress_texts(count: int, seed: int) -> list[str]:
    """`HAND_PICKED` filled up with seeded random strings to `count` distinct ones.

    Letters and marks are taken from Unicode 3.2, so that the answer does not depend on whose
    Unicode tables are newer.
    """
    rng = np.random.default_rng([seed, 1000])
    ucd = unicodedata.ucd_3_2_0

    def pick(options):
        return options[int(rng.integers(len(options)))]

    def letter(low: int, high: int) -> str:
        while True:
            c = chr(int(rng.integers(low, high + 1)))
            if ucd.category(c)[0] in "LM":
                return c

    def word() -> str:
        low, high = pick(SCRIPT_RANGES[:1] * 12 + SCRIPT_RANGES)
        length = int(rng.integers(1, 8 if high < 0x3000 else 4))
        return "".join(letter(low, high) for _ in range(length))

    def shouted() -> str:
        ending = pick(ENDINGS)
        return word() + (ending.upper() if rng.random() < 0.5 else ending.title())

    def marked() -> str:
        marks = [chr(int(rng.integers(0x300, 0x346))) for _ in range(int(rng.integers(1, 4)))]
        return letter(0x41, 0x7A) + "".join(marks)

    def number() -> str:
        alphabet = pick(DIGITS[:1] * 4 + DIGITS)
        return "".join(pick(alphabet) for _ in range(int(rng.integers(1, 9))))

    def run(options: list[str], longest: int) -> str:
        return "".join(pick(options) for _ in range(int(rng.integers(1, longest + 1))))

    makers = [
        (word, 9), (shouted, 4), (marked, 2), (number, 4), (lambda: run(SPACES, 3), 9),
        (lambda: pick([" ", "\n", "\t", "\r\n"]) * int(rng.integers(2, 9)), 3),
        (lambda: run(SYMBOLS, 4), 5), (lambda: pick(SYMBOLS) * int(rng.integers(2, 7)), 1),
        (lambda: run(INVISIBLE, 2), 2), (lambda: pick(EMOJI), 2), (lambda: pick(SPECIALS), 1),
        (lambda: " " + word(), 6),
    ]  # fmt: skip
    deck = [make for make, weight in makers for _ in range(weight)]
    texts = list(dict.fromkeys(HAND_PICKED))
    seen = set(texts)
    while len(texts) < count:
        text = "".join(pick(deck)() for _ in range(int(rng.integers(2, 9))))
        if text not in seen:
            seen.add(text)
            texts.append(text)
    return texts


def make_tokenizer(folder: Path, vocab_dir: Path, count: int, seed: int) -> dict[str, int]:
    """Makes the `tokenizer` suite: `stress.jsonl`, one text and its ids per vocabulary a line."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = stress_texts(count, seed)
    lines: list[dict[str, Any]] = [{"text": text} for text in texts]
    totals = {}
    for name in [*BPE_FAMILIES, *SPM_FAMILIES]:
        path = vocab_dir / f"ggml-vocab-{name}.gguf"
        if not path.exists():
            raise SystemExit(f"{path.name} is missing from the vocabulary folder")
        vocabulary = read_vocabulary(path)
        encode = bpe_encoder(vocabulary, name) if name in BPE_FAMILIES else spm_encoder(vocabulary)
        for line in lines:
            line[name] = [int(i) for i in encode(line["text"])]
        totals[name] = sum(len(line[name]) for line in lines)
    with open(folder / "stress.jsonl", "w", encoding="ascii", newline="\n") as file:
        for line in lines:
            file.write(json.dumps(line, separators=(",", ":")) + "\n")
    return totals


# --------------------------------------------------------------------------------------------
# Manifest and README
# --------------------------------------------------------------------------------------------


def rewrite_sums(root: Path, suites: list[str]) -> None:
    """Replaces the lines of the given suites in SHA256SUMS; other suites' lines stay."""
    manifest = root / "SHA256SUMS"
    lines = {}
    if manifest.exists():
        for line in manifest.read_text().splitlines():
            digest, name = line.split("  ", 1)
            lines[name] = digest
    lines = {n: s for n, s in lines.items() if n.split("/")[0] not in suites}
    for suite in suites:
        for path in sorted((root / suite).iterdir()):
            name = path.relative_to(root).as_posix()
            lines[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    manifest.write_text("".join(f"{lines[n]}  {n}\n" for n in sorted(lines)))


def version_of(package: str) -> str:
    """Installed version of a package."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def replace_block(text: str, suite: str, lines: list[str]) -> str:
    """Replaces what stands between the generated-block markers of a suite."""
    begin, end = f"<!-- begin {suite} -->\n", f"<!-- end {suite} -->"
    if begin not in text or end not in text:
        raise SystemExit(f"README.md: the markers of the generated block {suite!r} are missing")
    head, rest = text.split(begin, 1)
    return head + begin + "\n".join(lines) + "\n" + end + rest.split(end, 1)[1]


def rewrite_readme(
    root: Path, seed: int, report: list[dict[str, Any]], totals: dict[str, int]
) -> None:
    """Replaces the generated blocks of README.md."""
    readme = root / "README.md"
    if not readme.exists():
        print("note: no README.md in the output folder, nothing to update there", file=sys.stderr)
        return

    def made_with(*packages: str) -> str:
        versions = ", ".join(f"{p} {version_of(p)}" for p in packages)
        return f"Seed {seed}; Python {platform.python_version()}, {versions}."

    lines = [
        made_with("numpy", "gguf", "torch", "transformers"),
        "",
        "| model | case | std | smallest top-1 margin | error | error, exact angles |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    ]
    for r in report:
        margin = f"{r['margin']:.4f}" if r["kind"] == KIND_LOGITS else "–"
        lines.append(
            f"| {r['model']} | `{r['case']}` | {r['std']:.2f} | {margin} | {r['strict']:.1e} |"
            f" {r['exact']:.1e} |"
        )
    text = replace_block(readme.read_text(encoding="utf-8"), "logits", lines)
    if totals:
        counts = ", ".join(f"{name} {count}" for name, count in totals.items())
        lines = [
            made_with("gguf", "tokenizers", "sentencepiece"),
            f"Ids in all: {counts}.",
        ]
        text = replace_block(text, "tokenizer", lines)
    readme.write_text(text, encoding="utf-8")


def folder_size(folder: Path) -> int:
    """Bytes of all files in a folder."""
    return sum(p.stat().st_size for p in folder.iterdir())


def main() -> None:
    """Makes both suites, checks them, and writes manifest and README."""
    default_output = Path(__file__).resolve().parent.parent / "Tests" / "Goldens"
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--output",
        type=Path,
        default=default_output,
        help="goldens folder (default: Tests/Goldens)",
    )
    parser.add_argument(
        "--vocab-dir", type=Path, help="folder with llama.cpp's ggml-vocab-NAME.gguf files"
    )
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED)
    names = [spec.name for spec in SPECS]
    parser.add_argument(
        "--models", nargs="+", choices=names, default=names,
        help="checkpoints to make anew; the others are checked as they are",
    )  # fmt: skip
    parser.add_argument("--texts", type=int, default=400, help="number of tokenizer texts")
    options = parser.parse_args()

    root = options.output
    caps = {"logits": SIZE_CAP_LOGITS}
    report = make_logits(root / "logits", options.seed, options.models)
    totals: dict[str, int] = {}
    if options.vocab_dir:
        caps["tokenizer"] = SIZE_CAP_TOKENIZER
        totals = make_tokenizer(root / "tokenizer", options.vocab_dir, options.texts, options.seed)
    for suite, cap in caps.items():
        size = folder_size(root / suite)
        print(f"{suite}: {size} bytes (cap {cap})")
        if size > cap:
            raise SystemExit(f"{suite}: over its cap")
    rewrite_sums(root, list(caps))
    rewrite_readme(root, options.seed, report, totals)
    for r in report:
        print(
            f"{r['model']}/{r['case']}: std {r['std']:.2f}, margin {r['margin']:.4f},"
            f" attention peak {r['peak']:.2f}, error {r['strict']:.1e}, exact {r['exact']:.1e}"
        )


if __name__ == "__main__":
    main()
