"""The words of a question with all that they may ask for, before any query is looked at."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ctxprune.models.vectors import load_vectors
from ctxprune.text.words import STOP_WORDS, words

from ..generate.sketch.analysis import similar_words, tokenize
from ..generate.sketch.generator import load_related
from ..generate.sketch.view import SchemaView
from ..linking.words import load_cues
from ..values.dates import MONTHS
from ..values.literals import mentions
from ..values.spans import Question
from .lexicon import GENERIC, ORDINALS, cue_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from ..generate.sketch.analysis import Token
    from ..schema.hits import RangeHit, ValueHit
    from ..schema.schema import Schema

__all__ = ["MAX_WORDS", "Asked", "Prepared", "Word"]

MAX_WORDS = 300
_LIKELY = 0.5  # likelihood from which a stored value counts as meant
_NEAR, _NEAR_WEIGHT = 0.65, 0.5  # cosine of word vectors, and what it is worth as a closeness
_HINT_WEIGHT = 0.55  # "oldest" for a column of ages
_PARTICIPLE = re.compile(r"[a-z]{2,}(?:ed|en|wn)$")
_BE = frozenset("is are was were be been being isn't aren't wasn't weren't not still yet all".split())
_NOUN_BEFORE = frozenset("in on by at from to for into of as with during under over through between after".split())


@dataclass(frozen=True)
class Prepared:
    """A schema prepared for accounts of many questions; build it with `Prepared.of`.

    Attributes:
        view: Names cut to stems.
        stems: All stems of names, sorted.
        vectors: Of `stems`, float32 (n, d), unit length or zero.
        hinted: For a question's stem, the schema stems of the kinds of columns that it speaks of.
    """

    view: SchemaView
    stems: tuple[str, ...]
    vectors: NDArray[np.float32] = field(repr=False)
    hinted: Mapping[str, frozenset[str]] = field(repr=False)

    @classmethod
    def of(cls, schema: Schema | SchemaView | Prepared) -> Prepared:
        """The prepared schema; one that is prepared already comes back as it is."""
        if isinstance(schema, Prepared):
            return schema
        view = schema if isinstance(schema, SchemaView) else SchemaView.of(schema)
        stems, cues = tuple(sorted(view.words)), load_cues()
        hinted: dict[str, set[str]] = {}
        for kind, own in cues.columns.items():
            held = own & view.words
            for word in cues.questions[kind] if held else ():
                hinted.setdefault(word, set()).update(held)
        return cls(view, stems, load_vectors().of(stems), {word: frozenset(some) for word, some in hinted.items()})


@dataclass(frozen=True, slots=True)
class Word:
    """One word of the question.

    Attributes:
        token: As the sketch generator cuts it.
        names: Schema stems that it may stand for, with a closeness 0..1.
        cue: What it asks for, as `lexicon.cue_of` says; "" for nothing.
        number: Its value, units included ("160k"); None for no number. `year` says that it may be a year.
        month: 1..12 for the name of a month.
        day: Year, month and day of a date written in one word.
        stored: It is part of a value that the database probably means.
        generic: A word that every question may have.
    """

    token: Token
    names: Mapping[str, float]
    cue: str
    number: float | None
    year: bool
    month: int
    day: tuple[int, int, int] | None
    stored: bool
    generic: bool

    @property
    def text(self) -> str:
        """The folded word."""
        return self.token.text

    @property
    def exact(self) -> bool:
        """It is a word of a name of the schema."""
        return self.names.get(self.token.stem, 0.0) >= 1.0


class Asked:
    """A question read against a schema; what all its candidate queries share.

    Args:
        question: The user's words; the first 300 are read.
        prepared: The schema.
        hits, ranges: What the value index found in the question.
        evidence: Knowledge that came with it.
    """

    def __init__(
        self,
        question: str,
        prepared: Prepared,
        hits: Sequence[ValueHit] = (),
        ranges: Sequence[RangeHit] = (),
        evidence: str = "",
    ) -> None:
        self.question, self.prepared, self.evidence = question, prepared, evidence
        self.tokens, self.truncated = tokenize(question, MAX_WORDS)
        self._starts = [token.start for token in self.tokens]
        self._ends = [token.end for token in self.tokens]
        self.hits = [(self.covered(*hit.span), hit) for hit in hits if hit.span[1] <= len(question)]
        self.ranges = [(self.covered(*hit.span), hit) for hit in ranges if hit.span[1] <= len(question)]
        self.words = self._read()

    def covered(self, start: int, end: int) -> range:
        """Positions of the words that overlap with the characters [start, end)."""
        return range(bisect_right(self._ends, start), bisect_left(self._starts, end))

    @cached_property
    def flat(self) -> list[tuple[str, int]]:
        """The parts of all words with the position of each: "2023-04-01" has three parts."""
        return [(part, place) for place, token in enumerate(self.tokens) for part in words(token.text)]

    def text(self, position: int) -> str:
        """The folded word at a position, "" outside of the question."""
        return self.words[position].text if 0 <= position < len(self.words) else ""

    def _read(self) -> list[Word]:
        numbers = self._numbers()
        stored = {
            place
            for places, hit in self.hits
            if hit.likelihood >= _LIKELY and hit.score >= 0.8
            for place in places
        }  # fmt: skip
        names = self._names()
        found = []
        for place, token in enumerate(self.tokens):
            number, year = numbers.get(place, (token.number, False))
            found.append(
                Word(
                    token=token,
                    names=names[place],
                    cue=cue_of(token.text),
                    number=ORDINALS.get(token.text) if number is None else number,
                    year=year,
                    month=MONTHS.get(token.text, 0) if token.text != "may" or token.capital else 0,
                    day=self._days.get(place),
                    stored=place in stored and token.text not in GENERIC,
                    generic=token.text in GENERIC or not token.text[:1].isalnum() or token.text == "s",
                )
            )
        return found

    def _numbers(self) -> dict[int, tuple[float, bool]]:
        """Numbers by position, with "1.5 million" and "160k"; fills the days, too."""
        read = Question.parse(self.question[: MAX_WORDS * 40])
        found: dict[int, tuple[float, bool]] = {}
        self._days: dict[int, tuple[int, int, int]] = {}
        for mention in mentions(read):
            places = self.covered(*read.place(mention.first, mention.last))
            if mention.kind in {"date", "month"}:
                if len(places) == 1:
                    self._days[places[0]] = mention.day
                continue
            for place in places:
                found[place] = mention.number, mention.kind == "year"
        return found

    def _names(self) -> list[dict[str, float]]:
        view, related = self.prepared.view, load_related()
        found = [similar_words(self.tokens, place, view, related) for place in range(len(self.tokens))]
        synonyms = load_cues().related
        for token, names in zip(self.tokens, found, strict=True):
            if token.number is not None or token.stem in names:
                continue
            for word, weight in synonyms.get(token.stem, {}).items():
                if word in view.words:
                    names[word] = max(weight, names.get(word, 0.0))
            for word in self.prepared.hinted.get(token.stem, ()):
                names.setdefault(word, _HINT_WEIGHT)
        self._near(found)
        return found

    def _near(self, found: list[dict[str, float]]) -> None:
        """Add the schema words that are near in meaning to words that nothing else explains."""
        open_words = [
            place
            for place, token in enumerate(self.tokens)
            if not found[place] and token.text not in GENERIC and token.number is None
        ]
        if not open_words or not self.prepared.stems:
            return
        vectors = load_vectors().of([self.tokens[place].stem for place in open_words])
        close = vectors @ self.prepared.vectors.T
        for row, column in zip(*np.nonzero(close >= _NEAR), strict=True):
            found[open_words[row]][self.prepared.stems[column]] = _NEAR_WEIGHT

    def is_content(self, position: int) -> bool:
        """Whether the word must be explained: it names something, is stored, counts, or is a word that not all have."""
        word = self.words[position]
        if word.text in STOP_WORDS and not word.stored:
            return False
        if word.stored or word.month or word.day is not None:
            return True
        if word.number is not None and word.text not in {"one", "second", "half"}:
            return True
        if word.text in GENERIC:
            return word.exact and not self._is_verb(position) and word.text not in _WEAK_NAMES
        return word.text[:1].isalnum() and word.text != "s" and not self._is_verb(position)

    def _is_verb(self, position: int) -> bool:
        """A participle or verb that relates two nouns ("students enrolled in courses"), as far as its place tells."""
        text = self.text(position)
        before, after = self.text(position - 1), self.text(position + 1)
        if not _PARTICIPLE.fullmatch(text) and not text.endswith(("ing", "es")):
            return False
        if before in {"who", "that", "which", "has", "have", "had", "to", "they", "he", "she", "it"}:
            return not before.startswith("ha") or after in _NOUN_BEFORE or not after
        # "were returned?" is a condition, "were returned by" relates; before a noun it is an adjective.
        return after in _NOUN_BEFORE and (before not in _BE or before != "not")


_WEAK_NAMES = frozenset("id ids name names type types number all".split())
