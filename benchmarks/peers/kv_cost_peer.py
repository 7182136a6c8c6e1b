"""The times of kvpress for kv_cost.py; runs under an interpreter that has it, without ctxprune.

PYTHON benchmarks/peers/kv_cost_peer.py FOLDER IDS RATIO      # one JSON document on stdout
"""

import json
import sys
from importlib.metadata import version
from statistics import median
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


def main() -> None:
    folder, given, ratio = sys.argv[1], sys.argv[2], float(sys.argv[3])
    torch.set_num_threads(1)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16).eval()
    with open(given) as file:
        ids = torch.tensor(json.load(file))
    found, reading = {}, []
    for name, kind in PRESSES.items():
        press, spent = kind(compression_ratio=ratio), []
        inner = press.forward_hook

        def hook(*args, _inner=inner, _spent=spent):
            start = process_time()
            out = _inner(*args)
            _spent.append(process_time() - start)
            return out

        press.forward_hook = hook
        start = process_time()
        with torch.no_grad(), press(model):
            model.model(ids, past_key_values=DynamicCache())
        reading.append(process_time() - start - sum(spent))
        found[name] = round(sum(spent) * 1e3, 1)
    about = {"kvpress": version("kvpress"), "transformers": transformers.__version__, "torch": torch.__version__}
    about |= {"prefill_ms": round(median(reading) * 1e3, 1), "press_ms": found}
    print(json.dumps(about))


if __name__ == "__main__":
    main()
