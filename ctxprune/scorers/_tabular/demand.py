"""What a question demands of a table: the kind of question, by its words, and the rows it cannot do without."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ctxprune.text import fold

from .values import Value, numbers_in

if TYPE_CHECKING:
    from .reading import TableReading

__all__ = ["KINDS", "Condition", "QuestionDemand", "QuestionForm", "demand_of", "question_form"]

KINDS = ("lookup", "superlative", "aggregate", "comparison", "count", "neighbour", "difference")

_MOST = (
    r"most|highest|largest|biggest|greatest|longest|tallest|top|best|max(?:imum)?|heaviest|fastest|widest|deepest|"
    r"richest|oldest|leading|largest|majority|peak|record"
)
_LEAST = (
    r"least|lowest|fewest|smallest|shortest|min(?:imum)?|worst|lightest|slowest|narrowest|youngest|poorest|bottom|"
    r"cheapest|nearest|closest"
)
_LAST = r"last|latest|newest|(?:most )?recent(?:ly)?|final|ends?"
_FIRST = r"first|earliest|initial(?:ly)?|original(?:ly)?|debut|start(?:ed)?|beg[ai]n"
_AGGREGATE = re.compile(
    r"\b(?:total|average|mean|sum|combined|altogether|overall|in all|all together|median|cumulative|on average|"
    r"how (?:much|many) .* (?:total|altogether|combined|in all))\b"
)
_COUNT = re.compile(
    r"\b(?:how many (?:times|different|of|players|teams|people|years|games|total)?|number of times|how often|"
    r"count of|the number of)\b"
)
_DIFFERENCE = re.compile(
    r"\b(?:difference|how (?:many|much) (?:\w+ )?(?:more|less|fewer|longer|older|taller|higher|later|earlier|farther|"
    r"further|better|larger|bigger)|(?:percentage )?(?:change|increase|decrease|growth)|compared? (?:to|with)|"
    r"time between|years between)\b"
)
_NEXT = re.compile(
    r"\b(?:next|(?:right |directly |immediately |just )?(?:after|below|beneath|under|following)|follow(?:s|ed|ing)?|"
    r"succeed(?:s|ed)?|successor)\b"
)
_PREVIOUS = re.compile(
    r"\b(?:previous(?:ly)?|(?:right |directly |immediately |just )?(?:before|above|prior to|preceding)|"
    r"preced(?:es|ed|ing)|predecessor)\b"
)
_OVER = (
    r"(?:more|greater|higher|larger|bigger|longer|older|taller|better|heavier|later) than(?: or equal to)?|over|above|"
    r"exceed(?:s|ed|ing)?|at least|no less than|no fewer than|after|since|a minimum of|from"
)
_UNDER = (
    r"(?:less|fewer|lower|smaller|shorter|younger|earlier|lighter) than(?: or equal to)?|under|below|at most|"
    r"no more than|up to|before|prior to|until|a maximum of"
)
_MORE = re.compile(r"\s*(?:or (?:more|higher|above|greater|later)|and (?:up|above|over|later)|\+)")
_LESS = re.compile(r"\s*(?:or (?:less|fewer|lower|below|earlier)|and (?:below|under|earlier))")
_LEADING = re.compile(rf"\b(?:(?P<over>{_OVER})|(?P<under>{_UNDER})|(?P<between>between|from))\s+(?:the |year |\$)*$")
_JOINED = re.compile(r"\s*(?:and|to|through|until|-|or)\s+(?:the |year |\$)*$")
_WORDS = {
    "most": re.compile(rf"\b(?:{_MOST})\b"),
    "least": re.compile(rf"\b(?:{_LEAST})\b"),
    "last": re.compile(rf"\b(?:{_LAST})\b"),
    "first": re.compile(rf"\b(?:{_FIRST})\b"),
}
_EITHER = re.compile(r"\b(?:or|versus|vs)\b")
_NAMES_MORE = re.compile(r"\b(?:which|who|what)\b.*\b(?:more|less|fewer|\w{3,}er|first|last|earlier|later)\b.*\bor\b")
_OTHER = re.compile(r"\b(?:other than|besides|aside from|apart from|except|not)\b")


@dataclass(frozen=True, slots=True)
class Condition:
    """A bound that a question sets: values from `low` to `high`, either of which may be infinite.

    `dated` says whether the bound is a point of time.
    """

    low: float
    high: float
    dated: bool


@dataclass(frozen=True, slots=True)
class QuestionForm:
    """What the words of a question say whatever the table.

    Attributes:
        kind: One of `KINDS`.
        folded: The question, folded.
        values: The numbers and dates in it.
        conditions: Bounds ("more than 5", "before 1990").
        extremes: Which of "most", "least", "first", "last" are asked for.
        next, previous: Whether a row beside another is asked for.
        either: Whether it asks to choose between two ("A or B").
        other: Whether it excludes something ("other than A").
    """

    kind: str
    folded: str
    values: tuple[Value, ...]
    conditions: tuple[Condition, ...]
    extremes: frozenset[str]
    next: bool
    previous: bool
    either: bool
    other: bool


@dataclass(frozen=True, slots=True)
class QuestionDemand:
    """What a question demands of a table.

    Attributes:
        kind: One of `KINDS`.
        columns: Indices of the columns it names or asks to compare, rising.
        all_rows: Whether every row counts for the answer (a total, an average), so that none may be dropped.
        extreme_rows: Indices of rows that hold the extremes it asks for in these columns, rising; () for others.
    """

    kind: str
    columns: tuple[int, ...]
    all_rows: bool
    extreme_rows: tuple[int, ...]


def question_form(query: str) -> QuestionForm:
    """Read a question by itself."""
    folded = " ".join(fold(query).split())
    values = tuple(numbers_in(folded))
    conditions = tuple(_conditions(folded, values))
    extremes = frozenset(name for name, pattern in _WORDS.items() if pattern.search(folded))
    following, preceding = bool(_NEXT.search(folded)), bool(_PREVIOUS.search(folded))
    either = bool(_EITHER.search(folded))
    kind = _kind(folded, extremes, conditions, following or preceding)
    return QuestionForm(
        kind, folded, values, conditions, extremes, following, preceding, either, bool(_OTHER.search(folded))
    )


def _kind(folded: str, extremes: frozenset[str], conditions: tuple[Condition, ...], beside: bool) -> str:
    if _DIFFERENCE.search(folded):
        return "difference"
    if _AGGREGATE.search(folded):
        return "aggregate"
    if _COUNT.search(folded):
        return "count"
    if extremes or _NAMES_MORE.search(folded):
        return "superlative"
    if conditions:
        return "comparison"
    return "neighbour" if beside else "lookup"


def _conditions(folded: str, values: tuple[Value, ...]) -> list[Condition]:
    found = []
    for number, value in enumerate(values):
        before = folded[max(value.start - 40, 0) : value.start]
        match = _LEADING.search(before)
        later = values[number + 1] if number + 1 < len(values) else None
        joined = later is not None and _JOINED.fullmatch(folded, value.end, later.start) is not None
        infinite = float("inf")
        if match and joined and later is not None and (match["between"] or match["over"] == "from"):
            found.append(Condition(min(value.low, later.low), max(value.high, later.high), value.dated))
        elif match and match["over"]:
            found.append(Condition(value.low, infinite, value.dated))
        elif match and match["under"]:
            found.append(Condition(-infinite, value.high, value.dated))
        elif _MORE.match(folded, value.end):
            found.append(Condition(value.low, infinite, value.dated))
        elif _LESS.match(folded, value.end):
            found.append(Condition(-infinite, value.high, value.dated))
    return found


def demand_of(form: QuestionForm, reading: TableReading, named: np.ndarray) -> QuestionDemand:
    """What `form` demands of a table; `named` (n_columns,) says 0..1 how well the question names each column."""
    columns = tuple(int(index) for index in np.flatnonzero(named >= 0.5))
    all_rows = form.kind in ("aggregate", "count") and bool(reading.cells)
    rows: set[int] = set()
    for column in ordered_columns(form, reading, named):
        for most in directions(form, reading.kinds[column]):
            rows |= set(extreme_rows(reading, column, most=most))
    return QuestionDemand(form.kind, columns, all_rows, tuple(sorted(rows)))


def ordered_columns(form: QuestionForm, reading: TableReading, named: np.ndarray) -> list[int]:
    """The columns along which an extreme is asked for: of those with values the ones named, else those of the kind."""
    if not form.extremes:
        return []
    valued = [column for column, kind in enumerate(reading.kinds) if kind not in ("text", "day")]
    best = [column for column in valued if named[column] >= 0.5]
    if best:
        return best
    timed = [column for column in valued if reading.kinds[column] in ("year", "date")]
    return timed if form.extremes & {"first", "last"} and timed else valued


def directions(form: QuestionForm, kind: str) -> list[bool]:
    """Whether the greatest (True) or the least values of a column of a kind are asked for; several may be."""
    timed = kind in ("year", "date")
    found = []
    if form.extremes & {"most"} or (timed and "last" in form.extremes) or (timed and "least" in form.extremes):
        found.append(True)
    if form.extremes & {"least"} or (timed and "first" in form.extremes) or (timed and "most" in form.extremes):
        found.append(False)
    return found


def extreme_rows(reading: TableReading, column: int, *, most: bool) -> list[int]:
    """Rows with the greatest or least value of a column, ties included."""
    values = reading.low[:, column]
    known = np.isfinite(values)
    if not known.any():
        return []
    best = values[known].max() if most else values[known].min()
    return [int(index) for index in np.flatnonzero(values == best)]
