"""What pressing a cache costs beside reading the context, at 4,096 tokens, and what a token costs behind it.

    python benchmarks/speed/kv_cost.py MODEL [--python PYTHON]     # benchmarks/results/kv_cost.json

MODEL is a folder or a .gguf file. Reading and every press take turns, three times, in one process on one thread; times
are processor time, the median of the three. PYTHON has kvpress 0.5.5 with a transformers that it runs on: its presses
are timed on the same weights and ids in the same run, each call of its hooks that compress a layer summed. Caches take
turns with a token behind them too: `of_whole` is the median over turns of a token's time as a share of that behind the
whole cache in the same turn, and the row of no cache is what the weights alone cost.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from functools import partial
from pathlib import Path
from statistics import median
from time import process_time

import torch

from benchmarks.common.parts import say
from benchmarks.common.record import record
from ctxprune.kv import Kivi, KVzip, QFilters, load_decoder, prefill
from ctxprune.kv.cache.quantise import ratio_for_bytes
from ctxprune.kv.model.attention import attentions_of, decoder_of
from ctxprune.kv.presses.registry import build_press

TOKENS, ROUNDS, RATIO, STEPS = 4096, 3, 0.75, 24
FIRST = 4  # turns that warm up
LOCAL = "kvzip, chunk by chunk"
PRESSES = (
    "random",
    "streaming_llm",
    "fixed_pattern",
    "knorm",
    "keydiff",
    "qfilter",
    "tova",
    "lagkv",
    "simlayerkv",
    "snapkv",
    "pyramidkv",
    "expected_attention",
    "observed_attention",
    "kvzip",
    LOCAL,
    "adakv(snapkv)",
    "chunkkv(snapkv)",
    "criticalkv(snapkv)",
    "adaptive(snapkv)",
    "think(snapkv)",
    "merge(snapkv)",
)
HELD = (  # share of tokens dropped, storage; the share of bytes saved where tokens follow from it
    (0.0, None, "plain"),
    (0.5, None, "plain"),
    (0.75, None, "plain"),
    (0.875, None, "plain"),
    (0.75, Kivi(bits=4), "kivi4"),
    (0.875, Kivi(bits=2), "kivi2"),
)
IN_BYTES = (0.75, Kivi(bits=4), "kivi4")
NEAR_EMPTY = 4  # tokens in the cache of the row that shows the weights' own time
SLOW = ("observed_attention", "kvzip", LOCAL, "merge(snapkv)")  # once, not three times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--python", help="an interpreter that has kvpress")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    model, _ = load_decoder(asked.model)
    ids = torch.randint(1000, 100_000, (1, TOKENS), generator=torch.Generator().manual_seed(0))
    filters = random_filters(model)
    rows: dict[str, list[float]] = {name: [] for name in PRESSES}
    read, reading = prefill(model, ids), []
    for turn in range(ROUNDS):
        reading.append(timed(lambda: decoder_of(model)(input_ids=ids, use_cache=True)))
        for name in PRESSES:
            if turn and name in SLOW:
                continue
            press = KVzip(RATIO, chunk=256, local=True) if name == LOCAL else build_press(name, RATIO, filters)
            rows[name].append(timed(lambda press=press, read=read: read.press(press)))
            say(f"{name}: {rows[name][-1]:.0f} ms beside {reading[-1]:.0f}")
    base = median(reading)
    figures = {
        "model": asked.model.name,
        "tokens": TOKENS,
        "ratio": RATIO,
        "prefill_ms": round(base, 1),
        "rows": [
            {"press": name, "press_ms": round(median(ms), 1), "share": round(median(ms) / base, 4)}
            for name, ms in rows.items()
        ],
        "decoding": decoding(model, ids),
    }
    if asked.python:
        figures["kvpress"] = peer(asked.python, model, ids)
    record("kv_cost", figures, seed=0, data={})


@torch.no_grad()
def timed(work) -> float:
    start = process_time()
    work()
    return (process_time() - start) * 1e3


def random_filters(model) -> QFilters:
    attentions = attentions_of(model)
    width = attentions[0].module.head_dim
    heads = model.config.num_key_value_heads
    return QFilters(torch.randn(len(attentions), heads, width, generator=torch.Generator().manual_seed(1)))


@torch.no_grad()
def decoding(model, ids) -> list[dict]:
    """Milliseconds of one new token behind caches of different sizes and storages, which take turns."""
    read, token = prefill(model, ids), ids[:, :1]
    view = read.views[0]
    share, storage, called = IN_BYTES
    dropped = ratio_for_bytes(1 - share, storage, view.tokens, view.head_dim, view.keys.element_size())
    held = [*HELD, (dropped, storage, called)]
    caches = [read.press(build_press("snapkv", ratio), storage=storage) for ratio, storage, _ in held]
    caches.append(prefill(model, ids[:, :NEAR_EMPTY]).press(build_press("snapkv", 0.0)))
    sizes = [cache.nbytes for cache in caches]
    # Turn by turn, so that what else the machine does falls on all of them alike.
    turns = [[timed(partial(model, token, cache=cache)) for cache in caches] for _ in range(STEPS)][FIRST:]
    rows = []
    labels = [(1 - ratio, called) for ratio, _, called in held]
    for (kept, called), nbytes, times in zip([*labels, (0.0, "none")], sizes, zip(*turns, strict=True), strict=True):
        row = {"kept": round(kept, 4), "storage": called, "bytes": nbytes, "bytes_ratio": round(nbytes / sizes[0], 4)}
        shares = [own / turn[0] for own, turn in zip(times, turns, strict=True)]
        rows.append({**row, "token_ms": round(median(times), 1), "of_whole": round(median(shares), 3)})
    return rows


def peer(python: str, model, ids) -> dict:
    """The same presses of kvpress, by its own interpreter."""
    with tempfile.TemporaryDirectory() as folder:
        model.hf_quantizer = None  # of a .gguf file, whose weights were unpacked when it was read
        if hasattr(model.config, "quantization_config"):
            del model.config.quantization_config
        model.save_pretrained(folder)
        given = Path(folder, "ids.json")
        given.write_text(json.dumps(ids.tolist()))
        runner = Path(__file__).resolve().parents[1] / "peers" / "kv_cost_peer.py"
        done = subprocess.run([python, runner, folder, given, str(RATIO)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    main()
