"""Fits the likelihood of a range hit on Spider's training databases; writes sql/values/ranges.json and the figures.

    python benchmarks/training/values_ranges.py    # ranges.json, and benchmarks/results/values_ranges.json

A gold comparison is a number or day that the gold query compares with a column by =, <>, <, >, <=, >=, BETWEEN, IN or
LIKE, and that the question names in some form; it is found where a range hit has that column and covers that number.
Logistic regression as in values_weights.py, the threshold and the first rows from five folds split by database. The
other rows are sets that nothing was fitted to.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

import numpy as np
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.scope import traverse_scope

from benchmarks.common.record import SHARED, record
from benchmarks.training.values_weights import newton
from ctxprune.sql.database.database import Database
from ctxprune.sql.evaluation.datasets import load
from ctxprune.sql.evaluation.values import _text_in_double_quotes, _trace
from ctxprune.sql.values import ValueIndex
from ctxprune.sql.values.column_ranges import plain_number
from ctxprune.sql.values.ranges import RANGE_FACTS, fits, range_facts
from ctxprune.sql.values.spans import Question
from ctxprune.storage.sealed import seal

SEED = 0
FOLDS = 5
WANTED = 0.965
THRESHOLDS = (0.0, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5)
OTHERS = ("spider", "spider_syn", "spider_dk", "bird_dev", "kaggledbqa")
COMPARED = (exp.EQ, exp.NEQ, exp.GT, exp.LT, exp.GTE, exp.LTE, exp.Like)
MOST = 5


def main() -> None:
    train = load(SHARED / "data" / "nl2sql" / "spider", split="train")
    asked = list(collect(train))
    names = sorted({one["db_id"] for one in asked})
    random.Random(SEED).shuffle(names)
    likely = [None] * len(asked)
    for k in range(FOLDS):
        held_out = set(names[k::FOLDS])
        weights = fit([one for one in asked if one["db_id"] not in held_out])
        for number, one in enumerate(asked):
            if one["db_id"] in held_out:
                likely[number] = predict(one["rows"], weights)
    curve = [point(threshold, asked, likely) for threshold in THRESHOLDS]
    top = curve[0]["recall"]
    threshold = max(row["threshold"] for row in curve if row["recall"] >= WANTED * top)
    weights = fit(asked)
    document = {
        "made_by": "benchmarks/training/values_ranges.py",
        "data": f"Spider train_spider.json (CC BY-SA 4.0), {len(names)} databases, fingerprint {train.fingerprint}",
        "seed": SEED,
        "threshold": threshold,
        "weights": {name: round(float(w), 4) for name, w in zip([*RANGE_FACTS, "bias"], weights, strict=True)},
    }
    path = Path(__file__).resolve().parents[2] / "sql" / "values" / "ranges.json"
    path.write_text(seal(document, indent=1) + "\n", encoding="utf-8")
    figures = {"cross_validated": curve, "threshold": threshold}
    prints = {"spider train": train.fingerprint}
    for name in OTHERS:
        bench = load(SHARED / "data" / "nl2sql" / name)
        prints[f"{name} dev"] = bench.fingerprint
        others = list(collect(bench))
        figures[f"{name} dev"] = point(threshold, others, [predict(one["rows"], weights) for one in others])
    record("values_ranges", figures, seed=SEED, data=prints)
    for row in [*curve, *(figures[f"{name} dev"] for name in OTHERS)]:
        sys.stderr.write(f"{row}\n")


def collect(bench):
    for name in sorted({item.db_id for item in bench.present}):
        with Database(bench.databases[name], isolated=False) as database:
            schema, index = database.schema(), ValueIndex.build(database)
        for item in bench.present:
            if item.db_id != name:
                continue
            question = Question.parse(item.question, item.evidence)
            found = fits(question, index._ranges)
            gold = gold_numbers(item.gold, schema)
            rows = range_facts(question, found) if found else np.zeros((0, len(RANGE_FACTS)))
            labels = np.array([any(meant(fit, *pair) for pair in gold) for fit in found], dtype=float)
            spans = [(fit.mention.first, fit.mention.last, fit.held.ref) for fit in found]
            yield {"db_id": name, "rows": rows, "labels": labels, "spans": spans}


def gold_numbers(sql, schema):
    found = set()
    try:
        tree = sqlglot.parse_one(sql, read="sqlite")
        _text_in_double_quotes(tree, schema)
        for scope in traverse_scope(tree):
            for left, literal in comparisons(scope):
                column = left if isinstance(left, exp.Column) else left.find(exp.Column)
                ref = _trace(column, scope, schema) if column is not None else None
                if ref is not None and not left.find(exp.AggFunc) and any(char.isdigit() for char in literal):
                    found.add((ref, literal))
    except SqlglotError:
        return set()
    return found


def comparisons(scope):
    for node in scope.walk():
        pairs = []
        if isinstance(node, COMPARED):
            pairs = [(node.this, node.expression), (node.expression, node.this)]
        elif isinstance(node, exp.Between):
            pairs = [(node.this, node.args["low"]), (node.this, node.args["high"])]
        elif isinstance(node, exp.In):
            pairs = [(node.this, one) for one in node.expressions]
        for left, right in pairs:
            sign = "-" if isinstance(right, exp.Neg) else ""
            literal = right.this if isinstance(right, exp.Neg) else right
            if isinstance(literal, exp.Literal):
                yield left, sign + literal.this


def meant(fit, ref, literal):
    if ref != fit.held.ref:
        return False
    form, text = fit.held.date_form, literal.strip("%")
    if form is None:
        return plain_number(text) == fit.low
    low, high = form.bounds(fit.mention.day)
    return bool(low) and (low[: len(text)] == text or low <= text <= high)


def fit(asked):
    rows = np.concatenate([one["rows"] for one in asked])
    labels = np.concatenate([one["labels"] for one in asked])
    return newton(rows, labels, np.ones(len(rows)))


def predict(rows, weights):
    return 1 / (1 + np.exp(-(rows @ weights[:-1] + weights[-1])))


def point(threshold, asked, likely):
    needed = found = first = hits = named = 0
    for one, chances in zip(asked, likely, strict=True):
        gold = {span for span, label in zip(one["spans"], one["labels"], strict=True) if label}
        by_span = {}
        for span, chance in zip(one["spans"], chances, strict=True):
            if chance >= threshold:
                by_span.setdefault(span[:2], []).append((chance, span))
        kept = [[span for _, span in sorted(group, reverse=True)[:MOST]] for group in by_span.values()]
        needed += len(gold)
        found += len(gold & {span for group in kept for span in group})
        first += len(gold & {group[0] for group in kept})
        hits += sum(map(len, kept))
        named += bool(one["spans"])
    return {
        "threshold": threshold,
        "recall": round(100 * found / max(needed, 1), 2),
        "first": round(100 * first / max(needed, 1), 2),
        "hits_per_question": round(hits / len(asked), 3),
        "hits_per_question_with_a_number": round(hits / max(named, 1), 3),
        "gold": needed,
        "questions": len(asked),
    }


if __name__ == "__main__":
    main()
