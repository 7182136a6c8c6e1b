"""Steps of the model that drafts from retrieved text save on answers that copy, beside transformers' prompt lookup.

    python benchmarks/kv_drafts.py MODEL.gguf [--prompts N]

Writes benchmarks/results/kv_drafts.json. MODEL.gguf is the 0.5B that ../shared/models/get-small-coder prints; the
environment needs gguf and accelerate. A third each: repeat the sentence of a passage that answers a question (xquad_en,
three passages), quote the last two sentences of a passage (xquad_en), copy a row of a table (wikitablequestions). One
thread, bfloat16, greedy, 40 tokens at most; the prompt is read once, and each way goes on from a copy of its cache.

A step is a call of the model, without the one that reads the prompt, which all have. "lookup" is
`prompt_lookup_num_tokens=10` with its defaults; "pruned", on half of the first kind, has half of the prompt's cache
dropped (SnapKV) before the last token, beside greedy decoding from that cache. "index" times the lookup alone over a
passage of 200,000 tokens. Finished prompts are kept in results/kv_drafts.part.jsonl; `--fresh` measures all anew.
"""

from __future__ import annotations

import argparse
import gzip
import json
import time
from itertools import pairwise
from pathlib import Path
from statistics import fmean

import numpy as np
import torch
from _kv_coder import GREEDY, HEAD, TAIL, Coder, xquad
from _parts import Parts, fingerprint, say
from _record import SHARED, record

from ctxprune.kv import DraftIndex, Drafts, SnapKV, prefill

TABLES = SHARED / "data" / "rag" / "wikitablequestions" / "dev_tables.jsonl.gz"
SYSTEM = "You copy text exactly as it stands, and say nothing else."
TOKENS = 40


def tasks(count: int) -> list[dict]:
    """Prompts of the three kinds in turn: passages, and what to do with them."""
    passages, questions = xquad()
    texts = [" ".join(each["sentences"]) for each in passages]
    with gzip.open(TABLES, "rt", encoding="utf-8") as file:
        tables = [json.loads(line) for line in file]
    tables = [table for table in tables if 4 <= len(table["header"]) <= 7 and 8 <= len(table["rows"]) <= 25]
    found = []
    for number in range(count):
        kind, place = number % 3, number // 3
        if kind == 0:
            question = questions[place * 61 + 7]
            own = question["passage_id"]
            ask = f"Repeat the sentence of the passages that answers this question: {question['question']}"
            found.append({"kind": "sentence", "texts": [texts[own - 1], texts[own], texts[own - 2]], "ask": ask})
        elif kind == 1:
            found.append(
                {
                    "kind": "quote",
                    "texts": [texts[place * 17 + 3]],
                    "ask": "Quote the last two sentences of the passage word for word.",
                }
            )
        else:
            table = tables[place * 5]
            row = table["rows"][len(table["rows"]) // 2]
            lines = [" | ".join(cells) for cells in (table["header"], *table["rows"])]
            ask = f'Copy the row of the table that begins with "{row[0]} | {row[1]}".'
            found.append({"kind": "row", "texts": ["\n".join(lines)], "ask": ask})
    return [{**task, "pruned": number % 6 == 0} for number, task in enumerate(found)]


class Bench:
    def __init__(self, coder: Coder) -> None:
        self.coder, self.model = coder, coder.model

    def prompt(self, task: dict) -> dict:
        coder, model = self.coder, self.model
        text = (
            HEAD.format(SYSTEM) + "".join(f"Passage: {each}\n\n" for each in task["texts"]) + TAIL.format(task["ask"])
        )
        ids = coder.ids(text)
        index = DraftIndex([coder.ids(each)[0].tolist() for each in task["texts"]])
        read = prefill(model, ids[:, :-1])
        whole, pruned = read.cache, read.press(SnapKV(0.5))
        ways = {
            "greedy": (whole, {}),
            "drafts": (whole, {"custom_generate": Drafts(index)}),
            "lookup": (whole, {"prompt_lookup_num_tokens": 10}),
        }
        row: dict = {"kind": task["kind"], "prompt_tokens": ids.shape[1]}
        said = {}
        for name, (cache, options) in ways.items():
            said[name], row[name] = self.measured(ids, cache, options)
        if task["pruned"]:
            for name, options in (("pruned greedy", {}), ("pruned", {"custom_generate": Drafts(index)})):
                said[name], row[name] = self.measured(ids, pruned, options)
            row["pruned"]["same"] = said["pruned"] == said["pruned greedy"]
        for name in ("drafts", "lookup"):
            row[name]["same"] = said[name] == said["greedy"]
            row[name]["differs_at"] = next(
                (at for at, (one, two) in enumerate(zip(said[name], said["greedy"], strict=False)) if one != two), None
            )
        row["copied"] = round(copied(said["greedy"], [coder.ids(each)[0].tolist() for each in task["texts"]]), 3)
        row["said"] = coder.text(said["greedy"])
        return row

    def measured(self, ids: torch.Tensor, cache, options: dict) -> tuple[list[int], dict]:
        calls: list[int] = []
        handle = self.model.model.register_forward_hook(lambda *_: calls.append(1))
        start = time.perf_counter()
        try:
            made = self.model.generate(
                ids, cache=cache.copy(), max_new_tokens=TOKENS, do_sample=False, **GREEDY, **options
            )
        finally:
            handle.remove()
        seconds = time.perf_counter() - start
        said = made[0, ids.shape[1] :].tolist()
        return said, {"tokens": len(said), "steps": len(calls), "seconds": round(seconds, 2)}


def copied(said: list[int], texts: list[list[int]]) -> float:
    """Share of the answer's neighbouring pairs of tokens that stand in a passage too."""
    known = {pair for text in texts for pair in pairwise(text)}
    pairs = list(pairwise(said))
    return fmean(pair in known for pair in pairs) if pairs else 0.0


def index_speed() -> dict:
    """Milliseconds to index 200,000 tokens with a natural spread, and microseconds a lookup."""
    rng = np.random.default_rng(0)
    text = (rng.zipf(1.3, 200_000) % 30_000).tolist()
    start = time.perf_counter()
    index = DraftIndex([text])
    built = time.perf_counter() - start
    ends = rng.integers(100, len(text), 1000)
    start = time.perf_counter()
    for end in ends:
        index.find(text[end - 64 : end])
    return {
        "tokens": len(text),
        "build_ms": round(1000 * built),
        "lookup_us": round(1e6 * (time.perf_counter() - start) / len(ends)),
    }


def summary(rows: list[dict]) -> dict:
    def saved(name: str, chosen: list[dict]) -> float:
        steps, tokens = (sum(row[name][part] for row in chosen) for part in ("steps", "tokens"))
        return round(100 * (1 - steps / tokens), 1)

    figures: dict = {"prompts": len(rows)}
    for name in ("drafts", "lookup"):
        figures[name] = {
            "steps_saved_percent": saved(name, rows),
            "steps_saved_percent_by_kind": {
                kind: saved(name, [row for row in rows if row["kind"] == kind]) for kind in ("sentence", "quote", "row")
            },
            "seconds_of_greedy_percent": round(
                100 * sum(row[name]["seconds"] for row in rows) / sum(row["greedy"]["seconds"] for row in rows), 1
            ),
            "same_text_percent": round(100 * fmean(row[name]["same"] for row in rows), 1),
        }
    pruned = [row for row in rows if "pruned" in row]
    figures["pruned"] = {
        "prompts": len(pruned),
        "steps_saved_percent": saved("pruned", pruned),
        "same_text_percent": round(100 * fmean(row["pruned"]["same"] for row in pruned), 1),
    }
    figures["copied_percent"] = round(100 * fmean(row["copied"] for row in rows), 1)
    return figures


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--prompts", type=int, default=21)
    parser.add_argument("--fresh", action="store_true")
    options = parser.parse_args()
    coder = Coder(options.model)
    bench, parts = Bench(coder), Parts("kv_drafts", keep=not options.fresh)
    chosen, rows = tasks(options.prompts), []
    for number, task in enumerate(chosen, start=1):
        rows.append(parts.row(f"prompt {number}", (task, coder.fingerprint), lambda: bench.prompt(task)))  # noqa: B023
        say(f"prompt {number} of {len(chosen)}")
    figures = {**summary(rows), "index": index_speed(), "rows": rows}
    data = {"prompts": fingerprint(chosen), "model": coder.fingerprint}
    record("kv_drafts", figures, seed=None, data=data)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
