"""Hostile statements past the guard, straight to the executor: is everything as before, and was every deadline kept?

    python benchmarks/stress/hostile.py --dialect postgres     # that part of benchmarks/results/hostile.json
    python benchmarks/stress/hostile.py                        # all dialects

The statements are those of tests/sql/drivers/hostile_DIALECT.sql (SQLite: tests/sql/hostile.sql), thrown one by one at
a real server (or a file) as a role that may write, so that nothing but the executor stands in the way. After each one
the digest of all rows and of the catalogue must be the same (of a file: its bytes, and those of whatever is beside it),
and the next query must find its rows; that an administrator's query finds them also shows that the server lives.
"late" is by how much the worst statement overran its deadline; what is ended by its limit of bytes counts, too.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from pathlib import Path

from benchmarks.common.record import RESULTS, record
from ctxprune.errors import CtxpruneError
from ctxprune.sql import Database, Limits

sys.path.append(str(Path(__file__).resolve().parents[2] / "tests"))  # the servers and generators of the tests

from servers.victims import VICTIMS, cases

LIMITS = Limits(seconds=0.5, rows=1000, bytes=1_000_000, memory=64_000_000)


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--dialect", choices=sorted(VICTIMS), action="append")
    asked = words.parse_args().dialect or sorted(VICTIMS)
    kept = RESULTS / "hostile.json"
    figures = json.loads(kept.read_text())["figures"] if kept.exists() else {}
    figures |= {dialect: measure(dialect) for dialect in asked}
    record("hostile", dict(sorted(figures.items())), seed=None, data={"cases": "tests/sql"})


def measure(dialect: str) -> dict[str, object]:
    outcomes: Counter[str] = Counter()
    changed, broken, late = [], [], 0.0
    with VICTIMS[dialect]() as victim, Database(victim.target) as database:
        before = victim.state()
        for number, (family, sql) in enumerate(cases(dialect, victim.marks)):
            started = time.monotonic()
            try:
                outcome = type(database.execute(sql, limits=LIMITS)).__name__
            except CtxpruneError as error:
                outcome = type(error).__name__
            late = max(late, time.monotonic() - started - LIMITS.seconds)
            outcomes[outcome] += 1
            if victim.state() != before:
                changed.append(f"{number} {family}")
                before = victim.state()
            if database.execute("SELECT count(*) FROM t", limits=Limits(seconds=5)).rows != ((3,),):
                broken.append(f"{number} {family}")
    return {
        "statements": sum(outcomes.values()),
        "outcomes": dict(outcomes.most_common()),
        "changed": changed,
        "broken": broken,
        "limit_seconds": LIMITS.seconds,
        "late_seconds": round(max(late, 0.0), 3),
    }


if __name__ == "__main__":
    main()
