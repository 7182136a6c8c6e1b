"""Words of a question that mean nothing the caller may see: neither a table, nor a column, nor a stored value.

A question about a column that is hidden, or that does not exist, would else be answered from another column without a
word. Both cases are told in the same words, since the question is compared with the visible schema alone: what is
hidden has no part in it, and so cannot be told from what is not there.

Only words that stand where a name may stand are told ("the average salary", "salary of each singer"), and none that may
be explained: by a stored value, a number, a name, comment or description of the schema, a word that stands for such a
name, or one that is near to it in meaning. A word that is left out here proves nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np

from ctxprune.models.vectors import load_vectors
from ctxprune.text.words import stem, words

from ..values.spans import Question
from .words import load_cues, name_stems, similarity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ..schema.schema import Schema
    from ..values.base import RangeHit, ValueHit
    from ..values.spans import Word

__all__ = ["Doubt", "SchemaWords", "find_doubts", "without_told"]

_ALIKE = 0.7  # how much two words must be spelt alike, as `similarity` measures it
_NEAR = 0.65  # cosine from which a word may mean what a word of the schema says
_LIKELY = 0.05  # of a hit; the less likely ones explain no word
_SHORTEST = 3
_SHORTEST_PART = 5
_DESCRIBED = 2_000  # characters of a description that are read
# Endings of words that say how something is or what it does; as a rule such a word names no column.
_NOT_NAMES = ("ed", "ing", "ly", "est")


@dataclass(frozen=True, slots=True)
class Doubt:
    """A reason to doubt an answer; as a rule a word of the question that means nothing which the caller may see.

    Attributes:
        text: As the question writes it; "" for a doubt about the query or its result.
        span: Characters [start, end) of the question; (0, 0) for a doubt about the query or its result.
        why: The reason, as a clause; by default that the word means nothing.
    """

    text: str
    span: tuple[int, int]
    why: str = ""

    def __post_init__(self) -> None:
        if not self.why:
            meaningless = f"the question mentions {self.text!r}, which is no table, column or value that you may see"
            object.__setattr__(self, "why", meaningless)

    def __str__(self) -> str:
        return self.why


@dataclass(frozen=True)
class SchemaWords:
    """The words that a schema explains, worked out once.

    Attributes:
        stems: Of the names, comments and descriptions of its tables and columns.
        vectors: Of the stems of names and comments, float32 (n, d), unit length or zero.
        hinted: Stems of questions that speak of a kind of column which the schema has ("oldest" for an age).
    """

    stems: frozenset[str]
    vectors: NDArray[np.float32] = field(repr=False)
    hinted: frozenset[str] = field(repr=False)

    @classmethod
    def of(cls, schema: Schema) -> SchemaWords:
        """Those of a schema."""
        named: set[str] = set()
        described: set[str] = set()
        for table in schema.tables:
            named.update(name_stems(table.name), _stems(table.comment))
            for column in table.columns:
                named.update(name_stems(column.name), _stems(column.comment))
                described.update(_stems(column.description[:_DESCRIBED]))
        cues = load_cues()
        kinds = [kind for kind, own in cues.columns.items() if own & named]
        # "oldest" asks for any age or year; "country" asks for a country, and no other column of places will do
        hinted = frozenset().union(*(cues.questions[kind] - cues.columns[kind] for kind in kinds))
        return cls(frozenset(named | described), load_vectors().of(sorted(named)), hinted)

    def explains(self, word: str) -> bool:
        """Whether a stem may speak of something in the schema."""
        if word in self.stems or word in self.hinted or not self.stems.isdisjoint(load_cues().related.get(word, {})):
            return True
        if any(_is_written_in(word, named) or similarity(named, word) >= _ALIKE for named in self.stems):
            return True
        (vector,) = load_vectors().of([word])
        return bool((self.vectors @ vector).max(initial=0.0) >= _NEAR)


def find_doubts(
    question: str,
    schema: SchemaWords,
    *,
    hits: Sequence[ValueHit] = (),
    ranges: Sequence[RangeHit] = (),
    told: str = "",
) -> tuple[Doubt, ...]:
    """The words of a question that nothing explains, in order, each once; () for an empty question.

    Args:
        question: As it was asked.
        schema: Words of what the caller may see.
        hits, ranges: What was found of the question in what the caller may see; unlikely ones explain nothing.
        told: Evidence and known terms; its words need no further explanation.
    """
    asked = Question.parse(question).words
    taken = [hit.span for hit in hits if hit.likelihood >= _LIKELY]
    taken += [hit.span for hit in ranges if hit.likelihood >= _LIKELY]
    evident = _stems(told)
    found: dict[str, Doubt] = {}
    for place, word in enumerate(asked):
        root = stem(word.text)
        if root in found or root in evident or not _names_something(asked, place, question):
            continue
        if any(start < word.end and word.start < end for start, end in taken):
            continue
        if not schema.explains(root):
            found[root] = Doubt(question[word.start : word.end], (word.start, word.end))
    return tuple(found.values())


def without_told(doubts: Sequence[Doubt], told: str) -> tuple[Doubt, ...]:
    """The doubts but for words that a text speaks of."""
    evident = _stems(told)
    return tuple(doubt for doubt in doubts if evident.isdisjoint(_stems(doubt.text)))


def _names_something(asked: Sequence[Word], place: int, question: str) -> bool:
    """Whether a word stands where a table or a column is named, and is no word that every question may have."""
    word = asked[place]
    text = word.text
    if word.common or len(text) < _SHORTEST or not text.isalpha() or not text.isascii():
        return False
    lists = _word_lists()
    if stem(text) in lists["plain"] or text in lists["plain"]:
        return False
    if text.endswith(_NOT_NAMES) or question[word.start].isupper():
        return False
    beside = (*asked[max(place - 1, 0) : place], *asked[place + 1 : place + 2])
    return any(other.common or other.text.isdigit() or other.text in lists["beside"] for other in beside)


def _is_written_in(word: str, named: str) -> bool:
    """Whether a name is glued together with the word ("schooler" in "highschooler")."""
    return len(word) >= _SHORTEST_PART and word in named


@lru_cache(maxsize=1)
def _word_lists() -> dict[str, frozenset[str]]:
    """The lists of doubts.txt, by name."""
    text = files(__package__).joinpath("doubts.txt").read_text(encoding="utf-8")
    lines = (line.partition(": ") for line in text.splitlines() if line and not line.startswith("#"))
    found: dict[str, set[str]] = {}
    for name, _, some in lines:
        found.setdefault(name, set()).update(some.split())
    return {name: frozenset(some) for name, some in found.items()}


def _stems(text: str) -> frozenset[str]:
    return frozenset(map(stem, words(text))) if text else frozenset()
