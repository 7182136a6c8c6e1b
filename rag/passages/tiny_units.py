"""Bounds for texts of very many tiny units: neighbours are joined, or the text is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctxprune.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["check_units", "count_most_units", "join_dense"]

_MANY = 100_000  # units up to which nothing is joined
_DENSE = 32  # mean characters of a unit from which nothing is joined, however many units there are
_JOINED = 64  # characters to which neighbours are joined
_MOST = 200_000  # units a context may have whatever their size
_LEAST = 16  # mean characters of a unit in a context of more units


def join_dense(
    spans: Sequence[tuple[int, int]], size: int, levels: Mapping[int, int], *, longest: int, first: int = 0
) -> Sequence[tuple[int, int]]:
    """Join neighbours of a dense text to units of about 64 characters; other texts' `spans` are unchanged.

    Each unit costs about the same time and hundreds of bytes, whatever its length. A text of 5 MB has 50,000 to 100,000
    sentences; one with half a million units is a list of words, or all punctuation.

    Args:
        spans: Characters [start, end) of each unit, in order.
        size: Characters of the text.
        levels: 1 to 6 for each heading by its start. A heading is joined to what is before it only if that starts
            with a heading of its own level or above, so that the units under each heading remain the same.
        longest: Most characters of a joined unit.
        first: Number of units at the start that are not joined.
    """
    if len(spans) <= max(_MANY, size // _DENSE):
        return spans
    joined, room = [*spans[:first]], min(_JOINED, longest)
    over = 0  # level of the heading that the last unit starts with
    for start, end in spans[first:]:
        level = levels.get(start, 0)
        fits = len(joined) > first and end - joined[-1][0] <= room
        if fits and (not level or 0 < over <= level):
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
            over = level
    return joined


def check_units(units: int, size: int, hint: str) -> None:
    """Refuse a text of `size` characters that would become too many units.

    Raises:
        InputError: There are more than 200,000, and more than one for 16 characters; `hint` says what to do instead.
    """
    if units > count_most_units(size):
        raise InputError(
            f"the text becomes more than {_MOST:,} units, and more than one for {_LEAST} characters", hint=hint
        )


def count_most_units(size: int) -> int:
    """The most units that a text of `size` characters may become."""
    return max(_MOST, size // _LEAST)
