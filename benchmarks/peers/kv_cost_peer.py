"""The times of kvpress for kv_cost.py; runs under an interpreter that has it, without ctxprune.

PYTHON benchmarks/peers/kv_cost_peer.py FOLDER IDS RATIO      # one JSON document on stdout

All presses run on the layers of one reading, each on the whole cache.
"""

import json
import sys
from contextlib import ExitStack
from importlib.metadata import version
from time import process_time

import torch
import transformers
from kvpress import (
    ExpectedAttentionPress,
    KeyDiffPress,
    KnormPress,
    LagKVPress,
    SnapKVPress,
    StreamingLLMPress,
    TOVAPress,
)
from transformers import AutoModelForCausalLM, DynamicCache

PRESSES = {
    "streaming_llm": StreamingLLMPress,
    "knorm": KnormPress,
    "keydiff": KeyDiffPress,
    "tova": TOVAPress,
    "lagkv": LagKVPress,
    "snapkv": SnapKVPress,
    "expected_attention": ExpectedAttentionPress,
}


def timed_hook(inner, spent: list[float]):
    """The hook of a press that notes its time, and leaves the layer as it was for the next press."""

    def hook(module, args, kwargs, output):
        layer = kwargs["past_key_values"].layers[module.layer_idx]
        keys, values = layer.keys, layer.values
        start = process_time()
        inner(module, args, kwargs, output)
        spent.append(process_time() - start)
        layer.keys, layer.values = keys, values
        return output

    return hook


def main() -> None:
    folder, given, ratio = sys.argv[1], sys.argv[2], float(sys.argv[3])
    torch.set_num_threads(1)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16).eval()
    with open(given) as file:
        ids = torch.tensor(json.load(file))
    spent: dict[str, list[float]] = {name: [] for name in PRESSES}
    with torch.no_grad(), ExitStack() as stack:
        for name, kind in PRESSES.items():
            press = kind(compression_ratio=ratio)
            press.forward_hook = timed_hook(press.forward_hook, spent[name])
            stack.enter_context(press(model))
        start = process_time()
        model.model(ids, past_key_values=DynamicCache())
        reading = process_time() - start - sum(map(sum, spent.values()))
    found = {name: round(sum(times) * 1e3, 1) for name, times in spent.items()}
    about = {"kvpress": version("kvpress"), "transformers": transformers.__version__, "torch": torch.__version__}
    about |= {"prefill_ms": round(reading * 1e3, 1), "press_ms": found}
    print(json.dumps(about))


if __name__ == "__main__":
    main()
