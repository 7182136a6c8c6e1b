"""What every reader of conditions looks at: the question in words, the schema, and how well words fit columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from ctxprune.text.words import STOP_WORDS, stem

from ...sketch.analysis import tokenize
from .events import dimension_words, same_event

if TYPE_CHECKING:
    import datetime

    from ....schema.hits import RangeHit, ValueHit
    from ....schema.schema import Column, ColumnRef
    from ...sketch.analysis import Token
    from ...sketch.view import ColumnFacts, SchemaView

__all__ = ["MAX_WORDS", "Inputs"]

MAX_WORDS = 200
_WINDOW = 7  # tokens on each side of a literal that may name its column
_DECAY = (1.0, 1.0, 0.85, 0.7, 0.55, 0.45, 0.35, 0.3)  # by the number of telling words between
_RIGHT = 0.8  # English names what is compared before the literal more often than after it
_EVENT = 0.75
_ALIKE = 0.8
_MEASURED = 0.9


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
        """How well the word at `position` names the column, 0..1: the weight of the part of its name that matches."""
        token = self.tokens[position]
        if token.text in STOP_WORDS or token.number is not None:
            return 0.0
        name = self.view.columns[number].name
        shares = [word_fit(token, part) * weight for part, weight in zip(name.stems, name.weights, strict=True)]
        measured = dimension_words(token.text)
        if measured and not measured.isdisjoint(self._parts(number)):
            shares.append(_MEASURED)
        return max(shares, default=0.0)

    def _parts(self, number: int) -> frozenset[str]:
        return frozenset(self.view.columns[number].name.stems)

    def near(self, number: int, first: int, last: int, *, window: int = _WINDOW) -> float:
        """How well the words around the tokens [first, last) name the column, 0..1; nearer words count more."""
        best: dict[int, float] = {}
        left = range(first - 1, max(first - 1 - window, -1), -1)
        right = range(last, min(last + window, len(self.tokens)))
        for side, weight in ((left, 1.0), (right, _RIGHT)):
            passed = 0
            for position in side:
                token = self.tokens[position]
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
            fits = [
                max((word_fit(token, part) * weight for part, weight in zip(name.stems, name.weights, strict=True)))
                if token.text not in STOP_WORDS and token.number is None
                else 0.0
                for token in self.tokens
            ]
            places = [
                (i, min(1.0, sum(fits[max(i - 2, 0) : i + 3]))) for i, fit in enumerate(fits) if fit >= 0.2
            ]  # fmt: skip
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

    def facts(self, number: int) -> ColumnFacts:
        """What the view knows about the column."""
        return self.view.columns[number]


def word_fit(token: Token, part: str) -> float:
    """How well a word of the question is one part of a schema name (a stem), 0..1."""
    if part in (token.stem, token.text):
        return 1.0
    if len(part) >= 3 and same_event(token.text, part):
        return _EVENT
    if len(token.stem) >= 5 and len(part) >= 5 and _share_beginning(token.stem, part):
        return _ALIKE
    # Names that are written without a break: "joindate" holds "join".
    if len(token.stem) >= 4 and len(part) >= len(token.stem) + 2 and token.stem in part:
        return _ALIKE
    if len(part) >= 8 and any(same_event(token.text, piece) for piece in _pieces(part)):
        return _EVENT
    return 0.0


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
