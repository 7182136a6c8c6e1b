"""A subset of the units of a context, for scorers and policies that leave some units to others."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from ctxprune.context.base import Context, Unit, as_context
from ctxprune.context.closure import check_links
from ctxprune.context.grid import Grid, grid_subset
from ctxprune.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["ContextSubset"]


class ContextSubset(Context[tuple[int, ...]]):
    """The units of `context` whose indices are in `chosen`, int (n_chosen,), rising; links to others are left out.

    Renders as the sorted indices of the whole context, so that it is a context by itself. Sources are numbered as in
    the whole; titles and kind are those of the whole, and `whole_units` and `whole_documents` say how many there are in
    it. Its grids hold the chosen rows and columns.
    """

    units: tuple[Unit, ...]
    kind: str
    sources: tuple[int, ...]
    titles: tuple[str, ...]
    whole_units: int
    whole_documents: int

    def __init__(self, context: Context[Any], chosen: NDArray[np.intp]) -> None:
        context = as_context(context)
        self.chosen = chosen
        whole, sources = context.units, context.sources
        place = {index: number for number, index in enumerate(chosen.tolist())}
        self.units = _relink_units(whole, place)
        self.sources = (0,) * len(place) if sources is None else tuple(int(sources[index]) for index in place)
        self.titles = tuple(context.titles)
        self.kind = context.kind
        self.whole_units = len(whole)
        self.whole_documents = 1 if sources is None else len(set(sources))
        self._whole, self._place = context, place

    @cached_property
    def grids(self) -> tuple[Grid, ...]:
        """The tables, as far as they are chosen; cut when first asked for, since not every scorer reads tables."""
        return tuple(grid_subset(grid, self._place) for grid in self._whole.grids)

    def render(self, kept: Collection[int]) -> tuple[int, ...]:
        """Indices of the kept units in the whole context."""
        return tuple(sorted(int(self.chosen[index]) for index in kept))


def _relink_units(whole: Sequence[Unit], place: dict[int, int]) -> tuple[Unit, ...]:
    if len(place) == len(whole) and next(reversed(place), -1) == len(whole) - 1 and _has_sound_links(whole):
        return tuple(whole)  # all of them: a page without tables, for instance
    return tuple(_relink(whole[index], place) for index in place)


def _has_sound_links(units: Sequence[Unit]) -> bool:
    try:
        check_links(units)
    except UsageError:
        return False
    return True


def _relink(unit: Unit, place: dict[int, int]) -> Unit:
    """The unit with the indices that its parent and requirements have in the subset; without those outside of it."""
    if unit.parent is None and not unit.requires:
        return unit
    parent = None if unit.parent is None else place.get(unit.parent)
    requires = tuple(place[i] for i in unit.requires if i in place)
    # In a third of the time that `dataclasses.replace` takes; a cascade does this for every unit that it reads.
    return Unit(unit.text, parent, requires, unit.pinned, unit.span)
