"""A small chat model on Spider: the plain full-schema prompt and one answer, against the pipeline.

    python benchmarks/chat_plain_vs_pipeline.py MODEL.gguf      # benchmarks/results/chat_plain_vs_pipeline.json

60 items of Spider dev that have a database (seed 0, stratified by database). `seconds_model` is the time that the
answers took when they were generated; they are kept in a cache (--cache FILE), so that a second run costs nothing.
Prompts were chosen on training items only (benchmarks/chat_prompts.py).
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from _record import SHARED, record

from ctxprune.integrations.chat_models import LlamaCppModel
from ctxprune.sql.evaluation.datasets import load, sample_items
from ctxprune.sql.evaluation.run import run
from ctxprune.sql.generate.cache import CachedModel, GenerationCache
from ctxprune.sql.generate.chat import ChatGenerator
from ctxprune.sql.generate.prompts.plain import PlainPrompt
from ctxprune.sql.generate.sketch import SketchGenerator
from ctxprune.sql.pipeline import Pipeline, PipelineConfig

SEED = 0


@dataclass
class Meter:
    """Counts what a model's answers cost when they were made, cached or not."""

    model: CachedModel
    calls: int = 0
    fresh: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    ms: float = 0.0

    @property
    def fingerprint(self):
        return self.model.fingerprint

    def complete(self, messages, sampling):
        answers = self.model.complete(messages, sampling)
        self.calls += 1
        self.fresh += not all(answer.cached for answer in answers)
        self.tokens_in += sum(answer.tokens_in for answer in answers)
        self.tokens_out += sum(answer.tokens_out for answer in answers)
        self.ms += sum(answer.ms for answer in answers)
        return answers


PLAIN = PipelineConfig(paths=("full",), candidates=1, repair_rounds=0, seed=SEED)
REPAIRED = PipelineConfig(paths=("full",), candidates=1, seed=SEED)
FULL = PipelineConfig(seed=SEED)


def rows(model):
    """Name, generators and configuration of every row."""
    return (
        ("plain", [ChatGenerator(model, prompt=PlainPrompt())], PLAIN),
        ("plain + repair", [ChatGenerator(model, prompt=PlainPrompt())], REPAIRED),
        ("pipeline, chat", [ChatGenerator(model)], FULL),
        ("pipeline, chat + sketch", [ChatGenerator(model), SketchGenerator()], FULL),
        ("pipeline, sketch alone", [SketchGenerator()], FULL),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache/ctxprune/generations.sqlite")
    parser.add_argument("--limit", type=int, default=60)
    parser.add_argument("--split", default="dev", choices=("dev", "train"))
    parser.add_argument("--threads", type=int, default=1)
    words = parser.parse_args()
    bench = load(SHARED / "data" / "nl2sql" / "spider", split=words.split)
    items = sample_items(bench.present, words.limit, seed=SEED)
    cached = CachedModel(LlamaCppModel(words.model, threads=words.threads), GenerationCache(words.cache))
    figures = {}
    verdicts = {}
    for name, _, _ in rows(cached):
        meter = Meter(cached)
        _, generators, config = next(row for row in rows(meter) if row[0] == name)
        report = run(bench, maker(generators, config), items=items)
        figures[name] = row_of(report, meter, len(report.verdicts))
        verdicts[name] = [verdict.correct for verdict in report.verdicts]
        sys.stderr.write(f"{name:26} {figures[name]}\n")
    for name, row in figures.items():
        row["against_plain"] = {
            "won": sum(new and not old for new, old in zip(verdicts[name], verdicts["plain"], strict=True)),
            "lost": sum(old and not new for new, old in zip(verdicts[name], verdicts["plain"], strict=True)),
        }
    document = {"model": words.model.name, "split": words.split, "threads": words.threads, "rows": figures}
    if words.split == "dev":
        record("chat_plain_vs_pipeline", document, seed=SEED, data={"spider": bench.fingerprint})


def maker(generators, config):
    def make(database, schema):
        return Pipeline(database, generators=generators, config=replace(config, schema=schema))

    return make


def row_of(report, meter, n):
    figures = report.to_dict()
    kept = {key: figures[key] for key in ("ex", "executable", "items", "skipped", "failed_references")}
    return kept | {
        "calls": round(meter.calls / n, 2),
        "tokens_in": round(meter.tokens_in / n, 1),
        "tokens_out": round(meter.tokens_out / n, 1),
        "seconds_model": round(meter.ms / n / 1e3, 2),
        "seconds_wall": round(figures["seconds"] / n, 2),
        "calls_not_cached": meter.fresh,
    }


if __name__ == "__main__":
    main()
