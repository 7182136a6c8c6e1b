"""What the mixture weighs: features of each unit, and what the model said of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.context.base import as_context
from ctxprune.context.closure import check_links
from ctxprune.scorers.combined.mixture_parts.matches import Matches, Vocabulary
from ctxprune.scorers.lexical.titled import ancestor_texts
from ctxprune.text.words import terms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ctxprune.context.base import Context

__all__ = ["LENGTHS", "LEXICAL", "MODEL", "Outline", "by_length", "lexical_features", "model_features"]

LEXICAL = (
    "match", "cover", "near", "wide", "heading", "title", "document", "form", "meaning", "cosine", "literal", "length",
    "is_heading",
)  # fmt: skip
"""Features that need no model, in the order of the weights:

match: BM25 of the unit, as a share of what the question's terms could add; cover: share of the question's information
that it holds at all. near, wide: what the two, the six units around it add to that. heading, title: what the nearest
heading above adds, and the titles that the context itself names. document: what its document holds in all, 0 where
there is one only. form, meaning: as `cover`, counting words of like form, of like meaning. cosine: of mean word
vectors. literal: share of the question's options, names, numbers and quoted texts that stand in it letter for letter.
length: of the unit, in words, as a logarithm. is_heading: whether it looks like a heading.
"""
MODEL = ("keep", "relevance", "likeness")
"""Features of the model's answer: its logits of the unit and of its document, and how like the question's its sentence
vector is (mean state)."""
LENGTHS = ("short", "long")
"""A feature counts by one weight in a short context and by another in a long one; see `by_length`."""

_TITLE_WEIGHT = 0.7  # of a word in a heading against one in the unit itself
_LONGEST_HEADING = 80  # characters
_ENDS = (".", ";", ",", "!")
_RULE = "=-~^\"'*+#\n"  # what a heading is underlined with
_LITERAL = re.compile(
    r"--?\w[\w-]*|\w+(?:[._/=:-]\w+)+|\"[^\"]{1,80}\"|\b[A-Z][A-Z0-9_]+\b|\w*\d\w*"
)  # options, dotted or joined names, quoted texts, words in capitals, numbers
_MOST_LITERALS = 16
_SHORT, _LONG = 12, 200  # units of a context that is all the one, all the other
_LOWEST = 12.0  # logits are cut at this distance from 0: a saturated network must not outweigh all else


class Outline:
    """What of a context's outline does not depend on the question.

    Attributes:
        sources: int (n_units,): the document of each unit.
        is_heading: bool (n_units,).
        heading: int (n_units,): the nearest heading above a unit in its document; -1 where there is none.
        titles: Terms of the document's title and of the unit's ancestors, one set a unit.

    Raises:
        UsageError: A parent or requirement is not the index of a unit.
    """

    def __init__(self, context: Context[Any]) -> None:
        context = as_context(context)
        units = context.units
        check_links(units)
        sources = [0] * len(units) if context.sources is None else context.sources
        self.sources = np.asarray(sources, dtype=np.int64)
        parents = {unit.parent for unit in units if unit.parent is not None}
        self.is_heading = np.asarray(
            [index in parents or looks_like_heading(unit.text) for index, unit in enumerate(units)], dtype=np.bool_
        )
        self.heading = np.full(len(units), -1, dtype=np.int64)
        last: dict[int, int] = {}
        for index, source in enumerate(sources):
            if self.is_heading[index]:
                last[source] = index
            else:
                self.heading[index] = last.get(source, -1)
        # Units of a section have the same texts above them: each is read once.
        known: dict[str, frozenset[str]] = {"": frozenset()}
        self.titles: list[frozenset[str]] = []
        for index, source in enumerate(sources):
            text = "\n".join(ancestor_texts(units, index, context.titles, source))
            if text not in known:
                known[text] = frozenset(terms(text))
            self.titles.append(known[text])


def looks_like_heading(text: str) -> bool:
    """Whether a unit is a short line, underlined or not, that does not end as a sentence does."""
    line = text.strip()
    if len(line) > _LONGEST_HEADING or "\n" in line.rstrip(_RULE) or line.endswith(_ENDS):
        return False
    return any(map(str.isalnum, line))


def lexical_features(query: str, units: Sequence[str], vocabulary: Vocabulary, outline: Outline) -> NDArray[np.float64]:
    """The features that need no model: float64 (n_units, len(LEXICAL)).

    Args:
        query: The question.
        units: The text of each.
        vocabulary: Of their terms.
        outline: Of their context.
    """
    n = len(units)
    matches = Matches.of(query, vocabulary)
    weights, exact = matches.weights, matches.exact
    match = exact @ weights
    above = _hold(matches.terms, outline.titles) if any(outline.titles) else np.zeros_like(exact)
    under = np.where(outline.heading[:, None] >= 0, matches.held[outline.heading], 0.0)
    several = len(outline.sources) > 0 and bool((outline.sources != outline.sources[0]).any())
    document = np.zeros(n)
    if several:
        document = _best_of_documents(exact, outline.sources) @ weights
    columns = [
        match,
        matches.held @ weights,
        _best_around(exact, outline.sources, 2) @ weights - match,
        _best_around(exact, outline.sources, 6) @ weights - match,
        np.maximum(exact, _TITLE_WEIGHT * under) @ weights - match,
        np.maximum(exact, _TITLE_WEIGHT * above) @ weights - match,
        document,
        matches.formed @ weights,
        matches.meant @ weights,
        matches.cosine,
        _literal_share(query, units),
        np.log1p(vocabulary.lengths),
        outline.is_heading.astype(np.float64),
    ]
    return np.stack(columns, axis=1)


def model_features(said: NDArray[np.float64]) -> NDArray[np.float64]:
    """The features of the model's answer, float64 (n_units, len(MODEL)), of what it said, (len(MODEL), n_units).

    What is not finite stands for units that it did not read, and counts as the worst that it did.
    """
    columns = []
    for values in said:
        read = np.isfinite(values)
        worst = float(values[read].min()) if read.any() else 0.0
        columns.append(np.clip(np.where(read, values, worst), -_LOWEST, _LOWEST))
    return np.stack(columns, axis=1)


def by_length(rows: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Each feature twice, float64 (n_units, 2 * n_features): its share in short contexts, and that in long ones.

    `size` is the number of units of the whole context. A passage of a few sentences is read by the model at a glance,
    and the words around a sentence say little, since they are those of all; in a manual of a thousand units it is the
    other way round.
    """
    share = float(np.clip(np.log(max(size, 1) / _SHORT) / np.log(_LONG / _SHORT), 0, 1))
    return np.concatenate([rows * (1 - share), rows * share], axis=1)


def _hold(asked: Sequence[str], titles: Sequence[frozenset[str]]) -> NDArray[np.float64]:
    """1 where a title holds a term of the question: float64 (n_units, n_terms)."""
    known: dict[frozenset[str], NDArray[np.float64]] = {}
    rows = []
    for title in titles:
        if title not in known:
            known[title] = np.asarray([term in title for term in asked], dtype=np.float64)
        rows.append(known[title])
    return np.stack(rows) if rows else np.zeros((0, len(asked)))


def _best_around(values: NDArray[np.float64], sources: NDArray[np.int64], reach: int) -> NDArray[np.float64]:
    """For each row the largest values among itself and the rows of its document at most `reach` away."""
    best = values.copy()
    for step in range(1, min(reach, len(values) - 1) + 1):
        same = (sources[step:] == sources[:-step])[:, None]
        best[step:] = np.maximum(best[step:], np.where(same, values[:-step], 0.0))
        best[:-step] = np.maximum(best[:-step], np.where(same, values[step:], 0.0))
    return best


def _best_of_documents(values: NDArray[np.float64], sources: NDArray[np.int64]) -> NDArray[np.float64]:
    _, places = np.unique(sources, return_inverse=True)
    best = np.zeros((int(places.max(initial=-1)) + 1, values.shape[1]))
    np.maximum.at(best, places, values)
    return np.asarray(best[places])


def _literal_share(query: str, units: Sequence[str]) -> NDArray[np.float64]:
    found = [text.strip('"').lower() for text in _LITERAL.findall(query)][:_MOST_LITERALS]
    if not found:
        return np.zeros(len(units))
    lowered = (unit.lower() for unit in units)
    return np.asarray([sum(text in unit for text in found) / len(found) for unit in lowered], dtype=np.float64)
