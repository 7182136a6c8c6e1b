"""Look-ups of a schema for the ranked selector: owners and kinds of columns, and references."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..schema.schema import Schema
    from .scopes import Ref, SelectScope

__all__ = ["SchemaNames"]

_NUMBERS = re.compile(r"int|real|floa|doub|num|dec|number|bool", re.IGNORECASE)
_TEXTS = re.compile(r"char|clob|text|string", re.IGNORECASE)


@dataclass(frozen=True)
class SchemaNames:
    """Look-ups in lower case.

    Attributes:
        schema: The schema.
    """

    schema: Schema

    @cached_property
    def kinds(self) -> Mapping[str, Mapping[str, str]]:
        """By table and column: "number", "text" or "" for others."""
        return {
            table.name.lower(): {column.name.lower(): _kind(column.type) for column in table.columns}
            for table in self.schema.tables
        }

    @cached_property
    def columns(self) -> frozenset[str]:
        """All names of columns."""
        return frozenset(name for table in self.kinds.values() for name in table)

    @cached_property
    def primary(self) -> frozenset[tuple[str, str]]:
        """Columns that alone are their table's primary key."""
        found = [(table.name.lower(), table.primary_key) for table in self.schema.tables]
        return frozenset((table, names[0].lower()) for table, names in found if len(names) == 1)

    @cached_property
    def references(self) -> frozenset[tuple[tuple[str, str], tuple[str, str]]]:
        """Pairs of a column that refers and the one that it refers to."""
        return frozenset(
            ((key.table.lower(), mine.lower()), (key.ref_table.lower(), theirs.lower()))
            for key in self.schema.foreign_keys
            for mine, theirs in zip(key.columns, key.ref_columns, strict=True)
        )

    @cached_property
    def _roots(self) -> Mapping[tuple[str, str], tuple[str, str]]:
        """What each column stands for in the end: the column that its key, and that one's, refers to."""
        roots: dict[tuple[str, str], tuple[str, str]] = {}
        targets = dict(sorted(self.references))
        for column in targets:
            end, seen = column, {column}
            while (step := targets.get(end)) is not None and step not in seen:
                seen.add(step)
                end = step
            roots[column] = end
        return roots

    def same_key(self, first: tuple[str, str], second: tuple[str, str]) -> bool:
        """Whether two columns hold the same keys: one refers to the other, or both to the same."""
        roots = self._roots
        return roots.get(first, first) == roots.get(second, second) or self.refers(first, second)

    def refers(self, first: tuple[str, str], second: tuple[str, str]) -> bool:
        """Whether one refers to the other."""
        return (first, second) in self.references or (second, first) in self.references

    def resolve(self, ref: Ref, scope: SelectScope) -> tuple[str, str] | None:
        """The stored column that is meant; None where that cannot be said."""
        if ref.alias:
            table = scope.tables.get(ref.alias)
            known = table is not None and ref.column in self.kinds.get(table, {})
            return (table, ref.column) if table is not None and known else None
        owners = [table for table in scope.tables.values() if ref.column in self.kinds.get(table, {})]
        return (owners[0], ref.column) if owners else None

    def kind(self, column: tuple[str, str]) -> str:
        """See `kinds`."""
        return self.kinds[column[0]][column[1]]


def _kind(declared: str) -> str:
    return "text" if _TEXTS.search(declared) else "number" if _NUMBERS.search(declared) else ""
