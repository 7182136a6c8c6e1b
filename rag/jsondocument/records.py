"""A list of JSON objects as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ctxprune.context.grid import Grid

from .cells import DECODER, as_cell
from .outline import outline
from .tree import JsonTree, shown

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

__all__ = ["Keys", "record_part", "record_table"]

Keys = tuple[str, ...]

_FULL = 0.5  # of the cells, and more, must be there: objects that have less in common are no table


def record_table(records: Sequence[str], units: Sequence[int], title: str) -> tuple[Grid, tuple[Keys, ...]] | None:
    """The objects `records`, JSON texts, as rows, and the keys that lead to each column.

    A column is what is no object, shown as in "user.name", in the order in which they first come; two may look the
    same. A list is one cell. None if the objects have too little in common, or are nested too deeply.
    """
    columns: dict[Keys, int] = {}
    shapes: dict[tuple[Keys, ...], tuple[int, ...]] = {}  # most records of a list have the same keys in the same order
    rows: list[tuple[tuple[int, ...], tuple[str, ...]]] = []
    for record in records:
        try:
            value = DECODER.raw_decode(record)[0]
        except RecursionError:
            return None
        keys, cells = _cells(value)
        shape = shapes.get(keys)
        if shape is None:
            shape = shapes[keys] = tuple(columns.setdefault(key, len(columns)) for key in keys)
        rows.append((shape, cells))
    if sum(len(cells) for _, cells in rows) <= _FULL * len(rows) * len(columns):
        return None
    whole = tuple(range(len(columns)))
    table = tuple(cells if shape == whole else _spread(shape, cells, whole) for shape, cells in rows)
    return Grid(tuple(map(shown, columns)), table, tuple(units), title=title), tuple(columns)


def _spread(shape: tuple[int, ...], cells: tuple[str, ...], whole: tuple[int, ...]) -> tuple[str, ...]:
    """The cells, of which `shape` has the columns, in all columns; "" where there is none."""
    row = dict(zip(shape, cells, strict=True))
    return tuple(row.get(column, "") for column in whole)


def record_part(record: str, columns: Collection[Keys]) -> str:
    """The object `record` with what these keys lead to only, each member as it is written."""
    tree = JsonTree(outline(record, None), members=True)
    return tree.text([unit for unit in range(len(tree.units)) if tree.keys(unit) in columns])


def _cells(record: dict[str, Any]) -> tuple[tuple[Keys, ...], tuple[str, ...]]:
    """The keys that lead to the cells of an object, and the cells, in its order."""
    values = record.values()
    if dict not in map(type, values):  # then nothing is nested
        cells = tuple(value if type(value) is str else as_cell(value) for value in values)
        return tuple(zip(record, strict=True)), cells
    found = []
    left: list[tuple[Keys, Any]] = [((key,), value) for key, value in reversed(record.items())]
    while left:
        keys, value = left.pop()
        if isinstance(value, dict) and value:
            left += (((*keys, key), inner) for key, inner in reversed(value.items()))
        else:
            found.append((keys, as_cell(value)))
    names, texts = zip(*found, strict=True)
    return names, texts
