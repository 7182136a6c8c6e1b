"""Contexts of which some units are cut into parts, so that a part fits where the whole does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ctxprune.context.base import Unit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ctxprune.context.base import Context

__all__ = ["SplitContext", "cut_units"]


class SplitContext(NamedTuple):
    """What `Context.split_units` gives.

    Attributes:
        context: The same source, with parts in the place of the units that were split. Renders as the other does.
        origins: For each of its units the index of the unit that it was, or is a part of; rising.
    """

    context: Context[Any]
    origins: Sequence[int]


def cut_units(
    text: str, units: Sequence[Unit], parts: Mapping[int, Sequence[tuple[int, int]]]
) -> tuple[tuple[Unit, ...], list[int]]:
    """`units` with parts in the place of some, and for each the index that it had or of the unit that it is a part of.

    Args:
        text: The source text.
        units: All units.
        parts: By unit the characters [start, end) of its parts, in order, two at least. Units that others need must not
            be among them: a part of a heading is none.
    """
    first, places = 0, []
    for index in range(len(units)):
        places.append(first)
        first += len(parts.get(index, "1"))
    cut: list[Unit] = []
    origins: list[int] = []
    for index, unit in enumerate(units):
        parent = None if unit.parent is None else places[unit.parent]
        requires = tuple(places[link] for link in unit.requires)
        spans = parts.get(index)
        if spans is None:
            cut.append(Unit(unit.text, parent, requires, unit.pinned, unit.span))
            origins.append(index)
            continue
        cut += [Unit(text[start:end], parent, requires, unit.pinned, (start, end)) for start, end in spans]
        origins += [index] * len(spans)
    return tuple(cut), origins
