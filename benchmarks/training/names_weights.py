"""Fits the four weights of names.v1 on several sets of tools, and measures each set with the weights of the others.

    python benchmarks/training/names_weights.py SET [SET ...] [--limit N]

A SET is a folder as `ctxprune bench tools --help` describes it, or FOLDER=NAME to count it under NAME with others of
that name (the parts of one source are left out together); FOLDER:PART reads the questions of one part. All tools of a
set are offered where there are up to 5,000, else 200 as in `ctxprune bench tools`. The loss is the listwise logistic
one over the hundred tools that BM25 ranks first and the needed ones; each source weighs the same; weights are not
negative, and that of BM25 is 1.

Prints for each set the recall of ten with the weights fitted on the other sources, with the shipped ones, and of bm25s
(split names, its own tokenizer) and lexical.v1, with the standard error of the difference from the better of these two.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from random import Random

import numpy as np

from benchmarks.common.parts import ticker
from ctxprune.rag import Tools
from ctxprune.rag.evaluation.tools import PlainBm25, ToolTrial, draw_tools, load_tool_set
from ctxprune.scorers.lexical.words import LexicalScorer
from ctxprune.scorers.structured.names import _WEIGHTS, NamesScorer

KEEP, MOST, NEAREST, STEPS, SEED = 10, 5_000, 100, 120, 0


def read(argument, limit):
    """Source, name and for each question: parts, which tools are needed, and the recall of the baselines."""
    place, _, source = argument.partition("=")
    folder, _, part = place.partition(":")
    tools = load_tool_set(Path(folder), split=part or None)
    questions = Random(SEED).sample(tools.questions, min(limit, len(tools.questions)))
    whole = Tools(list(tools.tools.values())) if len(tools.tools) <= MOST else None
    scorer, others = NamesScorer(), (PlainBm25(), LexicalScorer())
    rows, tick = [], ticker(place)
    for done, question in enumerate(questions, start=1):
        ids = list(tools.tools) if whole is not None else draw_tools(tools, question, ToolTrial())
        context = whole if whole is not None else Tools([tools.tools[name] for name in ids])
        needed = np.isin(ids, question.needed)
        plain = [recall(one.score(question.text, context), needed) for one in others]
        rows.append((scorer.parts(question.text, context).astype(np.float32), needed, plain))
        tick(done, len(questions))
    return source or tools.name, tools.name + (f":{part}" if part else ""), rows


def recall(scores, needed):
    return needed[np.argsort(-scores, kind="stable")[:KEEP]].sum() / needed.sum()


def pack(rows):
    """The tools that count for the loss: parts (questions, tools, 4), shares of the needed ones, mask."""
    parts = np.zeros((len(rows), NEAREST + 50, 4), dtype=np.float32)
    wanted, mask = np.zeros(parts.shape[:2]), np.full(parts.shape[:2], -1e9)
    for row, (own, needed, _) in enumerate(rows):
        best = np.argsort(-own[:, 0], kind="stable")[:NEAREST]
        chosen = np.unique(np.concatenate([best, np.flatnonzero(needed)]))[: NEAREST + 50]
        parts[row, : len(chosen)] = own[chosen]
        wanted[row, : len(chosen)] = needed[chosen] / needed.sum()
        mask[row, : len(chosen)] = 0
    return parts, wanted, mask


def fit(packs):
    """Adam on the mean over the sources of the cross entropy."""
    found, momentum, scale = np.full(4, 3.0), np.zeros(4), np.zeros(4)
    for step in range(1, STEPS + 1):
        slope = 1e-3 * found
        for parts, wanted, mask in packs:
            logits = parts @ found + mask
            chances = np.exp(logits - logits.max(axis=1, keepdims=True))
            chances /= chances.sum(axis=1, keepdims=True)
            slope += np.tensordot(chances - wanted, parts, ([0, 1], [0, 1])) / len(parts) / len(packs)
        momentum, scale = 0.9 * momentum + 0.1 * slope, 0.99 * scale + 0.01 * slope**2
        found -= 0.3 * (momentum / (1 - 0.9**step)) / (np.sqrt(scale / (1 - 0.99**step)) + 1e-9)
        found = np.maximum(found, 0)
    return found / found[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="+")
    parser.add_argument("--limit", type=int, default=300)
    options = parser.parse_args()
    read_sets = [read(argument, options.limit) for argument in options.sets]
    sources = dict.fromkeys(source for source, _, _ in read_sets)
    packs = {}
    for source in sources:
        own = [pack(rows) for other, _, rows in read_sets if other == source]
        packs[source] = [np.concatenate(column) for column in zip(*own, strict=True)]
    table = {"weights of all": fit(list(packs.values())).round(2).tolist(), "sets": {}}
    for source, name, rows in read_sets:
        others = fit([pack for other, pack in packs.items() if other != source]) if len(packs) > 1 else _WEIGHTS
        left_out, shipped = (
            np.asarray([recall(parts @ weights, needed) for parts, needed, _ in rows]) for weights in (others, _WEIGHTS)
        )
        plain = np.asarray([baselines for _, _, baselines in rows])
        difference = shipped - plain[:, plain.mean(axis=0).argmax()]
        table["sets"][name] = {
            "questions": len(rows), "bm25s": share(plain[:, 0]), "lexical.v1": share(plain[:, 1]),
            "weights of the others": share(left_out), "shipped": share(shipped),
            "shipped minus the better baseline": share(difference),
            "standard error": share([difference.std(ddof=1) / len(rows) ** 0.5]), "weights": others.round(2).tolist(),
        }  # fmt: skip
    json.dump(table, sys.stdout, indent=1)
    sys.stdout.write("\n")


def share(values):
    return round(100 * float(np.mean(values)), 1)


if __name__ == "__main__":
    main()
