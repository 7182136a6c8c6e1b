"""How many of the stored text literals of gold SQL the value index finds, and how many values it returns.

    python benchmarks/values_recall.py            # benchmarks/results/values_recall.json
    python benchmarks/values_recall.py --missed   # also lists what was missed, on stderr

The method is that of section 9 of the NL2SQL specification: literals compared by =, <> or IN, stored verbatim in the
named column; "exact" is its baseline, all case-folded spans of one to five words. Spider's training databases are those
the scorer was fitted on (its cross-validated figures are in values_weights.json). What was missed in Spider-DK was read
while the partial-match stage was designed, so its figure is no held-out one; what was missed in the others was not.
"""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack

import numpy as np
from _record import SHARED, record

from ctxprune.errors import InputError
from ctxprune.sql.database import Database
from ctxprune.sql.evaluation.datasets import load
from ctxprune.sql.evaluation.values import ValueRecall, gold_literals, stored
from ctxprune.sql.values import ValueHit, ValueIndex
from ctxprune.text import word_spans

SETS = (
    ("spider", "dev", False),
    ("spider_syn", "dev", False),
    ("spider_dk", "dev", False),
    ("bird_dev", "dev", True),
    ("bird_dev", "dev", False),
    ("kaggledbqa", "dev", False),
    ("spider", "train", False),
)


def main() -> None:
    figures, prints = {}, {}
    for folder, split, evidence in SETS:
        benchmark = load(SHARED / "data" / "nl2sql" / folder, split=split)
        name = f"{folder} {split}" + (" + evidence" if evidence else "")
        prints[name] = benchmark.fingerprint
        figures[name] = measure(benchmark, evidence)
        sys.stderr.write(f"{name:24} {figures[name]}\n")
    record("values_recall", figures, seed=None, data=prints)


def measure(benchmark, evidence):
    ours, exact, milliseconds, unread, values = ValueRecall(), ValueRecall(), [], 0, 0
    build = 0.0
    with ExitStack() as stack:
        indexes = {}
        for item in benchmark.present:
            if item.db_id not in indexes:
                database = stack.enter_context(Database(benchmark.databases[item.db_id], isolated=False))
                indexes[item.db_id] = (database, ValueIndex.build(database))
                build += indexes[item.db_id][1].seconds
                values += len(indexes[item.db_id][1])
                database.close()
            database, index = indexes[item.db_id]
            try:
                literals = gold_literals(item.gold, database.schema())
            except InputError:
                unread += 1
                continue
            kept = stored(database, literals)
            start = time.perf_counter()
            hits = index.lookup(item.question, item.evidence if evidence else "")
            milliseconds.append(1000 * (time.perf_counter() - start))
            missed = ours.add(kept, len(literals) - len(kept), hits)
            text = f"{item.question}\n{item.evidence}" if evidence else item.question
            exact.add(kept, len(literals) - len(kept), folded_spans(text, index))
            if missed and "--missed" in sys.argv:
                sys.stderr.write(f"missed {sorted(missed)} in {text!r}\n")
    return {
        **ours.to_dict(),
        "unreadable_gold": unread,
        "ms_per_question_p50": round(float(np.median(milliseconds)), 3),
        "ms_per_question_p99": round(float(np.quantile(milliseconds, 0.99)), 3),
        "databases": len(indexes),
        "indexed_values": values,
        "build_seconds": round(build, 2),
        "baseline_exact_folded_span": exact.to_dict(),
    }


def folded_spans(text, index):
    """The baseline of the specification: every value that equals a span of one to five words after case folding."""
    words = [text[a:b] for a, b in word_spans(text)]
    spans = {" ".join(words[i:j]).lower() for i in range(len(words)) for j in range(i + 1, min(i + 6, len(words) + 1))}
    spans |= {part.strip().lower() for part in text.replace('"', "'").split("'")}
    arrays = index._arrays
    if not hasattr(index, "_by_text"):
        index._by_text = {}
        for row in range(len(index)):
            index._by_text.setdefault(arrays.value(row).lower(), []).append(row)
    rows = [row for span in spans for row in index._by_text.get(span, ())]
    return [
        ValueHit(index.columns[int(arrays.columns[row])].ref, arrays.value(row), (0, 0), 1.0, "exact") for row in rows
    ]


if __name__ == "__main__":
    main()
