"""Random statements that look for hidden columns and tables in what the guard lets through, on four real engines.

    python benchmarks/stress/guard_scopes.py [--dialect sqlite|duckdb|postgres|mysql|all] [--statements N] [--seed S]

Two databases of each engine differ in hidden data only (tests/guard_fuzz). An allowed statement whose rows or errors
differ between them is a leak. After the statements of the grammar, a fifth as many attacks with other names follow
(tests/sql/guard_cases/scopes_DIALECT.sql). Finished batches are kept, by the text of the guard and of the generator, so
that a run that was killed goes on; --fresh throws them away. Counts by dialect go to
benchmarks/stress/guard_scopes.json, beside those of the other dialects. PostgreSQL and MariaDB are started for it, on
loopback. About 5 ms a statement.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.common.parts import Parts, fingerprint, say
from benchmarks.common.record import record
from ctxprune.sql import guard

sys.path.append(str(Path(__file__).resolve().parents[2] / "tests"))  # the servers and generators of the tests

from guard_fuzz import ENGINES, Fuzzer, Mutator, Pair, Writer

HERE = Path(__file__).resolve().parent

CASES = HERE.parent.parent / "tests" / "sql" / "guard_cases"
BATCH = 2000
SHOWN = 20
COUNTS = ("generated", "allowed", "executed", "limited")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--dialect", choices=[*ENGINES, "all"], default="all")
    parser.add_argument("--statements", type=int, default=250_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fresh", action="store_true", help="throw away the batches of earlier runs")
    given = parser.parse_args()
    parts = Parts("guard_scopes", keep=not given.fresh)
    version = code_version()
    leaks = 0
    for dialect in ENGINES if given.dialect == "all" else (given.dialect,):
        figures = one_dialect(dialect, parts, given.statements, (given.seed, version))
        leaks += figures["leaks"]
        mutated = one_dialect(dialect, parts, given.statements // 5, (given.seed, version), attacks=True)
        leaks += mutated["leaks"]
        figures["attacks with other names"] = mutated
        # read again each time: another process may have written the figures of another dialect
        record("guard_scopes", {**earlier(), dialect: figures}, seed=given.seed, data={}, folder=HERE)
    return int(leaks > 0)


def one_dialect(
    dialect: str, parts: Parts, statements: int, state: tuple[int, str], *, attacks: bool = False
) -> dict[str, Any]:
    """Counts of all batches, and the shortest leaks."""
    seed, version = state
    writer: Writer | Mutator = Writer(dialect, seed)
    if attacks:
        writer = Mutator(dialect, seed, (CASES / f"scopes_{dialect}.sql").read_text(encoding="utf-8").splitlines())
    title = f"{dialect}, attacks" if attacks else dialect
    with ExitStack() as stack:
        pair: list[Pair] = []

        def run(start: int) -> dict[str, Any]:
            if not pair:
                pair.append(stack.enter_context(ENGINES[dialect]()))
            return run_batch(Fuzzer(dialect, pair[0]), writer, start, min(BATCH, statements - start))

        rows = []
        for start in range(0, statements, BATCH):
            count = min(BATCH, statements - start)
            rows.append(parts.row(f"{title} from {start}", (seed, version, count), lambda at=start: run(at)))
            say(f"{title}: {start + count} of {statements}, {sum(len(row['leaks']) for row in rows)} leaks")
    leaks = sorted((leak for row in rows for leak in row["leaks"]), key=lambda leak: len(leak["sql"]))
    return {
        **{name: sum(row[name] for row in rows) for name in COUNTS},
        "leaks": len(leaks),
        "seconds": round(sum(row["seconds"] for row in rows), 1),
        "seed": seed,
        "code": version,
        "shortest_leaks": leaks[:SHOWN],
    }


def run_batch(fuzzer: Fuzzer, writer: Writer | Mutator, start: int, count: int) -> dict[str, Any]:
    began = time.monotonic()
    tally = fuzzer.run(writer, count, start)
    leaks = [
        {"sql": leak.sql, "written": leak.written, "bait": leak.bait, "answers": [repr(a)[:300] for a in leak.answers]}
        for leak in tally.leaks
    ]
    return {
        **{name: getattr(tally, name) for name in COUNTS},
        "leaks": leaks,
        "seconds": time.monotonic() - began,
    }


def code_version() -> str:
    """Changes with the guard and with the generator."""
    folders = (Path(guard.__file__).resolve().parent, HERE.parent.parent / "tests" / "guard_fuzz")
    files = [path for folder in folders for path in sorted(folder.glob("*.py"))]
    return fingerprint([path.read_text(encoding="utf-8") for path in [*files, *sorted(CASES.glob("scopes_*.sql"))]])


def earlier() -> dict[str, Any]:
    path = HERE / "guard_scopes.json"
    return json.loads(path.read_text(encoding="utf-8"))["figures"] if path.exists() else {}


if __name__ == "__main__":
    sys.exit(main())
