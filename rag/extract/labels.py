"""How well a label in a text names a field: words, abbreviations and initials, each way of writing on its own."""

from __future__ import annotations

import re
from collections import defaultdict
from functools import lru_cache
from typing import TYPE_CHECKING

from ctxprune.text.abbreviations import has_letters_in_order, spell_out
from ctxprune.text.words import STOP_WORDS, split_identifier, stem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .schema import RecordField

__all__ = ["LabelMatcher", "compare_words", "label_words"]

_LONGEST = 80  # characters of a label
_MOST_LABELS = 5_000  # different labels of a matcher that are compared by parts of words, too
_DESCRIBED = 5  # words of a description that may be a label as a whole
_SHORT = 0.85  # weight of a word that is an abbreviation of the other one
_INITIALS = 0.8


def label_words(text: str) -> tuple[str, ...]:
    """The stems of a label in order, abbreviations in full, each once; () for none."""
    return _label_words(text[:_LONGEST])


@lru_cache(maxsize=16384)
def _label_words(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(map(stem, spell_out(split_identifier(text)))))


def _telling(words: tuple[str, ...]) -> tuple[str, ...]:
    """Without stop words, unless there is nothing else."""
    return tuple(word for word in words if word not in STOP_WORDS) or words


@lru_cache(maxsize=65536)
def compare_words(one: str, other: str) -> float:
    """1 for equal stems, 0.85 where one is an abbreviation of the other (a beginning, or letters left out), else 0."""
    if one == other:
        return 1.0
    short, full = sorted((one, other), key=len)
    if len(short) < 2 or short[0] != full[0] or not short.isalpha() or len(short) > 0.75 * len(full):
        return 0.0
    if full.startswith(short) and len(short) >= 3:
        return _SHORT
    # Left-out vowels ("cntry"), the last letter kept ("mgr").
    kept = has_letters_in_order(short, full) and not set(short[1:]) & set("aeiou")
    return _SHORT if kept and (len(short) > 2 or short[-1] == full[-1]) else 0.0


class LabelMatcher:
    """The labels of a schema's fields, indexed. Remembers the labels that it was asked about, so it is made per call.

    Args:
        fields: The fields; their names, titles and short descriptions are their labels.
    """

    def __init__(self, fields: Sequence[RecordField]) -> None:
        self.variants: list[list[tuple[tuple[str, ...], float]]] = [_list_variants(field) for field in fields]
        self._known: dict[str, list[tuple[int, float]]] = {}
        self._exact: defaultdict[frozenset[str], list[tuple[int, float]]] = defaultdict(list)
        self._by_letter: defaultdict[str, set[int]] = defaultdict(set)
        for index, variants in enumerate(self.variants):
            for words, weight in variants:
                self._exact[frozenset(words)].append((index, weight))
                for word in words:
                    self._by_letter[word[:1]].add(index)

    def match(self, label: str) -> list[tuple[int, float]]:
        """Indices of fields that the label may name, with 0..1, best first; [] for none."""
        key = label[:_LONGEST]
        found = self._known.get(key)
        if found is None:
            found = self._match(key)
            if len(self._known) < 4 * _MOST_LABELS:
                self._known[key] = found
        return found

    def best(self, label: str) -> float:
        """The score of the best field; 0 where none fits."""
        return max((score for _, score in self.match(label)), default=0.0)

    def _match(self, label: str) -> list[tuple[int, float]]:
        words = label_words(label)
        if not words or len(words) > 8:
            return []
        # "Date from" and "date to" differ in a stop word alone, so that these count as long as all words are equal.
        scores: dict[int, float] = {}
        for index, weight in self._exact.get(frozenset(words), ()):
            scores[index] = max(scores.get(index, 0.0), weight)
        words = _telling(words)
        # A text may have a new label in each line; exact ones are looked up, others have to be compared.
        if len(self._known) < _MOST_LABELS:
            initials = _initials_of(label)
            near = set[int]().union(*(self._by_letter.get(word[:1], set()) for word in words))
            for index in near:
                for variant, weight in self.variants[index]:
                    alike = _overlap(words, _telling(variant))
                    score = 0.95 * weight * max(alike, _INITIALS * (initials == _initials(variant)))
                    scores[index] = max(scores.get(index, 0.0), score)
        kept = [(index, score) for index, score in scores.items() if score >= 0.5]
        return sorted(kept, key=lambda entry: (-entry[1], entry[0]))


def _list_variants(field: RecordField) -> list[tuple[tuple[str, ...], float]]:
    """Ways to name a field with their weights: its name, its name under its parent's, its title or description."""
    own = label_words(field.name.replace("_", " "))
    parent = label_words(field.path.rpartition(".")[0].rpartition(".")[2])
    found: dict[tuple[str, ...], float] = {}
    if own:
        # In a list of makers a name alone is the product's; "maker name" is certain.
        found[own] = 0.9 if parent else 1.0
        if parent:
            found[tuple(dict.fromkeys((*parent, *own)))] = 1.0
            found.setdefault(parent, 0.85) if own == ("name",) else None
    for said in re.split(r"[.;(]", field.description)[:3]:
        words = label_words(said)
        if words and len(said.split()) <= _DESCRIBED:
            found.setdefault(words, 0.95)
    return list(found.items())


def _overlap(words: tuple[str, ...], variant: tuple[str, ...]) -> float:
    """F1 of the words, each of which meets one of the other side; the last word, the head, counts twice."""
    forward = [max((compare_words(word, other) for other in variant), default=0.0) for word in words]
    back = [max((compare_words(word, other) for other in words), default=0.0) for word in variant]
    precision = (sum(forward) + forward[-1]) / (len(forward) + 1)
    recall = (sum(back) + back[-1]) / (len(back) + 1)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _initials_of(label: str) -> str:
    bare = label.strip(" .:").replace(".", "")
    return bare.lower() if 2 <= len(bare) <= 5 and bare.isalpha() else ""


def _initials(variant: tuple[str, ...]) -> str:
    return "".join(word[0] for word in variant) if len(variant) > 1 else "-"
