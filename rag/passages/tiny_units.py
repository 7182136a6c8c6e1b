"""Keeps the cost of a text of very many tiny units near its length: neighbours are joined, or the text is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctxprune.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["check_units", "count_most_units", "join_dense"]

_MANY = 100_000  # units, up to which nothing is joined
_DENSE = 32  # characters a unit, from which on nothing is joined, however many there are
_JOINED = 64  # characters of a unit that neighbours were joined to
_MOST = 200_000  # units of a context that may take less than `_LEAST` characters each
_LEAST = 16


def join_dense(
    spans: Sequence[tuple[int, int]], size: int, levels: Mapping[int, int], *, longest: int, first: int = 0
) -> Sequence[tuple[int, int]]:
    """`spans` as they are, or, of a dense text, with neighbours joined up to 64 characters or so.

    Each unit costs about the same whatever it holds, and what is known of one is made by hundreds of bytes. A text of
    5 MB has 50,000 to 100,000 sentences; one that has half a million units is a list of words, or all marks.

    Args:
        spans: Characters [start, end) of each unit, in order.
        size: Characters of the text.
        levels: 1 to 6 for each heading by its start. A heading joins what is before it only if that starts with a
            heading of its own level or above, so that headings still stand over what they did.
        longest: Characters that two units that are joined may take.
        first: How many units at the start stay alone.
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
        InputError: There are more than 200,000, and more than one for 16 characters; `hint` says what to do.
    """
    if units > count_most_units(size):
        raise InputError(
            f"the text becomes more than {_MOST:,} units, and more than one for {_LEAST} characters", hint=hint
        )


def count_most_units(size: int) -> int:
    """How many units a text of `size` characters may become."""
    return max(_MOST, size // _LEAST)
