"""The sketch generator by itself: execution accuracy per data set, by component, oracle and latency.

Run as `python benchmarks/quality/sketch.py [SET ...]`; sets: spider, spider_syn, spider_dk, kaggledbqa (default: all).
Candidates are run as they come and the first is taken: no vote, no repair. The figures are the generator's own.
"""

from __future__ import annotations

import sys
import time
from collections import Counter, defaultdict
from dataclasses import replace
from importlib.resources import files

import numpy as np

import ctxprune.sql.generate.sketch as package
from benchmarks.common.record import SHARED, record
from ctxprune.sql.evaluation.datasets import load
from ctxprune.sql.evaluation.sketch_training.examples import Example, execute, read_examples
from ctxprune.sql.evaluation.spider import equal_results, order_matters, prepare_gold, prepare_prediction
from ctxprune.sql.generate.base import Request
from ctxprune.sql.generate.sketch import SketchGenerator
from ctxprune.sql.generate.sketch.query import Query

FOLDER = SHARED / "data" / "nl2sql"
SETS = ("spider", "spider_syn", "spider_dk", "kaggledbqa")
N = 8


def kind(query: Query | None) -> str:
    """A rough class of the gold query."""
    if query is None:
        return "outside the shape"
    if query.compound or any(isinstance(c.value, Query) for c in query.where):
        return "nested or set operation"
    if len(query.tables) > 1:
        return "join with group or order" if query.group or query.order else "join"
    if query.group or query.order:
        return "one table, group or order"
    return "one table, filter" if query.where else "one table, plain"


def judged(example: Example, sql: list[str]) -> list[bool] | None:
    """Is each text right? None where the gold query does not run."""
    if example.database is None:
        return None
    gold = execute(example.database, [prepare_gold(example.gold)])[0]
    if gold is None:
        return None
    rows = execute(example.database, [prepare_prediction(text) for text in sql])
    ordered = order_matters(example.gold)
    return [row is not None and equal_results(gold, row, ordered=ordered) for row in rows]


def measure(examples: list[Example], generator: SketchGenerator, *, hits: bool = True) -> dict[str, object]:
    """Figures of one set."""
    right: list[list[bool]] = []
    ms: list[float] = []
    kinds: dict[str, list[bool]] = defaultdict(list)
    refused = 0
    for example in examples:
        if example.database is None:
            continue
        request = Request(example.question, example.view.schema, hits=example.hits if hits else (), n=N)
        start = time.perf_counter()
        made = generator.generate(request)
        ms.append((time.perf_counter() - start) * 1000)
        verdicts = judged(example, [one.sql for one in made])
        if verdicts is None:
            continue
        refused += not made
        right.append(verdicts)
        kinds[kind(example.query)].append(bool(verdicts[:1] == [True]))

    def share(n: int) -> float:
        return round(100 * sum(any(one[:n]) for one in right) / max(1, len(right)), 1)

    return {
        "items": len(right),
        "ex": share(1),
        "oracle_4": share(4),
        "oracle_8": share(8),
        "refused": refused,
        "ms_p50": round(float(np.median(ms)), 1),
        "ms_p95": round(float(np.quantile(ms, 0.95)), 1),
        "by_kind": {name: [len(v), round(100 * sum(v) / len(v), 1)] for name, v in sorted(kinds.items())},
    }


def bare(examples: list[Example]) -> list[Example]:
    """The same examples without natural names, as a reflected database has none."""
    from ctxprune.sql.generate.sketch.view import SchemaView

    views: dict[str, SchemaView] = {}
    for example in examples:
        if example.db_id not in views:
            schema = example.view.schema
            tables = tuple(
                replace(t, comment="", columns=tuple(replace(c, comment="") for c in t.columns)) for t in schema.tables
            )
            views[example.db_id] = SchemaView.of(replace(schema, tables=tables))
    return [replace(example, view=views[example.db_id]) for example in examples]


def without(parts: tuple[str, ...]) -> SketchGenerator:
    """The generator with some of its model switched off: "rank", "related"."""
    generator = SketchGenerator()
    model = generator._loaded()
    nets = dict(model.nets)
    if "rank" in parts:
        rank = nets["rank"]
        zero = {**{name: np.zeros_like(getattr(rank, name)) for name in ("w1", "b1", "w2", "b2", "w0")}}
        nets["rank"] = replace(rank, **zero)  # equal scores keep the order of templates and slots
    if "wide" in parts:
        nets["rank"] = replace(nets["rank"], w0=np.zeros_like(nets["rank"].w0))
    generator._model = replace(model, nets=nets, related={} if "related" in parts else model.related)
    return generator


def main() -> None:
    """Measure and record."""
    chosen = sys.argv[1:] or list(SETS)
    figures: dict[str, object] = {}
    data: dict[str, str] = {}
    generator = SketchGenerator()
    for name in chosen:
        schemas = FOLDER / "spider"
        data[name] = load(FOLDER / name, schemas=schemas).fingerprint
        examples = read_examples(FOLDER / name, split="dev", schemas=schemas)
        figures[name] = measure(examples, generator)
        if name == "spider":
            figures["ablation on spider"] = {
                "all": figures[name]["ex"],  # type: ignore[index]
                "no ranking network": measure(examples, without(("rank",)))["ex"],
                "no cue crosses in the ranking": measure(examples, without(("wide",)))["ex"],
                "no related words": measure(examples, without(("related",)))["ex"],
                "no value hits": measure(examples, generator, hits=False)["ex"],
                "no natural names": measure(bare(examples), generator)["ex"],
            }
        sys.stderr.write(f"{name}: {figures[name]}\n")
    weights = files(package).joinpath("weights")
    sizes = Counter({path.name: len(path.read_bytes()) for path in weights.iterdir()})
    figures["weights_bytes"] = dict(sizes)
    record("sketch", figures, seed=None, data=data)


if __name__ == "__main__":
    main()
