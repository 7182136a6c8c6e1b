"""What each part of the pipeline is worth with a small chat model on Spider: one part off at a time.

    python benchmarks/studies/ablation.py MODEL.gguf --threads 1      # benchmarks/results/ablation.json

150 items of Spider dev that have a database (seed 0, stratified by database). "plain" is the whole schema in one prompt
and one answer; "pipeline" is what `ctxprune sql ask --generator chat:MODEL.gguf` does; the rows after it leave out one
part. Answers are kept in a cache (--cache FILE) by model, prompt, parameters and seed, so rows share them, and a run
that was stopped goes on where it was. `seconds_model` is the time that the answers took when they were made, and
`seconds_wall` that of the whole question with it. Intervals are of the paired bootstrap.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmarks.common.meter import Meter
from benchmarks.common.record import SHARED, record
from ctxprune.llm.cache import CachedModel, GenerationCache
from ctxprune.llm.chat_models import LlamaCppModel
from ctxprune.sql.evaluation.compare import compare
from ctxprune.sql.evaluation.datasets import load, sample_items
from ctxprune.sql.evaluation.outcome import Result
from ctxprune.sql.evaluation.run import run
from ctxprune.sql.generate.chat import ChatGenerator
from ctxprune.sql.generate.prompts.plain import PlainPrompt
from ctxprune.sql.generate.sketch import SketchGenerator
from ctxprune.sql.linking.bypass import BypassLinker
from ctxprune.sql.pipeline.pipeline import Pipeline, PipelineConfig
from ctxprune.sql.select.base import Selection
from ctxprune.sql.select.ranked import RankedSelector

SEED, ITEMS = 0, 150
FULL = PipelineConfig(seed=SEED)
PLAIN = replace(FULL, paths=("full",), candidates=1, repair_rounds=0)


class NoValues:
    """Finds no stored value."""

    def lookup(self, _question, _evidence=""):
        return ()


class First:
    """Takes the first candidate that ran."""

    def select(self, _question, executed):
        ran = [place for place, one in enumerate(executed) if one.result is not None]
        return Selection(ran[0] if ran else None, 1.0 if ran else 0.0, tuple((place,) for place in ran), "the first")


@dataclass(frozen=True)
class Row:
    """One way to answer."""

    about: str
    config: PipelineConfig = FULL
    writers: Callable[[Any], list[Any]] = lambda model: [ChatGenerator(model), SketchGenerator()]
    parts: dict[str, Callable[[], Any]] = field(default_factory=dict)
    helps: bool = False


ROWS = {
    "plain": Row("whole schema, one answer", PLAIN, lambda model: [ChatGenerator(model, prompt=PlainPrompt())]),
    "plain, repaired": Row(
        "the same, and repair without a model",
        replace(FULL, paths=("full",), candidates=1),
        lambda model: [ChatGenerator(model, prompt=PlainPrompt())],
    ),
    "pipeline": Row("chat and sketch generators, as shipped"),
    "no values": Row("no value retrieval", parts={"values": NoValues}),
    "no linking": Row("the whole schema in every prompt", parts={"linker": BypassLinker}),
    "one path": Row("the answers of linked+values alone", replace(FULL, paths=("linked+values",), candidates=2)),
    "one sample": Row("one answer a path", replace(FULL, candidates=3)),
    "no names check": Row("pruned names are left to repair", replace(FULL, names_check=False)),
    "no repair": Row("a failed statement stays failed", replace(FULL, repair_rounds=0)),
    "no selector": Row("the first answer that runs", parts={"selector": First}),
    "ranked selector": Row("ranked.v1 instead of the vote", parts={"selector": RankedSelector}),
    "no sketch": Row("the chat generator alone", writers=lambda model: [ChatGenerator(model)]),
    "no chat": Row("the sketch generator alone", writers=lambda _model: [SketchGenerator()]),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache/ctxprune/generations.sqlite")
    parser.add_argument("--limit", type=int, default=ITEMS)
    parser.add_argument("--split", default="dev", choices=("dev", "train"))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--note", default="", help="recorded with the figures, for instance what else ran meanwhile")
    parser.add_argument("--without", nargs="*", default=(), help="rows to leave out of the record; it names them")
    parser.add_argument("--rows", nargs="*", help="only these rows; nothing is recorded then")
    words = parser.parse_args()
    bench = load(SHARED / "data" / "nl2sql" / "spider", split=words.split)
    items = sample_items(bench.present, words.limit, seed=SEED)
    model = CachedModel(LlamaCppModel(words.model, threads=words.threads), GenerationCache(words.cache))
    figures, verdicts = {}, {}
    for name in words.rows or [name for name in ROWS if name not in words.without]:
        verdicts[name], figures[name] = measured(bench, items, model, name)
        sys.stderr.write(f"{name:18} {figures[name]}\n")
    for name, row in figures.items():
        for base in sorted({"plain", "pipeline"} & figures.keys() - {name}):
            row[f"against_{base}"] = against(verdicts[base], verdicts[name])
    if words.rows or words.split != "dev" or words.limit != ITEMS:
        sys.stderr.write("".join(f"{name:18} {row}\n" for name, row in figures.items()))
        return
    document = {"model": words.model.name, "split": words.split, "threads": words.threads, "note": words.note}
    document |= {"left_out": list(words.without), "rows": figures}
    record("ablation", document, seed=SEED, data={"spider": bench.fingerprint})


def measured(bench, items, model, name):
    """Verdicts as results, and the row's figures: times in seconds and tokens are a question's mean."""
    row, meter = ROWS[name], Meter(model)

    def make(database, schema):
        config = replace(row.config, schema=schema)
        given = {key: part() for key, part in row.parts.items()}
        chat = meter if row.helps else None
        return Pipeline(database, generators=row.writers(meter), chat=chat, config=config, **given)

    def progress(done, total):
        if done % 10 == 0:
            sys.stderr.write(f"{name}: {done} of {total}, {meter.fresh} new answers\n")

    report = run(bench, make, items=items, progress=progress)
    found, n = report.to_dict(), len(report.verdicts)
    results = tuple(Result(one.index, one.db_id, "", one.sql, one.correct) for one in report.verdicts)
    return results, {
        "about": row.about,
        **{key: found[key] for key in ("ex", "executable", "items", "failed_references")},
        "calls": round(meter.calls / n, 2),
        "tokens_in": round(meter.tokens_in / n, 1),
        "tokens_out": round(meter.tokens_out / n, 1),
        "seconds_model": round(meter.ms / n / 1e3, 2),
        "seconds_wall": round((found["seconds"] - meter.waited + meter.ms / 1e3) / n, 2),
        "calls_not_cached": meter.fresh,
    }


def against(base, results):
    """EX gained, its 95 % interval, and items won and lost."""
    found = compare(base, results)
    ex = found.metrics[0]
    rounded = {"ex": round(ex.difference, 2), "low": round(ex.low, 2), "high": round(ex.high, 2)}
    return {**rounded, "won": found.only_b, "lost": found.only_a, "p": round(found.p_value, 4)}


if __name__ == "__main__":
    main()
