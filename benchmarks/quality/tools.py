"""The needed tool among the ten that are kept of two hundred: our scorers, plain BM25 and chance.

    python benchmarks/quality/tools.py --data FOLDER [--sets FOLDER] [--limit N] [--model-limit N]

Writes benchmarks/results/tools.json. FOLDER is what benchmarks/training/make_tools.py makes. Each question is offered
the tools of its own service (which are hardest to tell apart) and, where these are under 200, others. What is chosen
here was chosen on the services of the part "tune" and on other sets (benchmarks/training/names_weights.py); the figures
are those of the part "report", for AWS and Azure apart, too. `cascade.v1` runs the bundled model and is measured on
fewer questions, names.v1 on the same ones beside it.

--sets is a folder of further sets, ../shared/data/tools by default, of which each question is offered all the tools:
`recall` of the needed ones. `ms` is the time of a question, once the tools were read.
"""

from __future__ import annotations

import argparse
import random
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.common.parts import fingerprint, ticker
from benchmarks.common.record import record
from ctxprune.rag.evaluation.tools import PlainBm25, ToolTrial, load_tool_set, measure
from ctxprune.scorers import SCORERS
from ctxprune.scorers.structured.names import NamesScorer

SEED = 0
TRIAL = ToolTrial(size=200, keep=10, seed=SEED)


class Chance:
    """Seeded by the question."""

    def score(self, query, context):
        state = random.Random(query)
        return np.asarray([state.random() for _ in context.units], dtype=np.float32)


def rows(tools, scorers, limit, counted=""):
    """A row a scorer; tokens are counted for the one named `counted` alone, since that takes longest."""
    for name, scorer in scorers.items():
        trial = replace(TRIAL, limit=limit, count=name == counted)
        yield name, drop_empty(measure(tools, scorer, trial, progress=ticker(name)))


def drop_empty(report):
    return {key: value for key, value in report.to_dict().items() if value is not None}


def part(tools, start):
    return replace(
        tools, questions=tuple(q for q in tools.questions if q.group.startswith("az ") == (start == "azure"))
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sets", type=Path, default=Path("../shared/data/tools"))
    parser.add_argument("--limit", type=int, default=500)
    parser.add_argument("--model-limit", type=int, default=40)
    options = parser.parse_args()
    report = load_tool_set(options.data, split="report")
    tune = load_tool_set(options.data, split="tune")
    named, plain = {"names.v1": NamesScorer()}, {"bm25s": PlainBm25()}
    others = {name: SCORERS.get(name)() for name in ("lexical.v1", "fusion.v1")}
    figures = {"size": TRIAL.size, "keep": TRIAL.keep, "tools": len(report.tools), "groups": len(report.groups)}
    every = named | others | plain | {"random": Chance()}
    figures["report"] = dict(rows(report, every, options.limit, "names.v1"))
    model = {"cascade.v1": SCORERS.get("cascade.v1")()}
    figures["report, with the model"] = dict(rows(report, named | model, options.model_limit))
    for name in ("aws", "azure"):
        figures[f"report, {name}"] = dict(rows(part(report, name), named | plain, 2 * options.limit))
    sets = [load_tool_set(path.parent) for path in sorted(options.sets.glob("*/questions.jsonl"))]
    for one in sets:
        trial = replace(TRIAL, size=max(len(one.tools), TRIAL.size), count=False)
        figures[f"all of {one.name}"] = {"tools": len(one.tools)} | {
            name: drop_empty(measure(one, scorer, trial, progress=ticker(f"{one.name}, {name}")))
            for name, scorer in (named | {"lexical.v1": others["lexical.v1"]} | plain).items()
        }
    sys.stderr.write(f"{figures['report']['names.v1']}\n")
    if options.limit == parser.get_default("limit"):
        rows_of = [(q.text, q.needed) for q in (*tune.questions, *report.questions)]
        data = {"tools": fingerprint([*report.tools, rows_of])}
        data |= {one.name: fingerprint([*one.tools, [(q.text, q.needed) for q in one.questions]]) for one in sets}
        record("tools", figures, seed=SEED, data=data)


if __name__ == "__main__":
    main()
