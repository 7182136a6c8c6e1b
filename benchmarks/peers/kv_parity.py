"""Scores of presses against those of kvpress on the same tensors; runs kvpress under its own interpreter.

    python benchmarks/peers/kv_parity.py --python PYTHON     # benchmarks/results/kv_parity.json

PYTHON has kvpress 0.5.5 with a transformers that it runs on; none of it is part of this repository. Two tiny decoders
with seeded weights read 300 tokens here; keys, values, hidden states, rotary angles and eager attention of every layer
go to both sides, which score them. Where scores differ on purpose, what has meaning is compared: see `HOW`.
`--golden FILE` writes a few scores of kvpress for tests/kv/test_parity.py.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import DynamicCache, LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

from benchmarks.common.record import record
from ctxprune.kv import (
    AdaKV,
    ChunkKV,
    CriticalKV,
    ExpectedAttention,
    KeyDiff,
    Knorm,
    KVzip,
    LagKV,
    ObservedAttention,
    PyramidKV,
    QFilter,
    QFilters,
    SnapKV,
    StreamingLLM,
    ThinK,
    Tova,
    prefill,
)
from ctxprune.kv.model.attention import attentions_of, find_argument
from ctxprune.kv.selection import keep_count, top

TOKENS, ASKED = 300, 1e-4
RATIOS = (0.25, 0.5, 0.75)
PROMPT = (11, 12, 13)  # in front of what KVzip repeats
CONFIG = {
    "vocab_size": 97,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 2048,
}
KINDS = {"llama": (LlamaForCausalLM, LlamaConfig), "qwen2": (Qwen2ForCausalLM, Qwen2Config)}
WRAPPED = {
    "adakv": lambda ratio: AdaKV(SnapKV(ratio)),
    "chunkkv": lambda ratio: ChunkKV(SnapKV(ratio)),
    "criticalkv": lambda ratio: CriticalKV(SnapKV(ratio)),
    "think": lambda ratio: ThinK(SnapKV(ratio), channels=ratio),
}
HOW = {
    "adakv": "kept tokens around SnapKV, over all heads",
    "chunkkv": "kept tokens around SnapKV; 300 tokens are 15 whole chunks, as theirs counts chunks and ours tokens",
    "criticalkv": "scores around SnapKV behind the first half of the budget, and kept tokens",
    "think": "kept channels of the keys",
    "streaming_llm": "kept tokens alone: ours ranks the recent tokens, theirs gives 1 to what stays",
    "tova": "all but the last token, which stays on both sides: 1 here, the highest score + 1 there",
    "lagkv": "ranked blocks alone: theirs gives 1 to sinks and tail, ours ranks them, the last tokens first",
    "kvzip": "scores of a context of one chunk, as theirs sees the chunk alone and ours the whole cache; kept tokens",
    "pyramidkv": "scores, and the budget of each layer",
}


def presses(filters: torch.Tensor) -> dict:
    """Ours, by the names that kv_parity_peer.py gives to theirs."""
    return {
        "streaming_llm": StreamingLLM(),
        "knorm": Knorm(),
        "keydiff": KeyDiff(),
        "tova": Tova(),
        "snapkv": SnapKV(),
        "observed_attention": ObservedAttention(),
        "expected_attention": ExpectedAttention(),
        "expected_attention_mean": ExpectedAttention(covariance=False, epsilon=0.02),
        "pyramidkv": PyramidKV(),
        "lagkv": LagKV(),
        "lagkv_32": LagKV(lag=32),
        "qfilter": QFilter(filters=QFilters(filters)),
    }


def decoder(name: str):
    """A random decoder whose attention is not flat, float32, the same each time."""
    kind, config = KINDS[name]
    torch.manual_seed(5)
    model = kind(config(**CONFIG, attn_implementation="eager")).eval()
    for weight in model.parameters():
        weight.data.mul_(8.0 if weight.ndim > 1 else 1.0)
    return model


def context() -> torch.Tensor:
    """The ids that are read, (1, TOKENS)."""
    return torch.randint(3, CONFIG["vocab_size"], (1, TOKENS), generator=torch.Generator().manual_seed(7))


@torch.no_grad()
def repeated(model) -> dict[str, torch.Tensor]:
    """What a second reading of the context behind itself and a prompt hands to each layer: what KVzip looks at."""
    held: dict[str, torch.Tensor] = {}

    def after(layer: int):
        def keep(module, args, kwargs, _) -> None:
            found = find_argument(module, "cache", args, kwargs).layers[layer]
            hidden = find_argument(module, "hidden_states", args, kwargs)
            names = {"hidden": hidden, "keys": found.keys, "values": found.values}
            held.update({f"{layer}.again.{name}": tensor for name, tensor in names.items()})
            held.update(zip(("again.cos", "again.sin"), kwargs["position_embeddings"], strict=True))

        return keep

    ids = context()
    cache = DynamicCache(config=model.config)
    model(ids, cache=cache)
    handles = [each.module.register_forward_hook(after(each.layer), with_kwargs=True) for each in attentions_of(model)]
    model(torch.cat([torch.tensor([PROMPT]), ids], dim=1), cache=cache)
    for handle in handles:
        handle.remove()
    return {name: tensor.clone().contiguous() for name, tensor in held.items()}


@torch.no_grad()
def tensors_of(model) -> tuple[list, dict[str, torch.Tensor]]:
    """The views of all layers, and what kvpress needs of them."""
    ids = context()
    views = prefill(model, ids).views
    seen = model(ids, output_attentions=True).attentions
    held = {"cos": views[0].cos, "sin": views[0].sin}
    for view, attention in zip(views, seen, strict=True):
        layer = {"keys": view.keys, "values": view.values, "hidden": view.hidden, "attention": attention}
        held |= {f"{view.order}.{name}": tensor for name, tensor in layer.items()}
    shape = (len(views), views[0].kv_heads, views[0].head_dim)
    held["filters"] = torch.randn(shape, generator=torch.Generator().manual_seed(9))
    return views, {name: tensor.detach().clone().contiguous() for name, tensor in held.items()}


def theirs_of(python: str, name: str, model, held: dict[str, torch.Tensor]) -> tuple[dict, dict]:
    """Scores of kvpress by "press.layer", and its budgets and version."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        save_file({key: each.clone() for key, each in model.state_dict().items()}, place / "weights.safetensors")
        save_file(held, place / "tensors.safetensors")
        task = {"kind": name, "config": CONFIG, "ratios": RATIOS}
        (place / "task.json").write_text(json.dumps(task), encoding="utf-8")
        runner = Path(__file__).with_name("kv_parity_peer.py")
        command = [python, "-W", "ignore", str(runner), folder]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(done.stderr[-2000:])
        return load_file(place / "scores.safetensors"), json.loads((place / "about.json").read_text(encoding="utf-8"))


def meaningful(name: str) -> slice:
    """The places whose scores are compared."""
    if name.startswith("lagkv"):
        lag = 32 if name == "lagkv_32" else 128
        return slice(4, 4 + ((TOKENS - 4) // lag - 1) * lag)
    return slice(0, TOKENS - 1 if name == "tova" else 0 if name == "streaming_llm" else TOKENS)


@torch.no_grad()
def compare(views: list, held: dict, theirs: dict, about: dict) -> dict:
    """One row for each press: the largest difference, and the share of equal kept tokens at three ratios."""
    rows = {}
    for name, press in presses(held["filters"]).items():
        apart, relative, equal, kept = 0.0, 0.0, 0, 0
        for view in views:
            ours, other = press.check_scores(view, press.score(view)), theirs[f"{name}.{view.order}"].float()
            part = meaningful(name)
            if ours[..., part].numel():
                difference = (ours - other)[..., part].abs()
                apart = max(apart, float(difference.max()))
                relative = max(relative, float((difference / other[..., part].abs().clamp(min=1e-6)).max()))
            if name.startswith("lagkv"):  # ranks are equal in all blocks: what of them stays is a matter of ties
                continue
            for ratio in RATIOS:
                count = keep_count(TOKENS, ratio)
                wanted = theirs.get(f"{name}@{ratio}.{view.order}", other)  # StreamingLLM's scores depend on the ratio
                both = top(ours, count) & top(wanted.float(), count)
                equal, kept = equal + int(both.sum()), kept + count * view.kv_heads
        rows[name] = {
            "largest_difference": apart,
            "largest_relative_difference": relative,
            "equal_kept": equal,
            "kept": kept,
            "within": apart <= ASKED and equal == kept,
        }
        if name.partition("_32")[0] in HOW:
            rows[name]["compared"] = HOW[name.partition("_32")[0]]
    ours = {str(ratio): [PyramidKV(ratio).budget(view) for view in views] for ratio in RATIOS}
    rows["pyramidkv"]["budgets"] = {"ours": ours, "theirs": about["budgets"]}
    rows["pyramidkv"]["within"] &= ours == about["budgets"]
    return {**rows, **{name: compare_wrapper(name, views, theirs) for name in WRAPPED}}


@torch.no_grad()
def compare_wrapper(name: str, views: list, theirs: dict) -> dict:
    """One row for a wrapper around SnapKV: the kept tokens (ThinK: channels), of CriticalKV also the scores."""
    apart, relative, equal, kept = 0.0, 0.0, 0, 0
    for view in views:
        for ratio in RATIOS:
            press, other = WRAPPED[name](ratio), theirs[f"{name}@{ratio}.{view.order}"]
            if name == "criticalkv":
                count = press.budget(view)
                ours = press.rank(view, press.check_scores(view, press.score(view)), count)
                finite = ours.isfinite() & (other < torch.finfo(torch.float32).max)
                difference = (ours - other)[finite].abs()
                apart = max(apart, float(difference.max()))
                relative = max(relative, float((difference / other[finite].abs()).max()))
                mine, wanted = top(ours, count), top(other, count)
            elif name == "think":
                wanted = other.bool()
                mine = torch.zeros_like(wanted).scatter_(-1, press.plan(view).channels, True)
            else:
                mine, wanted = press.plan(view).chosen, other.bool()
            equal, kept = equal + int((mine & wanted).sum()), kept + max(int(mine.sum()), int(wanted.sum()))
    row = {"equal_kept": equal, "kept": kept, "within": apart <= ASKED and equal == kept, "compared": HOW[name]}
    return {"largest_difference": apart, "largest_relative_difference": relative, **row}


@torch.no_grad()
def compare_kvzip(model, theirs: dict) -> dict:
    """One row for KVzip: scores, and the tokens that stay of all layers and heads together."""
    read = prefill(model, context())
    press = KVzip(prompt=PROMPT)
    pairs = [(ours, theirs[f"kvzip.{number}"]) for number, ours in enumerate(press.scores(read))]
    apart = max(float((ours - other).abs().max()) for ours, other in pairs)
    relative = max(float(((ours - other).abs() / other).max()) for ours, other in pairs)
    equal, kept = 0, 0
    for ratio in RATIOS:
        for number, plan in enumerate(KVzip(ratio, prompt=PROMPT).plans(read)):
            wanted = theirs[f"kvzip@{ratio}.{number}"].bool()
            equal, kept = equal + int((plan.chosen & wanted).sum()), kept + int(wanted.sum())
    row = {"equal_kept": equal, "kept": kept, "within": apart <= ASKED and equal == kept, "compared": HOW["kvzip"]}
    return {"largest_difference": apart, "largest_relative_difference": relative, **row}


def golden(theirs: dict) -> dict:
    """The scores of kvpress at some places, by press and layer."""
    places = [0, 3, 4, 5, 17, 64, 100, 131, 132, 200, 235, 236, 250, 298]
    return {
        key: {"places": places, "scores": [[float(f"{value:.7g}") for value in head[places]] for head in scores[0]]}
        for key, scores in sorted(theirs.items())
        if key.endswith((".0", ".3")) and "@" not in key and not key.startswith(("streaming_llm", "kvzip"))
    }


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--python", required=True, help="the interpreter that has kvpress")
    options.add_argument("--golden", type=Path, default=None)
    words = options.parse_args()
    torch.set_num_threads(1)
    figures, pinned, about = {}, {}, {}
    for name in KINDS:
        model = decoder(name)
        views, held = tensors_of(model)
        theirs, about = theirs_of(words.python, name, model, {**held, **repeated(model)})
        figures[name] = {**compare(views, held, theirs, about), "kvzip": compare_kvzip(model, theirs)}
        pinned[name] = golden(theirs)
        for press, row in figures[name].items():
            sys.stderr.write(f"{name} {press} {row['largest_difference']:.2e} {row['equal_kept']}/{row['kept']}\n")
    peer = {key: about[key] for key in ("kvpress", "transformers", "torch")}
    if words.golden is not None:
        document = {
            "command": "python benchmarks/peers/kv_parity.py --python PYTHON --golden FILE",
            "peer": peer,
            **pinned,
        }
        words.golden.write_text(json.dumps(document) + "\n", encoding="utf-8")
    notes = {"asked": ASKED, "tokens": TOKENS, "ratios": RATIOS, "peer": peer}
    record("kv_parity", {**notes, "presses": figures}, seed=5, data={})


if __name__ == "__main__":
    main()
