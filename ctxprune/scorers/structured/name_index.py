"""An index of named units (tools, properties): their words by field, the words of their names, and their meaning."""

from __future__ import annotations

from collections import Counter, OrderedDict
from dataclasses import dataclass
from itertools import chain
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from ctxprune.models.vectors import load_vectors
from ctxprune.scorers.lexical.statistics import inverse_frequencies, length_norms, unknown_frequency
from ctxprune.scorers.structured.actions import ACTIONS, KINDS, find_actions
from ctxprune.text.abbreviations import has_letters_in_order
from ctxprune.text.words import STOP_WORDS, split_identifier, stem, terms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["Asked", "NameIndex"]

_SAME_ACTION, _SHORT, _NEAR = 0.8, 0.7, 0.7  # how much of a match a synonym, an abbreviation and a near meaning are
_NEAREST = 0.45  # words nearer than this by their vectors mean about the same
_VOWELS = frozenset("aeiou")
_FIELDS = (2.0, 1.0, 0.5)  # of a word in the name, in the text and in the details
_UNRELATED = 0.3  # sums of vectors of texts that have nothing in common are still that near
_LONGEST = 40  # letters of a word of which abbreviations are looked for
_MOST_ASKED = 1000  # words of a question
_K1, _B = 1.7, 0.6
_MOST_ROWS, _MOST_HELD = 4096, 1_000_000  # words of questions that are remembered, and units of all of them


class Asked:
    """The words of a question, as the index looks them up.

    Attributes:
        terms: Each once: a question that says a word twice does not want it twice as much. Of a question that is a
            whole document the first thousand are enough, and each takes time.
        name: The same without the whole of split identifiers, which no name has as a word.
        action: What the first verb asks for; None without one.
    """

    def __init__(self, query: str) -> None:
        self.terms = list(dict.fromkeys(terms(query)))[:_MOST_ASKED]
        self.name = split_name(query)[:_MOST_ASKED]
        self.action = next((ACTIONS[word] for word in self.name if word in ACTIONS), None)


class NameIndex:
    """The units of one context; each method gives float64 (n_units,)."""

    def __init__(self, names: Sequence[str], texts: Sequence[str], details: Sequence[str]) -> None:
        self.size = len(texts)
        words = [split_name(name) for name in names]
        fields = [
            [terms(" ".join(split_identifier(name))) for name in names],
            [terms(_without_name(text, name)) for text, name in zip(texts, names, strict=True)],
            [terms(text) if text else [] for text in details],
        ]
        self._ids: dict[str, int] = {}
        for found in chain.from_iterable(chain.from_iterable(fields)):
            self._ids.setdefault(found, len(self._ids))
        self._index_terms(fields)
        self._index_names(words)
        self._index_meanings(fields)
        self._actions = np.zeros((self.size, len(KINDS)), dtype=bool)
        for unit, (own, text) in enumerate(zip(words, texts, strict=True)):
            self._actions[unit, find_actions(own, text)] = True
        self._any_action = self._actions.any(axis=1)

    def weight(self, asked: Asked) -> float:
        """The information (idf) in all words of the question, which no unit can exceed."""
        return float(self._idf_of(asked.terms).sum())

    def text(self, asked: Asked) -> NDArray[np.float64]:
        """BM25 over the fields (BM25F, Robertson and Zaragoza 2009), 0 to `weight`."""
        scores = np.zeros(self.size)
        for term in asked.terms:
            if (number := self._ids.get(term)) is not None:
                place = slice(*self._starts[number : number + 2])
                scores[self._holders[place]] += self._parts[place]
        return scores

    def share(self, asked: Asked) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """How much of each name's information the question speaks of, and how much of the question's the name does.

        A word counts that is the same, of near meaning (the bundled vectors), an abbreviation ("cust_nm" for "customer
        name") or a verb that does the same ("remove" for "delete").
        """
        covered, whole = np.zeros(len(self._words)), np.zeros(self.size)
        if not asked.name or not self._words:
            return whole, whole
        weights = self._idf_of(asked.name)
        for word, weight in zip(asked.name, weights, strict=True):
            row = self._find_row(word)
            covered[row.places] = np.maximum(covered[row.places], row.values)
            whole[row.units] += weight * row.nearest
        share = self._sum(self._name_idf * covered) / self._information
        return share, whole / max(float(weights.sum()), 1e-9)

    def meaning(self, asked: Asked) -> NDArray[np.float64]:
        """Cosine of the sums of word vectors of the question and of each unit, from 0 at 0.3 or less to 1."""
        vectors = load_vectors()
        # To the fourth power: questions are full of words such as "please help", and vectors know no stop words.
        weights = self._idf_of(asked.terms) * vectors.rarity(asked.terms) ** 4
        whole = weights @ vectors.of(asked.terms) if asked.terms else np.zeros(self._meanings.shape[1])
        length = float(np.linalg.norm(whole))
        cosine = self._meanings @ (whole / max(length, 1e-9)).astype(np.float32)
        return np.maximum((cosine.astype(np.float64) - _UNRELATED) / (1 - _UNRELATED), 0)

    def action(self, asked: Asked) -> NDArray[np.float64]:
        """1 where a verb means the action asked for, 0 for another one, 0.5 without a verb here or there."""
        if asked.action is None:
            return np.full(self.size, 0.5)
        return np.where(self._any_action, self._actions[:, asked.action], 0.5)

    def _index_terms(self, fields: list[list[list[str]]]) -> None:
        """Postings: for each term the units that hold it, and what it adds to each."""
        holders, ids, amounts = [], [], []
        for own, weight in zip(fields, _FIELDS, strict=True):
            lengths = np.asarray([len(found) for found in own], dtype=np.int64)
            units = np.repeat(np.arange(self.size), lengths)
            # Each field is measured by its own length: names differ in length for other reasons than descriptions.
            norm = length_norms(lengths, _B)
            holders.append(units)
            ids.append(np.asarray([self._ids[term] for found in own for term in found], dtype=np.int64))
            amounts.append(weight / norm[units])
        unit, number = np.concatenate(holders), np.concatenate(ids)
        pairs, inverse = np.unique(number * max(self.size, 1) + unit, return_inverse=True)
        amount = np.bincount(inverse, weights=np.concatenate(amounts), minlength=len(pairs))
        owner, self._holders = np.divmod(pairs, max(self.size, 1))
        self._starts = np.searchsorted(owner, np.arange(len(self._ids) + 1))
        counts = np.diff(self._starts)
        self._idf = inverse_frequencies(counts, self.size)
        self._unknown = unknown_frequency(self.size)
        self._parts = self._idf[owner] * amount / (amount + _K1)

    def _index_names(self, words: list[list[str]]) -> None:
        """The words of names, each once, and where each name has them."""
        self._words = list(dict.fromkeys(chain.from_iterable(words)))
        places = {word: place for place, word in enumerate(self._words)}
        self._places = np.asarray([places[word] for own in words for word in own], dtype=np.intp)
        self._owners = np.repeat(np.arange(self.size), np.asarray([len(own) for own in words], dtype=np.int64))
        order = np.argsort(self._places, kind="stable")
        self._name_holders = self._owners[order]
        self._name_starts = np.searchsorted(self._places[order], np.arange(len(self._words) + 1))
        self._name_idf = self._idf_of(self._words)
        # Divided by the name's own information: long names would else win by having more words to match.
        self._information = np.maximum(self._sum(self._name_idf), 1e-9)
        self._name_places = places
        self._name_vectors = load_vectors().of(self._words)
        self._skeletons: dict[str, list[int]] = {}  # names' words without vowels, by their first letter
        self._acting: dict[int, list[int]] = {}
        for place, word in enumerate(self._words):
            if len(word) > 1 and _VOWELS.isdisjoint(word):
                self._skeletons.setdefault(word[:1], []).append(place)
            if word in ACTIONS:
                self._acting.setdefault(ACTIONS[word], []).append(place)
        self._rows: OrderedDict[str, _Row] = OrderedDict()
        self._held = 0
        self._lock = Lock()

    def _index_meanings(self, fields: list[list[list[str]]]) -> None:
        """Unit vectors, float32 (n_units, n_dimensions): sums over the words of name and text by their idf."""
        vectors = load_vectors().of(list(self._ids))
        self._meanings = np.zeros((self.size, vectors.shape[1]), dtype=np.float32)
        for unit, (name, text) in enumerate(zip(*fields[:2], strict=True)):
            counts = Counter(chain(name, text))
            numbers = [self._ids[term] for term in counts]
            weights = self._idf[numbers] * np.minimum(list(counts.values()), 2) if numbers else np.zeros(0)
            self._meanings[unit] = weights @ vectors[numbers]
        self._meanings /= np.maximum(np.linalg.norm(self._meanings, axis=1, keepdims=True), 1e-9)

    def _idf_of(self, found: Sequence[str]) -> NDArray[np.float64]:
        numbers = [self._ids.get(term, -1) for term in found]
        return np.asarray([self._unknown if number < 0 else self._idf[number] for number in numbers], dtype=np.float64)

    def _sum(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Of each unit, over the words of its name."""
        sums = np.bincount(self._owners, weights=values[self._places], minlength=self.size)
        return np.asarray(sums, dtype=np.float64)

    def _find_row(self, word: str) -> _Row:
        """`_compare_word`, remembered for the words that were asked last."""
        with self._lock:
            if (row := self._rows.get(word)) is not None:
                self._rows.move_to_end(word)
                return row
        row = self._compare_word(word)
        with self._lock:
            if word not in self._rows:
                self._rows[word] = row
                self._held += len(row.units)
            # The last one stays in any case: a word may be in the names of all units.
            while len(self._rows) > 1 and (self._held > _MOST_HELD or len(self._rows) > _MOST_ROWS):
                self._held -= len(self._rows.popitem(last=False)[1].units)
        return row

    def _compare_word(self, word: str) -> _Row:
        """How much of a match the words of names are for a word of a question."""
        near = self._name_vectors @ load_vectors().of([word])[0]
        # Most words are a little near to any other: below the threshold nearness says nothing.
        values = np.where(near >= _NEAREST, _NEAR * near, 0.0).astype(np.float64)
        short = self._find_short(word)
        values[short] = np.maximum(values[short], _SHORT)
        same = self._acting.get(ACTIONS[word], []) if word in ACTIONS else []
        values[same] = np.maximum(values[same], _SAME_ACTION)
        if (place := self._name_places.get(word)) is not None:
            values[place] = 1.0
        places = np.flatnonzero(values)
        # The best match comes last, so that it is what a unit with several of these words keeps.
        rising = places[np.argsort(values[places], kind="stable")].tolist()
        held = [self._name_holders[self._name_starts[place] : self._name_starts[place + 1]] for place in rising]
        nearest = np.zeros(self.size)
        if held:
            nearest[np.concatenate(held)] = np.repeat(values[rising], [len(units) for units in held])
        units = np.flatnonzero(nearest)
        return _Row(places, values[places], units, nearest[units])

    def _find_short(self, word: str) -> list[int]:
        """The words of names that abbreviate `word`: beginnings of three letters or more, consonants in order."""
        beginnings = (word[:end] for end in range(3, min(len(word), _LONGEST)))
        found = [self._name_places[short] for short in beginnings if short in self._name_places]
        for place in self._skeletons.get(word[:1], ()):
            short = self._words[place]
            if len(short) < len(word) and has_letters_in_order(short, word):
                found.append(place)
        return found


@dataclass(frozen=True, slots=True)
class _Row:
    """What a word of a question is like: the words of names, 0 to 1, and the units by their nearest word.

    Attributes:
        places, values: Words of names, int (n_words,), and how much of a match each is.
        units, nearest: Units that have one of these, int (n_holders,), and the best match among its words.
    """

    places: NDArray[np.intp]
    values: NDArray[np.float64]
    units: NDArray[np.intp]
    nearest: NDArray[np.float64]


def split_name(text: str) -> list[str]:
    """The stems of a text in order, each once, without stop words."""
    return list(dict.fromkeys(stem(word) for word in split_identifier(text) if word not in STOP_WORDS))


def _without_name(text: str, name: str) -> str:
    """The text of a unit after its name in words, with which those of tools and properties begin."""
    words = " ".join(split_identifier(name))
    return text[len(words) :] if words and text.startswith(words) else text
