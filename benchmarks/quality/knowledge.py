"""What a store of answered questions does to answers on the same databases, and that it does no harm.

    python benchmarks/quality/knowledge.py                    # benchmarks/results/knowledge.json, the sketch generator
    python benchmarks/quality/knowledge.py MODEL.gguf         # knowledge_chat.json, a model that reads the pairs as
    examples

Items of Spider train, none of whose databases is in dev (seed 4, stratified by database). "others known": the store of
each database holds all its training questions but those that are asked (and those with the same words); "all known":
the asked ones too. `ex` is in percent.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.common.record import SHARED, record
from ctxprune.llm.cache import CachedModel, GenerationCache
from ctxprune.llm.chat_models import LlamaCppModel
from ctxprune.sql import ChatGenerator, Pipeline, PipelineConfig
from ctxprune.sql.evaluation.datasets import load, sample_items
from ctxprune.sql.evaluation.run import run
from ctxprune.sql.generate.sketch import SketchGenerator
from ctxprune.sql.knowledge import Knowledge, Pair
from ctxprune.sql.knowledge.entries import entry_key
from ctxprune.sql.question import same_question

SEED, ITEMS, CHAT_ITEMS = 4, 100, 40
ONE = {"paths": ("linked+values",), "candidates": 1}  # of a model: one prompt, one answer


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("model", type=Path, nargs="?")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache/ctxprune/generations.sqlite")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--items", type=int, default=0, help="fewer items; records nothing")
    words = parser.parse_args()
    bench = load(SHARED / "data" / "nl2sql" / "spider", split="train")
    if words.model is None:
        name, n, writers, options = "knowledge", ITEMS, (SketchGenerator(),), {}
    else:
        model = CachedModel(LlamaCppModel(words.model, threads=words.threads), GenerationCache(words.cache))
        name, n, writers, options = "knowledge_chat", CHAT_ITEMS, (ChatGenerator(model, temperature=0),), ONE
    rows = measure(bench, words.items or n, writers, options)
    if not words.items:
        document = {"model": words.model.name if words.model else "sketch", "rows": rows}
        record(name, document, seed=SEED, data={"spider train": bench.fingerprint})


def measure(bench, n, writers, options):
    """Figures of one set of generators with and without knowledge."""
    items = sample_items(bench.present, n, seed=SEED)
    asked = {(item.db_id, same_question(item.question)) for item in items}
    stores = {}
    for name in ("nothing known", "others known", "all known"):
        pairs = {}
        for item in bench.items if name != "nothing known" else ():
            if name == "all known" or (item.db_id, same_question(item.question)) not in asked:
                pair = Pair(item.question, item.gold)
                pairs.setdefault(item.db_id, {})[entry_key(pair)] = pair
        stores[name] = pairs
    figures = {}
    for name, pairs in stores.items():

        def make(database, schema, pairs=pairs, name=name):
            known = None if name == "nothing known" else Knowledge(tuple(pairs.get(schema.name, {}).values()))
            config = PipelineConfig(schema=schema, seed=SEED, **options)
            return Pipeline(database, generators=writers, config=config, knowledge=known)

        report = run(bench, make, items=items)
        document = report.to_dict()
        figures[name] = {key: document[key] for key in ("ex", "executable", "items", "ms_per_question", "tokens_in")}
        before = figures.setdefault("_", {v.index: v.correct for v in report.verdicts})
        now = {v.index: v.correct for v in report.verdicts}
        figures[name]["won"] = sum(now[index] and not before[index] for index in now)
        figures[name]["lost"] = sum(before[index] and not now[index] for index in now)
        sys.stderr.write(f"{name:20} {figures[name]}\n")
    figures.pop("_")
    return figures


if __name__ == "__main__":
    main()
