"""What the pruner reads of a context, and what it says about each unit and document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.context.base import as_context
from ctxprune.context.closure import check_links
from ctxprune.models.windows import KINDS, Tokens
from ctxprune.text.words import join_hyphenated

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ctxprune.context.base import Context, Unit
    from ctxprune.models.pruner import PrunerModel
    from ctxprune.models.windows import Window

__all__ = ["Layout", "Reading", "read", "read_batch"]

_MOST_READ = (
    1 << 14
)  # characters of a unit: the mean logit of a longer one says nothing of its parts, and takes minutes
_BEFORE = 2  # tokens of a window that stand before the question


class Layout:
    """Which units of a context are read as which documents.

    A document is a tree of units, or all units outside trees together, in each of the sources that a context may name;
    of running text it is a section: the units under one heading, titled by that and those above it. A unit that is the
    parent of others is read as a title and not by itself.

    Attributes:
        kind: One of `KINDS`.
        places: int (n_units,): the document of each unit, from 0.
        documents: Their number.
        sources: For each document its source, from 0; all 0 where the context names none.
        members: For each document its units without those that are titles, in order.
        titles: For each document the text of its title; "" where it has none.
        is_title: bool (n_units,).

    Raises:
        UsageError: A parent or requirement is not the index of a unit.
    """

    def __init__(self, context: Context[Any]) -> None:
        context = as_context(context)
        units = context.units
        check_links(units)
        self.kind = context.kind if context.kind in KINDS else "passage"
        # A unit with others beneath it is read as their title and not scored as text.
        parents = {unit.parent for unit in units if unit.parent is not None}
        self.is_title = np.asarray([index in parents for index in range(len(units))], dtype=np.bool_)
        sources = context.sources
        # A section of running text is a document under its headings; of pages and schemas each tree is one.
        by_section = context.kind == "passage"
        self.places, self.sources = _number_documents(
            units, [0] * len(units) if sources is None else sources, by_section=by_section
        )
        self.documents = len(self.sources)
        self.members: list[list[int]] = [[] for _ in range(self.documents)]
        heads: list[list[str]] = [[] for _ in range(self.documents)]
        named = context.titles
        for place, source in enumerate(self.sources):
            heads[place] += named[source : source + 1]
        for index, place in enumerate(self.places.tolist()):
            if self.is_title[index]:
                heads[place] += [*(_ancestor_texts(units, index) if by_section else ()), units[index].text]
            else:
                self.members[place].append(index)
        self.titles = [" / ".join(text for text in texts if text) for texts in heads]


@dataclass(frozen=True, slots=True)
class Reading:
    """What the model says of a context; -inf where no window holds a token of it, and for titles among the units.

    Attributes:
        keep: Logits of keeping each unit, float64 (n_units,), means over its tokens.
        relevance: Of each document's relevance, float64 (documents,), means over its tokens.
        likeness: Cosine of the mean states of unit and question, float64 (n_units,), -1 to 1; NaN throughout where the
            model gives no states.
    """

    keep: NDArray[np.float64]
    relevance: NDArray[np.float64]
    likeness: NDArray[np.float64]


def read(model: PrunerModel, query: str, context: Context[Any], layout: Layout) -> Reading:
    """One pass of the model."""
    return read_batch(model, [query], [context], [layout])[0]


def read_batch(
    model: PrunerModel, queries: Sequence[str], contexts: Sequence[Context[Any]], layouts: Sequence[Layout]
) -> list[Reading]:
    """What `read` gives for each; all texts become tokens together, and windows that are the same are computed once.

    Of a unit the first 16,384 characters are read.
    """
    texts = [
        [
            query,
            *layout.titles,
            *(_readable(context.units[index].text) for members in layout.members for index in members),
        ]
        for query, context, layout in zip(queries, contexts, layouts, strict=True)
    ]
    ids = iter(model.encode([text for part in texts for text in part]))
    said: dict[tuple[int, ...], _Said] = {}  # by all that a window's result depends on
    found = []
    for context, layout in zip(contexts, layouts, strict=True):
        question = next(ids)
        titles = [next(ids) for _ in range(layout.documents)]
        documents = [
            Tokens(title, [next(ids) for _ in members]) for title, members in zip(titles, layout.members, strict=True)
        ]
        sums = _Sums(len(context.units), layout.documents)
        for window in model.windows(question, documents, layout.kind):
            # Windows of equal ids give equal answers: boilerplate of many documents is computed once.
            key = (window.question, *window.ids)
            if key not in said:
                said[key] = _Said(*model.run_with_states(window))
            sums.add(window, said[key], layout)
        found.append(sums.reading(has_states=model.gives_states))
    return found


@dataclass(frozen=True, slots=True)
class _Said:
    """The model's answer for one window."""

    keep: NDArray[np.float32]
    relevance: NDArray[np.float32]
    states: NDArray[np.float32] | None


class _Sums:
    """Sums over the tokens of each unit and document, which may be in several windows."""

    def __init__(self, units: int, documents: int) -> None:
        self._keep, self._relevance, self._likeness = _Means(units), _Means(documents), _Means(units)

    def add(self, window: Window, said: _Said, layout: Layout) -> None:
        asked = length = None
        if said.states is not None:
            # Without the mark of the beginning, that of the kind, and the one after the question.
            asked = said.states[_BEFORE : window.question - 1].sum(axis=0)
            length = _length(asked)
        for piece in window.pieces:
            self._relevance.add(piece.document, said.relevance[piece.start : piece.end])
            if piece.unit < 0:
                continue
            unit = layout.members[piece.document][piece.unit]
            self._keep.add(unit, said.keep[piece.start : piece.end])
            if asked is not None and length is not None and said.states is not None:
                mean = said.states[piece.start : piece.end].sum(axis=0)
                size = float(length * _length(mean))
                # As often as it has tokens, so that a unit that was cut is weighed by the length of its parts.
                cosine = float(asked @ mean) / size if size else 0.0
                self._likeness.add_equal(unit, cosine, piece.end - piece.start)

    def reading(self, *, has_states: bool) -> Reading:
        likeness = self._likeness.values()
        return Reading(
            self._keep.values(), self._relevance.values(), likeness if has_states else np.full_like(likeness, np.nan)
        )


def _length(vector: NDArray[np.float32]) -> np.float32:
    """As `numpy.linalg.norm`, which looks at its argument for longer than it computes."""
    return np.float32(np.sqrt(vector.dot(vector)))


def _readable(text: str) -> str:
    text = text[:_MOST_READ]
    return join_hyphenated(text) if "\u2010" in text else text


class _Means:
    def __init__(self, size: int) -> None:
        self._sums, self._counts = np.zeros(size), np.zeros(size)

    def add(self, index: int, values: NDArray[np.float32]) -> None:
        self._sums[index] += float(values.sum(dtype=np.float64))
        self._counts[index] += len(values)

    def add_equal(self, index: int, value: float, count: int) -> None:
        """As `add` of so many values that are equal, rounded to float32; their sum is exact."""
        self._sums[index] += count * float(np.float32(value))
        self._counts[index] += count

    def values(self) -> NDArray[np.float64]:
        # -inf for what no window holds, which is not the same as a logit of 0.
        means = self._sums / np.maximum(self._counts, 1)
        return np.asarray(np.where(self._counts > 0, means, -np.inf))


def _number_documents(
    units: Sequence[Unit], sources: Sequence[int], *, by_section: bool
) -> tuple[NDArray[np.intp], list[int]]:
    """The document of each unit, numbered in order of first units, and the source of each document."""
    parents = {unit.parent for unit in units if unit.parent is not None}
    numbers: dict[tuple[int, int], int] = {}
    places = np.zeros(len(units), dtype=np.intp)
    for index in range(len(units)):
        if by_section:
            above = index if index in parents else units[index].parent
            head = -1 if above is None else above
        else:
            root = _find_root(units, index)
            head = -1 if root == index and index not in parents else root
        places[index] = numbers.setdefault((int(sources[index]), head), len(numbers))
    return places, [source for source, _ in numbers]


def _find_root(units: Sequence[Unit], index: int) -> int:
    root, steps = index, 0
    # At most as many steps as units: parents may form a cycle.
    while (above := units[root].parent) is not None and steps < len(units):
        root, steps = above, steps + 1
    return root


def _ancestor_texts(units: Sequence[Unit], index: int) -> list[str]:
    """The texts of the units that a unit stands under, the topmost first."""
    texts, seen, above = [], {index}, units[index].parent
    while above is not None and above not in seen:
        seen.add(above)
        texts.append(units[above].text)
        above = units[above].parent
    return texts[::-1]
