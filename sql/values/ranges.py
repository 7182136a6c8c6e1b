"""Which columns of numbers or days a number, year or date of the question may be compared with.

No number is looked up among stored ones: the smallest and largest number of a column, and all of them where they are
few, say whether it fits. A logistic model over a few plain facts says how likely a column is meant; its weights are
ranges.json, fitted by benchmarks/training/values_ranges.py on the training databases of Spider.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ctxprune.models.weights import LogisticModel
from ctxprune.text.words import stem

from .base import RangeHit
from .features import name_words, share
from .literals import mentions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .column_ranges import ColumnRange
    from .literals import Mention
    from .spans import Question

__all__ = ["RANGE_FACTS", "Fit", "find_ranges", "fits", "range_facts"]

RANGE_FACTS = (
    "inside", "stored", "not_stored", "few_values", "fraction", "named", "near", "nearest", "table_named", "row_number",
    "year_in_years", "year_in_days", "year_elsewhere", "day_in_days", "number_in_years", "number_in_days",
    "written_as_text", "spelt", "after_limit", "log_columns", "small",
)  # fmt: skip
_MOST_PER_MENTION = 5
_NEAR = 4
_LIMITS = frozenset({"top", "first", "last", "bottom", "best", "next", "limit", "least", "most", "only"})
_YEARS = (1000, 2999)


@dataclass(frozen=True, slots=True)
class Fit:
    """A number or day of the question, and a column that holds such.

    Attributes:
        mention: From the question.
        held: The column.
        low, high: What to compare with, as numbers of the column.
    """

    mention: Mention
    held: ColumnRange
    low: float
    high: float

    @property
    def inside(self) -> bool:
        """Some number between `low` and `high` lies within the column's range."""
        return self.low <= self.held.high and self.high >= self.held.low

    @property
    def stored(self) -> bool:
        """One of them is stored, as far as that is known."""
        return any(self.low <= value <= self.high for value in self.held.values)


def find_ranges(question: Question, ranges: Sequence[ColumnRange]) -> list[RangeHit]:
    """Columns that the numbers and days of a question may be compared with, the likeliest first, each pair once."""
    found = fits(question, ranges)
    if not found:
        return []
    model = LogisticModel.load(__package__, "ranges.json", RANGE_FACTS)
    likely = model.likelihoods(range_facts(question, found))
    order = sorted(range(len(found)), key=lambda k: (-likely[k], found[k].held.ref, found[k].mention.first))
    hits: list[RangeHit] = []
    taken: dict[tuple[int, int], int] = defaultdict(int)
    for k in order:
        fit = found[k]
        span = (fit.mention.first, fit.mention.last)
        if likely[k] >= model.threshold and taken[span] < _MOST_PER_MENTION:
            taken[span] += 1
            hits.append(_hit(question, fit, float(likely[k])))
    return hits


def fits(question: Question, ranges: Sequence[ColumnRange]) -> list[Fit]:
    """Every number or day of a question with every column that holds such, inside its range or not."""
    named = mentions(question) if ranges else []
    pairs = ((mention, held) for mention in named for held in ranges if _comparable(mention, held))
    return [Fit(mention, held, *_compared(mention, held)) for mention, held in pairs]


def range_facts(question: Question, found: Sequence[Fit]) -> NDArray[np.float64]:
    """One row per fit, one column per entry of `RANGE_FACTS`, 0..1 but for the logarithm."""
    asked = [stem(word.text) for word in question.words]
    near_of, columns = [], defaultdict(set)
    for fit in found:
        i, j = fit.mention.first, fit.mention.last
        around = set(asked[max(0, i - _NEAR) : i]) | set(asked[j : j + _NEAR])
        near_of.append(share(name_words(fit.held.column), around))
        if fit.inside:
            columns[i, j].add(fit.held.ref)
    best: dict[tuple[int, int], float] = defaultdict(float)
    for fit, near in zip(found, near_of, strict=True):
        span = (fit.mention.first, fit.mention.last)
        best[span] = max(best[span], near)
    rows = [
        _facts(asked, fit, near, best[fit.mention.first, fit.mention.last])
        + _place(question, fit, len(columns[fit.mention.first, fit.mention.last]))
        for fit, near in zip(found, near_of, strict=True)
    ]
    return np.array(rows, dtype=np.float64).reshape(len(found), len(RANGE_FACTS))


def _facts(asked: Sequence[str], fit: Fit, near: float, best: float) -> list[float]:
    i, j = fit.mention.first, fit.mention.last
    others = {*asked[:i], *asked[j:]}
    kind, held = fit.mention.kind, fit.held
    yearly = not held.form and held.whole and held.low >= _YEARS[0] and held.high <= _YEARS[1]
    return [
        fit.inside,
        fit.stored,
        bool(held.values) and not fit.stored,
        bool(held.values),
        held.whole and not fit.low.is_integer(),
        share(name_words(held.column), others),
        near,
        near > 0 and near == best,
        share(name_words(held.table), others),
        held.numbers_rows,
        kind == "year" and yearly,
        kind == "year" and bool(held.form),
        kind == "year" and not yearly and not held.form,
        kind in {"month", "date"} and bool(held.form),
        kind == "number" and yearly,
        kind == "number" and bool(held.form),
    ]


def _place(question: Question, fit: Fit, columns: int) -> list[float]:
    i = fit.mention.first
    before = [word.text for word in question.words[max(0, i - 2) : i]]
    return [
        fit.held.text and not fit.held.form,
        question.words[i].text.isalpha() and fit.mention.kind == "number",
        not _LIMITS.isdisjoint(before),
        float(np.log1p(columns)),
        fit.mention.kind == "number" and abs(fit.mention.number) <= 1,
    ]


def _comparable(mention: Mention, held: ColumnRange) -> bool:
    return mention.kind in {"number", "year"} if not held.form else mention.kind != "number"


def _compared(mention: Mention, held: ColumnRange) -> tuple[float, float]:
    """From what to what number of the column a mention goes."""
    year, month, number = mention.day
    form = held.date_form
    if form is None:
        return mention.number, mention.number
    low, high = year * 100 + (month or 1), year * 100 + (month or 12)
    if form.monthly:
        return float(low), float(high)
    return float(low * 100 + (number or 1)), float(high * 100 + (number or 31))


def _hit(question: Question, fit: Fit, likelihood: float) -> RangeHit:
    low, high = _literals(fit)
    mention = fit.mention
    span = question.place(mention.first, mention.last)
    return RangeHit(
        fit.held.ref, span, mention.kind, low, high, fit.held.text, _why(fit), round(likelihood, 4), fit.inside
    )


def _literals(fit: Fit) -> tuple[str, str]:
    held, form = fit.held, fit.held.date_form
    if form is None:
        plain = f"{fit.low:.0f}" if fit.low.is_integer() and abs(fit.low) < 1e15 else repr(fit.low)
        low = high = f"'{plain}'" if held.text else plain
        return low, high
    low, high = form.bounds(fit.mention.day)
    return (f"'{low}'", f"'{high}'") if held.text and low else (low, high)


def _why(fit: Fit) -> str:
    held = fit.held
    if fit.stored:
        return f"one of {len(held.values)} stored"
    where = "within" if fit.inside else "outside"
    low, high = (_shown(held, number) for number in (held.low, held.high))
    return f"{where} {low} to {high}"


def _shown(held: ColumnRange, number: float) -> str:
    """A bound for people: 31.25, 2023-01-31 or 2023-01."""
    if held.date_form is None:
        return f"{number:.12g}"
    digits = f"{number:.0f}"
    parts = (digits[:-2], digits[-2:]) if held.date_form.monthly else (digits[:-4], digits[-4:-2], digits[-2:])
    return "-".join(parts)
