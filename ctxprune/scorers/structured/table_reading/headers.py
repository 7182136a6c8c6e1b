"""How well the words of a question match the headers of a table, and the kinds of its columns."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from ctxprune.text.words import STOP_WORDS, stem, words

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

    from ctxprune.scorers.structured.table_reading.reading import TableReading

__all__ = ["HEADER_FEATURES", "header_features", "named_columns", "nearness"]

HEADER_FEATURES = ("named", "named_softly", "named_fully", "named_alone", "focus", "focus_softly", "asked_place", "cue",
                   "type_fit", "tail")  # fmt: skip
_PREFIX = 5  # letters that two words must share to be near
_NEAR = 0.6  # what such a word counts
_ASKS = re.compile(
    r"\b(who|whom|whose|when|where|which|what|how (?:many|much|long|old|tall|high|far|big|large|often)|name|list)\b"
)
_CUES = {
    "who": "name player person people driver rider athlete actor actress artist director author writer candidate "
    "winner coach manager opponent team president nominee performer swimmer cyclist skater composer producer member "
    "leader",
    "when": "date year season time day month period founded opened released release built established",
    "where": "place venue city town location country stadium site arena host county state region ground",
    "how long": "length duration time years distance",
    "how old": "age born birth",
    "how tall": "height ft elevation",
    "how high": "height elevation ft altitude",
    "how far": "distance length km miles",
    "how big": "size area population capacity",
    "how large": "size area population capacity",
    "how much": "amount price cost total value money prize salary gross",
    "how many": "total number no count votes points population capacity attendance goals wins",
}  # fmt: skip
_LIKE = {
    "team": "club opponent franchise school side", "country": "nation nationality", "nation": "country nationality",
    "movie": "film title", "film": "title movie", "song": "title single track", "album": "title",
    "game": "date opponent match", "match": "date opponent game", "score": "result", "result": "score outcome",
    "opponent": "team against visitor", "city": "town location place venue", "place": "location venue position rank",
    "person": "name", "player": "name", "film role": "character", "role": "character part", "show": "title series",
    "school": "institution team college university", "competition": "tournament event", "event": "competition race",
    "win": "result winner", "won": "winner champion result", "beat": "opponent result", "lost": "result opponent",
    "rank": "position place", "position": "rank place finish", "finish": "position rank place", "year": "date season",
    "date": "year day", "attend": "attendance crowd", "attendance": "crowd", "people": "population name",
    "tall": "height", "long": "length", "old": "age born", "time": "date", "state": "location", "party": "affiliation",
    "title": "name film song album", "record": "score time", "work": "title film", "nominate": "award result category",
    "candidate": "name nominee", "build": "built completed year", "located": "location place", "born": "birth",
    "tournament": "competition", "writer": "written author", "director": "directed", "wrote": "written writer",
    "play": "role film team", "portray": "role character", "star": "role film title", "release": "date year released",
}  # fmt: skip
_LIKE_STEMS = {stem(word): frozenset(stem(other) for other in others.split()) for word, others in _LIKE.items()}
_CUE_STEMS = {word: frozenset(stem(other) for other in others.split()) for word, others in _CUES.items()}
_TEXT, _NUMBER, _TIME = ("text",), ("number", "percent", "ordinal", "time"), ("year", "date", "day")
_FITS = {
    "who": _TEXT, "whom": _TEXT, "whose": _TEXT, "where": _TEXT, "when": _TIME, "how many": _NUMBER,
    "how much": _NUMBER, "how long": _NUMBER, "how old": _NUMBER, "how tall": _NUMBER, "how high": _NUMBER,
    "how far": _NUMBER, "how big": _NUMBER, "how large": _NUMBER, "how often": _NUMBER,
}  # fmt: skip


def header_features(folded: str, asked: list[str], reading: TableReading) -> NDArray[np.float64]:
    """float64 (n_columns, len(HEADER_FEATURES)).

    Args:
        folded: The question, folded.
        asked: Its terms, in order, each once.
        reading: Of the table.
    """
    result = np.zeros((len(reading.headers), len(HEADER_FEATURES)))
    # A word in one header alone tells that column from the others; one that is in all of them tells nothing.
    holders = _count_holders(reading.headers)
    ask = _ASKS.search(folded)
    word = ask.group() if ask else ""
    focus = _find_focus(folded, ask)
    cue = _CUE_STEMS.get(word, frozenset())
    places = {term: number for number, term in enumerate(asked)}
    for column, header in enumerate(reading.headers):
        if header:
            near = {term: nearness(term, asked) for term in header}
            exact = [term for term in header if term in places]
            alone = [1 / holders[term] for term in exact]
            result[column, :8] = (
                len(exact) / len(header),
                sum(near.values()) / len(header),
                len(exact) == len(header),
                max(alone, default=0.0),
                sum(term in focus for term in header) / len(header),
                sum(nearness(term, focus) for term in header) / len(header),
                1 / (1 + min(places[term] for term in exact)) if exact else 0.0,
                any(term in cue for term in header),
            )
            result[column, 9] = header[-1] in places
        # -1 and not 0 for a misfit: "when" speaks against a column of text.
        kinds = _FITS.get(word)
        result[column, 8] = 0.0 if kinds is None else 1.0 if reading.kinds[column] in kinds else -1.0
    return result


def named_columns(asked: list[str], reading: TableReading) -> NDArray[np.float64]:
    """How well the terms of a question name each column, 0..1."""
    return np.array([
        max((sum(nearness(term, asked) for term in header) / len(header)), 0.0) if header else 0.0
        for header in reading.headers
    ])  # fmt: skip


def _count_holders(headers: list[tuple[str, ...]]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for header in headers:
        for term in header:
            counts[term] = counts.get(term, 0) + 1
    return counts


def _find_focus(folded: str, ask: re.Match[str] | None) -> list[str]:
    """Stems of the four words after the one that asks ("which *city did*", "how many *points*")."""
    rest = folded[ask.end() :] if ask else folded
    return [stem(word) for word in words(rest)[:4] if word not in STOP_WORDS]


def nearness(term: str, asked: Collection[str]) -> float:
    """1 for a term of the question, less for one of similar spelling or meaning."""
    if term in asked:
        return 1.0
    for other in asked:
        if term in _LIKE_STEMS.get(other, ()) or (
            len(term) >= _PREFIX and len(other) >= _PREFIX and term[:_PREFIX] == other[:_PREFIX]
        ):
            return _NEAR
    return 0.0
