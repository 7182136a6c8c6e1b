"""SQL texts for databases whose columns have a type, so that no cell has to be asked for its own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

from .samples import LONGEST_EXAMPLE, Samples

if TYPE_CHECKING:
    from ...schema.schema import Column, Table

__all__ = ["TypedSamples"]


class TypedSamples(Samples):
    """Statements that decide by the declared type. Days and times count as texts, written as the database casts them.

    Attributes:
        texts_match, days_match, wholes_match, numbers_match: Patterns of declared types, each matched at the start in
            any case; what matches none is neither text nor number, and is never read into an index.
        text_type: The type that a cell is cast to as text.
    """

    texts_match: ClassVar[str] = r"(var|bp|n|long|medium|tiny)?(char|text|string)|character|citext|name\b|enum|set\b"
    days_match: ClassVar[str] = r"date(time)?\b|time(stamp)?\b"
    wholes_match: ClassVar[str] = r"u?(big|small|tiny|medium|huge)?int(eger)?\b|(big|small)?serial|year"
    numbers_match: ClassVar[str] = r"dec(imal)?\b|num(eric)?\b|real|float|double"
    text_type: ClassVar[str] = "text"

    def _is(self, pattern: str, column: Column) -> bool:
        return re.match(pattern, column.type.strip(), re.IGNORECASE) is not None and "[" not in column.type

    def _whole(self, column: Column) -> bool:
        return self._is(self.wholes_match, column)

    def holds_number(self, column: Column) -> bool:
        """Whether the column is one of numbers."""
        return self._whole(column) or self._is(self.numbers_match, column)

    def source(self, table: Table) -> str:
        """The table as FROM names it, with its namespace."""
        return self.name(table.bare) if not table.namespace else f"{self.name(table.namespace)}.{self.name(table.bare)}"

    def scanned(self, table: Table) -> str:
        """The table as FROM names it: its server has no word for reading it without an index."""
        return self.source(table)

    def holds_day(self, column: Column) -> bool:
        """Whether the column is one of days or times."""
        return self._is(self.days_match, column)

    def holds_text(self, column: Column) -> bool:
        """Whether the column is one of texts, days or times."""
        return self._is(self.texts_match, column) or self.holds_day(column)

    def text(self, column: Column) -> str:
        """The cell as text."""
        return f"CAST({self.cell(column)} AS {self.text_type})"

    def is_text(self, column: Column) -> str:
        """Condition: there is a text."""
        return f"{self.cell(column)} IS NOT NULL" if self.holds_text(column) else "1 = 0"

    def is_number(self, column: Column) -> str:
        """Condition: there is a finite number."""
        return f"{self.cell(column)} BETWEEN -1e300 AND 1e300" if self.holds_number(column) else "1 = 0"

    def is_whole(self, column: Column, cell: str = "") -> str:
        """Condition: there is a whole number."""
        return f"{cell or self.cell(column)} IS NOT NULL" if self._whole(column) else "1 = 0"

    def is_filled(self, column: Column) -> str:
        """Condition: the cell is neither NULL nor an empty text."""
        held = f"{self.cell(column)} IS NOT NULL"
        return f"{held} AND {self.text(column)} <> ''" if self.holds_text(column) else held

    def cut(self, text: str, longest: int) -> str:
        """The beginning of a text."""
        return f"substring({text}, 1, {longest:d})"

    def short(self, column: Column) -> str:
        """The cell for people to look at: numbers as they are, all else as text, cut."""
        return self.cell(column) if self.holds_number(column) else self.cut(self.text(column), LONGEST_EXAMPLE)

    def length(self, text: str) -> str:
        """Characters of a text."""
        return f"char_length({text})"
