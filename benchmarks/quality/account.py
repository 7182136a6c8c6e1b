"""The account of a question: what gold queries leave unused, which changes of them it sees, and right against wrong.

    python benchmarks/quality/account.py [train|dev]         # benchmarks/results/account_SPLIT.json

Gold queries of Spider should leave no content word unused. Each is then changed in one place (a condition dropped, an
order turned, another aggregate, ...): a change is seen where more words are unused or more parts are not asked for than
before. Candidates are the first six of the sketch generator; AUC is the chance that a right one has the higher coverage
(or fewer unused words and extra parts) than a wrong one. Rules were written while looking at the training databases.
"""

from __future__ import annotations

import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator

import numpy as np
import sqlglot
from sqlglot import exp

from benchmarks.common.record import SHARED, record
from ctxprune.errors import InputError
from ctxprune.sql.account import Accountant, Prepared, Reading
from ctxprune.sql.evaluation.datasets import load, sample_items
from ctxprune.sql.evaluation.equality import equal_results
from ctxprune.sql.evaluation.sketch_training.examples import Example, execute, read_examples
from ctxprune.sql.generate.base import Request
from ctxprune.sql.generate.sketch import SketchGenerator

FOLDER = SHARED / "data" / "nl2sql" / "spider"
QUESTIONS = {"train": 1000, "dev": 400}
SWAPS = (
    (exp.Avg, exp.Sum), (exp.Sum, exp.Avg), (exp.Max, exp.Min), (exp.Min, exp.Max), (exp.GT, exp.LT), (exp.LT, exp.GT),
    (exp.EQ, exp.NEQ),
)  # fmt: skip


def change(gold: str) -> Iterator[tuple[str, str]]:
    """Queries that differ from `gold` in one place, with the kind of the change."""
    tree = sqlglot.parse_one(gold, read="sqlite")
    if isinstance(tree, exp.Except):
        yield "except dropped", tree.this.sql("sqlite")
    for names, kind in ((("where",), "condition"), (("order", "limit"), "order"), (("group", "having"), "group")):
        if isinstance(tree, exp.Select) and tree.args.get(names[0]) is not None:
            changed = tree.copy()
            for name in names:
                changed.set(name, None)
            yield f"{kind} dropped", changed.sql("sqlite")
    if tree.args.get("order") is not None:
        changed = tree.copy()
        key = changed.args["order"].expressions[0]
        key.set("desc", not key.args.get("desc"))
        yield "order turned", changed.sql("sqlite")
    if isinstance(tree, exp.Select) and len(tree.expressions) > 1:
        changed = tree.copy()
        changed.set("expressions", changed.expressions[:-1])
        yield "item dropped", changed.sql("sqlite")
    for old, new in SWAPS:
        changed = tree.copy()
        where = changed if issubclass(old, exp.AggFunc) else changed.args.get("where")
        node = where.find(old) if where is not None else None
        if node is not None:
            node.replace(new(**{name: arg.copy() for name, arg in node.args.items() if isinstance(arg, exp.Expr)}))
            yield f"{old.__name__} to {new.__name__}", changed.sql("sqlite")


def sees(before: Reading, after: Reading) -> bool:
    """Whether the second account is worse."""
    return after.coverage < before.coverage or len(after.extra) > len(before.extra)


def auc(right: list[float], wrong: list[float]) -> float:
    """The chance that one of `right` is above one of `wrong`; ties count half."""
    a, b = np.array(right)[:, None], np.array(wrong)[None, :]
    return round(float((a > b).mean() + 0.5 * (a == b).mean()), 3)


def judge(example: Example, accountant: Accountant, generator: SketchGenerator) -> Iterator[tuple[bool, int, Reading]]:
    """For each candidate whether it is right, its rank, and its account."""
    if example.database is None:
        return
    request = Request(example.question, example.view.schema, hits=example.hits, path="full+values", n=6)
    candidates = generator.generate(request)
    gold, *others = execute(example.database, [example.gold, *(one.sql for one in candidates)])
    if not gold:
        return
    for rank, (candidate, rows) in enumerate(zip(candidates, others, strict=True)):
        if rows is not None:
            yield equal_results(gold, rows, ordered=False), rank, accountant.read(candidate.sql)


def main() -> None:
    """Measure and record."""
    split = sys.argv[1] if len(sys.argv) > 1 else "dev"
    bench = load(FOLDER, split=split)
    chosen = {item.index for item in sample_items(bench.items, QUESTIONS[split], seed=0)}
    generator, prepared = SketchGenerator(), {}
    clean: dict[str, list[bool]] = defaultdict(list)
    seen: dict[str, list[bool]] = defaultdict(list)
    judged: list[tuple[bool, int, Reading]] = []
    spent, readings, left = 0.0, 0, Counter[str]()
    for example in read_examples(FOLDER, split=split):
        if example.number not in chosen:
            continue
        own = prepared.setdefault(example.db_id, Prepared.of(example.view))
        start = time.process_time()
        accountant = Accountant(example.question, own, example.hits)
        try:
            gold = accountant.read(example.gold)
        except InputError:
            left["gold that cannot be parsed"] += 1
            continue
        spent, readings = spent + time.process_time() - start, readings + 1
        clean[example.db_id].append(not gold.unused)
        for kind, sql in change(example.gold):
            seen[kind].append(sees(gold, accountant.read(sql)))
        judged += judge(example, accountant, generator)
    figures: dict[str, object] = {
        "questions": readings,
        "ms_per_question_and_query": round(1000 * spent / readings, 2),
        "gold_without_unused_words": round(float(np.mean([one for some in clean.values() for one in some])), 3),
        "median_over_databases": round(float(np.median([np.mean(some) for some in clean.values()])), 3),
        "left_out": dict(left),
        "changes_seen": {kind: [len(some), round(float(np.mean(some)), 3)] for kind, some in sorted(seen.items())},
        "all_changes_seen": round(float(np.mean([one for some in seen.values() for one in some])), 3),
    }
    for name, ranks in (("all_candidates", range(6)), ("first_candidates", range(1))):
        right = [reading for ok, rank, reading in judged if ok and rank in ranks]
        wrong = [reading for ok, rank, reading in judged if not ok and rank in ranks]
        figures[name] = {
            "right": len(right),
            "wrong": len(wrong),
            "auc_coverage": auc([one.coverage for one in right], [one.coverage for one in wrong]),
            "auc_unused": auc([-len(one.unused) for one in right], [-len(one.unused) for one in wrong]),
            "auc_extra": auc([-len(one.extra) for one in right], [-len(one.extra) for one in wrong]),
            "auc_both": auc(*([-len(r.unused) - 0.7 * len(r.extra) for r in some] for some in (right, wrong))),
            "clean_if_right": round(float(np.mean([not r.unused and not r.extra for r in right])), 3),
            "clean_if_wrong": round(float(np.mean([not r.unused and not r.extra for r in wrong])), 3),
        }
    sys.stderr.write(f"{figures}\n")
    record(f"account_{split}", figures, seed=0, data={f"spider {split}": bench.fingerprint})


if __name__ == "__main__":
    main()
