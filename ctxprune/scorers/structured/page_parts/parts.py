"""The parts of a page: its text, and each of its tables."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.context.base import Context, as_context
from ctxprune.context.grid import Grid, largest_grids
from ctxprune.context.subset import ContextSubset
from ctxprune.scorers.structured.page_parts.text_evidence import TextEvidence
from ctxprune.scorers.structured.table_reading.headers import named_columns
from ctxprune.scorers.structured.table_reading.reading import TableReading
from ctxprune.text.words import terms

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from numpy.typing import NDArray

    from ctxprune.context.base import Unit
    from ctxprune.context.scores import Scores

__all__ = ["FEATURES", "PageParts", "View"]

_SHORT = 60  # characters of a label or a value
_FURTHEST = 20.0  # of the lead, in logits
FEATURES = ("named", "best_row", "size", "titled", "narrow", "empty", "met", "is_text", "best_text", "lead")


@dataclass(frozen=True, slots=True)
class _TablePart:
    """What of a table does not depend on the question: `title` its terms, `above` these and those of the header."""

    reading: TableReading
    title: frozenset[str]
    above: frozenset[str]
    size: int

    def features(self, asked: list[str], total: int, best: float) -> list[float]:
        filled = self.reading.filled
        return [
            float(named_columns(asked, self.reading).sum()),
            best,
            # A share of the page in logarithms: what matters is whether a table is a tenth or a hundredth of it.
            math.log(max(self.size, 1) / max(total, 1)),
            _held_share(asked, self.title),
            len(filled) <= 2,
            1.0 - float(filled.mean()) if len(filled) else 1.0,
            self._met(asked),
            0.0,
            0.0,
        ]  # `PageParts.features` adds the lead

    def _met(self, asked: list[str]) -> float:
        """Share of the terms that the best row holds, with what stands above it."""
        counts = np.zeros(max(self.reading.shape[0], 1))
        for term in asked:
            if term in self.above:
                counts += 1
            else:
                counts[self.reading.places.rows(term)] += 1
        return float(counts.max()) / max(len(asked), 1)


@dataclass(frozen=True, eq=False)
class View(Context[tuple[int, ...]]):
    """A part of a context by itself, which does not keep the whole of it alive."""

    units: tuple[Unit, ...]
    sources: tuple[int, ...]
    titles: tuple[str, ...]
    grids: tuple[Grid, ...]

    def render(self, kept: Collection[int]) -> tuple[int, ...]:
        """The indices, sorted."""
        return tuple(sorted(kept))


class PageParts:
    """The parts of one context, and their features.

    Args:
        context: The page.
        read: Reads the tables of a view.

    Attributes:
        places: int (n_units,), for each unit its part: 0 for the text, else the number of its table, from 1.
        text: The units outside of tables, and their indices, int (n_text,).
        tables: The rows and columns of tables, and theirs; of more than `MOST_TABLES` tables those of the largest.
        pairs: Short units of the text of a page beside each other, as labels and values are, int (n_pairs, 2).
        evidence: The words of all units of a page; None for a context that is no page.
    """

    def __init__(self, context: Context[Any], read: Callable[[View], tuple[TableReading, ...]]) -> None:
        context = as_context(context)
        self.places = np.zeros(len(context.units), dtype=np.intp)
        for number, grid in enumerate(largest_grids(context.grids), start=1):
            self.places[[*grid.row_units, *grid.column_units]] = number
        self.text = _make_view(context, np.flatnonzero(self.places == 0))
        self.tables = _make_view(context, np.flatnonzero(self.places))
        self.pairs = _find_pairs(*self.text) if context.kind == "page" else np.zeros((0, 2), np.intp)
        self.evidence = TextEvidence(context) if context.kind == "page" else None
        self._tables = [_table_part(reading) for reading in read(self.tables[0])]
        self._size = sum(len(unit.text) for unit in self.text[0].units) + sum(table.size for table in self._tables)

    def __len__(self) -> int:
        return 1 + len(self._tables)

    def features(self, query: str, scores: Scores, logits: NDArray[np.float64]) -> NDArray[np.float64]:
        """float64 (n_parts, len(FEATURES)), the text first.

        Args:
            query: The question.
            scores: (n_units,), how well each unit fits the question by itself, 0..1.
            logits: (n_units,), how much the words of each unit say for it, wherever it stands.
        """
        asked = list(dict.fromkeys(terms(query)))
        best = np.zeros(len(self))
        np.maximum.at(best, self.places, scores)
        rows = [self._text_features(asked, scores)]
        rows += [
            table.features(asked, self._size, row) for table, row in zip(self._tables, best[1:].tolist(), strict=True)
        ]
        most = np.full(len(self), -np.inf)
        np.maximum.at(most, self.places, logits)
        # How far the best words of a part are behind those of the page: the scores of rows and of text are of two
        # kinds, and say little about which of them holds more of the question.
        leads = np.maximum(most - most.max(initial=-np.inf), -_FURTHEST)
        return np.column_stack([np.array(rows, dtype=np.float64), leads])

    def _text_features(self, asked: list[str], scores: Scores) -> list[float]:
        view, indices = self.text
        if not len(indices):
            return [0.0] * (len(FEATURES) - 3) + [1.0, 0.0]
        best = int(np.argmax(scores[indices]))
        met = _held_share(asked, frozenset(terms(view.units[best].text)))
        return [0.0] * (len(FEATURES) - 4) + [met, 1.0, float(scores[indices[best]])]


def _make_view(context: Context[Any], chosen: NDArray[np.intp]) -> tuple[View, NDArray[np.intp]]:
    part = ContextSubset(context, chosen)
    # Not the subset itself, which holds the whole page: the parts are cached by the page and would keep it alive.
    return View(part.units, part.sources, part.titles, part.grids), chosen


def _find_pairs(view: View, indices: NDArray[np.intp]) -> NDArray[np.intp]:
    found = [
        (first, second)
        for (first, one), (second, other) in pairwise(zip(indices.tolist(), view.units, strict=True))
        # Labels and values stand side by side under one heading, and both are short.
        if second == first + 1 and one.parent == other.parent and max(len(one.text), len(other.text)) <= _SHORT
    ]
    return np.array(found, dtype=np.intp).reshape(-1, 2)


def _table_part(reading: TableReading) -> _TablePart:
    title = frozenset(terms(reading.grid.title))
    size = sum(len(cell) for row in reading.grid.rows for cell in row)
    return _TablePart(reading, title, title.union(*reading.headers), size)


def _held_share(asked: list[str], held: frozenset[str]) -> float:
    return sum(term in held for term in asked) / max(len(asked), 1)
