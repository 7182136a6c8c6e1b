"""Which columns a value index holds, decided by what their cells look like and never by their name or declared type."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["LONGEST_VALUE", "Profile", "measure"]

LONGEST_VALUE = 200
_FREE_TEXT_LENGTH = 60
_MANY = 100
_OPAQUE = re.compile(
    r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|(?=[a-f]*[0-9])[0-9a-f]{24,}|(?=\S*[0-9])(?=\S*[a-z])[a-z0-9+/_-]{28,}={0,2}",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\s*[-+]?[$€£]?\d[\d.,:/%eE+\- ]*\s*")


@dataclass(frozen=True, slots=True)
class Profile:
    """Measured on the first distinct texts of a column.

    Attributes:
        texts: Number of distinct texts looked at.
        mean_length: Their mean length in characters.
        numeric: Share of them that are numbers, dates or times.
        opaque: Share of them that are UUIDs, digests or tokens.
    """

    texts: int
    mean_length: float
    numeric: float
    opaque: float

    @property
    def skipped(self) -> str:
        """Why the column stays out; "" where it is indexed."""
        if not self.texts:
            return "no text"
        if self.texts < _MANY:
            return ""
        if self.opaque > 0.9:
            return "UUIDs or tokens"
        return "free text" if self.mean_length > _FREE_TEXT_LENGTH else ""

    @property
    def fuzzy(self) -> bool:
        """Worth comparing by edit distance: words, not numbers or dates, where one character off is another value."""
        return self.numeric < 0.9


def measure(texts: Sequence[str]) -> Profile:
    """Profile of the distinct texts of one column, or of the first few thousand of them."""
    count = max(len(texts), 1)
    short = [text for text in texts if len(text) <= LONGEST_VALUE]
    return Profile(
        texts=len(texts),
        mean_length=sum(map(len, texts)) / count,
        numeric=sum(_NUMBER.fullmatch(text) is not None for text in short) / count,
        opaque=sum(_OPAQUE.fullmatch(text) is not None for text in short) / count,
    )
