"""The parts of a page among which a question chooses: its text, and each of its tables."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.grid import grids_of
from ctxprune.scorers._tabular.headers import named_columns
from ctxprune.scorers._tabular.reading import TableReading
from ctxprune.text import terms

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ctxprune.context import Context
    from ctxprune.scorers.base import Scores

__all__ = ["FEATURES", "PageParts"]

FEATURES = ("named", "best_row", "size", "titled", "narrow", "empty", "met", "is_text", "best_text")


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
            math.log(max(self.size, 1) / max(total, 1)),
            _share(asked, self.title),
            len(filled) <= 2,
            1.0 - float(filled.mean()) if len(filled) else 1.0,
            self._met(asked),
            0.0,
            0.0,
        ]

    def _met(self, asked: list[str]) -> float:
        """Share of the terms that the best row holds, with what stands above it."""
        counts = np.zeros(max(len(self.reading.cells), 1))
        for term in asked:
            if term in self.above:
                counts += 1
            else:
                counts[list({row for row, _ in self.reading.places.get(term, ())})] += 1
        return float(counts.max()) / max(len(asked), 1)


class PageParts:
    """The parts of one context, and what tells them apart.

    Attributes:
        places: int (n_units,), for each unit its part: 0 for the text, else the number of its table, from 1.
    """

    def __init__(self, context: Context[Any]) -> None:
        self.places = np.zeros(len(context.units), dtype=np.intp)
        self._texts = [unit.text for unit in context.units]
        self._tables: list[_TablePart] = []
        for number, grid in enumerate(grids_of(context), start=1):
            self.places[[*grid.row_units, *grid.column_units]] = number
            reading, title = TableReading(grid), frozenset(terms(grid.title))
            above = title.union(*reading.headers)
            size = sum(len(cell) for row in grid.rows for cell in row)
            self._tables.append(_TablePart(reading, title, above, size))
        outside = np.flatnonzero(self.places == 0)
        self._size = sum(len(self._texts[index]) for index in outside) + sum(table.size for table in self._tables)
        self._outside = outside

    def __len__(self) -> int:
        return 1 + len(self._tables)

    def features(self, query: str, scores: Scores) -> NDArray[np.float64]:
        """float64 (n_parts, len(FEATURES)), the text first.

        Args:
            query: The question.
            scores: (n_units,), how well each unit fits the question by itself, 0..1.
        """
        asked = list(dict.fromkeys(terms(query)))
        best = np.zeros(len(self))
        np.maximum.at(best, self.places, scores)
        rows = [self._text_features(asked, scores)]
        rows += [
            table.features(asked, self._size, row) for table, row in zip(self._tables, best[1:].tolist(), strict=True)
        ]
        return np.array(rows, dtype=np.float64)

    def _text_features(self, asked: list[str], scores: Scores) -> list[float]:
        if not len(self._outside):
            return [0.0] * (len(FEATURES) - 2) + [1.0, 0.0]
        best = self._outside[np.argmax(scores[self._outside])]
        met = _share(asked, frozenset(terms(self._texts[best])))
        return [0.0] * (len(FEATURES) - 3) + [met, 1.0, float(scores[best])]


def _share(asked: list[str], held: frozenset[str]) -> float:
    return sum(term in held for term in asked) / max(len(asked), 1)
