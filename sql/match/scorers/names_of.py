"""How alike names are, word by word: the table of words that four scorers of names read."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from ctxprune.models.vectors import load_vectors
from ctxprune.scorers.structured.table_reading.column_names import word_strength
from ctxprune.text.abbreviations import has_letters_in_order, spell_out
from ctxprune.text.words import stem

from ...schema.joins import GENERIC_NAMES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ..base import Pairs

__all__ = ["align_names", "mean_vectors", "word_likeness"]

_MOST_WORDS = 7  # of a name; later ones say little
_BLOCK = 1 << 14  # pairs aligned at a time
_NEAR = 0.45  # cosine from which two words are compared by meaning; one pair of common words in a hundred is
_SPELT, _TYPED = 0.85, 0.82
_SKELETON, _LETTERS = 0.9, 0.75
_GENERIC_WEIGHT = 0.4  # "id" and "name" are in every table


def align_names(
    left: Sequence[Sequence[str]], right: Sequence[Sequence[str]], pairs: Pairs
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """For each pair the share of the left name's words that the right one has, and the reverse.

    Args:
        left, right: Folded words of each name of `pairs.source` and `pairs.target`.
        pairs: Which to compare.

    Returns:
        Two arrays float64 (n_pairs,), 0..1; a word counts by how alike its best partner is, "id" and the like less.
    """
    one, two = _Words(left), _Words(right)
    likeness = np.full((len(one.words) + 1, len(two.words) + 1), -1.0)
    likeness[:-1, :-1] = word_likeness(tuple(one.words), tuple(two.words))
    forward, back = np.zeros(len(pairs)), np.zeros(len(pairs))
    for start in range(0, len(pairs), _BLOCK):
        rows, columns = pairs.rows[start : start + _BLOCK], pairs.columns[start : start + _BLOCK]
        a, b = one.places[rows], two.places[columns]
        table = likeness[a[:, :, None], b[:, None, :]]
        forward[start : start + _BLOCK] = (np.maximum(table.max(axis=2), 0) * one.weights[rows]).sum(axis=1)
        back[start : start + _BLOCK] = (np.maximum(table.max(axis=1), 0) * two.weights[columns]).sum(axis=1)
    return forward, back


class _Words:
    """The words of many names as numbers, abbreviations in full."""

    def __init__(self, names: Sequence[Sequence[str]]) -> None:
        cut = [spell_out(name)[:_MOST_WORDS] for name in names]
        self.words = list(dict.fromkeys(word for name in cut for word in name))
        numbers = {word: number for number, word in enumerate(self.words)}
        width = max((len(name) for name in cut), default=0) or 1
        self.places = np.full((len(names), width), len(self.words))  # the place behind the last word: none
        self.weights = np.zeros((len(names), width))
        for row, name in enumerate(cut):
            self.places[row, : len(name)] = [numbers[word] for word in name]
            weights = np.array([_GENERIC_WEIGHT if word in GENERIC_NAMES else 1.0 for word in name])
            self.weights[row, : len(name)] = weights / max(weights.sum(), 1e-9)


@lru_cache(maxsize=8)  # four scorers ask for the same words
def word_likeness(left: tuple[str, ...], right: tuple[str, ...]) -> NDArray[np.float64]:
    """How alike two folded words are: float64 (n_left, n_right), 0..1; 1 for the same stem.

    The largest of: spelling, meaning (word vectors), synonym or abbreviation. Not to be written to.
    """
    from rapidfuzz.distance import JaroWinkler
    from rapidfuzz.process import cdist

    if not left or not right:
        return np.zeros((len(left), len(right)))
    spelling = np.asarray(cdist(left, right, scorer=JaroWinkler.similarity), dtype=np.float64)
    vectors = load_vectors()
    meaning = (vectors.of([*map(stem, left)]) @ vectors.of([*map(stem, right)]).T).astype(np.float64)
    found = np.where(spelling >= _SPELT, spelling * _TYPED, 0.0)
    found = np.maximum(found, np.where(meaning >= _NEAR, np.minimum(meaning, 1.0) * _TYPED, 0.0))
    first_left, first_right = (np.array([ord(word[:1] or " ") for word in words]) for words in (left, right))
    # The rules for single words are slow: they are asked where the words begin alike or are related at all.
    rows, columns = np.nonzero((first_left[:, None] == first_right[None, :]) | (meaning >= _NEAR / 2))
    for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
        found[row, column] = max(found[row, column], _rule(left[row], right[column]))
    found.setflags(write=False)
    return found


def _rule(one: str, two: str) -> float:
    short, long = sorted((one, two), key=len)
    strength = max(word_strength(one, two), word_strength(two, one))
    if strength == 1.0 or one == two:
        return 1.0
    if short[:1] == long[:1] and len(short) > 2 and _skeleton(short) == _skeleton(long):
        return max(strength, _SKELETON)
    if short[:1] == long[:1] and len(short) > 2 and has_letters_in_order(short, long):
        return max(strength, _LETTERS)
    return strength


def _skeleton(word: str) -> str:
    """The first letter and the consonants after it: how "dprtmnt" is made of "department"."""
    return word[:1] + "".join(char for char in word[1:] if char not in "aeiou")


def mean_vectors(names: Sequence[Sequence[str]]) -> NDArray[np.float64]:
    """Unit vectors of the mean meaning of each name's words, float64 (n_names, n_dimensions); zeros if unknown."""
    vectors = load_vectors()
    size = vectors.of(["a"]).shape[1]
    found = np.zeros((len(names), size))
    for row, name in enumerate(names):
        if name:
            stems = [stem(word) for word in spell_out(name)]
            # Common words, which come with every name, count less than those that tell columns apart.
            found[row] = (vectors.of(stems) * vectors.rarity(stems)[:, None]).sum(axis=0)
    return np.asarray(found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9))
