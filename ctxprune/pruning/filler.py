"""Units that only fill the room of a budget: they are left out of a selection."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ctxprune.context.closure import Closure
from ctxprune.context.grid import column_units
from ctxprune.policies.selection import Selection
from ctxprune.pruning.oversized import NEAR, Scored

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["without_filler"]


def without_filler(selection: Selection, found: Scored) -> Selection:
    """`selection` without units that are kept only because the best unit, or a part of it, left room for them, and
    without units around the text (`Context.around`) that only fill the room beside it.

    Units near the best stay, and where there are none the best of those that are kept; with all that they need. A unit
    around the text stays with any of the text that scores lower. The same as came in where everything is kept, and
    where the best unit is kept whole and nothing stands around it.
    """
    scores, around = found.scores, found.context.around
    if selection.kept.all():  # there is room for everything: leaving out anything could only lose the answer
        return selection
    best = int(np.argmax(scores))
    parts = np.flatnonzero(found.origins == found.origins[best])
    # The best of rows and columns together says nothing.
    whole = bool(column_units(found.context.grids)) or all(
        selection.kept[part] or selection.reasons[part] != "budget" for part in parts.tolist()
    )
    beside = np.zeros_like(selection.kept) if around is None else np.asarray(around, dtype=np.bool_)
    if whole and not (beside & selection.kept).any():
        return selection
    lowest = float(scores.min())
    near = scores >= lowest + NEAR * (float(scores[best]) - lowest)
    near[parts] = True
    chosen = np.asarray([reason not in ("pinned", "required") for reason in selection.reasons]) & selection.kept
    if whole:
        near |= ~beside
        near |= scores > _lowest_of_text(chosen & ~beside, found)
    stay = chosen & near
    if not stay.any() and chosen.any():
        stay[int(np.argmax(np.where(chosen, scores, -np.inf)))] = True
    closure, kept = Closure(found.context.units), np.zeros_like(selection.kept)
    for index in (*closure.pinned, *np.flatnonzero(stay).tolist()):
        kept[closure.missing(index, kept)] = True
    if (kept == selection.kept).all():
        return selection
    reasons = (reason if kept[i] or not selection.kept[i] else "score" for i, reason in enumerate(selection.reasons))
    return Selection(kept, tuple(reasons))


def _lowest_of_text(text: NDArray[np.bool_], found: Scored) -> float:
    """The lowest score of the units in `text`; infinity where there are none.

    Columns are left out, and what other units need, such as headings: it says little by itself, and any menu would
    score higher.
    """
    units = found.context.units
    counted = text.copy()
    counted[column_units(found.context.grids)] = False
    for unit in units:
        counted[[link for link in (*unit.requires, unit.parent) if link is not None]] = False
    return float(found.scores[counted].min(initial=np.inf))
