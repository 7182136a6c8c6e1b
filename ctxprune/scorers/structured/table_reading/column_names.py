"""Which columns of a table the words of a question name: by the words of the header, their synonyms, abbreviations."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from ctxprune.models.vectors import load_vectors
from ctxprune.text.abbreviations import has_letters_in_order
from ctxprune.text.words import STOP_WORDS, fold, stem, words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["NAMING", "header_words", "is_short_for", "meaning_strengths", "name_strengths", "word_strength"]

NAMING = 0.5  # strength from which a word names a column
_SAME, _SYNONYM, _SHORT, _BEGINS = 1.0, 0.8, 0.7, 0.6
_DISTANT = 0.6  # of an abbreviation of a synonym ("unemp" for "jobless")
_MEANING = 0.6  # cosine from which a word means nearly what another does; of words that go together it is 0.4 to 0.5
_PREFIX = 5  # letters that two words of one family share ("employed", "employees")
_SHORTEST = 3  # letters of an abbreviation that is the beginning of a word
_LONGEST = 5  # letters of one that leaves out letters in between
_GROUPS = (
    "earn pay paid salary wage income compensation earnings stipend remuneration",
    "cost price fee fare charge tariff amount",
    "weigh weight mass",
    "employee staff worker personnel headcount",
    "job occupation profession position role title",
    "department dept division unit team",
    "jobless unemployment unemployed",
    "employment job",
    "country nation",
    "city town municipality",
    "home place location site address",
    "birth born birthday",
    "death die deaths mortality fatalities",
    "kill killed deaths fatalities casualties",
    "sell sold sales sale units",
    "buy bought purchase order",
    "score points goals",
    "wealth rich gdp income",
    "poor poverty",
    "education schooling school degree",
    "people population inhabitants residents persons",
    "vehicle car model",
    "movie film title",
    "author writer written",
    "start begin began opened founded",
    "end finish closed",
    "rain rainfall precipitation",
    "temperature temp degrees",
    "humidity moisture",
    "share percent percentage pct proportion ratio",
    "customer client buyer",
    "supplier vendor manufacturer maker brand",
    "phone telephone",
    "mail email",
    "boss manager supervisor",
    "size area",
    "duration length runtime time",
    "speed velocity",
    "horsepower power",
    "rank ranking place position",
    "many number count total quantity",
    "stock inventory",
    "profit margin",
    "revenue turnover sales",
    "woman women female",
    "man men male",
    "sex gender",
    "kind type category class",
    "state status",
    "who name person",
    "where place location city country",
    "when date year time",
)


@lru_cache(maxsize=1)
def _synonyms() -> dict[str, frozenset[str]]:
    """The stems of the other words of each word's groups."""
    found: dict[str, set[str]] = {}
    for group in _GROUPS:
        stems = {stem(word) for word in group.split()}
        for word in stems:
            found.setdefault(word, set()).update(stems)
    return {word: frozenset(others) for word, others in found.items()}


@lru_cache(maxsize=1)
def _groups_of() -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for group in _GROUPS:
        for word in group.split():
            found[stem(word)] = (*found.get(stem(word), ()), *group.split())
    return found


def _words_like(stemmed: str) -> tuple[str, ...]:
    """The words of the groups of a stem that are long enough to be abbreviated."""
    return tuple(word for word in _groups_of().get(stemmed, ()) if len(word) > _PREFIX)


def header_words(header: str) -> tuple[str, ...]:
    """The folded words of a header, identifiers split: "gdpPercap" gives gdp, percap."""
    return tuple(word for word in words(header) if not word.isdigit() or len(header) == len(word))


@lru_cache(maxsize=65536)
def word_strength(name: str, asked: str) -> float:
    """How strongly a word of a question names a header by one of its words, 0..1; both folded."""
    one, other = stem(name), stem(asked)
    if one == other or name == asked:
        return _SAME
    if asked in STOP_WORDS or name in STOP_WORDS:
        return 0.0
    if other in _synonyms().get(one, ()):
        return _SYNONYM
    if is_short_for(name, asked) or is_short_for(asked, name):
        return _SHORT
    shared = len(one) >= _PREFIX and len(other) >= _PREFIX and one[:_PREFIX] == other[:_PREFIX]
    # Names run together, without a border to split at: "totalpopulation".
    held = len(other) >= _PREFIX and other in name
    if shared or held:
        return _BEGINS
    return _DISTANT if any(is_short_for(name, synonym) for synonym in _words_like(other)) else 0.0


def is_short_for(short: str, word: str) -> bool:
    """Whether a folded word is an abbreviation: the beginning of `word` ("lat", "pop"), or its first letter and others
    of its consonants in order ("wt", "qty")."""
    if not (short.isalpha() and len(short) < len(word) and short[:1] == word[:1]):
        return False
    if len(short) >= _SHORTEST and word.startswith(short):
        return True
    if not 1 < len(short) <= _LONGEST or re.search("[aeiou]", short[1:]):
        return False
    return has_letters_in_order(short, word)


def name_strengths(asked: Sequence[str], headers: Sequence[str]) -> NDArray[np.float64]:
    """float64 (n_asked, n_columns), how strongly each folded word of a question names each column, 0..1.

    Of a header of several words a single one names it less: a third of its strength is the share of the header's words
    that the question has.
    """
    found = np.zeros((len(asked), len(headers)))
    for column, header in enumerate(headers):
        names = [name for name in header_words(header) if name not in STOP_WORDS] or [fold(header).strip()]
        strengths = np.array([[word_strength(name, word) for name in names] for word in asked]).reshape(-1, len(names))
        covered = float(strengths.max(axis=0, initial=0.0).mean())
        found[:, column] = strengths.max(axis=1, initial=0.0) * (2 + covered) / 3
        whole = fold(header).strip()
        found[[word == whole for word in asked], column] = _SAME  # "c3", too, whose parts say nothing
    return found


def meaning_strengths(word: str, headers: Sequence[str]) -> NDArray[np.float64]:
    """float64 (n_columns,), how near in meaning each name of a column is to a word, by word vectors; 0 if not near."""
    found = np.zeros(len(headers))
    vectors = load_vectors()
    asked = vectors.of([stem(word)])[0]
    for column, header in enumerate(headers):
        if names := [stem(name) for name in header_words(header) if name not in STOP_WORDS]:
            found[column] = float((vectors.of(names) @ asked).max())
    return np.where(found >= _MEANING, np.minimum(found, 1.0), 0.0)
