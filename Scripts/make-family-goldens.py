#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the goldens of the `families` suite with code that is not ours.

One tiny seeded checkpoint for each family of models is built with transformers, saved by it as a
Hugging Face directory, and run by it (float32, CPU, eager attention) for golden logits and a hidden
state. llama.cpp's own converter turns the directory into GGUF; only the vocabulary is put in by this
script, because the directories have none. So one golden checks both kinds of files, and neither was
written by Dendrite.

`dtypes.safetensors` holds every F8 number, and some F16 and BF16, beside what PyTorch widens them to.

    pip install numpy gguf torch transformers safetensors
    Scripts/make-family-goldens.py --llama-cpp DIR        # DIR is a checkout of llama.cpp

The script rewrites the lines of SHA256SUMS that belong to the suite and the block of
Tests/Goldens/README.md between its markers.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import math
import platform
import shutil
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


def load_script(name: str):
    """Another script of this folder as a module."""
    spec = importlib.util.spec_from_file_location(name.replace("-", "_"), ROOT / f"Scripts/{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


# The converter belongs to the gguf package beside it, which must be found before any other.
if "--llama-cpp" in sys.argv[:-1]:
    checkout = Path(sys.argv[sys.argv.index("--llama-cpp") + 1]).resolve()
    sys.path[:0] = [str(checkout / "gguf-py"), str(checkout)]

goldens = load_script("make-goldens")

SEED = 20250601
SIZE_CAP = 3_000_000
VOCABULARY = 96

BASE: dict[str, Any] = dict(
    vocab_size=VOCABULARY, hidden_size=32, intermediate_size=40, num_hidden_layers=2,
    num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=512,
    bos_token_id=VOCABULARY - 1, eos_token_id=VOCABULARY - 1, pad_token_id=0,
)  # fmt: skip

FAMILIES: dict[str, dict[str, Any]] = {
    # name: the class's prefix, how the directory is stored, whether GGUF is made, the configuration.
    "llama": dict(
        cls="Llama", dtype="bfloat16", shard="12KB", gguf=True,
        config=dict(attention_bias=True, rope_parameters=dict(
            rope_type="llama3", rope_theta=500000.0, factor=8.0, low_freq_factor=1.0,
            high_freq_factor=4.0, original_max_position_embeddings=64)),
    ),
    "mistral": dict(
        cls="Mistral", dtype="float16", gguf=False,
        config=dict(sliding_window=24, rope_parameters=dict(rope_type="default", rope_theta=1e4)),
    ),
    "qwen2": dict(
        cls="Qwen2", dtype="float32", gguf=True,
        config=dict(tie_word_embeddings=True, rope_parameters=dict(rope_type="linear", factor=2.0, rope_theta=1e6)),
    ),
    "qwen3": dict(
        cls="Qwen3", dtype="float32", gguf=True,
        config=dict(head_dim=16, tie_word_embeddings=True, rope_parameters=dict(
            rope_type="yarn", rope_theta=1e4, factor=4.0, original_max_position_embeddings=64)),
    ),
    "gemma2": dict(
        cls="Gemma2", dtype="float32", gguf=True,
        config=dict(head_dim=16, query_pre_attn_scalar=16, sliding_window=24,
                    attn_logit_softcapping=3.0, final_logit_softcapping=4.0,
                    rope_parameters=dict(rope_type="default", rope_theta=1e4)),
    ),
    "gemma3": dict(
        cls="Gemma3", text="Gemma3TextConfig", dtype="float32", gguf=True,
        config=dict(head_dim=16, query_pre_attn_scalar=16, num_hidden_layers=6, sliding_window=24,
                    num_attention_heads=2, num_key_value_heads=1, intermediate_size=24,
                    rope_parameters=dict(
                        full_attention=dict(rope_type="linear", factor=8.0, rope_theta=1e6),
                        sliding_attention=dict(rope_type="default", rope_theta=1e4))),
    ),
    "phi3": dict(
        cls="Phi3", dtype="float32", gguf=True,
        config=dict(rope_parameters=dict(rope_type="default", rope_theta=1e4)),
    ),
    "phi3-longrope": dict(
        cls="Phi3", dtype="bfloat16", gguf=True,
        config=dict(
            num_attention_heads=2, num_key_value_heads=2, original_max_position_embeddings=256,
            rope_parameters=dict(
                rope_type="longrope", rope_theta=1e4, partial_rotary_factor=0.75,
                short_factor=[1.0, 1.1, 1.25, 1.5, 2.0, 2.5], long_factor=[1.0, 2.0, 4.0, 8.0, 16.0, 32.0],
                original_max_position_embeddings=256)),
    ),
    "smollm3": dict(
        cls="SmolLM3", dtype="float32", gguf=True,
        config=dict(num_hidden_layers=4, intermediate_size=24, rope_parameters=dict(rope_type="default", rope_theta=5e6)),
    ),
    "mixtral": dict(
        cls="Mixtral", dtype="bfloat16", gguf=True,
        config=dict(num_local_experts=5, num_experts_per_tok=2, intermediate_size=24,
                    rope_parameters=dict(rope_type="default", rope_theta=1e6)),
    ),
    "qwen3moe": dict(
        cls="Qwen3Moe", dtype="bfloat16", gguf=True,
        config=dict(head_dim=16, num_experts=6, num_experts_per_tok=3, moe_intermediate_size=24,
                    norm_topk_prob=True, rope_parameters=dict(rope_type="default", rope_theta=1e6)),
    ),
    "gpt-oss": dict(
        cls="GptOss", dtype="float32", gguf=True,
        config=dict(head_dim=8, num_local_experts=4, num_experts_per_tok=2, intermediate_size=16,
                    sliding_window=24, rope_parameters=dict(
                        rope_type="yarn", rope_theta=1.5e5, factor=4.0, beta_fast=32.0, beta_slow=1.0,
                        truncate=False, original_max_position_embeddings=64)),
    ),
    "gpt-oss-mxfp4": dict(
        cls="GptOss", dtype="float32", gguf=True, mxfp4=True,
        config=dict(head_dim=8, num_local_experts=4, num_experts_per_tok=2, intermediate_size=32,
                    num_hidden_layers=1, sliding_window=24,
                    rope_parameters=dict(rope_type="default", rope_theta=1.5e5)),
    ),
}  # fmt: skip


def build(name: str, facts: dict[str, Any]):
    """A model with weights under which attention is far from uniform, in float32 and exact in its dtype."""
    import torch
    import transformers

    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    config_class = getattr(transformers, facts.get("text") or facts["cls"] + "Config")
    config = config_class(**(BASE | facts["config"]))
    model_class = getattr(transformers, facts["cls"] + "ForCausalLM")
    model = model_class._from_config(config, attn_implementation="eager", dtype=torch.float32).eval()
    generator = torch.Generator().manual_seed(SEED + list(FAMILIES).index(name))
    is_gemma = facts["cls"].startswith("Gemma")
    dtype = getattr(torch, facts["dtype"])
    with torch.no_grad():
        for key, weight in model.named_parameters():
            noise = torch.randn(weight.shape, generator=generator)
            width = weight.shape[-1]
            if key.endswith("bias"):
                value = noise * 0.5
            elif "sinks" in key:
                value = noise
            elif "norm" in key:
                value = noise * 0.15 + (0 if is_gemma else 1)
            elif "embed_tokens" in key or "lm_head" in key:
                tied = config.tie_word_embeddings or "lm_head" in key
                value = noise * (2 / math.sqrt(width) if tied else 1)
            elif "q_proj" in key or "k_proj" in key or "qkv_proj" in key:
                value = noise * 1.6 / math.sqrt(width)
            else:
                value = noise * 1.2 / math.sqrt(width)
            weight.copy_(value.to(dtype).float())
    model.tie_weights()
    assert model.config._attn_implementation == "eager"
    return model


def quantize(model) -> dict[str, Any]:
    """Random experts in MXFP4 as gpt-oss stores them; the model gets what transformers makes of them."""
    import torch
    from transformers.integrations.mxfp4 import convert_moe_packed_tensors

    generator = torch.Generator().manual_seed(SEED)
    packed = {}
    with torch.no_grad():
        for key, weight in model.named_parameters():
            if not key.endswith(("experts.gate_up_proj", "experts.down_proj")):
                continue
            experts, inputs, outputs = weight.shape
            shape = (experts, outputs, inputs // 32, 16)
            blocks = torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8)
            scales = torch.randint(122, 125, shape[:3], generator=generator, dtype=torch.uint8)
            weight.copy_(convert_moe_packed_tensors(blocks, scales, dtype=torch.float32))
            packed |= {key + "_blocks": blocks, key + "_scales": scales}
    return packed


def replace_experts(folder: Path, packed: dict[str, Any]) -> None:
    """Puts blocks and scales in place of the experts' floats, as OpenAI's files have them."""
    from safetensors.torch import load_file, save_file

    path = folder / "model.safetensors"
    floats = {key.rsplit("_", 1)[0] for key in packed}
    tensors = {key: value for key, value in load_file(path).items() if key not in floats}
    save_file(tensors | packed, path, metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    config["quantization_config"] = {"quant_method": "mxfp4"}
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")


def make_cases(name: str, layers: int) -> list[Any]:
    """The cases of one checkpoint, without their values."""
    import numpy as np

    rng = np.random.default_rng([SEED, 100 + list(FAMILIES).index(name)])
    short = [int(t) for t in rng.integers(0, VOCABULARY, 40)]
    long = [int(t) for t in rng.integers(0, VOCABULARY, 230)]
    return [
        goldens.Case("prefix", 0, layers, short, list(range(40)), [0, 1, 2, 3, 7, 15, 16, 23, 24, 31, 39]),
        goldens.Case("long", 0, layers, long, list(range(230)), [63, 64, 127, 128, 200, 229]),
        goldens.Case("hidden", 1, min(1, layers - 1), short, list(range(40)), [0, 1, 5, 11, 23, 39]),
    ]


def run(model, cases: list[Any]) -> None:
    """Fills the cases' values with transformers."""
    import numpy as np
    import torch

    with torch.no_grad():
        for case in cases:
            result = model(
                input_ids=torch.tensor([case.tokens]), position_ids=torch.tensor([case.positions]),
                attention_mask=torch.ones(1, len(case.tokens), dtype=torch.long),
                output_hidden_states=True, use_cache=False,
            )  # fmt: skip
            values = result.hidden_states[case.layer] if case.kind else result.logits
            case.values = values[0, case.rows].numpy().astype(np.float32)
            assert np.isfinite(case.values).all()


def convert(folder: Path, path: Path) -> None:
    """The directory as GGUF by llama.cpp's converter, with a vocabulary of single bytes."""
    import torch

    from conversion import ModelBase, ModelType, get_model_architecture, get_model_class
    import gguf

    def set_vocab(self) -> None:
        tokens, merges = goldens.tiny_vocabulary(VOCABULARY)
        types = [gguf.TokenType.NORMAL] * (VOCABULARY - 1) + [gguf.TokenType.CONTROL]
        self.gguf_writer.add_tokenizer_model("gpt2")
        self.gguf_writer.add_tokenizer_pre("llama-bpe")
        self.gguf_writer.add_token_list(tokens)
        self.gguf_writer.add_token_types(types)
        self.gguf_writer.add_token_merges(merges)
        self.gguf_writer.add_bos_token_id(VOCABULARY - 1)
        self.gguf_writer.add_eos_token_id(VOCABULARY - 1)
        self.gguf_writer.add_add_bos_token(False)
        self.gguf_writer.add_vocab_size(VOCABULARY)

    hparams = ModelBase.load_hparams(folder, False)
    base = get_model_class(get_model_architecture(hparams, ModelType.TEXT))
    original, base.set_vocab = base.set_vocab, set_vocab
    # Gemma 3's rows are cut to the tokens of this file.
    tokens = {"model": {"vocab": {str(i): i for i in range(VOCABULARY)}}, "added_tokens": []}
    (folder / "tokenizer.json").write_text(json.dumps(tokens))
    try:
        with torch.inference_mode():
            model = base(folder, gguf.LlamaFileType.ALL_F32, path, eager=True)
            model.write()
    finally:
        base.set_vocab = original
        (folder / "tokenizer.json").unlink()


def write_dtypes(path: Path) -> None:
    """All numbers of eight bits and some of sixteen, with what PyTorch makes of them."""
    import torch
    from safetensors.torch import save_file

    codes = torch.arange(256, dtype=torch.int16).to(torch.uint8)
    halves = torch.arange(0, 65536, 97, dtype=torch.int32).to(torch.int16)
    tensors = {}
    for name, source in [
        ("f8_e4m3", codes.view(torch.float8_e4m3fn)), ("f8_e5m2", codes.view(torch.float8_e5m2)),
        ("f16", halves.view(torch.float16)), ("bf16", halves.view(torch.bfloat16)),
    ]:  # fmt: skip
        tensors[name] = source.clone()
        tensors[name + ".widened"] = source.float()
    save_file(tensors, path)


def make(folder: Path, chosen: list[str], llama_cpp: Path | None) -> list[dict[str, Any]]:
    """Makes the chosen models; returns what was measured."""
    import torch

    folder.mkdir(parents=True, exist_ok=True)
    report = []
    for name in chosen:
        facts = FAMILIES[name]
        model = build(name, facts)
        packed = quantize(model) if facts.get("mxfp4") else {}
        cases = make_cases(name, model.config.num_hidden_layers)
        run(model, cases)
        target = folder / name
        shutil.rmtree(target, ignore_errors=True)
        model.to(getattr(torch, facts["dtype"])).save_pretrained(
            target, max_shard_size=facts.get("shard", "1GB")
        )
        if packed:
            replace_experts(target, packed)
        goldens.write_golden(folder / f"{name}.golden", cases)
        if facts["gguf"] and llama_cpp:
            convert(target, folder / f"{name}.gguf")
        for case in cases:
            report.append({"model": name, "case": case.name, "std": float(case.values.std())})
    return report


def write_sums(goldens_folder: Path) -> None:
    """Replaces the suite's lines of SHA256SUMS."""
    manifest = goldens_folder / "SHA256SUMS"
    lines = [line for line in manifest.read_text().splitlines() if "  families/" not in line]
    for path in sorted((goldens_folder / "families").rglob("*")):
        if path.is_file():
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            lines.append(f"{digest}  {path.relative_to(goldens_folder).as_posix()}")
    manifest.write_text("\n".join(sorted(lines, key=lambda line: line.split("  ")[1])) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--llama-cpp", type=Path, help="a checkout of llama.cpp, for its converter")
    parser.add_argument("--only", nargs="*", default=list(FAMILIES), choices=list(FAMILIES))
    arguments = parser.parse_args()
    folder = ROOT / "Tests/Goldens/families"
    report = make(folder, arguments.only, arguments.llama_cpp)
    write_dtypes(folder / "dtypes.safetensors")
    size = sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())
    if size > SIZE_CAP:
        raise SystemExit(f"the suite has {size} bytes, expected at most {SIZE_CAP}")
    for path in folder.rglob("*.safetensors"):
        path.chmod(0o644)
    write_sums(folder.parent)
    versions = ", ".join(f"{n} {metadata.version(n)}" for n in ["torch", "transformers", "safetensors"])
    print(f"Seed {SEED}; Python {platform.python_version()}, {versions}; {size} bytes.")
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
