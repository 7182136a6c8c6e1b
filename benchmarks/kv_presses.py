"""Presses of the KV cache on a real model: needles and key-value pairs at 4k tokens, perplexity, bytes, three seeds.

    python benchmarks/kv_presses.py MODEL [--samples 5] [--fresh]

MODEL is a folder or a .gguf file, say what ../shared/models/get-small-coder prints. Text is wikitext2 valid: its first
tenth teaches the Q-Filters, the rest is what needles hide in and what perplexity is measured on. It goes on from what
an earlier run finished.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import sys
import tempfile
from functools import partial
from pathlib import Path
from statistics import mean, stdev

import torch
from _parts import say, ticker
from _record import RESULTS, SHARED, record

from ctxprune.kv import Kivi, learn_filters, load_decoder
from ctxprune.kv.evaluation.cells import MODES, Cell
from ctxprune.kv.evaluation.run import Comparison, compare, named_press
from ctxprune.kv.presses.streaming_llm import StreamingLLM

SEEDS = (0, 1, 2)
RATIOS = (0.5, 0.75, 0.875)
PLAIN = (
    "random",
    "streaming_llm",
    "fixed_pattern",
    "knorm",
    "keydiff",
    "lagkv",
    "qfilter",
    "simlayerkv",
    "tova",
    "snapkv",
    "pyramidkv",
    "observed_attention",
    "expected_attention",
    "kvzip",
    "adakv(snapkv)",
    "chunkkv(snapkv)",
    "criticalkv(snapkv)",
    "adaptive(snapkv)",
    "merge(snapkv)",
    "adakv(expected_attention)",
)
QUANTISED = ("random", "streaming_llm", "keydiff", "tova", "snapkv", "expected_attention", "kvzip", "adakv(snapkv)")
STORED = ((0.75, "kivi4", Kivi(bits=4)), (0.875, "kivi4", Kivi(bits=4)), (0.875, "kivi2", Kivi(bits=2)))
WINDOWS = 20


def cells(filters) -> list[Cell]:
    made = [Cell("full", StreamingLLM, 0.0, "blind")]
    for mode in MODES:
        for name in PLAIN:
            make = partial(named_press, name, filters=filters)
            made += [Cell(name, make, ratio, mode) for ratio in RATIOS]
            if name in QUANTISED:
                made += [Cell(name, make, ratio, mode, storage, called) for ratio, called, storage in STORED]
    return made


def together(runs: list[list[dict]]) -> list[dict]:
    """One row for each cell: means over the seeds, and what each seed gave."""
    rows = []
    for same in zip(*runs, strict=True):
        first = same[0]
        row = {name: first[name] for name in ("press", "ratio", "mode", "storage")}
        for name in ("accuracy", "needle", "key_value", "bytes_ratio", "press_ms", "prefill_ms"):
            row[name] = round(mean(each[name] for each in same), 4 if name == "bytes_ratio" else 1)
        row["seeds"] = [each["accuracy"] for each in same]
        row["deviation"] = round(stdev(row["seeds"]), 1) if len(same) > 1 else None
        row["perplexity"] = first["perplexity"]
        row["samples"] = sum(each["samples"] for each in same)
        rows.append(row)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--samples", type=int, default=5, help="of each task and seed")
    parser.add_argument("--seeds", type=int, default=len(SEEDS))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--fresh", action="store_true", help="throw away what an earlier run finished")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    source = SHARED / "data" / "rag" / "wikitext2" / "valid.txt.gz"
    whole = gzip.decompress(source.read_bytes()).decode()
    cut = whole.index("\n", len(whole) // 10)
    model, tokenizer = load_decoder(asked.model)
    ids = torch.tensor(tokenizer(whole[:cut], add_special_tokens=False)["input_ids"][: 4 * 2048]).view(4, 1, 2048)
    say("learning Q-Filters from the first tenth of the text")
    filters = learn_filters(model, ids)
    log = RESULTS / "kv_presses.part.jsonl"
    if asked.fresh:
        log.unlink(missing_ok=True)
    runs = []
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder, "text.txt")
        text.write_text(whole[cut:], encoding="utf-8")
        for seed in SEEDS[: asked.seeds]:
            wanted = Comparison(samples=asked.samples, seed=seed, windows=0 if seed else WINDOWS, ratios=RATIOS)
            made = cells(filters)
            runs.append(compare(model, tokenizer, text, wanted, cells=made, log=log, progress=ticker(f"seed {seed}")))
            say(f"seed {seed} done")
    figures = {
        "model": asked.model.name,
        "tokens": 4096,
        "seeds": list(SEEDS[: asked.seeds]),
        "samples": asked.samples,
        "threads": asked.threads,
        "windows": WINDOWS,
        "rows": together(runs),
    }
    record(
        "kv_presses",
        figures,
        seed=SEEDS[0],
        data={"wikitext2 valid": hashlib.sha256(source.read_bytes()).hexdigest()[:16]},
    )
    sys.stderr.flush()


if __name__ == "__main__":
    main()
