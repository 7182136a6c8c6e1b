"""The words of a question with all that they may ask for, before any query is looked at."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from ctxprune.text.words import STOP_WORDS, words

from ..generate.sketch.analysis import tokenize
from ..values.dates import MONTHS
from ..values.literals import mentions
from ..values.spans import Question
from .associations import Prepared, find_names
from .lexicon import GENERIC, ORDINALS, cue_of, is_participle, word_set

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..generate.sketch.analysis import Token
    from ..schema.hits import RangeHit, ValueHit
    from ..schema.schema import ColumnRef

__all__ = ["MAX_WORDS", "Asked", "Prepared", "Word"]

MAX_WORDS = 300
_LIKELY = 0.5  # likelihood from which a stored value counts as meant
_SHOUTED = word_set("not and or all only each never must")
_ASKS = word_set("what which who whom whose when where how")
_COUNTED = 4  # words of "how many", an adjective and a noun
_FRAMES = word_set("for in among of from on per when where if within during by")
_BOUNDARIES = word_set(
    "whose that who with where have has had having in from for by of is are was were do does did order ordered "
    "sort sorted when if per each than on at"
)


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
        stored: It is part of a value that the question probably means.
        literal: It is quoted or written like a proper name, so that only a literal can explain it, or its own name.
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
    literal: bool
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
        samples: By column, a few stored values.
    """

    def __init__(
        self,
        question: str,
        prepared: Prepared,
        hits: Sequence[ValueHit] = (),
        ranges: Sequence[RangeHit] = (),
        evidence: str = "",
        samples: Mapping[ColumnRef, tuple[object, ...]] | None = None,
    ) -> None:
        self.samples = samples or {}
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
        return [
            (part, place)
            for place, token in enumerate(self.tokens)
            for part in ([token.text] if "'" in token.text else words(token.text))
        ]

    @cached_property
    def wanted(self) -> list[int]:
        """Positions of the words that name columns to be shown: those before the first word that relates or limits."""
        found: list[int] = []
        view = self.prepared.view
        for place, word in enumerate(self.words[: self._head]):
            named = [view.columns[number] for number, _ in view.column_words.get(word.token.stem, ())]
            # A key stands for the row that it refers to: "the manager of Bob".
            only_column = any(not one.foreign for one in named) and word.token.stem not in view.table_words
            beside = self.words[max(place - 1, 0) : place + 2]
            # "Italian food" restates the column of the value.
            valued = any(one.stored or one.literal or one.number is not None for one in beside)
            told = word.cue or valued or is_participle(word.text)
            if word.exact and only_column and not told:
                found.append(place)
        return found

    @cached_property
    def subjects(self) -> frozenset[str]:
        """Tables that are named where the columns to be shown are: "which customer" asks for the name of one."""
        view = self.prepared.view
        found: set[str] = set()
        for word in self.words[: self._head]:
            found.update(view.table_name(number) for number, _ in view.table_words.get(word.token.stem, ()))
        return frozenset(found)

    @cached_property
    def _head(self) -> int:
        """Position of the first word that relates or limits."""
        # "What are the names": the verb at the beginning only asks. "For each …": what is shown comes later.
        for place, word in enumerate(self.words):
            if not place and word.text in _FRAMES:
                return 0
            if place == _COUNTED and self.words[0].text == "how":
                return place  # "how many different cities": what comes after is counted by it
            asks = place == 1 and self.words[0].text in _ASKS
            if place and not asks and (word.text in _BOUNDARIES or word.cue in {"not", "more", "less", "between"}):
                return place
        return len(self.words)

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
        names, quoted = find_names(self.tokens, self.prepared), self._quoted()
        shouted = self.question.isupper()
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
                    literal=place in quoted or (not shouted and self._is_proper(place, names[place])),
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
            for place in places:  # the year of "June 2022"
                number = self.tokens[place].number
                if mention.day[0] and number == mention.day[0]:
                    found[place] = float(number), True
            if mention.kind in {"date", "month"}:
                if len(places) == 1:
                    self._days[places[0]] = mention.day
                continue
            for place in places:
                found[place] = mention.number, mention.kind == "year"
        return found

    def _is_proper(self, place: int, names: Mapping[str, float]) -> bool:
        """Written with a capital within a sentence, or all in capitals ("IT", "US")."""
        token = self.tokens[place]
        raw = self.question[token.start : token.end]
        if len(raw) > 1 and raw.isupper() and not names.get(token.stem):
            return token.text not in _SHOUTED and (token.text in STOP_WORDS or token.text not in GENERIC)
        return token.capital and not names and token.text not in GENERIC and not self.starts_sentence(place)

    def starts_sentence(self, place: int) -> bool:
        """Whether a word is the first of the question or of a sentence in it."""
        before = self.question[self.tokens[place - 1].end : self.tokens[place].start] if place else "."
        return any(mark in before for mark in ".?!:;\n")

    def _quoted(self) -> set[int]:
        read = Question.parse(self.question[: MAX_WORDS * 40])
        return {place for first, last in read.quoted for place in self.covered(*read.place(first, last))}
