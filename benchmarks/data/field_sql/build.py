"""Builds the databases of this folder, which `ctxprune bench sqleval --data FOLDER` reads: `python build.py FOLDER`.

FOLDER gets database/NAME/NAME.sqlite and copies of items.json and unanswerable.json. The same seed gives the same rows.
`python build.py FOLDER --check` then runs every gold query and fails where one is wrong, empty or depends on a tie.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from benchmarks.data.field_sql.hospital_rows import hospital_rows
from benchmarks.data.field_sql.shop_rows import shop_rows

HERE = Path(__file__).resolve().parent
Rows = list[tuple[object, ...]]
MAKERS: dict[str, Callable[[int], Iterator[tuple[str, Rows]]]] = {"hospital": hospital_rows, "shop": shop_rows}
SEED = 2411


def build_database(name: str, path: Path) -> None:
    """Write one database anew."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.executescript((HERE / f"{name}.sql").read_text(encoding="utf-8"))
        for table, rows in MAKERS[name](SEED):
            places = ", ".join("?" * len(rows[0]))
            connection.executemany(f"INSERT INTO {table} VALUES ({places})", rows)


def build(folder: Path) -> None:
    """Write both databases and copy the questions beside them."""
    for name in MAKERS:
        build_database(name, folder / "database" / name / f"{name}.sqlite")
    for file in ("items.json", "unanswerable.json"):
        if folder.resolve() != HERE:
            shutil.copyfile(HERE / file, folder / file)


def gold_faults(folder: Path) -> list[str]:
    """What is wrong with gold queries: they fail, find nothing, or depend on the order in which rows are stored."""
    faults: list[str] = []
    for item in json.loads((HERE / "items.json").read_text(encoding="utf-8")):
        path = folder / "database" / item["db_id"] / f"{item['db_id']}.sqlite"
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            faults += [f"{item['id']}: {fault}" for sql in item["golds"] for fault in query_faults(connection, sql)]
    return faults


def query_faults(connection: sqlite3.Connection, sql: str) -> list[str]:
    """The faults of one query, each with its text."""
    try:
        rows = connection.execute(sql).fetchall()
        # Without an order of their own, ties come out the other way round.
        connection.execute("PRAGMA reverse_unordered_selects = ON")
        other = connection.execute(sql).fetchall()
        connection.execute("PRAGMA reverse_unordered_selects = OFF")
    except sqlite3.Error as error:
        return [f"{error}: {sql}"]
    if not rows or all(cell is None for row in rows for cell in row):
        return [f"no rows: {sql}"]
    return [] if sorted(map(repr, rows)) == sorted(map(repr, other)) else [f"depends on a tie: {sql}"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--check", action="store_true", help="run the gold queries")
    options = parser.parse_args()
    build(options.folder)
    faults = gold_faults(options.folder) if options.check else []
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
