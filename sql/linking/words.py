"""Names as words: what a column or table is called in natural language."""

from __future__ import annotations

from ctxprune.text import split_identifier

__all__ = ["natural"]


def natural(name: str) -> str:
    """The words of a name with blanks between them: "customerID" gives "customer id"; "" for a name without words."""
    return " ".join(split_identifier(name))
