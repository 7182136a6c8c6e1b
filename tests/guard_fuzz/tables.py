"""The tables of both databases: which columns the caller may see, and rows that agree in those alone."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass

from ctxprune.sql.schema.schema import Column, Schema, Table

__all__ = ["DATABASE", "HIDDEN", "SIDES", "TABLES", "Field", "Relation", "schema", "script"]

DATABASE = "shopdb"
"""What statements call the database; `Pair` replaces it by the real name on a server."""
SIDES = ("a", "b")
ROWS = 5


@dataclass(frozen=True)
class Field:
    """A column.

    Attributes:
        name: Its name.
        kind: n number, t text, j JSON, l list of texts, s struct of `city` and `zip`, e enum.
        hidden: The caller may not see it.
        only: The one side that has it; "" for both. A column of one side betrays itself in error messages.
        key: Integer primary key.
    """

    name: str
    kind: str
    hidden: bool = False
    only: str = ""
    key: bool = False


@dataclass(frozen=True)
class Relation:
    """A table; `space` is its database schema where that is not the default one."""

    name: str
    fields: tuple[Field, ...]
    hidden: bool = False
    only: str = ""
    space: str = ""

    @property
    def visible(self) -> dict[str, str]:
        """Kind of each column that the caller may see, in order."""
        return {field.name: field.kind for field in self.fields if not field.hidden}


def _fields(text: str) -> tuple[Field, ...]:
    """Fields from "name:kind" words; - hides one, @a or @b keeps it to one side, ! makes it the key."""
    found = []
    for word in text.split():
        name, _, kind = word.lstrip("-").partition(":")
        only = kind.partition("@")[2]
        found.append(Field(name, kind[0], word.startswith("-"), only, kind.endswith("!")))
    return tuple(found)


TABLES = (
    Relation(
        "customers",
        _fields(
            "-ssn:t id:n -credit:n name:t -nick:t@a -aka:t@b -area:n city:t attrs:j -notes:j tags:l -inner_place:s"
            " -total:n -upper:t"
        ),
    ),
    Relation("orders", _fields("-name:t id:n -ssn:t customer_id:n total:n -hint:t@a -city:t status:t -salary:n")),
    Relation("products", _fields("-cost:n id:n attrs:j -margin:j name:t info:s price:n -lower:t -spec:s -labels:l")),
    Relation("city", _fields("-population:n name:t -main:t id:n -public:t")),
    Relation("ledger", _fields("-entry:n! label:t amount:n -auditor:t")),
    Relation("docs", _fields("title:t -body:t")),
    Relation("vault", _fields("id:n ssn:t salary:n name:t attrs:j kind:e"), hidden=True),
    Relation("crypt", _fields("id:n"), hidden=True, only="a"),
    Relation("staff", _fields("id:n -pay:n name:t -ssn:t"), space="hr"),
    Relation("payroll", _fields("id:n pay:n"), hidden=True, space="hr"),
)
HIDDEN = sorted({field.name for table in TABLES for field in table.fields if field.hidden or table.hidden})
_SPACES = ("postgres", "duckdb")
_TYPES = {
    "sqlite": {"n": "INTEGER", "t": "TEXT", "j": "TEXT", "l": "TEXT", "s": "TEXT", "e": "TEXT"},
    "duckdb": {
        "n": "INTEGER",
        "t": "VARCHAR",
        "j": "JSON",
        "l": "VARCHAR[]",
        "e": "vault_kind",
        "s": "STRUCT(city VARCHAR, zip INTEGER)",
    },
    "postgres": {"n": "integer", "t": "text", "j": "jsonb", "l": "text[]", "s": "place", "e": "vault_kind"},
    "mysql": {
        "n": "INTEGER",
        "t": "VARCHAR(40)",
        **dict.fromkeys("jls", "JSON"),
        "e": "ENUM('low','mid','high','top')",
    },
}


def schema(dialect: str) -> Schema:
    """What the caller may see."""
    tables = []
    for table in _of(dialect):
        if not table.hidden:
            columns = tuple(
                Column(field.name, _TYPES[dialect][field.kind], primary_key=field.key)
                for field in table.fields
                if not field.hidden
            )
            tables.append(Table(table.name, columns, namespace=table.space))
    return Schema(DATABASE, tuple(tables), dialect=dialect)


def script(dialect: str, side: str) -> list[str]:
    """Statements that make the database of one side."""
    made = []
    if dialect == "postgres":
        made.append("CREATE TYPE place AS (city text, zip integer)")
    if dialect in _SPACES:
        made += [f"CREATE TYPE vault_kind AS ENUM ({_KINDS[side]})", "CREATE SCHEMA hr"]
    for table in _of(dialect):
        if table.only in ("", side):
            made += _table(table, dialect, side)
    return made


_KINDS = {"a": "'low', 'mid', 'high'", "b": "'low', 'mid', 'high', 'top'"}


def _of(dialect: str) -> list[Relation]:
    return [table for table in TABLES if not table.space or dialect in _SPACES]


def _table(table: Relation, dialect: str, side: str) -> list[str]:
    fields = [field for field in table.fields if field.only in ("", side)]
    name = f"{table.space}.{table.name}" if table.space else table.name
    if dialect == "sqlite" and table.name == "docs":
        create = f"CREATE VIRTUAL TABLE docs USING fts5({', '.join(field.name for field in fields)})"
    else:
        columns = [f"{_quoted(field.name, dialect)} {_type(field, dialect)}" for field in fields]
        if dialect == "mysql" and table.name == "docs":
            columns.append("FULLTEXT (title), FULLTEXT (body)")
        create = f"CREATE TABLE {name} ({', '.join(columns)})"
    seen, unseen = random.Random(table.name), random.Random(f"{table.name} {side}")
    count = ROWS + (SIDES.index(side) if table.hidden else 0)
    rows = []
    for at in range(count):
        cells = []
        for field in fields:
            hidden = field.hidden or table.hidden
            cells.append(_cell(field, dialect, at, unseen if hidden else seen, apart=hidden and side == SIDES[1]))
        rows.append(f"({', '.join(cells)})")
    return [create, f"INSERT INTO {name} VALUES {', '.join(rows)}"]


def _type(field: Field, dialect: str) -> str:
    return f"{_TYPES[dialect][field.kind]}{' PRIMARY KEY' if field.key else ''}"


def _quoted(name: str, dialect: str) -> str:
    return f"`{name}`" if dialect == "mysql" else f'"{name}"'


def _cell(field: Field, dialect: str, at: int, state: random.Random, *, apart: bool) -> str:
    """A value as a literal; `apart`: less than any that the other side has, so that comparisons differ, too."""
    if field.key:
        return str(10 * at + 1 + state.randrange(10))
    if field.name == "id":
        return str(at)
    word, number = state.choice("012345" if apart else "abcxyz"), state.randrange(6) - 6 * apart
    if field.kind in ("n", "t", "e"):
        return {"n": str(number), "t": f"'{word}'", "e": f"'{state.choice(('low', 'mid', 'high'))}'"}[field.kind]
    if field.kind == "l" and dialect in _SPACES:
        return f"{'ARRAY' if dialect == 'postgres' else ''}['{word}', 'm']"
    if field.kind == "s" and dialect in _SPACES:
        return f"ROW('{word}', {number})::place" if dialect == "postgres" else f"{{'city': '{word}', 'zip': {number}}}"
    value = {"j": {"a": word, "b": number}, "l": [word, "m"], "s": {"city": word, "zip": number}}[field.kind]
    return f"'{json.dumps(value)}'"
