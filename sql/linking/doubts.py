"""Words of a question that mean nothing the caller may see: neither a table, nor a column, nor a stored value.

A question about a column that is hidden, or that does not exist, would else be answered from another column without a
word. Both cases are told in the same words, since the question is compared with the visible schema alone: what is
hidden has no part in it, and so cannot be told from what is not there.

A caller who sees a part of the database is told that a part is withheld, again whatever that part holds. For such a
caller a word that only resembles what may be seen is a doubt, too (`find_resemblances`): "mobile" may be read as a
phone number, and be the name of a hidden column.

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
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from ..schema.schema import Schema
    from ..values.base import RangeHit, ValueHit
    from ..values.spans import Word

__all__ = ["Doubt", "SchemaWords", "find_doubts", "find_resemblances", "without_told"]

_ALIKE = 0.7  # how much two words must be spelt alike, as `similarity` measures it
_NEAR = 0.65  # cosine from which a word may mean what a word of the schema says
_LIKELY = 0.05  # of a hit; the less likely ones explain no word
_KINDS = ("date", "name")  # of columns, which a question names by any word of their kind
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
            object.__setattr__(self, "why", _unknown(self.text))

    def __str__(self) -> str:
        return self.why


@dataclass(frozen=True)
class SchemaWords:
    """The words that a schema explains, worked out once.

    Attributes:
        stems: Of the names, comments and descriptions of its tables and columns.
        vectors: Of the stems of names and comments, float32 (n, d), unit length or zero.
        hinted: Stems of questions that speak of a kind of column which the schema has ("oldest" for an age).
        tables: Stems of the names of its tables.
        table_vectors: Of these, float32 (n_tables, d), unit length or zero.
        kinds: Stems that speak of names, or of days, where a column is called by one of these ("name" for a title).
    """

    stems: frozenset[str]
    vectors: NDArray[np.float32] = field(repr=False)
    hinted: frozenset[str] = field(repr=False)
    tables: frozenset[str] = field(repr=False)
    table_vectors: NDArray[np.float32] = field(repr=False)
    kinds: frozenset[str] = field(default=frozenset(), repr=False)

    @classmethod
    def of(cls, schema: Schema) -> SchemaWords:
        """Those of a schema."""
        named: set[str] = set()
        tables = frozenset(stem for table in schema.tables for stem in name_stems(table.name))
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
        vectors = load_vectors()
        types = " ".join(column.type.lower() for table in schema.tables for column in table.columns)
        typed = named | ({"date"} if "date" in types or "time" in types else set())
        own = [cues.columns[kind] for kind in _KINDS if not typed.isdisjoint(cues.columns[kind])]
        words_of = (vectors.of(sorted(named)), hinted, tables, vectors.of(sorted(tables)))
        return cls(frozenset(named | described), *words_of, frozenset().union(*own))

    def explains(self, word: str) -> bool:
        """Whether a stem may speak of something in the schema."""
        if self.names(word) or word in self.hinted or not self.stems.isdisjoint(load_cues().related.get(word, {})):
            return True
        return _is_near(word, self.vectors)

    def names(self, word: str) -> bool:
        """Whether a stem is a word of the schema, or spelt like one, or may stand for one of its tables.

        Tables are told apart from columns since questions mostly name them in words of their own ("staff").
        """
        cues = load_cues()
        if word in self.stems or not self.tables.isdisjoint(cues.related.get(word, {})):
            return True
        if word in self.kinds:
            return True
        if any(_is_written_in(word, named) or similarity(named, word) >= _ALIKE for named in self.stems):
            return True
        return _is_near(word, self.table_vectors)


def _is_near(word: str, vectors: NDArray[np.float32]) -> bool:
    (vector,) = load_vectors().of([word])
    return bool((vectors @ vector).max(initial=0.0) >= _NEAR)


def _unknown(text: str, *, withheld: bool = False) -> str:
    more = "; a part of this database is withheld from you, and what is meant may be there" if withheld else ""
    return f"the question mentions {text!r}, which is no table, column or value that you may see{more}"


def find_doubts(
    question: str,
    schema: SchemaWords,
    *,
    hits: Sequence[ValueHit] = (),
    ranges: Sequence[RangeHit] = (),
    told: str = "",
    withheld: bool = False,
) -> tuple[Doubt, ...]:
    """The words of a question that nothing explains, in order, each once; () for an empty question.

    Args:
        question: As it was asked.
        schema: Words of what the caller may see.
        hits, ranges: What was found of the question in what the caller may see; unlikely ones explain nothing.
        told: Evidence and known terms; its words need no further explanation.
        withheld: Whether there is more than the caller may see, which the doubts then say.
    """
    words = _unexplained(question, schema.explains, [*hits, *ranges], told, attributes=False)
    return tuple(_doubt(question, word, withheld=withheld) for word in words)


def find_resemblances(
    question: str,
    schema: SchemaWords,
    *,
    hits: Sequence[ValueHit] = (),
    ranges: Sequence[RangeHit] = (),
    told: str = "",
) -> tuple[Doubt, ...]:
    """As `find_doubts` for a caller from whom something is withheld, with the words that only resemble a column, and
    those that as a rule need no explanation but name columns, too ("date", "title").
    """
    words = _unexplained(question, schema.names, [*hits, *ranges], told, attributes=True)
    return tuple(_doubt(question, word, withheld=True) for word in words)


def _doubt(question: str, word: Word, *, withheld: bool) -> Doubt:
    text = question[word.start : word.end]
    return Doubt(text, (word.start, word.end), _unknown(text, withheld=True) if withheld else "")


def _unexplained(
    question: str, explains: Callable[[str], bool], hits: Sequence[ValueHit | RangeHit], told: str, *, attributes: bool
) -> list[Word]:
    asked = Question.parse(question).words
    taken = [hit.span for hit in hits if hit.likelihood >= _LIKELY]
    evident = _stems(told)
    found: dict[str, Word] = {}
    for place, word in enumerate(asked):
        root = stem(word.text)
        if root in found or root in evident or not _names_something(asked, place, question, attributes=attributes):
            continue
        if any(start < word.end and word.start < end for start, end in taken):
            continue
        if not explains(root):
            found[root] = word
    return list(found.values())


def without_told(doubts: Sequence[Doubt], told: str) -> tuple[Doubt, ...]:
    """The doubts but for words that a text speaks of."""
    evident = _stems(told)
    return tuple(doubt for doubt in doubts if evident.isdisjoint(_stems(doubt.text)))


def _names_something(asked: Sequence[Word], place: int, question: str, *, attributes: bool) -> bool:
    """Whether a word stands where a table or a column is named, and is no word that every question may have."""
    word = asked[place]
    text = word.text
    if len(text) < _SHORTEST or not text.isalpha() or not text.isascii():
        return False
    lists = _word_lists()
    plain = word.common or stem(text) in lists["plain"] or text in lists["plain"]
    if plain and not (attributes and text in lists["attribute"]):
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
