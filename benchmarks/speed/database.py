"""What running queries in killable child processes costs, and how long reflection takes.

    python benchmarks/speed/database.py   # benchmarks/results/database.json

Milliseconds are medians. "start" is the first query of a new Database, its child process included. Memory is the growth
of the peak resident size, in MiB, of this process and the peak of the largest child, after `SELECT randomblob(1e9)`.
Reflection is the processor's time. Where the load average exceeds the number of cores, times that need two processes to
take turns tell more about the machine than about the code.
"""

from __future__ import annotations

import contextlib
import os
import resource
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.common.record import record
from ctxprune.errors import QueryLimitError, QueryTimeoutError
from ctxprune.sql.database.database import Database, Limits

QUERIES = {
    "one row": ("SELECT 1", 2000),
    "1,000 rows of 5": ("SELECT n, n * 2, n / 3.0, 'text ' || n, NULL FROM numbers LIMIT 1000", 200),
    "10,000 rows of 5": ("SELECT n, n * 2, n / 3.0, 'text ' || n, NULL FROM numbers", 30),
}
ENDLESS = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r"
ONE_SCALAR = "SELECT instr(hex(zeroblob(4000000)), hex(zeroblob(2000000)) || '1')"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "numbers.sqlite"
        build(
            path,
            "CREATE TABLE numbers (n INTEGER PRIMARY KEY);"
            "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 10000)"
            " INSERT INTO numbers SELECT n FROM r;",
        )
        load = round(os.getloadavg()[0], 1)
        figures = {
            "load_average": load,
            "memory": memory(path),
            "start_ms": start(path),
            **queries(path),
            **stops(path),
        }
        figures["reflection_cpu_s"] = {
            "2,000 tables of 10 columns": reflection(Path(folder), 2000, 10),
            "one table of 2,000 columns": reflection(Path(folder), 1, 2000),
        }
    record("database", figures, seed=None, data={"numbers": sqlite3.sqlite_version})
    sys.stderr.write(f"{figures}\n")


def build(path: Path, script: str) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executescript(script)


def median_ms(run: Callable[[], object], times: int) -> float:
    spent = []
    for _ in range(times):
        started = time.perf_counter()
        run()
        spent.append((time.perf_counter() - started) * 1000)
    return round(statistics.median(spent), 4)


def start(path: Path) -> float:
    def run() -> None:
        with Database(path) as database:
            database.execute("SELECT 1")

    return median_ms(run, 30)


def queries(path: Path) -> dict[str, object]:
    found: dict[str, object] = {}
    with contextlib.ExitStack() as stack:
        apart = stack.enter_context(Database(path))
        inside = stack.enter_context(Database(path, isolated=False))
        bare = stack.enter_context(contextlib.closing(sqlite3.connect(path)))
        for name, (sql, times) in QUERIES.items():
            found[name] = {
                "isolated_ms": median_ms(lambda sql=sql: apart.execute(sql), times),
                "in_process_ms": median_ms(lambda sql=sql: inside.execute(sql), times),
                "sqlite3_ms": median_ms(lambda sql=sql: bare.execute(sql).fetchall(), times),
            }
    return found


def stops(path: Path) -> dict[str, object]:
    """Seconds after a deadline of half a second until the error, worst of five."""
    late = {}
    with Database(path) as database:
        for name, sql in (("endless recursion", ENDLESS), ("one heavy scalar", ONE_SCALAR)):
            worst = 0.0
            for _ in range(5):
                started = time.monotonic()
                with contextlib.suppress(QueryTimeoutError):
                    database.execute(sql, limits=Limits(seconds=0.5))
                worst = max(worst, time.monotonic() - started - 0.5)
            late[name] = round(worst, 3)
    return {"seconds_late": late}


def memory(path: Path) -> dict[str, int]:
    with Database(path) as database:
        database.execute("SELECT 1")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with contextlib.suppress(QueryLimitError):
            database.execute("SELECT randomblob(1e9)")
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "parent_growth_mib": (after - before) // 1024,
        "child_peak_mib": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024,
    }


def reflection(folder: Path, tables: int, columns: int) -> float:
    names = ", ".join(f"c{n} VARCHAR(20)" for n in range(columns - 1))
    path = folder / f"{tables}.sqlite"
    build(
        path,
        "BEGIN;"
        + "".join(
            f"CREATE TABLE t{n} (id INTEGER PRIMARY KEY REFERENCES t{max(0, n - 1)} (id), {names});"
            for n in range(tables)
        )
        + "COMMIT;",
    )
    best = float("inf")
    for _ in range(3):
        with Database(path) as database:
            started = time.process_time()
            database.schema()
            best = min(best, time.process_time() - started)
    return round(best, 3)


if __name__ == "__main__":
    main()
