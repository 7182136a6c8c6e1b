"""A list of JSON objects as a table."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ctxprune.grid import Grid

from ._json_outline import outline
from ._json_tree import JsonTree, joined_path

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

__all__ = ["record_grid", "record_part"]

_FULL = 0.5  # of the cells, and more, must be there: objects that have less in common are no table
_DECODER = json.JSONDecoder(strict=False, parse_int=str, parse_float=str, parse_constant=str)  # numbers as written


def record_grid(records: Sequence[str], units: Sequence[int], title: str) -> Grid | None:
    """The objects `records`, JSON texts, as rows; None if they have too little in common, or are nested too deeply.

    A column is a path to what is no object, as in "user.name", in the order in which they first come. A list is one
    cell.
    """
    columns: dict[str, int] = {}
    rows: list[dict[int, str]] = []
    for record in records:
        try:
            value = _DECODER.decode(record)
        except RecursionError:
            return None
        rows.append({columns.setdefault(path, len(columns)): cell for path, cell in _cells(value)})
    if sum(map(len, rows)) <= _FULL * len(rows) * len(columns):
        return None
    cells = tuple(tuple(row.get(column, "") for column in range(len(columns))) for row in rows)
    return Grid(tuple(columns), cells, tuple(units), title=title)


def record_part(record: str, columns: Collection[str]) -> str:
    """The object `record` with what is at these paths only, each member as it is written."""
    tree = JsonTree(outline(record, None), members=True)
    return tree.text([unit for unit, path in enumerate(tree.paths) if path in columns])


def _cells(record: dict[str, Any]) -> list[tuple[str, str]]:
    """Paths and cells of an object, in its order."""
    found = []
    left: list[tuple[str, Any]] = [(joined_path("", key), value) for key, value in reversed(record.items())]
    while left:
        path, value = left.pop()
        if isinstance(value, dict) and value:
            left += ((joined_path(path, key), inner) for key, inner in reversed(value.items()))
        else:
            found.append((path, _cell(value)))
    return found


def _cell(value: Any) -> str:
    """What a reader sees; "" for null."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list) and not any(isinstance(item, (list, dict)) for item in value):
        return ", ".join(map(_cell, value))
    return json.dumps(value, ensure_ascii=False)
