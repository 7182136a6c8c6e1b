"""Records in an SQLite file with typed columns, and where each value comes from; ready for `ctxprune.sql.Pipeline`.

After Bhayana et al., What's In Your Field? Mapping Scientific Research with Knowledge Graphs and Large Language Models,
2025 (arXiv:2503.09894): extracted concepts go into a database, which answers questions about the whole collection.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ctxprune.errors import FormatError, InputError, UsageError

from .schema import RecordSchema, as_record_schema

if TYPE_CHECKING:
    from .records import Extraction, Record
    from .schema import RecordField

__all__ = ["RecordStore"]

_APPLICATION = 0x63787278  # "cxrx": SQLite's own mark of whose file it is
_VERSION = 1
_AFFINITY = {"integer": "INTEGER", "number": "REAL", "boolean": "BOOLEAN", "date": "DATE", "datetime": "DATETIME"}
_WHOLE = 1 << 63
_MOST_COMPARED = 500  # columns; SQLite takes no deeper expressions than 1000, and the evidence says the rest
_DATED = re.compile(r"\d{4}(?:-\d\d(?:-\d\d(?:[T ]\d\d:\d\d.*)?)?)?\Z")
_RESERVED = frozenset({"record_id", "chunk", "provenance"})


class RecordStore:
    """An SQLite file of records, made by this class; no other database is ever written to.

    The table of the records has a column `record_id`, one for `chunk`, and one a field, typed by the schema; fields of
    nested objects are joined ("maker_name"). Arrays are tables of their own ("product_tags") that refer to it.
    `provenance` has a row for each value: record, field, chunk, the characters [start_char, end_char) of the chunk's
    text, those characters, and the score; both are NULL where the value does not stand there. A value that does not fit
    its column's type is stored as NULL, and its text is in `provenance`. What is there already is not added again.

    Several threads or processes may write one after the other: each `add` is one transaction.

    Args:
        path: The file; made where it is missing. It must be one of these otherwise.
        schema: What `as_record_schema` reads; the table gets its name.

    Raises:
        FormatError: The file is something else, or was made for another schema.
        InputError: It cannot be opened or made.
        UsageError: The schema is none, or has no field for a column.
    """

    def __init__(self, path: str | Path, schema: Any) -> None:
        self.path = Path(path)
        self.schema: RecordSchema = as_record_schema(schema)
        self.table = _column_name(self.schema.name) or "record"
        if self.table in _RESERVED:
            self.table += "_record"
        if self.table.startswith("sqlite_"):
            self.table = f"record_{self.table}"  # SQLite keeps names that begin so for itself
        self._columns, self._arrays = _name_columns(self.schema, self.table)
        with self._open() as connection:
            self._prepare(connection)

    def add(self, extraction: Extraction) -> int:
        """Add the records of an extraction that are not there yet; all of them or none. Returns how many are new.

        A record is there if one of the same chunk has the same values at the same places: the same extraction once more
        adds nothing, and a record that is twice in an extraction stays twice.

        Raises:
            InputError: The file cannot be written.
        """
        new = 0
        with self._open() as connection:
            (last,) = connection.execute(f'SELECT coalesce(max(record_id), 0) FROM "{self.table}"').fetchone()  # noqa: S608
            known: set[int] = set()
            for record in extraction.records:
                number = self._find(connection, record, last, known)
                if number is None:
                    self._add(connection, record)
                    new += 1
                else:
                    known.add(number)
        return new

    def __len__(self) -> int:
        with self._open() as connection:
            return int(connection.execute(f'SELECT count(*) FROM "{self.table}"').fetchone()[0])  # noqa: S608 - our own name

    def _find(self, connection: sqlite3.Connection, record: Record, last: int, known: set[int]) -> int | None:
        """The record_id, up to `last` and not of `known`, of a record like this one; None without any."""
        # SQLite compares by the types of its columns, as it converted the cells when it stored them.
        cells = self._cells(record)[:_MOST_COMPARED]
        same = " AND ".join(f'"{name}" IS ?' for name in ("chunk", *(name for _, name in self._columns[: len(cells)])))
        statement = f'SELECT record_id FROM "{self.table}" WHERE record_id <= ? AND {same}'  # noqa: S608 - our own names
        evidence = None
        for (number,) in connection.execute(statement, (last, _to_text(record.chunk), *cells)):
            if number in known:
                continue
            evidence = self._evidence(record) if evidence is None else evidence
            stored = connection.execute(
                "SELECT field, chunk, start_char, end_char, text, score, unit FROM provenance WHERE record_id = ?"
                " ORDER BY rowid",
                (number,),
            )
            if list(stored) == evidence and self._has_items(connection, record, number):
                return int(number)
        return None

    def _has_items(self, connection: sqlite3.Connection, record: Record, number: int) -> bool:
        """Whether the arrays of a stored record are those of this one."""
        for field, name in self._arrays:
            items = _items_of(record, field)
            (size,) = connection.execute(f'SELECT count(*) FROM "{name}" WHERE record_id = ?', (number,)).fetchone()  # noqa: S608
            query = f'SELECT 1 FROM "{name}" WHERE record_id = ? AND position = ? AND "{_item_name(field)}" IS ?'  # noqa: S608
            rows = ((number, at, _to_cell(item, field)) for at, item in enumerate(items))
            if size != len(items) or any(connection.execute(query, row).fetchone() is None for row in rows):
                return False
        return True

    def _cells(self, record: Record) -> list[Any]:
        return [_to_cell(_value_at(record.data, field.path), field) for field, _ in self._columns]

    def _evidence(self, record: Record) -> list[tuple[Any, ...]]:
        """The rows of `provenance`, without the number of the record."""
        known = {field.path: name for field, name in (*self._columns, *self._arrays)}
        return [
            (
                known.get(value.path) or known.get(re.sub(r"\.\d+(?=\.|$)", "", value.path), _to_text(value.path)),
                _to_text(record.chunk),
                *(value.span or (None, None)),
                _to_text(value.text or str(value.value)),
                value.score if value.span else None,
                _to_text(value.unit) or None,
            )
            for value in record.values
        ]

    def _add(self, connection: sqlite3.Connection, record: Record) -> None:
        cells = self._cells(record)
        names = ", ".join(f'"{name}"' for name in ("chunk", *(name for _, name in self._columns)))
        marks = ", ".join("?" * (len(cells) + 1))
        statement = f'INSERT INTO "{self.table}" ({names}) VALUES ({marks})'  # noqa: S608 - names are our own, values bound
        number = connection.execute(statement, (_to_text(record.chunk), *cells)).lastrowid
        for field, name in self._arrays:
            rows = [(number, at, _to_cell(item, field)) for at, item in enumerate(_items_of(record, field))]
            connection.executemany(f'INSERT INTO "{name}" VALUES (?, ?, ?)', rows)  # noqa: S608
        evidence = [(number, *row) for row in self._evidence(record)]
        connection.executemany("INSERT INTO provenance VALUES (?, ?, ?, ?, ?, ?, ?, ?)", evidence)

    def _prepare(self, connection: sqlite3.Connection) -> None:
        (mark,), (version,) = (
            connection.execute(f"PRAGMA {name}").fetchone() for name in ("application_id", "user_version")
        )
        # Views and triggers of somebody are a database, too.
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
        if tables and (mark, version) != (_APPLICATION, _VERSION):
            raise FormatError(
                "the file is a database that this library did not make", where=str(self.path), hint="name another file"
            )
        if not tables:
            connection.execute(f"PRAGMA application_id = {_APPLICATION}")
            connection.execute(f"PRAGMA user_version = {_VERSION}")
            for statement in self._definitions():
                connection.execute(statement)
            self._index(connection)
            return
        owned = [("record_id", "INTEGER"), ("chunk", "TEXT")]
        wanted = {self.table: [*owned, *((name, _affinity_of(field)) for field, name in self._columns)]}
        for field, name in self._arrays:
            place = ("position", "INTEGER")
            wanted[name] = [owned[0], place, (_item_name(field), _affinity_of(field))]
        found = {
            name: [(row[1], row[2]) for row in connection.execute(f'PRAGMA table_info("{name}")')] for name in wanted
        }
        if found != wanted:
            raise FormatError(
                "the file was made for another schema",
                where=str(self.path),
                hint="name another file, or use that schema",
            )
        self._index(connection)

    def _index(self, connection: sqlite3.Connection) -> None:
        """Indexes by which a record that is there is found; files of earlier versions get them, too."""
        # With spaces, since names of a table and an index are in one namespace, and our tables' names have none.
        connection.execute(f'CREATE INDEX IF NOT EXISTS "records of a chunk" ON "{self.table}" (chunk)')
        for name in ("provenance", *(name for _, name in self._arrays)):
            connection.execute(f'CREATE INDEX IF NOT EXISTS "{name} of a record" ON "{name}" (record_id)')

    def _definitions(self) -> Iterator[str]:
        columns = [f'"{name}" {_affinity_of(field)}' for field, name in self._columns]
        listed = ", ".join(["record_id INTEGER PRIMARY KEY", "chunk TEXT NOT NULL", *columns])
        yield f'CREATE TABLE "{self.table}" ({listed})'
        owner = f'record_id INTEGER NOT NULL REFERENCES "{self.table}" (record_id)'
        for field, name in self._arrays:
            item = f'"{_item_name(field)}" {_affinity_of(field)}'
            yield f'CREATE TABLE "{name}" ({owner}, position INTEGER NOT NULL, {item})'
        yield (
            f"CREATE TABLE provenance ({owner}, field TEXT NOT NULL, chunk TEXT NOT NULL, start_char INTEGER, "
            "end_char INTEGER, text TEXT, score REAL, unit TEXT)"
        )

    def _check_header(self) -> None:
        """Read whose file it is from its first bytes.

        SQLite itself would write while it looks: it moves a log that was left behind into the file.

        Raises:
            FormatError: The file is there and not one of these.
            InputError: It cannot be read.
        """
        try:
            with self.path.open("rb") as file:
                header = file.read(100)
            log = Path(f"{self.path}-wal")
            foreign = log.is_file() if not header else not _is_own(header)
        except FileNotFoundError:
            return
        except (OSError, ValueError) as error:
            raise InputError(f"cannot use the file of records: {error}", where=str(self.path)) from error
        if foreign:
            raise FormatError(
                "the file is something that this library did not make", where=str(self.path), hint="name another file"
            )

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """A connection in a transaction, with SQLite's errors as ours."""
        self._check_header()
        try:
            connection = sqlite3.connect(self.path, timeout=30.0)
            try:
                with connection:
                    # At once, so that two processes do not both make the tables.
                    connection.execute("BEGIN IMMEDIATE")
                    yield connection
            finally:
                connection.close()
        except sqlite3.OperationalError as error:
            raise InputError(f"cannot use the file of records: {error}", where=str(self.path)) from error
        except sqlite3.DatabaseError as error:
            raise FormatError(f"the file is no SQLite database ({error})", where=str(self.path)) from error


def _items_of(record: Record, field: RecordField) -> list[Any]:
    items = _value_at(record.data, field.path)
    return items if isinstance(items, list) else []


def _is_own(header: bytes) -> bool:
    """Whether the first bytes of a file are those of a database that this class made (SQLite's format, 1.3)."""
    version, mark = (int.from_bytes(header[at : at + 4], "big") for at in (60, 68))
    return header.startswith(b"SQLite format 3\0") and (mark, version) == (_APPLICATION, _VERSION)


def _affinity_of(field: RecordField) -> str:
    return _AFFINITY.get(field.kind, "TEXT")


def _item_name(field: RecordField) -> str:
    """The column of an array's items."""
    return _make_unique(_column_name(field.name) or "value", {"record_id", "position"})


def _name_columns(
    schema: RecordSchema, table: str
) -> tuple[list[tuple[RecordField, str]], list[tuple[RecordField, str]]]:
    """Names of columns and of tables of arrays; those that would be equal in SQLite get a number."""
    taken, tables = {"record_id", "chunk"}, {table.lower(), "provenance"}
    columns, arrays = list[tuple["RecordField", str]](), list[tuple["RecordField", str]]()
    for field in schema.fields:
        name = _column_name(field.path) or "field"
        if field.many:
            arrays.append((field, _make_unique(f"{table}_{name}", tables)))
        else:
            columns.append((field, _make_unique(name, taken)))
    if len(columns) > 1_900:
        raise UsageError(f"the schema has {len(columns)} fields", hint="SQLite holds 1,900 of them in a table")
    return columns, arrays


def _make_unique(name: str, taken: set[str]) -> str:
    found, number = name, 2
    while found.lower() in taken:
        found, number = f"{name}_{number}", number + 1
    taken.add(found.lower())
    return found


def _column_name(path: str) -> str:
    """A path as a column's name: "maker.fullName" gives maker_full_name."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", path)
    return re.sub(r"\W+", "_", spaced).strip("_").lower()[:60]


def _value_at(data: Any, path: str) -> Any:
    if isinstance(data, dict) and path in data:
        return data[path]  # a name with a dot in it
    for step in path.split("."):
        data = data.get(step) if isinstance(data, dict) else None
    return data


def _to_cell(value: Any, field: RecordField) -> Any:
    """A value as SQLite stores it; None for what is not of the column's type."""
    if value is None or isinstance(value, bool):
        return None if value is None else int(value)
    if field.kind in ("integer", "number"):
        whole = isinstance(value, int) and -_WHOLE <= value < _WHOLE
        return value if whole or (isinstance(value, float) and field.kind == "number") else None
    if field.kind == "boolean":
        return None
    if isinstance(value, (dict, list)):
        import json

        return _to_text(json.dumps(value, ensure_ascii=False))
    if field.kind in ("date", "datetime") and not _DATED.match(str(value)):
        return None
    return _to_text(str(value))


def _to_text(said: str) -> str:
    """The text without halves of surrogate pairs, which JSON can hold and UTF-8 cannot."""
    return said.encode("utf-8", "replace").decode("utf-8")
