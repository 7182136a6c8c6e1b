"""Calls kvpress for one task of `kv_parity.py`; runs under the interpreter that has it.

python benchmarks/peers/kv_parity_peer.py FOLDER     # reads task.json and two safetensors files, writes
scores.safetensors
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from pathlib import Path

import kvpress
import torch
import transformers
from safetensors.torch import load_file, save_file


def main() -> None:
    place = Path(sys.argv[1])
    task = json.loads((place / "task.json").read_text(encoding="utf-8"))
    word = {"llama": "Llama", "qwen2": "Qwen2"}[task["kind"]]
    config = getattr(transformers, f"{word}Config")(**task["config"], attn_implementation="eager")
    model = getattr(transformers, f"{word}ForCausalLM")(config).eval()
    model.load_state_dict(load_file(place / "weights.safetensors"))
    held = load_file(place / "tensors.safetensors")
    made = presses(task, held["filters"])
    scores, budgets = {}, {str(ratio): [] for ratio in task["ratios"]}
    for number, layer in enumerate(model.model.layers):
        module = layer.self_attn
        module.rotary_emb = model.model.rotary_emb
        keys, values, hidden, seen = (held[f"{number}.{part}"] for part in ("keys", "values", "hidden", "attention"))
        turns = {"position_embeddings": (held["cos"], held["sin"])}
        for name, press in made.items():
            attentions = seen if name == "observed_attention" else None
            with torch.no_grad():
                found = press.score(module, hidden, keys, values, attentions, turns)
            scores[f"{name}.{number}"] = found.expand(keys.shape[:-1]).float().contiguous().clone()
        scores |= wrapped(task, module, (keys, values, hidden), turns)
        for ratio in task["ratios"]:
            pyramid = kvpress.PyramidKVPress(compression_ratio=ratio)
            budgets[str(ratio)].append(pyramid.get_layer_budget(module, keys.shape[2]))
    scores |= repeated(task, model, held)
    save_file(scores, place / "scores.safetensors")
    about = {
        "kvpress": version("kvpress"),
        "transformers": transformers.__version__,
        "torch": torch.__version__,
        "budgets": budgets,
    }
    (place / "about.json").write_text(json.dumps(about), encoding="utf-8")


@torch.no_grad()
def repeated(task: dict, model, held: dict) -> dict[str, torch.Tensor]:
    """KVzip on what the layers got when the context was read again: scores, and kept tokens as 0 and 1."""
    layers = [layer.self_attn for layer in model.model.layers]
    shape = held["0.keys"].shape
    turns = {"position_embeddings": (held["again.cos"], held["again.sin"])}
    found = {}
    for module in layers:
        module.config._attn_implementation = "sdpa"
    for ratio in task["ratios"]:
        press = kvpress.KVzipPress(compression_ratio=ratio)
        press.context_length = press.end_idx = shape[2]
        press.score_val = torch.zeros((len(layers), *shape[:3]))
        for number, module in enumerate(layers):
            keys, values, hidden = (held[f"{number}.again.{part}"] for part in ("keys", "values", "hidden"))
            press.score_kvzip(module, hidden, keys, values, None, turns)
        found |= {f"kvzip.{number}": press.score_val[number].clone() for number in range(len(layers))}
        press.compress_post(model)
        for number, module in enumerate(layers):
            kept = torch.ones(shape[:3])
            kept[module.masked_key_indices] = 0
            found[f"kvzip@{ratio}.{number}"] = kept
    return found


@torch.no_grad()
def wrapped(task: dict, module, tensors: tuple, turns: dict) -> dict[str, torch.Tensor]:
    """Wrappers around SnapKV: "name@ratio.layer" -> scores of CriticalKV, kept tokens (or channels) as 0 and 1."""
    keys, values, hidden = tensors
    number, module.config._attn_implementation = module.layer_idx, "sdpa"  # theirs refuse eager
    module.config.head_dim = module.head_dim  # their CriticalKV reads it there, and Qwen2 has none
    found = {}
    for ratio in task["ratios"]:
        inner = kvpress.SnapKVPress(compression_ratio=ratio)
        critical = kvpress.CriticalKVPress(inner)
        found[f"criticalkv@{ratio}.{number}"] = critical.score(module, hidden, keys, values, None, turns)
        kvpress.AdaKVPress(inner).compress(module, hidden, keys, values, None, turns)
        kept = torch.ones(keys.shape[:-1])
        kept[module.masked_key_indices] = 0
        found[f"adakv@{ratio}.{number}"] = kept
        places = torch.arange(keys.shape[2], dtype=torch.float32)[:, None].expand(keys.shape).contiguous()
        _, left = kvpress.ChunkKVPress(inner).compress(module, hidden, keys, places, None, turns)
        kept = torch.zeros(keys.shape[:-1]).scatter_(-1, left[..., 0].long(), 1)
        found[f"chunkkv@{ratio}.{number}"] = kept
        thin = kvpress.ThinKPress(key_channel_compression_ratio=ratio)
        left, _ = thin.compress(module, hidden, keys.clone(), values, None, {**turns, "hidden_states": hidden})
        found[f"think@{ratio}.{number}"] = (left != 0).any(dim=2).float()
    module.config._attn_implementation = "eager"
    return {name: tensor.float().contiguous() for name, tensor in found.items()}


def presses(task: dict, filters: torch.Tensor) -> dict:
    half = {"compression_ratio": 0.5}
    qfilter = kvpress.QFilterPress(**half)
    qfilter.q_filters = filters
    return {
        "streaming_llm": kvpress.StreamingLLMPress(**half),
        **{f"streaming_llm@{ratio}": kvpress.StreamingLLMPress(compression_ratio=ratio) for ratio in task["ratios"]},
        "knorm": kvpress.KnormPress(**half),
        "keydiff": kvpress.KeyDiffPress(**half),
        "tova": kvpress.TOVAPress(**half),
        "snapkv": kvpress.SnapKVPress(**half),
        "observed_attention": kvpress.ObservedAttentionPress(**half),
        "expected_attention": kvpress.ExpectedAttentionPress(**half),
        "expected_attention_mean": kvpress.ExpectedAttentionPress(**half, use_covariance=False, epsilon=0.02),
        "pyramidkv": kvpress.PyramidKVPress(**half),
        "lagkv": kvpress.LagKVPress(**half),
        "lagkv_32": kvpress.LagKVPress(**half, lag_size=32),
        "qfilter": qfilter,
    }


if __name__ == "__main__":
    main()
