#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Train what drafts for the small model in `Models/`: a streaming drafter, and low-rank exits of the model itself.

Subcommands, each restartable on its own:

    generate   let the target write: WORK/generated.bin with the target's hidden states, WORK/generated-held-out.bin
    train      distil the drafter; resumes from WORK/drafter.pt
    exits      distil the exit heads into WORK/exits.pt
    measure    acceptance and coverage on held-out prompts, into WORK/measure.json
    export     write the GGUF files and check them
    other      a drafter with a vocabulary of its own, from tokenizer to file

The target is the checkpoint of `train-bundled.py` (TRAINING/checkpoint.pt). It is frozen throughout.

**The drafter** is a small Llama with the target's vocabulary; it begins as a slice of the target (`slice_target`). Its
main stream is an ordinary causal model. Beside it run streams: at a main position t, stream row j (1, 2, 3) enters
layer 0 with a learned vector P_j in the place of an embedding, at rotary position t + j. It attends, through the same
weights, to the main rows up to t and to the stream rows 1 … j of the same t, and predicts the token at t + j + 1. The
main stream never sees a stream, so the drafter without its streams is a plain Llama file.

**An exit** after layer l of the target reads r = h / rms(h) and replaces h by h + U · silu(D · r), of rank 64; then the
target's own output norm and head follow.

Everything is trained to match the target's whole law over the vocabulary (KL divergence at temperature 1), mostly on
text that the target wrote itself, since that is what drafters are asked about.

Requirements are in `Scripts/train-requirements.txt`. A typical run, after `train-bundled.py` has trained the target:

    python Scripts/train-drafter.py generate
    python Scripts/train-drafter.py train
    python Scripts/train-drafter.py exits
    python Scripts/train-drafter.py export
    python Scripts/train-drafter.py measure
"""

from __future__ import annotations

import argparse
import copy
import dataclasses
import hashlib
import importlib.util
import json
import math
import os
import sys
import time
from pathlib import Path


def import_bundled():
    """The module `train-bundled.py`, whose name is no identifier."""
    path = Path(__file__).resolve().with_name("train-bundled.py")
    specification = importlib.util.spec_from_file_location("train_bundled", path)
    module = importlib.util.module_from_spec(specification)
    sys.modules["train_bundled"] = module
    specification.loader.exec_module(module)
    return module


bundled = import_bundled()  # Before torch: it sets how OpenMP waits.

import numpy  # noqa: E402
import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402
from torch import Tensor, nn  # noqa: E402

Model, _ = bundled.define_model()

STREAMS = 3
ROW = 224  # Tokens in a generated sequence, prompt included.
DRAFTER = bundled.Shape(width=192, heads=3, kv_heads=1, layers=3, ffn=512)


# ---------------------------------------------------------------------------------------------------------------------
# the two models
# ---------------------------------------------------------------------------------------------------------------------


def run_layer(layer, h: Tensor, cosine: Tensor, sine: Tensor, mask: Tensor | None = None, cache: Cache | None = None):
    """A layer of `train-bundled.py` with a mask of one's own, or behind a cache of rows; causal without both."""
    s, (batch, length, width) = layer.shape, h.shape
    x = F.rms_norm(h, (width,), layer.attn_norm, s.rms_eps)
    qkv = F.linear(x, torch.cat([layer.attn_q, layer.attn_k, layer.attn_v]))
    qkv = qkv.view(batch, length, s.heads + 2 * s.kv_heads, s.head_dim)
    qk, v = qkv.split([s.heads + s.kv_heads, s.kv_heads], dim=2)
    first, second = qk.chunk(2, dim=-1)
    qk = torch.cat([first * cosine - second * sine, second * cosine + first * sine], dim=-1)
    q, k = qk.transpose(1, 2).split([s.heads, s.kv_heads], dim=1)
    v, group = v.transpose(1, 2), s.heads // s.kv_heads
    if cache is not None:
        k, v = cache.extend(layer, k, v)
    if length == 1:  # One new row sees everything; its query heads take the place of positions, and no key is copied.
        q = q.view(batch, s.kv_heads, group, s.head_dim)
        attended = F.scaled_dot_product_attention(q, k, v).view(batch, 1, -1)
    else:
        k, v = (t[:, :, None].expand(-1, -1, group, -1, -1).flatten(1, 2) for t in (k, v))
        attended = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=mask is None)
        attended = attended.transpose(1, 2).reshape(batch, length, -1)
    h = h + F.linear(attended, layer.attn_output)
    x = F.rms_norm(h, (width,), layer.ffn_norm, s.rms_eps)
    gate, up = F.linear(x, torch.cat([layer.ffn_gate, layer.ffn_up])).chunk(2, dim=-1)
    return h + F.linear(F.silu(gate) * up, layer.ffn_down)


class Cache:
    """Keys and values of a batch whose sequences are of one length. A prefill fills it, then rows come one by one."""

    def __init__(self, rows: int, capacity: int, shape):
        self.new = lambda: torch.empty(2, rows, shape.kv_heads, capacity, shape.head_dim)
        self.length, self.blocks = 0, {}

    def extend(self, layer, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Store new rows behind `length` (which the caller advances) and return all rows."""
        block = self.blocks.setdefault(layer, None)
        if block is None:
            block = self.blocks[layer] = self.new()
        end = self.length + k.shape[2]
        block[0, :, :, self.length : end], block[1, :, :, self.length : end] = k, v
        return block[0, :, :, :end], block[1, :, :, :end]


def output_norm(model, h: Tensor) -> Tensor:
    """The final norm: what the head reads."""
    return F.rms_norm(h, (model.shape.width,), model.output_norm, model.shape.rms_eps)


def hidden_states(model, tokens: Tensor) -> list[Tensor]:
    """The hidden states after every layer, the last one unnormed too."""
    h, length, states = F.embedding(tokens, model.token_embd), tokens.shape[1], []
    for layer in model.blk:
        h = run_layer(layer, h, model.cosine[:length], model.sine[:length])
        states.append(h)
    return states


def continue_rows(model, tokens: Tensor, cache: Cache) -> Tensor:
    """Run new `tokens` [rows, n] (a whole prompt, or n = 1) behind the cache; returns the normed hidden states."""
    h, span = F.embedding(tokens, model.token_embd), slice(cache.length, cache.length + tokens.shape[1])
    for layer in model.blk:
        h = run_layer(layer, h, model.cosine[span], model.sine[span], cache=cache)
    cache.length += tokens.shape[1]
    return output_norm(model, h)


def load_target(options: argparse.Namespace):
    """The frozen target of TRAINING/checkpoint.pt."""
    return bundled.load_checkpoint(options.training)[0].requires_grad_(False)


class Drafter(Model):
    """A small Llama with streams."""

    def __init__(self, shape=DRAFTER):
        super().__init__(shape)
        self.streams = nn.Parameter(torch.randn(STREAMS, shape.width) * 0.02)

    def forward(self, tokens: Tensor, anchors: Tensor, mask: Tensor) -> Tensor:
        """Normed hidden states [rows, length + anchors × STREAMS, width]: the main rows, then every anchor's."""
        rows, length = tokens.shape
        streams = self.streams.repeat(len(anchors), 1).expand(rows, -1, -1)
        h = torch.cat([F.embedding(tokens, self.token_embd), streams], dim=1)
        offsets = torch.arange(1, STREAMS + 1)
        positions = torch.cat([torch.arange(length), (anchors[:, None] + offsets).flatten()])
        cosine, sine = self.cosine[positions], self.sine[positions]
        for layer in self.blk:
            h = run_layer(layer, h, cosine, sine, mask)
        return output_norm(self, h)

    def plain(self):
        """The main stream alone, as a model of `train-bundled.py`."""
        model = Model(self.shape)
        model.load_state_dict({name: value for name, value in self.state_dict().items() if name != "streams"})
        return model.eval()


def stream_mask(length: int, anchors: Tensor) -> Tensor:
    """Which row sees which: main rows are causal, a stream row sees the main rows up to its anchor and its elders."""
    count = len(anchors) * STREAMS
    mask = torch.zeros(length + count, length + count, dtype=torch.bool)
    mask[:length, :length] = torch.ones(length, length, dtype=torch.bool).tril()
    mask[length:, :length] = torch.arange(length) <= anchors.repeat_interleave(STREAMS)[:, None]
    elders = torch.ones(STREAMS, STREAMS, dtype=torch.bool).tril()
    mask[length:, length:] = torch.block_diag(*[elders] * len(anchors)).bool()
    return mask


# ---------------------------------------------------------------------------------------------------------------------
# generate
# ---------------------------------------------------------------------------------------------------------------------


def gumbel(*shape: int, generator: torch.Generator | None = None) -> Tensor:
    """Standard Gumbel noise: argmax(log p + noise) is a sample of p."""
    return -torch.empty(*shape).exponential_(generator=generator).clamp_min_(1e-30).log_()


def prompts(tokens, rows: int, length: int, generator: numpy.random.Generator) -> Tensor:
    """Random windows; every other one begins with the token that begins a document, as prompts do in an engine."""
    starts = generator.integers(0, len(tokens) - length, rows)
    windows = torch.from_numpy(numpy.stack([tokens[s : s + length] for s in starts]).astype(numpy.int64))
    windows[::2, 0] = 0
    return windows


@torch.no_grad()
def sample_rows(target, prompt: Tensor, length: int, temperature: Tensor) -> tuple[Tensor, Tensor]:
    """Continue every prompt to `length` tokens; returns the tokens and the normed hidden states of all rows."""
    rows = len(prompt)
    tokens = torch.empty(rows, length, dtype=torch.int64)
    tokens[:, : prompt.shape[1]] = prompt
    hidden = torch.empty(rows, length, target.shape.width, dtype=torch.float16)
    cache, new = Cache(rows, length, target.shape), prompt
    while True:
        states = continue_rows(target, new, cache)
        hidden[:, cache.length - new.shape[1] : cache.length] = states
        if cache.length == length:
            return tokens, hidden
        logits = states[:, -1] @ target.token_embd.T
        new = (logits + temperature * gumbel(*logits.shape)).argmax(-1, keepdim=True)
        tokens[:, cache.length] = new[:, 0]


def temperatures(rows: int) -> Tensor:
    """Temperature 1 for 60 % of the rows, 0.6 for 25 %, 0 for 15 %, in random order."""
    place = (torch.arange(rows) + 0.5) / rows
    values = torch.where(place < 0.60, 1.0, torch.where(place < 0.85, 0.6, 0.0))
    return values[torch.randperm(rows), None]


def generate(options: argparse.Namespace) -> None:
    """Append sequences of ROW tokens to WORK/generated.bin, their hidden states to WORK/generated.f16.

    WORK/generated.jsonl has a line per sequence: length of the prompt, temperature. The held-out set is three files of
    the same kind. A file of hidden states spares the training most of the target's forward passes.
    """
    bundled.keep_freed_memory()
    torch.manual_seed(options.seed)
    generator = numpy.random.default_rng(options.seed)
    options.work.mkdir(parents=True, exist_ok=True)
    target = load_target(options)
    for name, source, wanted in (("generated-held-out", "held-out.bin", options.held_out),
                                 ("generated", "train.bin", options.sequences)):
        tokens = numpy.memmap(options.training / source, dtype="<u2", mode="r")
        paths = [options.work / f"{name}.{suffix}" for suffix in ("bin", "f16", "jsonl")]
        done = paths[0].stat().st_size // (2 * ROW) if paths[0].exists() else 0
        began, first = time.monotonic(), done
        while done < wanted:
            rows = min(options.rows, wanted - done)
            length = int(generator.integers(16, 97))
            temperature = temperatures(rows)
            written, hidden = sample_rows(target, prompts(tokens, rows, length, generator), ROW, temperature)
            lines = "".join(json.dumps({"prompt": length, "temperature": round(t, 1)}) + "\n"
                            for t in temperature[:, 0].tolist())
            for path, data in zip(paths[::-1], (lines.encode(), hidden.numpy(), written.numpy().astype("<u2"))):
                with open(path, "ab") as output:
                    output.write(data if isinstance(data, bytes) else data.tobytes())
            done += rows
            speed = (done - first) * ROW / (time.monotonic() - began)
            print(f"{time.strftime('%H:%M:%S')} {name}: {done} of {wanted} sequences, {speed:.0f} tok/s", flush=True)


# ---------------------------------------------------------------------------------------------------------------------
# the loss
# ---------------------------------------------------------------------------------------------------------------------


class Distillation(torch.autograd.Function):
    """KL(teacher's law || student's law) over the whole vocabulary, gradients computed chunk by chunk on the way.

    `hidden` [batch, rows, width] meets `head`; row r is compared with the teacher's row `teacher_rows[r]` of `teacher`
    [batch, length, width'], which meets `teacher_head`, and counts `weights[r]`. Returns the weighted loss and the mean
    KL and mean total variation of every row. The logits of a few sequences at a time are all that ever exists.
    """

    CHUNK = 2

    @staticmethod
    def forward(context, hidden, head, teacher, teacher_head, teacher_rows, weights, variation: float):
        divergence, distance = torch.zeros(len(weights)), torch.zeros(len(weights))
        want_hidden, want_head = context.needs_input_grad[:2]
        hidden_gradient = torch.empty_like(hidden) if want_hidden else None
        head_gradient = torch.zeros_like(head) if want_head else None
        everything = torch.equal(teacher_rows, torch.arange(teacher.shape[1]))
        for start in range(0, len(hidden), Distillation.CHUNK):
            part = slice(start, start + Distillation.CHUNK)
            theirs = torch.log_softmax(teacher[part].float() @ teacher_head.T, dim=-1)
            truth = theirs.exp()
            negative_entropy = torch.linalg.vecdot(truth, theirs).sum(0)
            if not everything:
                truth, negative_entropy = truth[:, teacher_rows], negative_entropy[teacher_rows]
            ours = torch.log_softmax(hidden[part] @ head.T, dim=-1)
            divergence += negative_entropy - torch.linalg.vecdot(truth, ours).sum(0)
            law = ours.exp_()
            surplus = law - truth
            distance += surplus.abs().sum(-1).sum(0) / 2
            if not (want_hidden or want_head):
                continue
            if variation:  # Total variation is Σ max(law - truth, 0); this is its gradient by the logits.
                above = (surplus > 0).to(law.dtype)
                pull = law * (above - torch.linalg.vecdot(law, above)[..., None])
                surplus.mul_(1 - variation).add_(pull, alpha=variation)
            surplus *= weights[:, None]
            if want_hidden:
                torch.matmul(surplus, head, out=hidden_gradient[part])
            if want_head:
                head_gradient.addmm_(surplus.flatten(0, 1).T, hidden[part].flatten(0, 1))
        scale = 1 / len(hidden)
        divergence *= scale
        distance *= scale
        context.save_for_backward(*(g.mul_(scale) if g is not None else None for g in (hidden_gradient, head_gradient)))
        context.mark_non_differentiable(divergence, distance)
        loss = weights @ ((1 - variation) * divergence + variation * distance)
        return loss, divergence, distance

    @staticmethod
    def backward(context, upstream, *_):
        gradients = (g * upstream if g is not None else None for g in context.saved_tensors)
        return *gradients, None, None, None, None, None


def distil(hidden, head, teacher, teacher_head, rows=None, weights=None, variation: float = 0.0):
    """`Distillation` with every row in its place and of equal weight unless told otherwise."""
    rows = torch.arange(hidden.shape[1]) if rows is None else rows
    weights = torch.full((len(rows),), 1 / len(rows)) if weights is None else weights
    return Distillation.apply(hidden, head, teacher, teacher_head, rows, weights, variation)


# ---------------------------------------------------------------------------------------------------------------------
# train
# ---------------------------------------------------------------------------------------------------------------------


@torch.no_grad()
def slice_target(drafter, target, tokens: Tensor) -> list[str]:
    """Begin the drafter as a slice of the target: its leading directions, the best of its heads, one layer left out.

    The residual stream of the target is written in the basis of its principal components over `tokens`, and all but the
    leading ones are dropped (an RMS norm without gain does not notice a rotation, so gains go into the matrices first).
    What may be left out is found by trying: the divergence from the target without the layer, or the head.
    """
    width, head_dim = drafter.shape.width, target.shape.head_dim
    embedded = F.embedding(tokens, target.token_embd)
    states = [embedded, *hidden_states(target, tokens)]
    truth = output_norm(target, states[-1])
    unit = lambda h: F.rms_norm(h, (h.shape[-1],), None, target.shape.rms_eps).flatten(0, 1)
    covariance = sum(unit(h).T @ unit(h) for h in states) / len(states)
    basis = torch.linalg.eigh(covariance).eigenvectors.flip(1)[:, :width]
    kept = (unit(states[-1]) @ basis).square().sum(-1).mean().sqrt() / target.shape.width**0.5
    stretch = (target.shape.width / width) ** 0.5 * kept  # The norm of a slice makes it longer than the whole was.

    def divergence_of(layers) -> float:
        h = embedded
        for layer in layers:
            h = run_layer(layer, h, target.cosine[: tokens.shape[1]], target.sine[: tokens.shape[1]])
        return distil(output_norm(target, h), target.token_embd, truth, target.token_embd)[0].item()

    def without_heads(layer, heads: list[int]):
        other = copy.deepcopy(layer)
        for head in heads:
            other.attn_output[:, head * head_dim : (head + 1) * head_dim] = 0
        return other

    blocks, report = list(target.blk), []
    while len(blocks) > drafter.shape.layers:
        rests = [(divergence_of(blocks[:i] + blocks[i + 1 :]), i) for i in range(len(blocks))]
        best, index = min(rests)
        report.append(f"layer {index} left out: {best:.3f} " + " ".join(f"{d:.3f}" for d, _ in rests))
        del blocks[index]
    group = target.shape.heads // target.shape.kv_heads
    everything = range(target.shape.heads)
    for index, (layer, ours) in enumerate(zip(blocks, drafter.blk)):

        def trial(keep: list[int]) -> float:
            lame = without_heads(layer, [head for head in everything if head not in keep])
            return divergence_of([*blocks[:index], lame, *blocks[index + 1 :]])

        candidates = []
        for kv in range(target.shape.kv_heads):
            kept_heads = list(everything[kv * group : (kv + 1) * group])
            while len(kept_heads) > drafter.shape.heads:
                kept_heads = min(([h for h in kept_heads if h != head] for head in kept_heads), key=trial)
            candidates.append((trial(kept_heads), kv, kept_heads))
        best, kv, heads = min(candidates)
        report.append(f"layer {index} keeps heads {heads}: {best:.3f}")
        rows = torch.cat([torch.arange(h * head_dim, (h + 1) * head_dim) for h in heads])
        kv_rows = slice(kv * head_dim, (kv + 1) * head_dim)
        read = lambda matrix, gain: (matrix * gain) @ basis * stretch
        ours.attn_q.copy_(read(layer.attn_q[rows], layer.attn_norm))
        ours.attn_k.copy_(read(layer.attn_k[kv_rows], layer.attn_norm))
        ours.attn_v.copy_(read(layer.attn_v[kv_rows], layer.attn_norm))
        ours.attn_output.copy_(basis.T @ layer.attn_output[:, rows])
        ours.ffn_gate.copy_(read(layer.ffn_gate, layer.ffn_norm))
        ours.ffn_up.copy_(read(layer.ffn_up, layer.ffn_norm))
        ours.ffn_down.copy_(basis.T @ layer.ffn_down)
    drafter.token_embd.copy_(target.token_embd @ basis)
    drafter.output_norm.copy_(((basis * target.output_norm[:, None]) * basis).sum(0) * stretch)
    drafter.streams.copy_((embedded.flatten(0, 1).mean(0) @ basis).expand(STREAMS, -1))
    drafter.streams.add_(torch.randn_like(drafter.streams), alpha=0.3 * drafter.token_embd.std().item())
    return report


class Sequences:
    """Sequences of ROW tokens with the target's normed hidden states: generated ones, and windows of the corpus."""

    def __init__(self, options: argparse.Namespace, target, name: str = "generated"):
        self.paths = options.work / f"{name}.bin", options.work / f"{name}.f16"
        corpus = numpy.memmap(options.training / "train.bin", dtype="<u2", mode="r")
        self.target, self.lanes = target, bundled.Lanes(corpus, options.seed * 1000)
        self.open()

    def open(self) -> None:
        """Map what has been generated by now, and begin a pass through it."""
        tokens, hidden = (numpy.memmap(path, dtype=kind, mode="r") for path, kind in zip(self.paths, ("<u2", "<f2")))
        self.tokens = tokens[: len(tokens) // ROW * ROW].reshape(-1, ROW)
        self.hidden = hidden[: self.tokens.size * self.target.shape.width].reshape(len(self.tokens), ROW, -1)
        self.order, self.next = torch.randperm(len(self.tokens)).tolist(), 0

    def batch(self, generated: int, corpus: int) -> tuple[Tensor, Tensor]:
        """So many sequences of either kind. The generated ones come in a new order every time they are through."""
        chosen = []
        while len(chosen) < generated:
            if self.next == len(self.order):
                self.open()
            chosen.append(self.order[self.next])
            self.next += 1
        tokens = torch.from_numpy(self.tokens[chosen].astype(numpy.int64))
        hidden = torch.from_numpy(numpy.ascontiguousarray(self.hidden[chosen]))
        if corpus:
            window, _ = self.lanes.batch(corpus, ROW)
            with torch.no_grad():
                states = output_norm(self.target, hidden_states(self.target, window)[-1])
            tokens, hidden = torch.cat([tokens, window]), torch.cat([hidden, states.half()])
        return tokens, hidden


def stream_rows(length: int, anchors: Tensor) -> Tensor:
    """The row of the main stream that every row of `Drafter.forward` is compared with."""
    return torch.cat([torch.arange(length), (anchors[:, None] + torch.arange(1, STREAMS + 1)).flatten()])


def stream_weights(length: int, anchors: int, stream: tuple[float, ...]) -> Tensor:
    """Weights of all rows: those of the main stream sum to 1, those of stream j to `stream[j - 1]`."""
    return torch.cat([torch.full((length,), 1 / length), torch.tensor(stream).repeat(anchors) / anchors])


def random_anchors(length: int, count: int) -> Tensor:
    """Sorted random main positions that have STREAMS rows behind them."""
    return torch.randperm(length - STREAMS)[:count].sort().values


@torch.no_grad()
def evaluate(drafter: Drafter, target, sequences: Sequences) -> dict[str, list[float]]:
    """KL and total variation of the main stream and of every stream, on the held-out sequences."""
    anchors = torch.arange(8, ROW - STREAMS, 9)
    mask, rows = stream_mask(ROW, anchors), stream_rows(ROW, anchors)
    result = {"kl": [0.0] * (1 + STREAMS), "variation": [0.0] * (1 + STREAMS)}
    parts, total = range(0, len(sequences.tokens), 16), len(sequences.tokens)
    for start in parts:
        tokens = torch.from_numpy(sequences.tokens[start : start + 16].astype(numpy.int64))
        hidden = torch.from_numpy(sequences.hidden[start : start + 16].copy())
        ours = drafter(tokens, anchors, mask)
        _, *measured = distil(ours, drafter.token_embd, hidden, target.token_embd, rows)
        for name, values in zip(result, measured):
            groups = [values[:ROW], *values[ROW:].view(-1, STREAMS).T]
            for index, group in enumerate(groups):
                result[name][index] += group.mean().item() * len(tokens) / total
    return result


def train(options: argparse.Namespace) -> None:
    """Distil the drafter until the schedule ends; write WORK/drafter.pt on the way and at the end.

    `--tokens` counts the main rows of this stretch. WORK/finish, with a number of tokens in it, begins the decay at
    once. `--onward` begins a new stretch from a finished one.
    """
    bundled.keep_freed_memory()
    torch.set_flush_denormal(True)
    torch.manual_seed(options.seed)
    target = load_target(options)
    drafter = Drafter()
    matrices = [p for p in drafter.blk.parameters() if p.ndim == 2]
    others = [p for n, p in drafter.named_parameters() if p.ndim == 1 or n in ("token_embd", "streams")]
    optimisers = {
        "muon": bundled.define_muon()(matrices, lr=options.matrix_rate),
        "adam": torch.optim.AdamW(others, lr=options.rate, betas=(0.9, 0.95), weight_decay=0.0),
    }
    base_rates = {name: o.param_groups[0]["lr"] for name, o in optimisers.items()}
    seen, history, path = 0, [], options.work / "drafter.pt"
    if path.exists():
        state = torch.load(path, weights_only=True)
        drafter.load_state_dict(state["model"])
        seen, history = state["seen"], state["history"]
        for name, optimiser in optimisers.items():
            optimiser.load_state_dict(state["optimisers"][name])
        print(f"resumed at {seen:,} tokens", flush=True)
    elif options.slice:
        sample = numpy.memmap(options.work / "generated.bin", dtype="<u2", mode="r")[: 24 * ROW].reshape(-1, ROW)
        print("\n".join(slice_target(drafter, target, torch.from_numpy(sample.astype(numpy.int64)))), flush=True)
    began = history[-1]["seen"] if options.onward and history else options.began
    schedule = bundled.Schedule(began + options.tokens, int(options.tokens * options.decay_share),
                                warm_up=options.warm_up, began=began)
    torch.manual_seed(options.seed + seen)
    sequences, held_out = Sequences(options, target), Sequences(options, target, "generated-held-out")
    weights = stream_weights(ROW, options.anchors, tuple(options.stream_weights))
    forward = torch.compile(drafter, dynamic=False) if options.compile else drafter

    def save() -> None:
        state = {"model": drafter.state_dict(), "optimisers": {n: o.state_dict() for n, o in optimisers.items()},
                 "seen": seen, "history": history}
        torch.save(state, path.with_suffix(".partial"))
        os.replace(path.with_suffix(".partial"), path)

    def report(**extra) -> None:
        figures = {"seen": seen, "seconds": round(time.monotonic() - start), **evaluate(drafter, target, held_out)}
        history.append({**figures, **extra})
        short = lambda values: " ".join(f"{v:.4f}" for v in values)
        print(f"{time.strftime('%H:%M:%S')} held-out KL {short(figures['kl'])} variation {short(figures['variation'])} "
              f"at {seen:,}", flush=True)
        save()

    step_tokens = (options.generated_rows + options.corpus_rows) * ROW
    start = last_report = last_line = time.monotonic()
    step, running, finish = 0, [], options.work / "finish"
    while seen < schedule.total:
        if finish.exists():
            schedule.end_soon(seen, int(finish.read_text()))
            finish.unlink()
            print(f"finishing: decay from {seen:,} to {schedule.total:,}", flush=True)
        for name, optimiser in optimisers.items():
            optimiser.param_groups[0]["lr"] = base_rates[name] * schedule.rate(seen)
        tokens, hidden = sequences.batch(options.generated_rows, options.corpus_rows)
        anchors = random_anchors(ROW, options.anchors)
        ours = forward(tokens, anchors, stream_mask(ROW, anchors))
        loss, divergence, distance = distil(ours, drafter.token_embd, hidden, target.token_embd,
                                            stream_rows(ROW, anchors), weights, options.variation)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(others, 1.0)
        for optimiser in optimisers.values():
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        step, seen = step + 1, seen + step_tokens
        running.append([divergence[:ROW].mean().item(), divergence[ROW:].mean().item(), distance[:ROW].mean().item()])
        if step % options.log_steps == 0:
            now = time.monotonic()
            main, streams, variation = (sum(column) / len(running) for column in zip(*running))
            speed = len(running) * step_tokens / (now - last_line)
            print(f"{time.strftime('%H:%M:%S')} step {step} tokens {seen:,} KL {main:.4f} streams {streams:.4f} "
                  f"variation {variation:.4f} rate {schedule.rate(seen):.3f} {speed:.0f} tok/s", flush=True)
            last_line, running = now, []
        if time.monotonic() - last_report > options.report_seconds:
            report()
            last_report = time.monotonic()
        if options.stop_after and step >= options.stop_after:
            return
    report(final=True)


# ---------------------------------------------------------------------------------------------------------------------
# exits
# ---------------------------------------------------------------------------------------------------------------------


class Exits(nn.Module):
    """Low-rank corrections h + U · silu(D · h / rms(h)) of the target's hidden states after some of its layers."""

    def __init__(self, layers: list[int], rank: int, width: int):
        super().__init__()
        self.layers, self.rank, self.width = list(layers), rank, width
        self.down = nn.ParameterDict({str(l): nn.Parameter(torch.randn(rank, width) * width**-0.5) for l in layers})
        self.up = nn.ParameterDict({str(l): nn.Parameter(torch.zeros(width, rank)) for l in layers})

    def forward(self, layer: int, h: Tensor) -> Tensor:
        r = F.rms_norm(h, (self.width,), None, bundled.Shape.rms_eps)
        return h + F.linear(F.silu(F.linear(r, self.down[str(layer)])), self.up[str(layer)])


def exits_checkpoint(work: Path) -> tuple[Exits, dict]:
    """The heads of WORK/exits.pt and how they were trained."""
    state = torch.load(work / "exits.pt", weights_only=True)
    exits = Exits(state["layers"], state["rank"], state["width"])
    exits.load_state_dict(state["model"])
    return exits.requires_grad_(False), state["figures"]


def train_exits(options: argparse.Namespace) -> None:
    """Distil the exit heads: every position of a batch trains one of them, in turn. Writes WORK/exits.pt at the end."""
    bundled.keep_freed_memory()
    torch.set_flush_denormal(True)
    torch.manual_seed(options.seed)
    target = load_target(options)
    layers = list(range(1, target.shape.layers))
    exits = Exits(layers, options.rank, target.shape.width)
    optimiser = torch.optim.AdamW(exits.parameters(), lr=options.rate, betas=(0.9, 0.95), weight_decay=0.0)
    sequences, held_out = Sequences(options, target), Sequences(options, target, "generated-held-out")
    share = len(layers)
    weights = torch.full((ROW // share * share,), 1 / ROW)

    def rows_of(tokens: Tensor, place: Tensor) -> Tensor:
        """The corrected, normed hidden states, for layer after layer, of its rows in `place` [layers, rows]."""
        with torch.no_grad():
            states = hidden_states(target, tokens)
        return torch.cat([output_norm(target, exits(l, states[l - 1][:, p])) for l, p in zip(layers, place)], dim=1)

    def held_out_figures(raw: bool) -> dict[str, dict[str, float]]:
        """KL and total variation by layer, of the trained heads or of the raw states."""
        sums = torch.zeros(share, 2)
        everything = torch.arange(ROW)
        for begin in range(0, len(held_out.tokens), 16):
            tokens = torch.from_numpy(held_out.tokens[begin : begin + 16].astype(numpy.int64))
            truth = torch.from_numpy(held_out.hidden[begin : begin + 16].copy())
            with torch.no_grad():
                states = hidden_states(target, tokens)
                for index, layer in enumerate(layers):
                    h = states[layer - 1] if raw else exits(layer, states[layer - 1])
                    _, *found = distil(output_norm(target, h), target.token_embd, truth, target.token_embd, everything)
                    sums[index] += torch.stack([f.mean() for f in found]) * len(tokens) / len(held_out.tokens)
        return {str(l): {"kl": s[0].item(), "variation": s[1].item()} for l, s in zip(layers, sums)}

    raw = held_out_figures(raw=True)
    print(f"raw exits: {json.dumps(raw)}", flush=True)
    start, running, step_tokens = time.monotonic(), [], options.rows * ROW
    steps = max(1, options.tokens // step_tokens)
    for step in range(steps):
        rate = min(1.0, (step + 1) / 10, 2 * (steps - step) / steps)
        optimiser.param_groups[0]["lr"] = options.rate * rate
        corpus = options.rows // 5
        tokens, truth = sequences.batch(options.rows - corpus, corpus)
        place = torch.randperm(ROW)[: len(weights)].view(share, -1)
        loss, divergence, _ = distil(rows_of(tokens, place), target.token_embd, truth, target.token_embd,
                                     place.flatten(), weights)
        loss.backward()
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        running.append(divergence.view(share, -1).mean(1).tolist())
        if (step + 1) % options.log_steps == 0:
            means = " ".join(f"{sum(column) / len(running):.4f}" for column in zip(*running))
            print(f"{time.strftime('%H:%M:%S')} step {step + 1} of {steps} KL {means}", flush=True)
            running = []
    figures = {"tokens": steps * step_tokens, "seconds": round(time.monotonic() - start), "raw": raw,
               "trained": held_out_figures(raw=False)}
    print(json.dumps(figures), flush=True)
    state = {"model": exits.state_dict(), "layers": layers, "rank": options.rank, "width": target.shape.width,
             "figures": figures}
    torch.save(state, options.work / "exits.partial")
    os.replace(options.work / "exits.partial", options.work / "exits.pt")


# ---------------------------------------------------------------------------------------------------------------------
# measure
# ---------------------------------------------------------------------------------------------------------------------


def in_loop(tokens: list[int], start: int, longest: int = 64) -> list[bool]:
    """For every token from `start` on: is it the continuation of two equal periods of at most `longest` tokens?"""
    def is_repeat(i: int) -> bool:
        return any(tokens[i] == tokens[i - p] and tokens[i - p : i] == tokens[i - 2 * p : i - p]
                   for p in range(1, min(longest, i // 2) + 1))
    return [is_repeat(i) for i in range(start, len(tokens))]


def law(hidden: Tensor, head: Tensor) -> Tensor:
    return torch.log_softmax(hidden @ head.T, dim=-1)


@torch.no_grad()
def write_under_rule(target, prompt: Tensor, noise: Tensor) -> tuple[Tensor, list[Tensor]]:
    """The target's continuation, token p being argmax(log p + noise[p]), and its hidden states over all of it."""
    tokens, cache = prompt, Cache(len(prompt), prompt.shape[1] + noise.shape[1], target.shape)
    new = prompt
    for place in range(noise.shape[1]):
        states = continue_rows(target, new, cache)[:, -1]
        new = (law(states, target.token_embd) + noise[:, place]).argmax(-1, keepdim=True)
        tokens = torch.cat([tokens, new], dim=1)
    return tokens, hidden_states(target, tokens)


@torch.no_grad()
def simulate(drafter, tokens: Tensor, begin: int, noise: Tensor, length: int) -> list[list[int]]:
    """Decode with chains of `length` that the drafter writes from its own tokens; accepted tokens of every round.

    A round drafts, the true tokens accept the longest correct beginning, and one true token more follows. Rounds
    that would pass the end of the text are left out.
    """
    rounds = []
    for row, truth in enumerate(tokens):
        place, accepted = begin, []
        while place + length <= len(truth):
            text = truth[:place]
            for _ in range(length):
                scores = law(drafter(text[None])[1][0, -1], drafter.token_embd) + noise[row, len(text) - begin]
                text = torch.cat([text, scores.argmax()[None]])
            wrong = (text != truth[: place + length]).nonzero()
            accepted.append(int(wrong[0]) - place if len(wrong) else length)
            place += accepted[-1] + 1
        rounds.append(accepted)
    return rounds


def rounds_of(correct: list[bool], length: int) -> list[int]:
    """What `simulate` finds, read off the correctness of every token after a true prefix.

    The same by construction: as far as a chain is accepted, the drafter's own tokens are the true ones.
    """
    place, accepted = 0, []
    while place + length <= len(correct):
        run = 0
        while run < length and correct[place + run]:
            run += 1
        accepted.append(run)
        place += run + 1
    return accepted


class Tally:
    """Means over many tokens, of everything that has a name."""

    def __init__(self):
        self.sums, self.counts = {}, {}

    def add(self, name: str, values, where=None) -> None:
        values = torch.as_tensor(values, dtype=torch.float64)
        values = values if where is None else values[where]
        self.sums[name] = self.sums.get(name, 0.0) + values.sum().item()
        self.counts[name] = self.counts.get(name, 0) + values.numel()

    def means(self) -> dict[str, float]:
        return {name: round(self.sums[name] / max(1, self.counts[name]), 4) for name in self.sums}


@torch.no_grad()
def measure_at(temperature: float, target, drafter: Drafter, exits: Exits | None, prompt_groups: list[Tensor],
               options: argparse.Namespace) -> dict:
    """All figures at one temperature, under rule G: every position has its own noise, shared by target and drafts."""
    generator = torch.Generator().manual_seed(options.seed)
    vocabulary, count = target.shape.vocabulary, options.count
    plain, tally, simulated = drafter.plain(), Tally(), 0
    for prompt in prompt_groups:
        begin = prompt.shape[1]
        noise = gumbel(len(prompt), count, vocabulary, generator=generator) * (1.0 if temperature else 0.0)
        tokens, states = write_under_rule(target, prompt, noise)
        for part in range(0, len(prompt), 10):
            rows = slice(part, part + 10)
            text, g, place = tokens[rows], noise[rows], slice(begin - 1, begin - 1 + count)
            truth = text[:, begin:]
            p = law(output_norm(target, states[-1][rows, place]), target.token_embd)
            looped = torch.tensor([in_loop(row, begin) for row in text.tolist()])
            outside = ~looped
            tally.add("tokens in loops", looped)

            anchors = torch.arange(begin - 1, begin - 1 + count)
            inputs = text[:, :-1]
            ours = drafter(inputs, anchors, stream_mask(inputs.shape[1], anchors))
            q = law(ours[:, place], drafter.token_embd)
            guess = (q + g).argmax(-1)
            correct = guess == truth
            tally.add("total variation", (p.exp() - q.exp()).abs().sum(-1) / 2)
            tally.add("total variation, outside loops", ((p.exp() - q.exp()).abs().sum(-1) / 2), outside)
            tally.add("main", correct)
            tally.add("main, outside loops", correct, outside)
            stream = ours[:, inputs.shape[1] :].view(len(text), count, STREAMS, -1)
            for j in range(1, STREAMS + 1):
                shifted = (law(stream[:, : count - j, j - 1], drafter.token_embd) + g[:, j:]).argmax(-1)
                tally.add(f"stream {j}", shifted == truth[:, j:])
                tally.add(f"stream {j}, outside loops", shifted == truth[:, j:], outside[:, j:])
            for length in (4, 8):
                rounds = [rounds_of(row, length) for row in correct.tolist()]
                tally.add(f"accepted of {length}", [a for row in rounds for a in row])
                if part == 0 and prompt is prompt_groups[0]:  # Once, the long way.
                    found = simulate(plain, text[: options.simulated], begin, g, length)
                    simulated += sum(map(len, found))
                    tally.add(f"accepted of {length}, drafted token by token", [a for row in found for a in row])
                    same = [a for row in rounds[: options.simulated] for a in row]
                    tally.add(f"accepted of {length}, same rows by the rule", same)

            wrong = ~correct
            for layer in exits.layers if exits else ():
                h = states[layer - 1][rows, place]
                for kind, corrected in (("raw", h), ("trained", exits(layer, h))):
                    e = law(output_norm(target, corrected), target.token_embd)
                    name, scores = f"exit {layer} {kind}: top", e + g
                    any_row = scores.topk(8).indices == truth[..., None]
                    tally.add(f"{name} 1", any_row[..., 0])
                    tally.add(f"{name} 8, any row", any_row.any(-1))
                    tally.add(f"{name} 8, any row outside loops", any_row.any(-1), outside)
                    others = scores.scatter(-1, guess[..., None], -math.inf).topk(8).indices == truth[..., None]
                    tally.add(f"{name} 8, draft wrong", others.any(-1), wrong)
                    tally.add(f"{name} 8, draft wrong outside loops", others.any(-1), wrong & outside)
    return {"tokens": int(tally.counts["main"]), **tally.means(), "rounds drafted token by token": simulated}


def measured_models(options: argparse.Namespace):
    """Target, drafter and exits as their files hold them, or from the checkpoints where a file is not named."""
    target = Model(bundled.Shape())
    target.load_state_dict(bundled.read_weights(options.target, target))
    drafter = Drafter()
    drafter.load_state_dict(torch.load(options.work / "drafter.pt", weights_only=True)["model"])
    if options.drafter:
        drafter.load_state_dict(bundled.read_weights(options.drafter, drafter), strict=False)
    exits = None
    if (options.work / "exits.pt").exists():
        exits = exits_checkpoint(options.work)[0].half().float()  # As their file rounds them.
    return target.requires_grad_(False), drafter.requires_grad_(False), exits


def measure(options: argparse.Namespace) -> None:
    """Print the figures and write them to WORK/measure.json."""
    bundled.keep_freed_memory()
    target, drafter, exits = measured_models(options)
    tokens = numpy.memmap(options.training / "held-out.bin", dtype="<u2", mode="r")
    generator = numpy.random.default_rng(options.seed)
    lengths, groups = [32, 43, 53, 64], []
    for length in lengths:  # As an engine begins a prompt: one token for the document's beginning, then the text.
        starts = generator.integers(0, len(tokens) - length, options.prompts // len(lengths))
        windows = numpy.stack([tokens[s : s + length] for s in starts]).astype(numpy.int64)
        groups.append(torch.cat([torch.zeros(len(windows), 1, dtype=torch.int64), torch.from_numpy(windows)], dim=1))
    result = {"prompts": options.prompts, "continuation": options.count}
    for temperature in (0.0, 1.0):
        result[f"temperature {temperature:g}"] = measure_at(temperature, target, drafter, exits, groups, options)
        print(json.dumps(result[f"temperature {temperature:g}"], indent=1), flush=True)
    partial = options.output.with_suffix(".partial")
    partial.write_text(json.dumps(result, indent=1) + "\n")
    os.replace(partial, options.output)


# ---------------------------------------------------------------------------------------------------------------------
# export
# ---------------------------------------------------------------------------------------------------------------------


def write_sidecar(path: Path, kind: str, base_name: str, shape, fields: dict, tensors: dict) -> None:
    """A GGUF file of type `adapter`. `fields` values are u32 or lists of them."""
    import gguf

    writer = gguf.GGUFWriter(path, "llama")
    writer.add_type("adapter")
    writer.add_name(path.name.removesuffix(".partial").removesuffix(".gguf"))
    writer.add_license("apache-2.0")
    writer.add_string("adapter.type", kind)
    for name, value in fields.items():
        if isinstance(value, list):
            writer.add_key_value(name, value, gguf.GGUFValueType.ARRAY, sub_type=gguf.GGUFValueType.UINT32)
        else:
            writer.add_uint32(name, value)
    writer.add_string("dendrite.base.name", base_name)
    writer.add_uint32("dendrite.base.embedding_length", shape.width)
    writer.add_uint32("dendrite.base.block_count", shape.layers)
    for name, values in tensors.items():
        writer.add_tensor(name, numpy.ascontiguousarray(values))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def replace_with(path: Path, write) -> dict:
    """Let `write` make the file under another name, then put it in place. Its size and digest."""
    partial = path.with_name(path.name + ".partial")
    extra = write(partial) or {}
    os.replace(partial, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"file": path.name, "bytes": path.stat().st_size, "sha256": digest, **extra}


def check_sidecar(path: Path, tensors: dict) -> None:
    """Read a sidecar back: shapes, names and values."""
    import gguf

    reader = gguf.GGUFReader(path)
    assert {t.name for t in reader.tensors} == set(tensors)
    for tensor in reader.tensors:
        expected = tensors[tensor.name]
        assert tensor.shape.tolist() == list(expected.shape[::-1]), tensor.name
        assert (tensor.data == expected).all(), tensor.name


def export(options: argparse.Namespace) -> None:
    """Write drafter, streams and exits, each atomically; print what a model card needs as JSON."""
    from tokenizers import Tokenizer

    result = []
    if (options.work / "drafter.pt").exists():
        tokenizer = Tokenizer.from_file(str(options.training / "tokenizer.json"))
        state = torch.load(options.work / "drafter.pt", weights_only=True)
        drafter = Drafter().requires_grad_(False)
        drafter.load_state_dict(state["model"])

        def write_drafter(path: Path) -> dict:
            plain = drafter.plain().requires_grad_(False)
            bundled.write_gguf(path, plain, tokenizer, options.name)
            check = bundled.check_gguf(path, plain, tokenizer, options.training)
            return {"parameters": sum(p.numel() for p in plain.parameters()), "tokens_seen": state["seen"],
                    "held_out": state["history"][-1], "check": check}

        def write_streams(path: Path) -> None:
            tensors = {f"stream.{j}.weight": v.numpy() for j, v in enumerate(drafter.streams, start=1)}
            fields = {"dendrite.streams.count": STREAMS}
            write_sidecar(path, "dendrite.streams", options.name, drafter.shape, fields, tensors)
            check_sidecar(path, tensors)

        result.append(replace_with(options.work / f"{options.name}-q8_0.gguf", write_drafter))
        result.append(replace_with(options.work / f"{options.name}-q8_0.streams.gguf", write_streams))
    if (options.work / "exits.pt").exists():
        exits, figures = exits_checkpoint(options.work)

        def write_exits(path: Path) -> dict:
            tensors = {}
            for layer in exits.layers:
                for name, values in (("down", exits.down), ("up", exits.up)):
                    tensors[f"exit.{layer}.{name}.weight"] = values[str(layer)].numpy().astype(numpy.float16)
            fields = {"dendrite.exits.layers": exits.layers, "dendrite.exits.rank": exits.rank}
            write_sidecar(path, "dendrite.exits", options.target_name, bundled.Shape(), fields, tensors)
            check_sidecar(path, tensors)
            return {"figures": figures}

        result.append(replace_with(options.work / f"{options.target_name}-q8_0.exits.gguf", write_exits))
    print(json.dumps(result, indent=2))


# ---------------------------------------------------------------------------------------------------------------------
# other: a drafter with another vocabulary
# ---------------------------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class OtherShape(bundled.Shape):
    """About 1 M parameters and half the target's vocabulary."""

    vocabulary: int = 2048
    width: int = 160
    heads: int = 2
    kv_heads: int = 1
    layers: int = 3
    ffn: int = 384


def other_documents(options: argparse.Namespace) -> None:
    """Write WORK/other/documents.jsonl: a sample of the corpus and what the target wrote, which counts as much."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(options.training / "tokenizer.json"))
    rows = numpy.fromfile(options.work / "generated.bin", dtype="<u2").reshape(-1, ROW)
    written = [text for row in tokenizer.decode_batch(rows.tolist(), skip_special_tokens=False)
               for text in row.split(bundled.END_OF_TEXT) if text]
    budget = sum(map(len, written))
    with open(options.work / "other" / "documents.jsonl", "w", encoding="utf-8") as output:
        for document in bundled.read_documents(options.training):
            if document["held_out"] or budget > 0:
                budget -= 0 if document["held_out"] else len(document["text"])
                output.write(json.dumps({**document, "weight": 1}) + "\n")
        for text in written:
            output.write(json.dumps({"text": text, "source": "target", "weight": 1, "held_out": False}) + "\n")


def other(options: argparse.Namespace) -> None:
    """Tokenizer, training (resumable) and export, as `train-bundled.py` does them, in WORK/other."""
    work = options.work / "other"
    work.mkdir(parents=True, exist_ok=True)
    bundled.Shape = OtherShape  # The steps of that script read their numbers from here.
    common = {"work": work, "resume_from": None, "sample_bytes": 8_000_000}
    if not (work / "documents.jsonl").exists():
        other_documents(options)
    if not (work / "train.bin").exists():
        bundled.make_tokenizer(argparse.Namespace(**common))
    bundled.train(argparse.Namespace(
        **common, seen=0, threads=0, seed=options.seed, tokens=options.tokens, decay_share=0.3, batch_tokens=8192,
        micro_tokens=8192, length=256, short_tokens=0, long_length=512, exit_weight=0.0, matrix_rate=0.02, rate=3e-3,
        compile=options.compile, log_steps=20, report_seconds=300, stop_after=0))
    bundled.export(argparse.Namespace(**common, output=options.work / f"{options.name}-q8_0.gguf", name=options.name))


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--work", type=Path, default=Path("build/drafter"), help="where everything is kept")
    common.add_argument("--training", type=Path, default=Path("build/training"),
                        help="the working directory of train-bundled.py: checkpoint, tokenizer, token files")
    common.add_argument("--seed", type=int, default=1, help="of everything random")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, action, summary: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, parents=[common], help=summary, description=summary,
                                  formatter_class=argparse.ArgumentDefaultsHelpFormatter)
        sub.set_defaults(action=action)
        return sub

    sub = command("generate", generate, "let the target write the training text")
    sub.add_argument("--sequences", type=int, default=6400, help=f"sequences of {ROW} tokens")
    sub.add_argument("--held-out", type=int, default=128, help="sequences from held-out prompts")
    sub.add_argument("--rows", type=int, default=256, help="sequences written at once")

    sub = command("train", train, "distil the drafter, or go on")
    sub.add_argument("--tokens", type=int, default=5_000_000, help="length of this stretch")
    sub.add_argument("--began", type=int, default=0, help="tokens seen where this stretch began")
    sub.add_argument("--onward", action="store_true", help="begin a new stretch from where WORK/drafter.pt ended")
    sub.add_argument("--decay-share", type=float, default=0.25,
                     help="share of the stretch in which the rate falls to zero")
    sub.add_argument("--warm-up", type=int, default=300_000, help="tokens until the rate is at its height")
    sub.add_argument("--generated-rows", type=int, default=20, help="generated sequences in a step")
    sub.add_argument("--corpus-rows", type=int, default=6, help="corpus windows in a step")
    sub.add_argument("--anchors", type=int, default=28, help="positions of a sequence that have streams")
    sub.add_argument("--stream-weights", type=float, nargs=STREAMS, default=[0.5, 0.35, 0.25],
                     help="of the streams' KL")
    sub.add_argument("--slice", action=argparse.BooleanOptionalAction, default=True,
                     help="begin as a slice of the target, not at random")
    sub.add_argument("--variation", type=float, default=0.0,
                     help="share of total variation in the loss, the rest is KL")
    sub.add_argument("--matrix-rate", type=float, default=0.02, help="learning rate of the matrices (Muon)")
    sub.add_argument("--rate", type=float, default=3e-3, help="learning rate of everything else (AdamW)")
    sub.add_argument("--compile", action=argparse.BooleanOptionalAction, default=True, help="use torch.compile")
    sub.add_argument("--log-steps", type=int, default=20, help="steps between log lines")
    sub.add_argument("--report-seconds", type=float, default=300, help="seconds between evaluations with checkpoint")
    sub.add_argument("--stop-after", type=int, default=0, help="stop at this step without a checkpoint, 0 for never")

    sub = command("exits", train_exits, "distil the exit heads")
    sub.add_argument("--rank", type=int, default=64, help="of the correction")
    sub.add_argument("--tokens", type=int, default=600_000, help="length of the run")
    sub.add_argument("--rows", type=int, default=15, help="sequences in a step, a fifth of them from the corpus")
    sub.add_argument("--rate", type=float, default=2e-3, help="learning rate (AdamW)")
    sub.add_argument("--log-steps", type=int, default=10, help="steps between log lines")

    sub = command("measure", measure, "acceptance and coverage on held-out prompts")
    sub.add_argument("--target", type=Path, default=Path("Models/dendrite-tiny-q8_0.gguf"), help="the target's file")
    sub.add_argument("--drafter", type=Path, help="the drafter's file; the weights of WORK/drafter.pt if absent")
    sub.add_argument("--output", type=Path, default=Path("build/drafter/measure.json"), help="the file to write")
    sub.add_argument("--prompts", type=int, default=200, help="held-out prompts")
    sub.add_argument("--count", type=int, default=96, help="tokens of a continuation")
    sub.add_argument("--simulated", type=int, default=4, help="continuations that are also drafted token by token")

    sub = command("other", other, "train and export a drafter with another vocabulary")
    sub.add_argument("--tokens", type=int, default=4_000_000, help="length of the run")
    sub.add_argument("--name", default="dendrite-tiny-other", help="general.name")
    sub.add_argument("--compile", action=argparse.BooleanOptionalAction, default=True, help="use torch.compile")

    sub = command("export", export, "write the GGUF files and check them")
    sub.add_argument("--name", default="dendrite-tiny-drafter", help="general.name of the drafter")
    sub.add_argument("--target-name", default="dendrite-tiny", help="general.name of the target")
    return parser.parse_args()


if __name__ == "__main__":
    arguments = parse_arguments()
    sys.exit(arguments.action(arguments))
