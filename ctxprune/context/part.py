"""A part of a context, for scorers and policies that leave some units to others."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.context.base import Unit
from ctxprune.context.closure import check_links
from ctxprune.context.grid import Grid, grid_part, grids_of
from ctxprune.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

    from ctxprune.context.base import Context

__all__ = ["Part", "moved"]


class Part:
    """The units of `context` whose indices are in `chosen`, int (n_chosen,), rising; bindings to others are left out.

    Renders as the sorted indices of the whole context, so that it is a context by itself. A context with `sources`
    gives a part with `sources`, numbered as before; its `titles` and `kind` are those of the whole,
    and `whole_units` and `whole_documents` say how many there are in it. Its `grids` hold the chosen rows and columns.
    """

    def __init__(self, context: Context[Any], chosen: NDArray[np.intp]) -> None:
        self.chosen = chosen
        whole = context.units
        place = {index: number for number, index in enumerate(chosen.tolist())}
        self.units = _bound_units(whole, place)
        sources = getattr(context, "sources", None)
        self.sources = (0,) * len(place) if sources is None else tuple(int(sources[index]) for index in place)
        self.titles: tuple[str, ...] = tuple(getattr(context, "titles", None) or ())
        self.kind: str = getattr(context, "kind", "passage")
        self.whole_units = len(whole)
        self.whole_documents = 1 if sources is None else len(set(sources))
        demanded = getattr(context, "demanded", None)
        self.demanded = None if demanded is None else demanded[chosen]
        self._whole, self._place = context, place

    @cached_property
    def grids(self) -> tuple[Grid, ...]:
        """The tables, as far as they are chosen."""
        return tuple(grid_part(grid, self._place) for grid in grids_of(self._whole))

    def render(self, kept: Collection[int]) -> tuple[int, ...]:
        """Indices of the kept units in the whole context."""
        return tuple(sorted(int(self.chosen[index]) for index in kept))


def _bound_units(whole: Sequence[Unit], place: dict[int, int]) -> tuple[Unit, ...]:
    if len(place) == len(whole) and next(reversed(place), -1) == len(whole) - 1 and _is_bound(whole):
        return tuple(whole)  # all of them: a page without tables, for instance
    return tuple(_bound(whole[index], place) for index in place)


def _is_bound(units: Sequence[Unit]) -> bool:
    """Whether all bindings are to units that are there."""
    try:
        check_links(units)
    except UsageError:
        return False
    return True


def _bound(unit: Unit, place: dict[int, int]) -> Unit:
    if unit.parent is None and not unit.requires:
        return unit
    parent = None if unit.parent is None else place.get(unit.parent)
    requires = tuple(place[i] for i in unit.requires if i in place)
    return Unit(unit.text, parent, requires, unit.pinned, unit.span)  # a third of the time of `replace`


def moved(unit: Unit, first: int) -> Unit:
    """The unit with its bindings counted from `first`."""
    if not first or (unit.parent is None and not unit.requires):
        return unit
    parent = None if unit.parent is None else unit.parent + first
    requires = tuple(index + first for index in unit.requires)
    return Unit(unit.text, parent, requires, unit.pinned, unit.span)
