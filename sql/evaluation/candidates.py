"""Published predictions of other systems for a benchmark: one JSON line a question, by system."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ctxprune.errors import InputError, UnknownNameError
from ctxprune.storage.sealed import parse_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from .datasets import Item

__all__ = ["Candidates", "read_candidates"]


@dataclass(frozen=True)
class Candidates:
    """The predictions of one file.

    Attributes:
        rows: One a question: its place (`question_id` or `index`), `db_id`, `question`, and `candidates` by system.
        name: File name.
        fingerprint: sha256 (first 16 hex digits) of the file.
    """

    rows: Sequence[Mapping[str, Any]]
    name: str
    fingerprint: str

    @property
    def systems(self) -> list[str]:
        """All systems, sorted."""
        return sorted({system for row in self.rows for system in row["candidates"]})

    def of(self, system: str, items: Sequence[Item]) -> dict[int, str]:
        """The predictions of one system by the items' index; items that it has none for are left out.

        Rows with a `question_id` are joined on it. Others are joined line by line where they name the same databases in
        the same order as the items do, else by `index` where that holds of the rows' indexes, else by database and
        question.

        Args:
            system: Its name in the file.
            items: All items of the set, in file order.

        Raises:
            UnknownNameError: The file has no such system.
        """
        if system not in self.systems:
            raise UnknownNameError("system", system, self.systems)
        pairs = self._joined(items)
        found = {item.index: row["candidates"].get(system) for item, row in pairs}
        return {index: text for index, text in found.items() if isinstance(text, str)}

    def _joined(self, items: Sequence[Item]) -> list[tuple[Item, Mapping[str, Any]]]:
        if any("question_id" in row for row in self.rows):
            by_id = {str(row.get("question_id")): row for row in self.rows}
            rows: list[Mapping[str, Any] | None] = [by_id.get(item.question_id) for item in items]
        elif [row.get("db_id") for row in self.rows] == [item.db_id for item in items]:
            rows = list(self.rows)
        elif all(_at(items, row.get("index")) == row.get("db_id") for row in self.rows):
            by_index = {row["index"]: row for row in self.rows}
            rows = [by_index.get(place) for place in range(len(items))]
        else:
            by_text = {(row.get("db_id"), row.get("question")): row for row in self.rows}
            rows = [by_text.get((item.db_id, item.question)) for item in items]
        return [
            (item, row)
            for item, row in zip(items, rows, strict=True)
            if row is not None and row.get("db_id", item.db_id) == item.db_id
        ]


def _at(items: Sequence[Item], index: object) -> str:
    """The database of the item at that place; "" for none."""
    return items[index].db_id if isinstance(index, int) and 0 <= index < len(items) else ""


def read_candidates(path: Path) -> Candidates:
    """Read a file of JSON lines, each with an object `candidates` of SQL texts by system.

    Raises:
        InputError: The file cannot be read, or a line is of another kind.
    """
    try:
        data = path.read_bytes()
    except (OSError, ValueError) as error:  # the latter for a path with a NUL character
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise InputError(f"the file cannot be read ({reason})", where=str(path)) from error
    try:
        rows = [parse_json(line) for line in data.split(b"\n") if line.strip()]
    except ValueError as error:
        raise InputError(f"not a file of JSON lines: {error}", where=str(path)) from error
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict) or not isinstance(row.get("candidates"), dict):
            raise InputError("a line lacks the object 'candidates'", where=f"{path}, line {number}")
    return Candidates(tuple(rows), path.name, hashlib.sha256(data).hexdigest()[:16])
