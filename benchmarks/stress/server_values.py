"""A value index of a large table on a server that restarts while it is read: memory, progress, result.

    python benchmarks/stress/server_values.py --dialect postgres    # that part of benchmarks/results/server_values.json
    python benchmarks/stress/server_values.py --dialect mysql --rows 200000

The table has a number, a name that no other row has, and one of a thousand towns. Server and index are on this machine.
A child process builds the index; once it has told that half of the names are read, the server is restarted, which ends
its connection. "peak" is the child's own (VmHWM). "told" counts the messages of progress, "restarts" those that came
anew from the beginning of a column. The index is right where it holds each name and each town, and finds a hundred
names that questions say.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.common.record import RESULTS, record
from ctxprune.sql import Database, ValueIndex

sys.path.append(str(Path(__file__).resolve().parents[2] / "tests"))  # the servers and generators of the tests

from servers import MariaDB, Postgres

SEED = 7
TOWNS = 1000
SERVERS = {"mysql": MariaDB, "postgres": Postgres}
FILL = {
    "mysql": (
        "CREATE TABLE customer (id BIGINT, name VARCHAR(60), town VARCHAR(60)) "
        "SELECT seq AS id, concat(substr(md5(seq), 1, 6), ' ', seq * 7) AS name, "
        "concat('Town ', mod(seq, {towns})) AS town "
        "FROM seq_1_to_{rows}"
    ),
    "postgres": (
        "CREATE TABLE customer AS SELECT n::bigint AS id, left(md5(n::text), 6) || ' ' || n * 7 AS name, "
        "'Town ' || mod(n, {towns}) AS town FROM generate_series(1, {rows}) AS n"
    ),
}


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--dialect", choices=sorted(SERVERS), default="postgres")
    words.add_argument("--rows", type=int, default=10_000_000)
    words.add_argument("--build", nargs=2, metavar=("URL", "FOLDER"), help=argparse.SUPPRESS)
    words = words.parse_args()
    if words.build:
        build(*words.build)
        return
    kept = RESULTS / "server_values.json"
    figures = json.loads(kept.read_text())["figures"] if kept.exists() else {}
    figures[words.dialect] = measure(words.dialect, words.rows)
    record("server_values", dict(sorted(figures.items())), seed=SEED, data={"rows": "made by the script"})


def measure(dialect: str, rows: int) -> dict[str, object]:
    with (
        tempfile.TemporaryDirectory() as root,
        SERVERS[dialect](Path(tempfile.gettempdir())) as server,
        server.database() as database,
    ):
        started = time.perf_counter()
        execute(dialect, database.admin_url, FILL[dialect].format(rows=rows, towns=TOWNS))
        filled = time.perf_counter() - started
        load = os.getloadavg()[0]
        started = time.perf_counter()
        told = watch(server.restart, database.reader_url, root, rows)
        seconds = time.perf_counter() - started
        index = ValueIndex.open(root)
        values = {column.column: column.values for column in index.columns}
        numbers = random.Random(SEED).sample(range(1, rows + 1), 100)
        with Database(database.reader_url) as opened:
            names = opened.execute(f"SELECT name FROM customer WHERE id IN ({', '.join(map(str, numbers))})").rows
        found = sum(any(hit.value == name for hit in index.lookup(f"Who is {name} ?")) for (name,) in names)
    return {
        "rows": rows,
        "values": values,
        "right": values["name"] == rows and values["town"] == min(TOWNS, rows) and found == len(names),
        "found": f"{found} of {len(names)}",
        "fill_seconds": round(filled, 1),
        "build_seconds": round(seconds, 1),
        "load_before": round(load, 1),
        **told,
    }


def execute(dialect: str, url: str, sql: str) -> None:
    import sqlalchemy

    kind = {"mysql": "mysql+pymysql", "postgres": "postgresql+psycopg"}[dialect]
    engine = sqlalchemy.create_engine(sqlalchemy.make_url(url).set(drivername=kind))
    with engine.begin() as connection:
        connection.exec_driver_sql(sql)
    engine.dispose()


def watch(restart: Callable[[], None], url: str, root: str, rows: int) -> dict[str, object]:
    """Run the build, restart the server in the middle, and count what it tells."""
    told, restarts, restarted, last, peak = 0, 0, False, 0, 0
    command = [sys.executable, __file__, "--build", url, root]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        for line in child.stdout or ():
            kind, _, text = line.strip().partition(" ")
            if kind == "peak":
                peak = int(text)
                continue
            told += 1
            read = int(text)
            restarts += 0 < read <= last
            last = read
            if read >= rows // 2 and not restarted:
                restarted = True
                restart()
    if child.returncode or not restarted:
        raise SystemExit(f"the build ended with {child.returncode}, restarted: {restarted}")
    return {"told": told, "restarts": restarts, "peak_mb": round(peak / 1e6)}


def build(url: str, folder: str) -> None:
    def progress(_done: int, _total: int, name: str) -> None:
        read = name.partition(" (")[2].partition(" ")[0].replace(",", "")
        print("told", read or 0, flush=True)

    with Database(url) as database:
        ValueIndex.for_database(database, folder, progress=progress)
    status = Path("/proc/self/status").read_text()
    print("peak", int(status.partition("VmHWM:")[2].split()[0]) * 1024, flush=True)


if __name__ == "__main__":
    main()
