"""What every reader of conditions looks at: the question in words, the schema, and how well words fit columns."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

from ctxprune.text.words import STOP_WORDS, fold, stem

from ...sketch.analysis import tokenize
from .events import dimension_words, same_event
from .forms import day_columns

if TYPE_CHECKING:
    import datetime

    from ....schema.hits import RangeHit, ValueHit
    from ....schema.schema import Column, ColumnRef
    from ...sketch.analysis import Token
    from ...sketch.view import ColumnFacts, Name, SchemaView
    from .forms import DayColumn

__all__ = ["MAX_WORDS", "Inputs"]

MAX_WORDS = 200
_WINDOW = 7  # tokens on each side of a literal that may name its column
_DECAY = (1.0, 1.0, 0.85, 0.7, 0.55, 0.45, 0.35, 0.3)  # by the number of telling words between
_RIGHT = 0.8  # English names what is compared before the literal more often than after it
_EVENT = 0.75
_SHORT = 0.6
_ALIKE = 0.8
_MEASURED = 0.9
_NAMES_TABLE = 0.2
_BEYOND = 0.6
_IRREGULAR = {"people": "person", "children": "child", "men": "man", "women": "woman", "feet": "foot"}
_JOINS = frozenset({"and", "or", "but"})
_LABELS = frozenset(map(stem, ("name", "title", "label")))


@dataclass(frozen=True)
class Inputs:
    """One question on one schema.

    Attributes:
        question: As asked.
        view: The prepared schema.
        today: The day that "last month" counts from.
        hits: Stored values that the question mentions.
        ranges: Columns that its numbers and days may be compared with.
        samples: By column, a few stored values, where they are known.
    """

    question: str
    view: SchemaView
    today: datetime.date
    hits: Sequence[ValueHit] = ()
    ranges: Sequence[RangeHit] = ()
    samples: Mapping[ColumnRef, tuple[object, ...]] | None = None

    @cached_property
    def tokens(self) -> tuple[Token, ...]:
        """The first 200 words."""
        return tokenize(self.question, MAX_WORDS)[0]

    @cached_property
    def text(self) -> str:
        """The part of the question that is read, lower case, of the same length."""
        end = self.tokens[-1].end + 20 if self.tokens else 0
        # Character by character, since the lower case of some letters is longer.
        return "".join(low if len(low := char.lower()) == 1 else char for char in self.question[:end])

    @property
    def dialect(self) -> str:
        """sqlglot's name of the dialect."""
        return self.view.schema.dialect

    def column(self, number: int) -> Column:
        """The column with that number of the view."""
        ref = self.view.columns[number].ref
        return self.view.schema.table(ref.table).column(ref.column)

    def stored(self, number: int) -> tuple[object, ...]:
        """A few stored values of a column: samples, else its examples; () where none are known."""
        ref = self.view.columns[number].ref
        found = (self.samples or {}).get(ref, ())
        return found or self.column(number).examples

    def covered(self, start: int, end: int) -> tuple[int, int]:
        """Token positions [first, last) of the characters [start, end); an empty pair where there are none."""
        inside = [i for i, token in enumerate(self.tokens) if token.start < end and token.end > start]
        return (inside[0], inside[-1] + 1) if inside else (0, 0)

    def fits(self, position: int, number: int) -> float:
        """How well the word at `position` names the column, 0..1: the weight of the part that it matches."""
        return self._fits[position].get(number, 0.0)

    @cached_property
    def _fits(self) -> tuple[dict[int, float], ...]:
        """By token, the columns that it fits."""
        places: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for number, parts in enumerate(self.parts):
            for part, weight in zip(parts, self.view.columns[number].name.weights, strict=True):
                places[part].append((number, weight))
        return tuple(self._columns_of(position, places) for position in range(len(self.tokens)))

    def _columns_of(self, position: int, places: Mapping[str, list[tuple[int, float]]]) -> dict[int, float]:
        token = self.tokens[position]
        found: dict[int, float] = {}
        if token.text in STOP_WORDS or token.number is not None:
            return found
        measured = dimension_words(token.text)
        around = self.tokens[max(position - 1, 0) : position + 2]
        pairs = [(a, b) for a, b in pairwise(around) if a.number is None and b.number is None]
        for part, columns in places.items():
            fit = max([word_fit(token, part), *(_pair_fit(a, b, part) for a, b in pairs)])
            for number, weight in columns if fit or part in measured else ():
                found[number] = max(found.get(number, 0.0), fit * weight, _MEASURED if part in measured else 0.0)
        return found

    @cached_property
    def parts(self) -> tuple[tuple[str, ...], ...]:
        """By column, the stems of its name, without the beginning that all names of its table share ("sbcust")."""
        shared = [_shared_beginning([column.name for column in table.columns]) for table in self.view.schema.tables]
        return tuple(
            (_rest(facts.name.stems[0], shared[facts.table]),) if len(facts.name.stems) == 1 else facts.name.stems
            for facts in self.view.columns
        )

    def near(self, number: int, first: int, last: int, *, window: int = _WINDOW) -> float:
        """How well the words around the tokens [first, last) name the column, 0..1; nearer words count more."""
        best: dict[int, float] = {}
        left = range(first - 1, max(first - 1 - window, -1), -1)
        right = range(last, min(last + window, len(self.tokens)))
        for side, weight in ((left, 1.0), (right, _RIGHT)):
            passed = 0
            for position in side:
                token = self.tokens[position]
                # What stands beyond an "and" belongs to another condition.
                weight *= _BEYOND if token.text in _JOINS else 1.0  # noqa: PLW2901
                fit = self.fits(position, number)
                if fit:
                    key = hash(token.stem)
                    best[key] = max(best.get(key, 0.0), fit * weight * _DECAY[min(passed, len(_DECAY) - 1)])
                passed += token.text not in STOP_WORDS
        return min(1.0, sum(best.values()))

    @cached_property
    def named_tables(self) -> dict[int, tuple[tuple[int, float], ...]]:
        """By table, the token positions that name it, each with the share of the name that stands around it."""
        found: dict[int, tuple[tuple[int, float], ...]] = {}
        for number, name in enumerate(self.view.tables):
            fits = [_table_fits(token, name) for token in self.tokens]
            places = [(i, _share(fits, i)) for i, row in enumerate(fits) if max(row) >= _NAMES_TABLE]
            if places:
                found[number] = tuple(places)
        return found

    def spoken(self, table: int, position: int) -> float:
        """How much a table is the one spoken of at a token, 0..1: 1 for the table named last before it."""
        best = 0.0
        for place, share in self.named_tables.get(table, ()):
            between = abs(position - place)
            weight = 1.0 if place <= position else 0.8
            best = max(best, share * weight * (1.0 - 0.03 * min(between, 15)))
        return best

    @cached_property
    def dates_of_ranges(self) -> dict[tuple[ColumnRef, tuple[int, int]], RangeHit]:
        """The range hits by column and span."""
        return {(hit.ref, hit.span): hit for hit in reversed(self.ranges)}

    def likelihood(self, ref: ColumnRef, start: int, end: int) -> float | None:
        """How likely the value index finds the column for a number or day within [start, end); None for no hit."""
        found = [hit.likelihood for hit in self.ranges if hit.ref == ref and hit.span[0] < end and hit.span[1] > start]
        return max(found) if found else None

    @cached_property
    def days(self) -> tuple[DayColumn, ...]:
        """The columns that hold days, months or years."""
        return tuple(day_columns(self))

    @cached_property
    def labels(self) -> frozenset[int]:
        """By table, the first column that holds readable names."""
        found: dict[int, int] = {}
        for number, facts in enumerate(self.view.columns):
            if facts.kind == "text" and any(part in _LABELS or part.endswith("name") for part in self.parts[number]):
                found.setdefault(facts.table, number)
        return frozenset(found.values())

    def facts(self, number: int) -> ColumnFacts:
        """What the view knows about the column."""
        return self.view.columns[number]


def _shared_beginning(names: Sequence[str]) -> str:
    """What the names of three columns and more all begin with, where they are written without a break."""
    words = [fold(name) for name in names]
    if len(words) < 3 or any(not word.isalnum() for word in words):
        return ""
    # The first and the last in order differ at the earliest place.
    low, high = min(words), max(words)
    same = next((k for k, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), len(low))
    return low[:same] if same >= 2 else ""


def _rest(part: str, shared: str) -> str:
    rest = part.removeprefix(shared)
    return stem(rest) if shared and rest else part


def _table_fits(token: Token, name: Name) -> tuple[float, ...]:
    """How well a word is each part of a table's name; one that names the same event says less ("bought" of orders)."""
    if token.text in STOP_WORDS or token.number is not None:
        return (0.0,) * len(name.stems)
    fits = [(word_fit(token, part), weight) for part, weight in zip(name.stems, name.weights, strict=True)]
    return tuple((fit if fit > _EVENT else 0.5 * fit) * weight for fit, weight in fits)


def _share(fits: Sequence[tuple[float, ...]], place: int) -> float:
    """The share of a table's name that stands within two words of a place, each part counted once."""
    row = fits[place]
    own = row.index(max(row))
    around = fits[max(place - 2, 0) : place + 3]
    return min(1.0, row[own] + sum(max(other[k] for other in around) for k in range(len(row)) if k != own))


def _pair_fit(first: Token, second: Token, part: str) -> float:
    """How well two neighbouring words are one part of a name: "last name" of "lastname" and "lname"."""
    if part == first.text + second.stem or part == first.text + second.text:
        return 1.0
    for ending in (second.text, second.stem, second.text.removesuffix("e")):
        before = part.removesuffix(ending)
        if len(ending) >= 3 and before != part and before and first.text.startswith(before):
            return _ALIKE
    return 0.0


def word_fit(token: Token, part: str) -> float:
    """How well a word of the question is one part of a schema name (a stem), 0..1."""
    if part in (token.stem, token.text, _IRREGULAR.get(token.text)):
        return 1.0
    if len(part) >= 3 and (same_event(token.text, part) or same_event(token.stem, part)):
        return _EVENT
    if _is_alike(token, part):
        return _ALIKE
    if _holds_event(token, part):
        return _EVENT
    # "lat" of latitude
    return _SHORT if len(part) == 3 and len(token.text) >= 6 and token.text.startswith(part) else 0.0


def _is_alike(token: Token, part: str) -> bool:
    if len(part) >= 4 and len(token.text) >= len(part) + 3 and token.text.startswith(part):
        return True  # "prereq", "dept"
    if len(token.stem) >= 5 and len(part) >= 5 and _share_beginning(token.stem, part):
        return True
    # Names that are written without a break: "joindate" holds "join".
    return len(token.stem) >= 4 and len(part) >= len(token.stem) + 2 and token.stem in part


def _holds_event(token: Token, part: str) -> bool:
    return len(part) >= 8 and any(same_event(token.text, piece) for piece in _pieces(part))


def _share_beginning(one: str, other: str) -> bool:
    shared = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        shared += 1
    return shared >= 5 and shared >= 0.7 * max(len(one), len(other))


_ENDINGS = ("datetime", "timestamp", "date", "time", "year", "status", "type", "flag", "at", "on")


def _pieces(part: str) -> list[str]:
    """What may stand before a usual ending of a name that is written without a break."""
    found = []
    for ending in _ENDINGS:
        if part.endswith(ending):
            rest = part.removesuffix(ending)
            # Abbreviated prefixes have unknown lengths, so all ends of four letters and more are tried.
            found += [stem(rest[k:]) for k in range(max(0, len(rest) - 12), len(rest) - 3)]
    return found
