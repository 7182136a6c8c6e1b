"""Units that are too large for a budget: cut into parts that fit, or named in the result with the budget they need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ctxprune.context.base import Context, Unit
from ctxprune.context.closure import Closure
from ctxprune.context.grid import column_units
from ctxprune.context.scores import as_scores
from ctxprune.policies.selection import Request, Selection
from ctxprune.pruning.counting import count_rendered

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from numpy.typing import NDArray

    from ctxprune.context.scores import Scores
    from ctxprune.scorers.base import Scorer
    from ctxprune.tokens import TokenCounter

__all__ = [
    "MissingRows",
    "Oversized",
    "Scored",
    "find_oversized",
    "price_best",
    "split_oversized",
    "without_bare_frames",
]

NEAR = 0.4  # of the range of the scores, and more: what adaptive.v1 would keep beside the best unit
_MOST = 8  # units that are cut
_MOST_FOUND = 32  # of the best units, among which these are looked for
_ROUNDS = 3  # of cutting, since how many tokens a part takes is only known once it is counted
_SHARES = 3  # parts that a budget should hold: of smaller ones nobody could tell what they say
_AROUND = 3  # a unit of less than this part of the budget is taken to fit with what stands around it
_HEADED = 3  # a third of the budget is what headings may take of a unit that has to be cut
_LEAST = 8  # tokens that must be left beside what a unit needs, or no part of it could say anything


@dataclass(frozen=True, slots=True)
class Oversized:
    """The best unit, which did not fit into a budget as a whole.

    Attributes:
        index: The unit, or the first of the parts that it was cut into.
        tokens: What it takes by itself; never more than `budget`.
        budget: The budget that would hold it whole, with what it cannot do without, such as the header row of a table.
        parts: How many parts it was cut into; 1 where it has no borders to cut at.
        kept: How many of these are kept.
    """

    index: int
    tokens: int
    budget: int
    parts: int
    kept: int

    def __str__(self) -> str:
        if self.parts > 1 and self.kept:
            what = f"the best unit, of {self.tokens:,} tokens, is kept in part: {self.kept} of its {self.parts} parts"
            return f"{what}; a budget of {self.budget:,} would hold all of it"
        return f"the best unit, of {self.tokens:,} tokens, did not fit; a budget of {self.budget:,} would hold it"


@dataclass(frozen=True, slots=True)
class MissingRows:
    """Rows of tables that the question needs together, of which not all fit into a budget.

    Attributes:
        kept: How many of them are kept.
        rows: How many there are.
        budget: The budget that would hold all of them, with all columns.
    """

    kept: int
    rows: int
    budget: int

    def __str__(self) -> str:
        if self.rows == 1:
            return f"the row that the question asks for did not fit; a budget of {self.budget:,} would hold it whole"
        return (
            f"{self.kept:,} of the {self.rows:,} rows that the question asks for fit; a budget of {self.budget:,}"
            " would hold all of them whole"
        )


class Scored(NamedTuple):
    """A context with what is known of its units: scores, float32 (n_units,), tokens, int64 (n_units,)."""

    context: Context[Any]
    scores: Scores
    tokens: NDArray[np.int64]
    origins: NDArray[np.int64]


class _Parts(Context[tuple[int, ...]]):
    """The units `chosen` of a context without their links, for a scorer; renders as their places among these."""

    units: tuple[Unit, ...]
    kind: str

    def __init__(self, context: Context[Any], chosen: Sequence[int]) -> None:
        units = context.units
        self.units = tuple(Unit(units[index].text, span=units[index].span) for index in chosen)
        self.kind = context.kind

    def render(self, kept: Collection[int]) -> tuple[int, ...]:
        return tuple(sorted(kept))


def split_oversized(query: str, whole: Scored, scorer: Scorer, counter: TokenCounter, budget: int) -> Scored:
    """`whole` with parts in the place of the best units that do not fit into `budget` tokens even alone.

    Units that would fit without their headings, as far as the context lets go of these, go without the topmost of
    them. The parts of a unit are scored against each other: the best one has the unit's score, the others less, above
    the middle between it and the lowest score of all. Without such units, or where they have no parts, the same as
    came in.
    """
    found = _detach_units(whole, counter, budget)
    if type(whole.context).split_units is Context.split_units:
        return found
    return _detach_enclosed(_split_units(query, found, scorer, counter, budget), counter, budget)


def _split_units(query: str, found: Scored, scorer: Scorer, counter: TokenCounter, budget: int) -> Scored:
    for _ in range(_ROUNDS):
        sizes = _find_sizes(found, counter, budget)
        split = found.context.split_units(sizes) if sizes else None
        if split is None:
            return found
        origins = np.asarray(split.origins, dtype=np.int64)
        cut = np.bincount(origins, minlength=len(found.scores))[origins] > 1
        scores = found.scores[origins]
        # Read by themselves: the whole context was read before, and most of it is the same.
        parts = np.flatnonzero(cut)
        read = as_scores(scorer.score(query, _Parts(split.context, parts.tolist())), len(parts), source="the scorer")
        scores[parts] = _rank_parts(scores[parts], read, origins[parts], float(found.scores.min()))
        frames = _find_frames(split.context, origins)
        if split.context.kind == "passage":
            # A row or a line says all of what it says, with its header or without; half a sentence may not.
            enclosed = np.unique(found.origins[origins[frames]])
            halves = parts[~np.isin(found.origins[origins[parts]], enclosed)]
            if len(halves):
                scores[halves] = _rank_below_wholes(scores, halves, found, origins, budget)
        # A table's header says nothing without a row: it comes with one, or last of all.
        scores[frames] = scores.min()
        tokens = found.tokens[origins]
        texts = split.context.cost_texts()
        tokens[parts] = counter.count_many([texts[part] for part in parts.tolist()])
        found = Scored(split.context, scores, tokens, found.origins[origins])
    return found


def find_oversized(
    whole: Scored,
    found: Scored,
    selection: Selection,
    price: Callable[[Context[Any], list[int]], int],
    required: NDArray[np.bool_] | None = None,
) -> Oversized | MissingRows | None:
    """The best unit of `whole`, if not all of its parts in `found` are kept, for want of room; of tables the rows that
    the question needs together, if not all of them are kept.

    Args:
        whole: The context as it came.
        found: The same, with parts of some units.
        selection: What is kept of `found`.
        price: Tokens of what units of a context, `whole` or a looser form of it, render to.
        required: bool (n_units,), the units of a table that the question needs together (`Request.required`).
    """
    if not len(whole.scores):
        return None
    if column_units(whole.context.grids):  # the best of rows and columns together says nothing
        missing = None if required is None else _find_missing_rows(whole.context, required, selection, price)
        return missing or _find_oversized_row(whole, selection, price)
    best = int(np.argmax(whole.scores))
    parts = np.flatnonzero(found.origins == best)
    kept = int(selection.kept[parts].sum())
    lost = [selection.reasons[part] for part in parts.tolist() if not selection.kept[part]]
    if "budget" not in lost:
        return None
    enough = max(_price_whole(whole.context, best, price), 1)
    return Oversized(int(parts[0]), min(int(whole.tokens[best]), enough), enough, len(parts), kept)


def _price_whole(context: Context[Any], index: int, price: Callable[[Context[Any], list[int]], int]) -> int:
    """Tokens of the unit with what it needs: without headings, where the context lets go of them for a small budget."""
    forms = [context]
    if type(context).detach_units is not Context.detach_units:
        forms.append(context.detach_units({index}))
    return min(price(form, Closure(form.units).needed(index).tolist()) for form in forms)


def _find_missing_rows(
    context: Context[Any],
    required: NDArray[np.bool_],
    selection: Selection,
    price: Callable[[Context[Any], list[int]], int],
) -> MissingRows | None:
    columns = column_units(context.grids)
    rows = sorted({*np.flatnonzero(required).tolist()}.difference(columns))
    kept = int(selection.kept[rows].sum())
    if kept == len(rows):
        return None
    closure, wanted = Closure(context.units), np.zeros(len(context.units), dtype=np.bool_)
    for index in (*closure.pinned, *columns, *rows):
        wanted[closure.missing(index, wanted)] = True
    return MissingRows(kept, len(rows), max(price(context, np.flatnonzero(wanted).tolist()), 1))


def _find_oversized_row(
    whole: Scored, selection: Selection, price: Callable[[Context[Any], list[int]], int]
) -> Oversized | None:
    """The best row of a table, if there was no room for it beside the columns."""
    rows = [unit for grid in whole.context.grids for unit in grid.row_units]
    best = max(rows, key=lambda unit: float(whole.scores[unit]), default=None)
    if best is None or selection.kept[best] or selection.reasons[best] not in ("budget", "demanded"):
        return None
    columns = next(grid.column_units for grid in whole.context.grids if best in grid.row_units)
    needed = np.union1d(Closure(whole.context.units).needed(best), np.asarray(columns, dtype=np.intp))
    enough = max(price(whole.context, needed.tolist()), 1)
    # A row that was left out for the sake of others is not too large: it would have had their room.
    if enough <= price(whole.context, np.flatnonzero(selection.kept).tolist()):
        return None
    return Oversized(best, min(int(whole.tokens[best]), enough), enough, 1, 0)


def price_best(request: Request, selection: Selection, closure: Closure) -> tuple[int, int | None]:
    """The best unit that is no column, and its tokens with all that it needs, what is pinned and, of a row, the columns
    that are kept; None for the tokens where it is kept, or where there is no unit."""
    grids, scores = request.context.grids, request.scores.copy()
    scores[column_units(grids)] = -np.inf
    if not len(scores) or selection.kept[(best := int(np.argmax(scores)))]:
        return 0, None
    columns = column_units([grid for grid in grids if best in grid.row_units])
    wanted = np.zeros_like(selection.kept)
    for index in (*closure.pinned, best, *(column for column in columns if selection.kept[column])):
        wanted[closure.missing(index, wanted)] = True
    return best, int(request.tokens[wanted].sum())


def without_bare_frames(selection: Selection, found: Scored) -> Selection:
    """`selection` without frames of units that were cut (a table's header, the fences of code) of which nothing else is
    kept; the same where there are none."""
    units, frames = found.context.units, _find_frames(found.context, found.origins)
    if not frames:
        return selection
    closure, kept = Closure(units), selection.kept.copy()
    kept[[index for index in frames if not units[index].pinned]] = False
    for index in np.flatnonzero(kept).tolist():
        kept[closure.missing(index, kept)] = True
    if (kept == selection.kept).all():
        return selection
    reasons = ("budget" if selection.kept[i] and not kept[i] else reason for i, reason in enumerate(selection.reasons))
    return Selection(kept, tuple(reasons))


def _find_frames(context: Context[Any], origins: NDArray[np.int64]) -> list[int]:
    """The parts that other parts of the same unit need, and the units that only say what others are."""
    units = context.units
    needed = {
        link
        for index, unit in enumerate(units)
        for link in unit.requires
        if link != index and origins[link] == origins[index]
    }
    return sorted(needed.union(context.enclosing))


def _detach_units(whole: Scored, counter: TokenCounter, budget: int) -> Scored:
    """`whole`, where the best units that do not fit with all of their headings need only the nearest that fit."""
    context, tokens = whole.context, whole.tokens
    if type(context).detach_units is Context.detach_units or context.kind == "passage":
        return whole
    loose = set()
    for index in _find_best(whole, counter, budget):
        chain = _chain(context, index)
        if int(tokens[chain].sum()) <= budget // _AROUND:
            continue
        room = budget if tokens[index] <= budget else int(tokens[index]) + budget // _HEADED
        fitting = [
            size
            for size in range(1, len(chain) + 1)
            if count_rendered(counter, context, context.render(kept := sorted(chain[:size])), kept, tokens) <= room
        ]
        if len(fitting) < len(chain):
            loose.add(chain[max(fitting, default=1) - 1])
    return whole._replace(context=context.detach_units(loose)) if loose else whole


def _detach_enclosed(found: Scored, counter: TokenCounter, budget: int) -> Scored:
    """`found`, where the best rows of tables and lines of code that fit only without the header or the fences come
    without, and where the score of these is the lowest: a question shares words with a header, which answers nothing.
    """
    context = found.context
    enclosing = frozenset(context.enclosing) if context.kind == "passage" else frozenset()
    if not enclosing or _all_fit(found, counter, budget):
        return found
    scores = found.scores.copy()
    scores[sorted(enclosing)] = scores.min()
    found = found._replace(scores=scores)
    closure, loose = Closure(context.units), []
    for index in _find_best(found, counter, budget):
        if not enclosing.isdisjoint(context.units[index].requires):
            needed = closure.needed(index).tolist()
            if count_rendered(counter, context, context.render(needed), needed, found.tokens) > budget:
                loose.append(index)
    return found._replace(context=context.detach_units(loose)) if loose else found


def _chain(context: Context[Any], index: int) -> list[int]:
    """The unit and what stands above it, upwards."""
    chain = [index]
    while (parent := context.units[chain[-1]].parent) is not None and parent not in chain:
        chain.append(parent)
    return chain


def _find_best(found: Scored, counter: TokenCounter, budget: int) -> list[int]:
    """The units near the best one, if a budget is too small for all units."""
    scores = found.scores
    if not len(scores) or column_units(found.context.grids) or _all_fit(found, counter, budget):
        return []
    lowest, highest = float(scores.min()), float(scores.max())
    best = np.argsort(-scores, kind="stable")[:_MOST_FOUND]
    floors = np.maximum(lowest + NEAR * (highest - lowest), _find_floors(found))
    chosen: list[int] = best[scores[best] >= floors[best]].tolist()
    return chosen


def _all_fit(found: Scored, counter: TokenCounter, budget: int) -> bool:
    tokens = int(found.tokens.sum())
    if tokens > budget or tokens <= budget // _AROUND:
        return tokens <= budget
    # What stands between units takes tokens too.
    kept = [*range(len(found.tokens))]
    return count_rendered(counter, found.context, found.context.render(kept), kept, found.tokens) <= budget


def _find_sizes(found: Scored, counter: TokenCounter, budget: int) -> dict[int, int]:
    """Of the best units that do not fit even alone how many bytes their parts may take, by unit."""
    context, tokens = found.context, found.tokens
    best = _find_best(found, counter, budget)
    if not best:
        return {}
    closure, enclosing = Closure(context.units), frozenset(context.enclosing)
    again = np.bincount(found.origins)[found.origins] > 1
    sizes: dict[int, int] = {}
    for index in best:
        needed, own = closure.needed(index).tolist(), int(tokens[index])
        price = int(tokens[needed].sum())
        if price > budget and not enclosing.isdisjoint(needed):  # it can go without, see `_detach_enclosed`
            needed = [place for place in needed if place not in enclosing]
            price = int(tokens[needed].sum())
        # What stands around a unit takes tokens too; only of larger ones can it be more than they leave.
        if budget // _AROUND < price <= budget:
            price = max(price, count_rendered(counter, context, context.render(needed), needed, tokens))
        room = budget - (price - own)
        # A part that does not fit with its marks may be cut once more, into less.
        least = _LEAST // 2 if again[index] else _LEAST
        if price > budget and room >= least and len(sizes) < _MOST:
            size = len(context.units[index].text.encode("utf-8", "surrogatepass"))
            sizes[index] = max(size * max(room // _SHARES, _LEAST) // max(own, 1), 1)
    return sizes


def _find_floors(found: Scored) -> NDArray[np.float64]:
    """float64 (n_units,): for parts the score that a part near the best one of its unit has at least; else -inf.

    All parts have at least half of their unit's score (`_rank_parts`), also those that say nothing about the question.
    """
    scores, origins, lowest = found.scores.astype(np.float64), found.origins, float(found.scores.min())
    tops = np.full(int(origins[-1]) + 1, -np.inf)
    np.maximum.at(tops, origins, scores)
    floors = tops[origins] - (tops[origins] - lowest) * 0.5 * (1 - NEAR)
    return np.where(np.bincount(origins)[origins] > 1, floors, -np.inf)


def _rank_below_wholes(
    scores: Scores, parts: NDArray[np.intp], found: Scored, origins: NDArray[np.int64], budget: int
) -> Scores:
    """Scores of `parts` below those of the whole units near the best one that fit; as they are where there is none.

    A whole sentence that fits is worth more than a piece of a better one: a piece may say the opposite of the whole.
    """
    lowest, highest = float(found.scores.min()), float(found.scores.max())
    floor = lowest + NEAR * (highest - lowest)
    closure = Closure(found.context.units)
    whole = np.bincount(found.origins)[found.origins] == 1  # no part of what was cut before
    near = np.setdiff1d(np.flatnonzero((found.scores >= floor) & (found.tokens <= budget) & whole), origins[parts])
    near = near[np.argsort(-found.scores[near], kind="stable")][:_MOST_FOUND]
    fitting = [unit for unit in near.tolist() if int(found.tokens[closure.needed(unit)].sum()) <= budget]
    own, top = scores[parts], float(scores[parts].max())
    ceiling = min((float(found.scores[unit]) for unit in fitting), default=top)
    if ceiling >= top or top <= floor:
        return own
    share = (ceiling - floor) / (top - floor)
    lowered = np.where(own >= floor, floor + (own - floor) * share, own)
    return np.minimum(lowered, np.nextafter(np.float32(ceiling), np.float32(-np.inf))).astype(np.float32)


def _rank_parts(scores: Scores, read: Scores, origins: NDArray[np.int64], lowest: float) -> Scores:
    """Scores of parts: of each unit the part `read` best has the unit's, the worst half of it above `lowest`.

    Of units that have the lowest score themselves, as in a context of one unit, the worst has 0.5 less.
    """
    ranked = scores.copy()
    for origin in np.unique(origins):
        own = origins == origin
        least, most = float(read[own].min()), float(read[own].max())
        share = (read[own] - least) / (most - least) if most > least else np.ones(own.sum())
        spread = np.where(scores[own] > lowest, scores[own] - lowest, 1.0)
        ranked[own] = scores[own] - spread * 0.5 * (1 - share)
    return ranked
