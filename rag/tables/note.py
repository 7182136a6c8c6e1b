"""One line that tells the reader of a pruned table what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["dropped_line"]

_NAMED = 12  # columns that are named
_LONGEST = 40  # characters of a name


def dropped_line(
    rows: tuple[int, int], names: Sequence[str], kept: Sequence[int], missing: int = 0, *, mark: str = ""
) -> str:
    """What was left out of a table, as one line in brackets; "" where nothing was.

    Args:
        rows: How many were kept, of how many.
        names: Of all columns.
        kept: Indices of the columns that were kept.
        missing: How many rows were not kept that the question cannot be answered without.
        mark: What the line begins with, within the brackets; "" for nothing.
    """
    parts = []
    if rows[0] < rows[1]:
        # Nothing is said about how good the kept rows are: that is the scorer's opinion and no fact.
        rest = f", {missing} more that the question needs did not fit" if missing else ""
        parts.append(f"kept {rows[0]} of {rows[1]} rows{rest}")
    gone = [_short(names[column]) for column in sorted({*range(len(names))} - {*kept})]
    if gone:
        more = f" and {len(gone) - _NAMED} more" if len(gone) > _NAMED else ""
        parts.append(f"{len(gone)} of {len(names)} columns left out: {', '.join(gone[:_NAMED])}{more}")
    return f"({f'{mark}: ' if mark else ''}{'; '.join(parts)})" if parts else ""


def _short(name: str) -> str:
    name = " ".join(name.replace('"', "'").split()) or "(no name)"  # a quote would open a cell of CSV
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
