"""How many parts a page may have, so that what it costs stays near its length whatever it holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

from ctxprune.errors import InputError

__all__ = ["Limits"]

# Floor, and characters of source for each one of a larger page. Each part takes microseconds and hundreds of bytes
# whatever it holds. Beside each the densest of 230 real pages of 20 KB and more, in characters for each one.
_TABLES = (20_000, 100)  # 3,000 for tables of data
_ELEMENTS = (100_000, 16)  # 38; 17 in what pandas writes of a table of single digits
_PIECES = (200_000, 10)  # 23
_UNITS = (100_000, 32)  # 133


@dataclass(frozen=True, slots=True)
class Limits:
    """The most parts of each kind that a page may have; see `of`.

    Attributes:
        tables: Table elements.
        elements: Elements that start a line of their own, parts of tables among them.
        pieces: Texts, line breaks, and borders of elements within the line.
        units: Units that it is pruned by.
    """

    tables: int
    elements: int
    pieces: int
    units: int

    @classmethod
    def of(cls, size: int) -> Limits:
        """The limits of a page of `size` characters."""
        return cls(*(max(floor, size // least) for floor, least in (_TABLES, _ELEMENTS, _PIECES, _UNITS)))

    @staticmethod
    def refuse(most: int, noun: str, place: int) -> NoReturn:
        """Say that there are too many.

        Args:
            most: How many there may be.
            noun: What they are, in the plural.
            place: Character of the source at which the first one stands that is too many.

        Raises:
            InputError: Always.
        """
        raise InputError(
            f"the page has more than {most:,} {noun}",
            where=f"character {place}",
            hint="read it as plain text, or give a part of it",
        )
