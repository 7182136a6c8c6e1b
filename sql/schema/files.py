"""Schemas from the files of the Spider and BIRD families of benchmarks.

Spider (`tables.json`), Spider-DK (`tables_new.json`), KaggleDBQA (`KaggleDBQA_tables.json`) and BIRD
(`dev_tables.json`) share one layout: a list of databases, whose columns are numbered over all tables, number 0 being
"*". BIRD adds composite primary keys (lists of numbers) and CSV files with descriptions; KaggleDBQA adds descriptions
and value lists.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ctxprune.errors import InputError
from ctxprune.storage.sealed import parse_json

from .schema import Column, ColumnRef, ForeignKey, Schema, Table

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["schemas_from_bird", "schemas_from_spider"]

_CSV_NAME, _CSV_COLUMNS = "original_column_name", ("column_description", "value_description")
_MAX_DESCRIPTION = 20_000  # characters; the longest real one has some 4,000


def schemas_from_spider(path: str | Path) -> dict[str, Schema]:
    """Schemas by db_id from `tables.json`, `tables_new.json` or `KaggleDBQA_tables.json`, in file order.

    Natural names become `Column.comment` where they say more than the name; KaggleDBQA's column descriptions and value
    lists become `Column.description`. Types are the file's own words ("text", "number", "time", "boolean", "others").

    Raises:
        InputError: The file is missing, is not JSON, or a database in it is malformed; names file and db_id.
    """
    path = Path(path)
    schemas: dict[str, Schema] = {}
    for position, entry in enumerate(_entries(path)):
        name = entry.get("db_id") if isinstance(entry, dict) else None
        if not isinstance(name, str) or not name:
            raise InputError(f"database {position} of the file has no db_id", where=str(path))
        if name in schemas:
            raise InputError("the db_id occurs twice", where=f"{path}, db_id {name!r}")
        schemas[name] = _Entry(entry, f"{path}, db_id {name!r}").schema(name)
    return schemas


def schemas_from_bird(
    path: str | Path, descriptions: str | Path | None = None, *, meanings: str | Path | None = None
) -> dict[str, Schema]:
    """Schemas by db_id from `dev_tables.json`, in file order.

    Args:
        path: The schema file.
        descriptions: Folder with one folder per db_id that holds `database_description/*.csv`; default: `databases` or
            `dev_databases` beside the file, where there is one. Databases without such files get no descriptions.
        meanings: A `column_meaning.json` ("db_id|table|column" to text), used for columns that no CSV file describes.

    Raises:
        InputError: A file is missing, unreadable or malformed; names the file and, where known, the db_id.
    """
    path = Path(path)
    folder = _descriptions_folder(path, descriptions)
    notes = _read_meanings(Path(meanings)) if meanings is not None else {}
    schemas = {}
    for name, schema in schemas_from_spider(path).items():
        found = dict(notes.get(name.casefold(), {}))
        if folder is not None:
            found.update(_read_descriptions(folder / name / "database_description", schema))
        schemas[name] = _describe(schema, found)
    return schemas


def _entries(path: Path) -> list[Any]:
    data = _read_json(path)
    if isinstance(data, dict) and "db_id" in data:
        data = [data]
    if not isinstance(data, list):
        raise InputError("the file does not hold a list of databases", where=str(path))
    return data


def _read_json(path: Path) -> Any:
    try:
        return parse_json(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise InputError(f"the file cannot be read ({error.strerror})", where=str(path)) from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"the file is not JSON ({error})", where=str(path)) from error


@dataclass(frozen=True)
class _Entry:
    """One database of a schema file; every access is checked."""

    data: dict[str, Any]
    where: str

    def schema(self, name: str) -> Schema:
        tables = self._strings("table_names_original")
        natural = self._optional("table_names", len(tables))
        owners, names = self._columns(len(tables))
        columns = self._described(owners, names)
        keys = [(self._index(a, len(names)), self._index(b, len(names))) for a, b in self._pairs("foreign_keys")]
        return Schema(
            name,
            tuple(
                Table(
                    table,
                    tuple(column for owner, column in zip(owners, columns, strict=True) if owner == index),
                    comment=_natural(table, natural[index]),
                )
                for index, table in enumerate(tables)
            ),
            tuple(
                ForeignKey(tables[owners[a]], (names[a],), tables[owners[b]], (names[b],))
                for a, b in dict.fromkeys(keys)
            ),
        )

    def _described(self, owners: list[int], names: list[str]) -> list[Column]:
        count = len(names)
        types = self._optional("column_types", count)
        natural = [
            self._optional("column_names_manually_normalized_alternative", count),
            self._optional("column_names", count),
        ]
        texts = self._optional("column_descriptions", count)
        values = self._enums()
        primary = self._primary(count)
        columns = []
        for index, name in enumerate(names):
            comments = (_natural(name, words[index]) for words in natural)
            parts = [texts[index].strip(), values.get(name.casefold(), "")] if owners[index] >= 0 else []
            columns.append(
                Column(
                    name,
                    types[index],
                    comment=next(filter(None, comments), ""),
                    description="\n".join(filter(None, parts))[:_MAX_DESCRIPTION],
                    primary_key=index in primary,
                )
            )
        return columns

    def _columns(self, n_tables: int) -> tuple[list[int], list[str]]:
        owners, names = [], []
        for item in self._list("column_names_original"):
            if not _is_pair(item) or not isinstance(item[1], str):
                raise self._error("column_names_original", f"{item!r} is not [table number, name]")
            if not -1 <= item[0] < n_tables:
                raise self._error("column_names_original", f"there is no table number {item[0]}")
            owners.append(item[0])
            names.append(item[1])
        return owners, names

    def _primary(self, count: int) -> set[int]:
        found: set[int] = set()
        for key in self._list("primary_keys", missing=[]):
            found.update(self._index(number, count) for number in (key if isinstance(key, list) else [key]))
        return found

    def _pairs(self, field: str) -> list[tuple[Any, Any]]:
        pairs = []
        for item in self._list(field, missing=[]):
            if not _is_pair(item):
                raise self._error(field, f"{item!r} is not a pair of column numbers")
            pairs.append((item[0], item[1]))
        return pairs

    def _index(self, number: Any, count: int) -> int:
        if not isinstance(number, int) or isinstance(number, bool) or not 0 < number < count:
            raise self._error("keys", f"there is no column number {number!r}")
        return number

    def _enums(self) -> dict[str, str]:
        values = self.data.get("value_enums") or {}
        if not isinstance(values, dict):
            raise self._error("value_enums", "not an object")
        return {
            column.casefold(): "values: " + "; ".join(f"{value} = {meaning}" for value, meaning in entries.items())
            for column, entries in values.items()
            if isinstance(entries, dict) and entries
        }

    def _strings(self, field: str) -> list[str]:
        items: list[str] = self._list(field)
        if not all(isinstance(item, str) for item in items):
            raise self._error(field, "not a list of strings")
        return items

    def _optional(self, field: str, count: int) -> list[str]:
        """Strings of a list that may be absent; items may be [table number, string]."""
        items = self._list(field, missing=None)
        if items is None:
            return [""] * count
        if len(items) != count:
            raise self._error(field, f"{len(items)} items where {count} belong")
        return [item if isinstance(item, str) else str(item[1]) if _is_pair(item) else "" for item in items]

    def _list(self, field: str, missing: Any = ...) -> Any:
        value = self.data.get(field, missing)
        if value is ...:
            raise self._error(field, "missing")
        if value is not missing and not isinstance(value, list):
            raise self._error(field, "not a list")
        return value

    def _error(self, field: str, what: str) -> InputError:
        return InputError(f"malformed schema, {field}: {what}", where=self.where)


def _is_pair(item: Any) -> bool:
    return isinstance(item, (list, tuple)) and len(item) == 2 and isinstance(item[0], int)


def _natural(name: str, natural: str) -> str:
    """`natural` where it says more than `name`, "" where it is the same but for case, spaces and punctuation."""
    natural = " ".join(natural.split())
    return natural if _bare(natural) != _bare(name) else ""


def _bare(name: str) -> str:
    return "".join(filter(str.isalnum, name.casefold())) or name


def _descriptions_folder(path: Path, given: str | Path | None) -> Path | None:
    if given is not None:
        if not Path(given).is_dir():
            raise InputError("the folder of database descriptions does not exist", where=str(given))
        return Path(given)
    beside = (path.parent / "databases", path.parent / "dev_databases")
    return next((folder for folder in beside if folder.is_dir()), None)


def _read_descriptions(folder: Path, schema: Schema) -> dict[ColumnRef, str]:
    """Description by folded reference; files that name no table of the schema are passed over."""
    found: dict[ColumnRef, str] = {}
    for file in sorted(folder.glob("*.csv")) if folder.is_dir() else []:
        if file.stem.strip() not in schema:
            continue
        for name, text in _read_csv(file).items():
            found[_folded(file.stem, name)] = text
    return found


def _read_csv(file: Path) -> dict[str, str]:
    """Description by original column name."""
    try:
        data = file.read_bytes()
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:  # some of BIRD's files were saved by a Western European spreadsheet
            text = data.decode("cp1252", "replace")
        rows = list(csv.reader(io.StringIO(text.replace("\0", ""), newline="")))
    except (OSError, csv.Error) as error:
        raise InputError(f"the description file cannot be read ({error})", where=str(file)) from error
    header = [cell.strip().casefold() for cell in rows[0]] if rows else []
    if _CSV_NAME not in header:
        raise InputError(f"the description file has no column {_CSV_NAME!r}", where=str(file))
    found = {}
    for row in rows[1:]:
        cells = dict(zip(header, (cell.strip() for cell in row), strict=False))
        parts = dict.fromkeys(filter(None, (cells.get(field, "") for field in _CSV_COLUMNS)))
        found[cells.get(_CSV_NAME, "")] = "\n".join(parts)[:_MAX_DESCRIPTION]
    return found


def _read_meanings(path: Path) -> dict[str, dict[ColumnRef, str]]:
    data = _read_json(path)
    if not isinstance(data, dict):
        raise InputError("the file does not map columns to meanings", where=str(path))
    found: dict[str, dict[ColumnRef, str]] = {}
    for key, text in data.items():
        parts = key.split("|", 2)
        if len(parts) != 3 or not isinstance(text, str):
            raise InputError(f"the entry {key!r} is not 'db_id|table|column': text", where=str(path))
        found.setdefault(parts[0].casefold(), {})[_folded(parts[1], parts[2])] = text.strip().lstrip("#").strip(" '\"")
    return found


def _folded(table: str, column: str) -> ColumnRef:
    return ColumnRef(table.strip().casefold(), column.strip().casefold())


def _describe(schema: Schema, texts: Mapping[ColumnRef, str]) -> Schema:
    if not texts:
        return schema

    def describe(table: Table, column: Column) -> Column:
        return replace(column, description=texts.get(_folded(table.name, column.name)) or column.description)

    return replace(
        schema,
        tables=tuple(
            replace(table, columns=tuple(describe(table, column) for column in table.columns))
            for table in schema.tables
        ),
    )
