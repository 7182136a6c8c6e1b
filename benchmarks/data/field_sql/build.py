"""Builds the databases of a part for `ctxprune bench sqleval --data FOLDER`: `python build.py FOLDER --part 2`.

FOLDER gets database/NAME/NAME.sqlite and copies of items.json and unanswerable.json. The same seed gives the same rows.
`--check` then runs every gold query and fails where one is wrong, empty, depends on a tie, or finds no other rows than
the same query without its conditions or a plain count of a table.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import sqlglot
from sqlglot import expressions as exp

from benchmarks.data.field_sql.draws import Rows
from benchmarks.data.field_sql.part_1.hospital_rows import hospital_rows
from benchmarks.data.field_sql.part_1.shop_rows import shop_rows
from benchmarks.data.field_sql.part_2.bookstore_rows import bookstore_rows
from benchmarks.data.field_sql.part_2.cityhosp_rows import cityhosp_rows
from benchmarks.data.field_sql.part_3.garden_centre_rows import garden_centre_rows
from benchmarks.data.field_sql.part_3.rehabclinic_rows import rehabclinic_rows

HERE = Path(__file__).resolve().parent
PARTS: dict[int, dict[str, Callable[[int], Iterator[tuple[str, Rows]]]]] = {
    1: {"hospital": hospital_rows, "shop": shop_rows},
    2: {"bookstore": bookstore_rows, "cityhosp": cityhosp_rows},
    3: {"garden_centre": garden_centre_rows, "rehabclinic": rehabclinic_rows},
}
SEED = 2411


def part_folder(part: int) -> Path:
    """Where the tables and questions of a part are written down."""
    return HERE / f"part_{part}"


def build_database(name: str, path: Path) -> None:
    """Write one database anew."""
    part = next(part for part, makers in PARTS.items() if name in makers)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.executescript((part_folder(part) / f"{name}.sql").read_text(encoding="utf-8"))
        for table, rows in PARTS[part][name](SEED):
            places = ", ".join("?" * len(rows[0]))
            connection.executemany(f"INSERT INTO {table} VALUES ({places})", rows)


def build(folder: Path, part: int = 1) -> None:
    """Write the databases of a part and copy the questions beside them."""
    for name in PARTS[part]:
        build_database(name, folder / "database" / name / f"{name}.sqlite")
    for file in ("items.json", "unanswerable.json"):
        if folder.resolve() != part_folder(part):
            shutil.copyfile(part_folder(part) / file, folder / file)


def gold_faults(folder: Path) -> list[str]:
    """What is wrong with the gold queries of a built folder, each fault with the question's number."""
    faults: list[str] = []
    for item in json.loads((folder / "items.json").read_text(encoding="utf-8")):
        path = folder / "database" / item["db_id"] / f"{item['db_id']}.sqlite"
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            for sql in item["golds"]:
                faults += [f"{item['id']}: {fault}" for fault in query_faults(connection, sql, item["golds"])]
    return faults


def query_faults(connection: sqlite3.Connection, sql: str, accepted: Sequence[str] = ()) -> list[str]:
    """The faults of one query, each with its text; a trivial query that is itself accepted is none."""
    try:
        rows = connection.execute(sql).fetchall()
        # Without an order of their own, ties come out the other way round.
        connection.execute("PRAGMA reverse_unordered_selects = ON")
        other = connection.execute(sql).fetchall()
        connection.execute("PRAGMA reverse_unordered_selects = OFF")
        allowed = {normal_form(one) for one in accepted}
        tied = has_tie(connection, sql)
        trivial = [connection.execute(one).fetchall() for one in trivial_queries(sql) if one not in allowed]
    except (sqlite3.Error, sqlglot.ParseError) as error:
        return [f"{error}: {sql}"]
    if not rows or all(cell is None for row in rows for cell in row):
        return [f"no rows: {sql}"]
    faults = [f"depends on a tie: {sql}"] if tied or as_multiset(rows) != as_multiset(other) else []
    if as_multiset(rows) in map(as_multiset, trivial):
        # A pipeline that ignores the question's conditions would pass as right.
        faults.append(f"no other rows than a trivial query: {sql}")
    return faults


def trivial_queries(sql: str) -> list[str]:
    """A count of each table that a query reads, and the query without its own conditions, if it has any."""
    tree = sqlglot.parse_one(sql, read="sqlite")
    stored = {one.name for one in tree.find_all(exp.Table)} - {one.alias for one in tree.find_all(exp.CTE)}
    found = [f"SELECT COUNT(*) FROM {name}" for name in sorted(stored)]  # names of our own tables
    conditions = [name for name in ("where", "having", "limit") if tree.args.get(name)]
    for name in conditions:
        tree.set(name, None)
    return [*found, tree.sql(dialect="sqlite")] if conditions else found


def has_tie(connection: sqlite3.Connection, sql: str) -> bool:
    """Whether the last row within a query's own LIMIT and the next one are equal in what they are ordered by."""
    tree = sqlglot.parse_one(sql, read="sqlite")
    limit, order = tree.args.get("limit"), tree.args.get("order")
    if not isinstance(tree, exp.Select) or limit is None or order is None:
        return False
    count = int(limit.expression.name)
    keys = [one.this.copy() for one in order.expressions]
    rows = connection.execute(tree.select(*keys).limit(count + 1).sql(dialect="sqlite")).fetchall()
    return len(rows) > count and rows[count - 1][-len(keys) :] == rows[count][-len(keys) :]


def normal_form(sql: str) -> str:
    return sqlglot.parse_one(sql, read="sqlite").sql(dialect="sqlite")


def as_multiset(rows: list[tuple[object, ...]]) -> list[str]:
    """Rows that can be compared: sums of floats differ in their last digits from one order of rows to another."""
    return sorted(repr([round(cell, 4) if isinstance(cell, float) else cell for cell in row]) for row in rows)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--part", type=int, choices=sorted(PARTS), default=1, help="which databases and questions")
    parser.add_argument("--check", action="store_true", help="run the gold queries")
    options = parser.parse_args()
    build(options.folder, options.part)
    faults = gold_faults(options.folder) if options.check else []
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
