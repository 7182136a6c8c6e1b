"""What the words of a question ask for: the kind of question, numbers, bounds, extremes, neighbouring rows."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from ctxprune.scorers.structured.table_reading.values import Value, find_numbers
from ctxprune.text.words import STOP_WORDS, fold, stem, word_spans, words

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["KINDS", "Condition", "QuestionForm", "directions", "find_extremes", "question_form"]

KINDS = ("lookup", "superlative", "aggregate", "comparison", "count", "neighbour", "difference")

_MOST = (
    r"most|highest|largest|biggest|greatest|longest|tallest|top|best|max(?:imum)?|heaviest|fastest|widest|deepest|"
    r"richest|oldest|leading|largest|majority|peak|record|(?:larger|higher|greater|bigger|longer|older)(?! than)"
)
_LEAST = (
    r"least|lowest|fewest|smallest|shortest|min(?:imum)?|worst|lightest|slowest|narrowest|youngest|poorest|bottom|"
    r"cheapest|nearest|closest|(?:smaller|lower|fewer|shorter|younger)(?! than)"
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
_GREATER = (
    r"(?:more|greater|higher|larger|bigger|longer|older|taller|better|heavier|later|stronger|faster|deeper|wider|"
    r"richer|hotter|warmer|thicker|farther|further|brighter|louder|wetter) than"
)
_LESSER = (
    r"(?:less|fewer|lower|smaller|shorter|younger|earlier|lighter|cheaper|slower|colder|cooler|weaker|closer|nearer|"
    r"thinner|poorer|narrower|shallower|drier|worse) than"
)
_OVER = (
    rf"{_GREATER}(?: or equal to)?|over|above|exceed(?:s|ed|ing)?|at least|not? {_LESSER}|not (?:under|below)|after|"
    r"since|a minimum of|from|pass(?:es|ed)?|surpass(?:es|ed)?|cross(?:es|ed)?|reach(?:es|ed)?|top(?:s|ped)"
)
_UNDER = (
    rf"{_LESSER}(?: or equal to)?|under|below|at most|not? {_GREATER}|not (?:over|above|exceeding)|up to|before|"
    r"prior to|until|a maximum of"
)
_MORE = re.compile(r"\s*(?:or (?:more|higher|above|greater|later)|and (?:up|above|over|later)|\+)")
_LESS = re.compile(r"\s*(?:or (?:less|fewer|lower|below|earlier)|and (?:below|under|earlier))")
_BOUND = re.compile(rf"\b(?:{_OVER}|{_UNDER})\b")
_INCLUSIVE = re.compile(r"\b(?:reach(?:es|ed)?|at|not?|since|from|up|until|minimum|maximum|equal)\b")
_SIGNED = re.compile(r"\b(negative|positive) (\w+)")
_UNIT = re.compile(r"\s*([$€£¥₹%]|dollars?|euros?|pounds?|per ?cent)")
_SIGNS = {
    "dollar": "$",
    "dollars": "$",
    "euro": "€",
    "euros": "€",
    "pound": "£",
    "pounds": "£",
    "percent": "%",
    "per cent": "%",
}
_LEADING = re.compile(rf"\b(?:(?P<over>{_OVER})|(?P<under>{_UNDER})|(?P<between>between|from))\s+(?:the |year |\$)*$")
_JOINED = re.compile(r"\s*(?:and|to|through|until|-|or)\s+(?:the |year |\$)*$")
_TINY = 1e-9  # by which numbers that are read may differ from what they say
_WORDS = {
    "most": re.compile(rf"\b(?:{_MOST})\b"),
    "least": re.compile(rf"\b(?:{_LEAST})\b"),
    "last": re.compile(rf"\b(?:{_LAST})\b"),
    "first": re.compile(rf"\b(?:{_FIRST})\b"),
}
_EITHER = re.compile(r"\b(?:or|versus|vs)\b")
_NAMES_MORE = re.compile(r"\b(?:which|who|what)\b.*\b(?:more|less|fewer|\w{3,}er|first|last|earlier|later)\b.*\bor\b")
_ASKED = re.compile(r"\b(?:who|whom|whose|when|where|which|what|how)\b")
_AND = re.compile(r"\b(?:and|respectively)\b|,")
_PLURAL = re.compile(
    r"\b(?:which|what|whose|name|list)\s+(?:all |the |of the |other |are the |were the |two |three )?\w+[^s\W]s\b"
)
_CLOSED = re.compile(r"(?:is|are|was|were|did|does|do|has|have|had|can|could)\b")
_OUTCOMES = (
    (re.compile(r"\b(?:win|wins|won|winners?|winning|champions?|gold|victor\w*|first place)\b"),
     ("won", "win", "w", "winner", "winners", "1st", "1", "champion", "champions", "gold", "first")),
    (re.compile(r"\b(?:los[et]|loses|losing|lost|loss(?:es)?|defeat\w*)\b"), ("lost", "loss", "l", "defeat")),
    (re.compile(r"\bnominat\w+"), ("nominated", "nomination", "nominee")),
    (re.compile(r"\b(?:runners?-up|silver|second place)\b"), ("runner-up", "2nd", "2", "silver", "second")),
    (re.compile(r"\b(?:bronze|third place)\b"), ("3rd", "3", "bronze", "third")),
    (re.compile(r"\b(?:draws?|drawn|ties?|tied)\b"), ("draw", "d", "tie", "t", "drawn", "tied")),
)  # fmt: skip
_OTHER = re.compile(r"\b(?:other than|besides|aside from|apart from|except|not)\b")


@dataclass(frozen=True, slots=True)
class Condition:
    """What a question says of a value: it is from `low` to `high`, either of which may be infinite.

    `dated` says whether these are points of time; `nouns` are the stems of the words beside them ("over 19 *m*"),
    `sign` is their unit where it is a currency or percent ("$", "%"), else ""; `worded` whether the number is a word
    ("six"); `place` the number of words before it.
    """

    low: float
    high: float
    dated: bool
    nouns: frozenset[str]
    sign: str = ""
    worded: bool = False
    place: int = 0

    def holds(self, low: NDArray[np.float64], high: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Whether what goes from `low` to `high`, of any shape, lies within; False for NaN.

        Points of time end before `high`: "before 1990" does not hold 1990.
        """
        ends = [abs(end) for end in (self.low, self.high) if math.isfinite(end)]
        near = _TINY * max(1.0, *ends) if self.dated or self.low == self.high else 0.0
        with np.errstate(invalid="ignore"):
            inside: NDArray[np.bool_] = (low >= self.low - near) & (high <= self.high + near)
            return inside & (low < self.high - near) if self.dated else inside


@dataclass(frozen=True, slots=True)
class QuestionForm:
    """What the words of a question say whatever the table.

    Attributes:
        kind: One of `KINDS`.
        folded: The question, folded.
        values: The numbers and dates in it.
        conditions: Bounds ("more than 5", "before 1990").
        equal: The other values ("order 1017", "in March 2022", "six people").
        extremes: Which of "most", "least", "first", "last" are asked for.
        next, previous: Whether a row beside another is asked for.
        either: Whether it asks to choose between two ("A or B").
        other: Whether it excludes something ("other than A").
        asks: How many things it asks for, by its words that ask and its "and".
        plural: Whether what it asks for is named in the plural ("which films").
        closed: Whether yes or no answers it.
        outcomes: What cells may say where it asks about winning, losing and the like.
    """

    kind: str
    folded: str
    values: tuple[Value, ...]
    conditions: tuple[Condition, ...]
    equal: tuple[Condition, ...]
    extremes: frozenset[str]
    next: bool
    previous: bool
    either: bool
    other: bool
    asks: float
    plural: bool
    closed: bool
    outcomes: frozenset[str]


@lru_cache(maxsize=64)
def question_form(query: str) -> QuestionForm:
    """Read a question by itself, once for all tables of a context."""
    folded = " ".join(fold(query).split())
    values = tuple(find_numbers(folded))
    conditions, equal = _find_conditions(folded, values)
    extremes = find_extremes(folded)
    following, preceding = bool(_NEXT.search(folded)), bool(_PREVIOUS.search(folded))
    either = bool(_EITHER.search(folded))
    kind = _detect_kind(folded, extremes, conditions, following or preceding)
    return QuestionForm(
        kind,
        folded,
        values,
        conditions,
        equal,
        extremes,
        following,
        preceding,
        either,
        bool(_OTHER.search(_BOUND.sub(" ", folded))),
        len(_ASKED.findall(folded)) + 0.5 * len(_AND.findall(folded)),
        bool(_PLURAL.search(folded)),
        bool(_CLOSED.match(folded)),
        frozenset(text for pattern, texts in _OUTCOMES if pattern.search(folded) for text in texts),
    )


def find_extremes(folded: str) -> frozenset[str]:
    """Which of "most", "least", "first", "last" a folded text asks for; "at least 30" asks for none."""
    # "At least 30" is a bound and asks for no least.
    unbound = _BOUND.sub(" ", folded)
    return frozenset(name for name, pattern in _WORDS.items() if pattern.search(unbound))


def _detect_kind(folded: str, extremes: frozenset[str], conditions: tuple[Condition, ...], beside: bool) -> str:
    # From the most specific kind to the most general: "how many more" is a difference before it is a count.
    if _DIFFERENCE.search(folded):
        return "difference"
    if _AGGREGATE.search(folded) and not extremes & {"most", "least"}:
        return "aggregate"
    if _COUNT.search(folded):
        return "count"
    if extremes or _NAMES_MORE.search(_BOUND.sub(" ", folded)):
        return "superlative"
    if conditions:
        return "comparison"
    return "neighbour" if beside else "lookup"


def _find_conditions(folded: str, values: tuple[Value, ...]) -> tuple[tuple[Condition, ...], tuple[Condition, ...]]:
    """`QuestionForm.conditions` and `QuestionForm.equal`."""
    bounds, equal = [_read_sign(match) for match in _SIGNED.finditer(folded)], []
    # A number that closes a range ("from 1990 to 1995") is no condition by itself.
    closed = 0  # where the last value ends that closes a range
    for number, value in enumerate(values):
        later = values[number + 1] if number + 1 < len(values) else None
        limits = _find_limits(folded, value, later)
        if limits is None:
            if value.start >= closed and value.kind != "ordinal":
                worded = not value.dated and folded[value.start].isalpha()
                equal.append(replace(_make_condition(folded, value, value.low, value.high), worded=worded))
            continue
        if later is not None and math.inf not in map(abs, limits):
            closed = later.end
        bounds.append(_make_condition(folded, value, *limits))
    return tuple(bounds), tuple(equal)


def _make_condition(folded: str, value: Value, low: float, high: float) -> Condition:
    said = folded[value.start : value.end]
    unit = _UNIT.search(said) or _UNIT.match(folded, value.end)
    sign = _SIGNS.get(unit[1], unit[1]) if unit else ""
    place = len(word_spans(folded[: value.start]))
    return Condition(low, high, value.dated, _find_nouns(folded, value), sign, place=place)


def _find_limits(folded: str, value: Value, later: Value | None) -> tuple[float, float] | None:
    """What a value bounds; None where it bounds nothing."""
    # Only the words right before a value make it a bound; 40 characters hold the longest of them.
    match = _LEADING.search(folded[max(value.start - 40, 0) : value.start])
    joined = later is not None and _JOINED.fullmatch(folded, value.end, later.start) is not None
    strict = match is not None and _INCLUSIVE.search(match.group()) is None
    if match and joined and later is not None and (match["between"] or match["over"] == "from"):
        return min(value.low, later.low), max(value.high, later.high)
    if match and match["over"]:
        return _step_beyond(value, math.inf) if strict else value.low, math.inf
    if match and match["under"]:
        return -math.inf, _step_beyond(value, -math.inf) if strict else value.high
    if _MORE.match(folded, value.end):
        return value.low, math.inf
    return (-math.inf, value.high) if _LESS.match(folded, value.end) else None


def _step_beyond(value: Value, way: float) -> float:
    """The first number that is more, or less, than a value, or the end of a stretch of time."""
    if value.dated:
        return value.high if way > 0 else value.low
    return math.nextafter(value.low, way)


def _read_sign(match: re.Match[str]) -> Condition:
    """The bound that "negative growth" or "positive growth" sets."""
    nouns = frozenset(stem(word) for word in words(match[2]))
    least = math.nextafter(0.0, 1.0)
    return (
        Condition(least, math.inf, False, nouns)
        if match[1] == "positive"
        else Condition(-math.inf, -least, False, nouns)
    )


def _find_nouns(folded: str, value: Value) -> frozenset[str]:
    """Stems of the two words after a value and of the two before the words that make it a bound."""
    # What is bounded stands on either side: "over 19 goals", "goals over 19".
    after = words(folded[value.end : value.end + 40])[:2]
    before = words(folded[: value.start])[-4:]
    return frozenset(stem(word) for word in (*after, *before) if word not in STOP_WORDS)


def directions(form: QuestionForm, kind: str) -> list[bool]:
    """Whether the greatest (True) or the least values of a column of a kind are asked for; several may be."""
    timed = kind in ("year", "date")
    found = []
    if form.extremes & {"most"} or (timed and "last" in form.extremes) or (timed and "least" in form.extremes):
        found.append(True)
    if form.extremes & {"least"} or (timed and "first" in form.extremes) or (timed and "most" in form.extremes):
        found.append(False)
    return found
