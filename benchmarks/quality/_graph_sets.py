"""Questions of Spider as questions to a graph: rows as entities, cells and foreign keys as edges.

A row is an entity, called by its table and primary key. Each cell that is not NULL is an edge by the name of its
column: to the row that a foreign key points at, where that row is in the pool, else to the value. A question is
taken where its query is one SELECT without aggregates, groups, set operations and nested queries, over three tables
(two hops) at most, and gives 1 to 50 rows. The needed edges of a row of the result are the cells that the query
selects, compares or orders by, and the foreign keys that it joins by.

The pool holds the needed rows and others of all tables, drawn at random, so many of each that there are about 1,000
edges.
"""

from __future__ import annotations

import hashlib
import random
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import sqlglot
from sqlglot import exp

MOST_ROWS = 50  # of a result
POOL = 1000  # edges
DEADLINE = 2_000_000  # steps of SQLite's machine, times 1,000


@dataclass
class Item:
    """A question, the edges of its pool as (head, relation, tail), and the positions of the needed ones."""

    database: str
    question: str
    hops: int
    edges: list[tuple[str, str, str]]
    needed: list[int]
    ordered: bool = False


@dataclass
class Schema:
    columns: dict[str, list[str]]  # by table, in lower case
    keys: dict[str, list[str]]
    foreign: dict[tuple[str, str], tuple[str, str]]
    names: dict[str, str] = field(default_factory=dict)


def read_items(folder: Path, questions: list[dict], seed: int, skipped: Counter | None = None) -> list[Item]:
    """The items of some rows of a file of Spider; `skipped` counts why others are none."""
    skipped = Counter() if skipped is None else skipped
    found = []
    for row in questions:
        path = folder / row["db_id"] / f"{row['db_id']}.sqlite"
        if not path.exists():
            skipped["no database"] += 1
            continue
        uri = f"file:{path}?mode=ro&immutable=1"
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            connection.text_factory = lambda data: data.decode("utf-8", "replace")
            try:
                item = read_item(connection, row, seed)
            except (UnfitError, sqlite3.Error, sqlglot.errors.SqlglotError) as error:
                skipped[str(error) if isinstance(error, UnfitError) else type(error).__name__] += 1
                continue
        found.append(item)
    return found


class UnfitError(Exception):
    """Why a question is not taken."""


def read_item(connection: sqlite3.Connection, row: dict, seed: int) -> Item:
    tree = sqlglot.parse_one(row["query"], read="sqlite")
    if not isinstance(tree, exp.Select) or len(list(tree.find_all(exp.Select))) > 1:
        raise UnfitError("set operation or nested query")
    if tree.args.get("group") or tree.find(exp.AggFunc):
        raise UnfitError("aggregate or group")
    schema = read_schema(connection)
    tables = {source.alias_or_name.lower(): source.name.lower() for source in tree.find_all(exp.Table)}
    if len(tables) > 3 or not set(tables.values()) <= set(schema.columns):
        raise UnfitError("more than two hops")
    rows = run_for_rows(connection, tree, list(tables))
    needed = set()
    for ids in rows:
        needed |= needed_cells(tree, tables, schema, ids)
    pool = draw_pool(connection, schema, {(table, one) for table, one, _ in needed}, f"{seed} {row['question']}")
    edges, cells = to_edges(connection, schema, pool)
    places = {cell: number for number, cell in enumerate(cells)}
    if not needed <= set(places):
        raise UnfitError("a needed cell is NULL")
    ordered = tree.args.get("order") is not None and tree.args.get("limit") is not None
    return Item(row["db_id"], row["question"], len(tables) - 1, edges, sorted(places[one] for one in needed), ordered)


def read_schema(connection: sqlite3.Connection) -> Schema:
    schema = Schema({}, {}, {})
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    for table in tables:
        if table.startswith("sqlite_"):
            continue
        info = connection.execute(f'PRAGMA table_info("{table}")').fetchall()
        low = table.lower()
        schema.names[low] = table
        schema.columns[low] = [name for _, name, *_ in info]
        schema.keys[low] = [name for _, name, *_, key in sorted(info, key=lambda one: one[5]) if key]
    for table in schema.columns:
        for _, _, named, column, given, *_ in connection.execute(f'PRAGMA foreign_key_list("{schema.names[table]}")'):
            other = named.lower()
            keys = schema.keys.get(other, [])
            target = given or (keys[0] if keys else None)
            # Only a key names one row.
            if other in schema.columns and target is not None and [target.lower()] == lower(keys):
                schema.foreign[table, column.lower()] = (other, target.lower())
    return schema


def run_for_rows(connection: sqlite3.Connection, tree: exp.Select, aliases: list[str]) -> list[tuple]:
    """For each row of the result the rowids of the rows that it is made of, in the order of the aliases."""
    if any(join.args.get("on") is None for join in tree.args.get("joins") or []):
        raise UnfitError("a join without a condition")
    asked = tree.copy()
    asked.set("distinct", None)
    asked.set("expressions", [sqlglot.parse_one(f'"{alias}".rowid', read="sqlite") for alias in aliases])
    steps = 0

    def tick() -> int:
        nonlocal steps
        steps += 1
        return int(steps > DEADLINE // 1000)

    connection.set_progress_handler(tick, 1000)
    rows = connection.execute(asked.sql(dialect="sqlite")).fetchmany(MOST_ROWS + 1)
    connection.set_progress_handler(None, 0)
    if not 1 <= len(rows) <= MOST_ROWS:
        raise UnfitError("no row" if not rows else f"more than {MOST_ROWS} rows")
    return [tuple(zip(aliases, row, strict=True)) for row in rows]


def needed_cells(tree: exp.Select, tables: dict[str, str], schema: Schema, ids: tuple) -> set[tuple[str, int, str]]:
    rowids = dict(ids)
    found: set[tuple[str, int, str]] = set()

    def place(column: exp.Column) -> tuple[str, int, str] | None:
        name = column.name.lower()
        alias = column.table.lower()
        if not alias:
            owners = [one for one, table in tables.items() if name in lower(schema.columns[table])]
            if not owners and column.this.quoted:
                return None  # SQLite takes "Paris" for a text where there is no such column
            if not owners:
                raise UnfitError("a column that no table has")
            alias = owners[0]
        if alias not in tables or name not in lower(schema.columns[tables[alias]]):
            raise UnfitError("a column that no table has")
        return tables[alias], rowids[alias], name

    joins = [join.args["on"] for join in tree.args.get("joins") or []]
    joined = {id(column) for on in joins for column in on.find_all(exp.Column)}
    if tree.find(exp.Star):
        raise UnfitError("SELECT *")
    found |= {place(column) for column in tree.find_all(exp.Column) if id(column) not in joined}
    for on in joins:
        for equal in on.find_all(exp.EQ):
            sides = [place(side) for side in (equal.left, equal.right) if isinstance(side, exp.Column)]
            keys = [side for side in sides if side is not None and (side[0], side[2]) in schema.foreign]
            found |= set(keys or sides)
    return found - {None}


def draw_pool(connection: sqlite3.Connection, schema: Schema, needed: set[tuple[str, int]], seed: str):
    """Rows by table: the needed ones, and others drawn at random."""
    chance = random.Random(seed)
    filled = {}
    for table in schema.columns:
        rows = [one for (one,) in connection.execute(f'SELECT rowid FROM "{schema.names[table]}" LIMIT 5000')]
        chance.shuffle(rows)
        filled[table] = rows
    chosen = {table: [one for of, one in sorted(needed) if of == table] for table in filled}
    edges = sum(len(rows) * len(schema.columns[table]) for table, rows in chosen.items())
    # One row of each table in turn, so that large tables do not fill the pool.
    while edges < POOL and any(filled.values()):
        for table, rows in filled.items():
            while rows:
                one = rows.pop()
                if one not in chosen[table]:
                    chosen[table].append(one)
                    edges += len(schema.columns[table])
                    break
    return {table: sorted(rows) for table, rows in chosen.items()}


def to_edges(connection: sqlite3.Connection, schema: Schema, pool: dict[str, list[int]]):
    """The edges of the pool, and for each of them (table, rowid, column)."""
    names, by_value = {}, {}
    contents = {}
    for table, rows in pool.items():
        columns = schema.columns[table]
        for one in rows:
            values = connection.execute(f'SELECT * FROM "{schema.names[table]}" WHERE rowid = ?', (one,)).fetchone()
            cells = dict(zip(lower(columns), values, strict=True))
            contents[table, one] = cells
            key = [cells[name.lower()] for name in schema.keys[table]] or [one]
            names[table, one] = " ".join([schema.names[table].replace("_", " "), *map(str, key)])
            for column, value in cells.items():
                by_value.setdefault((table, column, value), names[table, one])
    edges, cells = [], []
    for (table, one), values in contents.items():
        for column, (name, value) in zip(schema.columns[table], zip(values, values.values(), strict=True), strict=True):
            if value is None or value == "":
                continue
            target = schema.foreign.get((table, name))
            tail = by_value.get((*target, value)) if target is not None else None
            edges.append((names[table, one], column.replace("_", " "), str(value) if tail is None else tail))
            cells.append((table, one, name))
    return edges, cells


def lower(columns: list[str]) -> list[str]:
    return [name.lower() for name in columns]


def is_held_out(database: str) -> bool:
    """Whether a train database is left out of the training: one in three, by its name."""
    return hashlib.sha256(database.encode()).digest()[0] % 3 == 0
