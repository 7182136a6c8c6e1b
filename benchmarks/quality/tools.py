"""The needed tool among the ten that are kept of two hundred: our scorers, plain BM25 and chance.

    python benchmarks/quality/tools.py --data FOLDER [--limit N] [--model-limit N]

Writes benchmarks/results/tools.json. FOLDER is what benchmarks/training/make_tools.py makes. Each question is offered
the tools
of its own service (which are hardest to tell apart) and, where these are under 200, others. What is chosen here was
chosen on the services of the part "tune"; the figures are those of the part "report", for AWS and Azure apart, too.
`weights` are those of the three parts of names.v1, fitted by a listwise logistic loss on "tune" and on "report"; the
scorer has round numbers near them. `cascade.v1` runs the bundled model and is measured on fewer questions, names.v1 on
the same ones beside it.
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
from ctxprune.rag import Tools
from ctxprune.rag.evaluation.tools import PlainBm25, ToolTrial, draw_tools, load_tool_set, measure
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
        found = measure(tools, scorer, trial, progress=ticker(name)).to_dict()
        yield name, {key: value for key, value in found.items() if value is not None}


def weights(tools, limit):
    """Weights of BM25, name and verb that fit best, adding up to 1."""
    scorer, lists = NamesScorer(), []
    questions = random.Random(SEED).sample(tools.questions, min(limit, len(tools.questions)))
    for question in questions:
        names = draw_tools(tools, question, TRIAL)
        parts = scorer.parts(question.text, Tools([tools.tools[name] for name in names]))
        lists.append((parts - parts[names.index(question.needed[0])], len(names)))
    found = np.zeros(3)
    momentum, scale = np.zeros(3), np.zeros(3)
    for step in range(1, 401):  # Adam on the mean of log sum exp
        slope = np.zeros(3)
        for parts, _ in lists:
            chances = np.exp(parts @ found)
            slope += (chances / chances.sum()) @ parts
        slope /= len(lists)
        momentum, scale = 0.9 * momentum + 0.1 * slope, 0.99 * scale + 0.01 * slope**2
        found -= 0.3 * (momentum / (1 - 0.9**step)) / (np.sqrt(scale / (1 - 0.99**step)) + 1e-9)
    return dict(zip(("bm25", "name", "verb"), (found / found.sum()).round(3).tolist(), strict=True))


def part(tools, start):
    return replace(
        tools, questions=tuple(q for q in tools.questions if q.group.startswith("az ") == (start == "azure"))
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
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
    figures["weights"] = {"tune": weights(tune, options.limit // 4), "report": weights(report, options.limit // 4)}
    sys.stderr.write(f"{figures['report']['names.v1']}\n")
    if options.limit == parser.get_default("limit"):
        rows_of = [(q.text, q.needed) for q in (*tune.questions, *report.questions)]
        record("tools", figures, seed=SEED, data={"tools": fingerprint([*report.tools, rows_of])})


if __name__ == "__main__":
    main()
