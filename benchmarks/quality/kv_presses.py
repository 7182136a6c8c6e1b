"""Presses of the KV cache on a real model: needles and key-value pairs at 4k tokens, perplexity, bytes, three seeds.

    python benchmarks/quality/kv_presses.py MODEL [--samples 6] [--costly 3] [--fresh]
    python benchmarks/quality/kv_presses.py MODEL --part 0/2 & python benchmarks/quality/kv_presses.py MODEL --part 1/2;
    wait

MODEL is a folder or a .gguf file, say what ../shared/models/get-small-coder prints. Text is wikitext2 valid: its first
tenth teaches the Q-Filters, the rest is what needles hide in and what perplexity is measured on. It goes on from what
an earlier run finished; `--part` does a share of the work and records nothing. Presses that cost more than a tenth of
reading get fewer samples.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import tempfile
from functools import partial
from pathlib import Path
from statistics import mean, stdev

import torch

from benchmarks.common.parts import say, ticker
from benchmarks.common.record import RESULTS, SHARED, record
from ctxprune.kv import Kivi, QFilters, learn_filters, load_decoder
from ctxprune.kv.evaluation.cells import MODES, Cell
from ctxprune.kv.evaluation.run import Comparison, compare
from ctxprune.kv.presses.registry import build_press
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
DEAF = (  # choose the same with a question as without
    "random",
    "streaming_llm",
    "fixed_pattern",
    "knorm",
    "keydiff",
    "lagkv",
    "qfilter",
    "expected_attention",
    "adakv(expected_attention)",
)
COSTLY = ("observed_attention", "kvzip", "criticalkv(snapkv)", "merge(snapkv)")


def cells(filters, *, costly: bool) -> list[Cell]:
    made = [Cell("full", StreamingLLM, 0.0, "blind")]
    for mode in MODES:
        for name in PLAIN:
            if (name in COSTLY) is not costly or (mode == "aware" and name in DEAF):
                continue
            make = partial(build_press, name, filters=filters)
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
    parser.add_argument(
        "--samples", type=int, default=6, help="of each task and the first seed; two thirds of the others"
    )
    parser.add_argument("--costly", type=int, default=3, help="the same of presses that cost much")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--part", default="", help="K/N: the K-th of N shares of the work, nothing recorded")
    parser.add_argument("--fresh", action="store_true", help="throw away what an earlier run finished")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    source = SHARED / "data" / "rag" / "wikitext2" / "valid.txt.gz"
    whole = gzip.decompress(source.read_bytes()).decode()
    cut = whole.index("\n", len(whole) // 10)
    model, tokenizer = load_decoder(asked.model)
    log = RESULTS / "kv_presses.part.jsonl"
    if asked.fresh:
        log.unlink(missing_ok=True)
    filters = taught(model, tokenizer, whole[:cut])
    work = [(costly, seed) for seed in SEEDS for costly in (False, True)]
    if asked.part:
        share, shares = map(int, asked.part.split("/"))
        work = work[share::shares]
    runs: dict[bool, list] = {False: [], True: []}
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder, "text.txt")
        text.write_text(whole[cut:], encoding="utf-8")
        for costly, seed in work:
            samples = asked.costly if costly else asked.samples
            samples = samples if not seed else samples * 2 // 3
            wanted = Comparison(samples=samples, seed=seed, windows=0 if seed else WINDOWS, ratios=RATIOS)
            title = f"seed {seed}{', costly' if costly else ''}"
            made = cells(filters, costly=costly)
            rows = compare(model, tokenizer, text, wanted, cells=made, log=log, progress=ticker(title))
            known = {cell.key for cell in made}
            runs[costly].append([row for row in rows if row_key(row) in known])
            say(f"{title} done")
    if asked.part:
        return
    figures = {
        "model": asked.model.name,
        "tokens": 4096,
        "seeds": list(SEEDS),
        "threads": asked.threads,
        "windows": WINDOWS,
        "costly": COSTLY,
        "whole_of_costly": together(runs[True])[0],  # they had fewer samples
        "rows": [*together(runs[False]), *together(runs[True])[1:]],
    }
    record(
        "kv_presses",
        figures,
        seed=SEEDS[0],
        data={"wikitext2 valid": hashlib.sha256(source.read_bytes()).hexdigest()[:16]},
    )


def row_key(row: dict) -> tuple:
    return row["press"], row["ratio"], row["mode"], row["storage"]


def taught(model, tokenizer, text: str) -> QFilters:
    """Q-Filters from 8,192 tokens of a text, kept beside the log."""
    path = RESULTS / "kv_filters.part.safetensors"
    if path.exists():
        return QFilters.load(path, model)
    say("learning Q-Filters from the first tenth of the text")
    ids = torch.tensor(tokenizer(text, add_special_tokens=False)["input_ids"][: 4 * 2048]).view(4, 1, 2048)
    filters = learn_filters(model, ids)
    filters.save(path)
    return filters


if __name__ == "__main__":
    main()
