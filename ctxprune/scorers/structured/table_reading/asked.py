"""A question analysed together with a table: what the features of rows and of columns share."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from ctxprune.scorers.structured.table_reading.column_names import name_strengths
from ctxprune.scorers.structured.table_reading.headers import named_columns
from ctxprune.scorers.structured.table_reading.matches import find_matches
from ctxprune.scorers.structured.table_reading.named_cells import read_words_asked
from ctxprune.scorers.structured.table_reading.orders import find_ordered_columns
from ctxprune.scorers.structured.table_reading.question_form import KINDS, question_form
from ctxprune.scorers.structured.table_reading.required_parts import find_demand
from ctxprune.text.words import terms

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ctxprune.scorers.structured.table_reading.matches import Matches
    from ctxprune.scorers.structured.table_reading.named_cells import AskedWords
    from ctxprune.scorers.structured.table_reading.question_form import QuestionForm
    from ctxprune.scorers.structured.table_reading.reading import TableReading
    from ctxprune.scorers.structured.table_reading.required_parts import QuestionDemand

__all__ = ["EXTREMES", "QUESTION_FEATURES", "Asked", "ask"]

_SMALL = 1 << 12  # cells of a table; what is found in larger ones takes memory
EXTREMES = ("most", "least", "first", "last")
QUESTION_FEATURES = (
    *(f"is_{kind}" for kind in KINDS), *(f"asks_{name}" for name in EXTREMES), "asks_next", "asks_previous", "either",
    "bounded", "asks", "plural", "closed", "length_asked", "of_title", "unheld", "log_rows", "log_columns",
)  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """A question beside a table.

    Attributes:
        form: What its words say.
        terms: Its terms in order, each once.
        reading: Of the table.
        named: float64 (n_columns,), how well it names each column, 0..1.
        matches: Where it meets the cells.
        ordering: Indices of the columns along which it asks for an extreme.
        words: Its words as they stand, the first 400 of a longer one.
    """

    form: QuestionForm
    terms: list[str]
    reading: TableReading
    named: NDArray[np.float64]
    matches: Matches
    ordering: list[int]
    words: AskedWords

    @cached_property
    def strengths(self) -> NDArray[np.float64]:
        """float64 (n_words, n_columns), how strongly each word names each column, 0..1 (`name_strengths`)."""
        return name_strengths(self.words.folded, self.reading.grid.header)

    @cached_property
    def demand(self) -> QuestionDemand:
        """What the question needs of the table."""
        return find_demand(self)

    def features(self) -> dict[str, float]:
        """`QUESTION_FEATURES` by name, the same for all rows and columns."""
        form, reading = self.form, self.reading
        size = max(len(self.terms), 1)
        unheld = sum(term not in reading.places and term not in reading.named for term in self.terms)
        values = (
            *(form.kind == kind for kind in KINDS), *(name in form.extremes for name in EXTREMES), form.next,
            form.previous, form.either, bool(form.conditions), form.asks, form.plural, form.closed, math.log1p(size),
            sum(term in reading.title for term in self.terms) / size, unheld / size, *map(math.log1p, reading.shape),
        )  # fmt: skip
        return dict(zip(QUESTION_FEATURES, map(float, values), strict=True))


def ask(query: str, reading: TableReading) -> Asked:
    """Read `query` beside a table; of a small one the last question is remembered, which is asked for twice: for the
    scores and for the demand."""
    if reading.last is not None and reading.last[0] == query:
        remembered: Asked = reading.last[1]
        return remembered
    asked = _ask(query, reading)
    # A tuple in one assignment, so that threads never see a question with another one's answer.
    if math.prod(reading.shape) <= _SMALL:
        reading.last = query, asked
    return asked


def _ask(query: str, reading: TableReading) -> Asked:
    form, asked = question_form(query), list(dict.fromkeys(terms(query)))
    named = named_columns(asked, reading)
    return Asked(
        form,
        asked,
        reading,
        named,
        find_matches(form, asked, reading),
        find_ordered_columns(form, reading, named),
        read_words_asked(query),
    )
