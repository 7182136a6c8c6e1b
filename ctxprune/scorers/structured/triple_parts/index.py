"""What a graph's edges say, whatever is asked: words of labels, entities that are alike, and relations by kind."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.scorers.lexical.statistics import inverse_frequencies, unknown_frequency
from ctxprune.scorers.structured.name_index import NameIndex
from ctxprune.text.words import terms

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from ctxprune.context.base import Context

__all__ = ["TripleIndex", "WordField"]

_MOST_KINDS = 64  # sets of relations that entities are sorted by; in a graph of more the rest joins the nearest
_ALIKE = 0.6  # of the relations of two such sets that they share
_SAMPLE = 200  # entities of a kind of which the labels are read
_COMMON = 0.6  # of these that have a word which names the kind
_MOST_NAMES = 4000  # relations by kind whose meaning is looked up: each takes 50 microseconds
_NUMBER = re.compile(r"[-+]?[\d.,:/ -]*\d[\d.,:/ -]*%?")


class WordField:
    """The words of some labels.

    Args:
        labels: Each once.
    """

    def __init__(self, labels: Sequence[str]) -> None:
        self.size = len(labels)
        self._ids: dict[str, int] = {}
        owners: list[int] = []
        numbers: list[int] = []
        for owner, label in enumerate(labels):
            for term in set(terms(label)):
                numbers.append(self._ids.setdefault(term, len(self._ids)))
                owners.append(owner)
        ids = np.asarray(numbers, dtype=np.int64)
        order = np.argsort(ids, kind="stable")
        self._owners = np.asarray(owners, dtype=np.int64)[order]
        self._starts = np.searchsorted(ids[order], np.arange(len(self._ids) + 1))
        self._idf = inverse_frequencies(np.diff(self._starts), self.size)
        self._whole = np.bincount(self._owners, weights=self._idf[ids[order]], minlength=self.size)

    def match(self, asked: Sequence[str]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """How much of each label's information the asked words are, and how much of theirs the label has: float64
        (n_labels,) each, 0 to 1; zeros for no words."""
        found, total = np.zeros(self.size), 0.0
        for term in asked:
            if (number := self._ids.get(term)) is None:
                total += unknown_frequency(self.size)
                continue
            found[self._owners[self._starts[number] : self._starts[number + 1]]] += self._idf[number]
            total += self._idf[number]
        return found / np.maximum(self._whole, 1e-9), found / max(total, 1e-9)


class TripleIndex:
    """The edges of one context of kind "graph", which has the relation of an edge as its name, the tail as its detail,
    the head as its parent and the unit of the tail as its target. Other contexts have the text of a unit for all.

    Attributes:
        edges: For each edge its unit, int64 (n_edges,).
        heads, tails: For each edge the number of an entity; a tail that is none is -1.
        relations: For each edge the number of its relation among those of its kind of head.
        labels: For each edge the number of its tail's label.
        kinds: For each entity its kind. Entities with about the same relations are of one kind.
        relation_kinds: For each relation the kind of its heads.
        is_name: Whether a relation gives a name or title, bool.
        numeric: Of each label of a tail whether it is a number or date, bool.
        size: How many units the context has.
    """

    def __init__(self, context: Context[Any]) -> None:
        units = context.units
        self.size = len(units)
        names = context.names or [unit.text for unit in units]
        details = context.details or [unit.text for unit in units]
        # A context without parents (a subset of a graph) has its units for edges, each of an entity of its own.
        flat = all(unit.parent is None for unit in units)
        self.edges = np.asarray([i for i, unit in enumerate(units) if flat or unit.parent is not None], dtype=np.int64)
        entities = sorted({i if (parent := units[i].parent) is None else parent for i in self.edges.tolist()})
        places = {unit: number for number, unit in enumerate(entities)}
        self.heads = np.asarray(
            [places[i if (p := units[i].parent) is None else p] for i in self.edges], dtype=np.int64
        )
        tails = [details[unit] for unit in self.edges]
        # By identity: of two entities called John, the one that the edge points at. Without targets nothing is known.
        targets = context.targets or [-1] * self.size
        self.tails = np.asarray([places.get(targets[unit], -1) for unit in self.edges], dtype=np.int64)
        labels, self.labels = _number(tails)
        plain, relations = _number([names[unit] for unit in self.edges])
        self.kinds, kind_names = self._find_kinds(relations, [units[unit].text for unit in entities])
        groups, self.relations = np.unique(self.kinds[self.heads] * max(len(plain), 1) + relations, return_inverse=True)
        self.relation_kinds = groups // max(len(plain), 1)
        relation_names = [plain[number] for number in (groups % max(len(plain), 1)).tolist()]
        self.numeric = np.asarray([bool(_NUMBER.fullmatch(label[:40])) for label in labels], dtype=bool)
        self.is_name = np.asarray([bool({"name", "title", "label"} & set(terms(one))) for one in relation_names])
        self.head_words = WordField([units[unit].text for unit in entities])
        self.tail_words = WordField(labels)
        kind_texts = [kind_names[kind] for kind in self.relation_kinds.tolist()]
        self.relation_index = _index_names(relation_names, kind_texts)
        self.kind_index = _index_names(kind_names, [""] * len(kind_names))

    def _find_kinds(self, relations: NDArray[np.int64], labels: Sequence[str]) -> tuple[NDArray[np.int64], list[str]]:
        """The kind of each entity, and of each kind the words that most of its labels share."""
        owned: list[set[int]] = [set() for _ in labels]
        for head, relation in zip(self.heads.tolist(), relations.tolist(), strict=True):
            owned[head].add(relation)
        sets = [frozenset(one) for one in owned]
        kinds: dict[frozenset[int], int] = {}
        centres: list[frozenset[int]] = []
        # The most frequent set of relations first: rows with an empty cell then join those that have all.
        for one, _ in Counter(sets).most_common():
            nearest = max(range(len(centres)), key=lambda at: _overlap(one, centres[at]), default=-1)
            if nearest >= 0 and (len(centres) >= _MOST_KINDS or _overlap(one, centres[nearest]) >= _ALIKE):
                kinds[one] = nearest
            else:
                kinds[one] = len(centres)
                centres.append(one)
        samples: list[list[str]] = [[] for _ in centres]
        found = [kinds[one] for one in sets]
        for label, kind in zip(labels, found, strict=True):
            if len(samples[kind]) < _SAMPLE:
                samples[kind].append(label)
        return np.asarray(found, dtype=np.int64), [_common_words(sample) for sample in samples]


def _number(labels: Sequence[str]) -> tuple[list[str], NDArray[np.int64]]:
    """The labels, each once, and for each place the number of its label."""
    numbers: dict[str, int] = {}
    found = [numbers.setdefault(label, len(numbers)) for label in labels]
    return list(numbers), np.asarray(found, dtype=np.int64)


def _overlap(one: frozenset[int], other: frozenset[int]) -> float:
    return len(one & other) / max(len(one | other), 1)


def _common_words(labels: Iterable[str]) -> str:
    """The words that most of the labels have, but for numbers."""
    labels = list(labels)
    counts = Counter(term for label in labels for term in dict.fromkeys(terms(label)))
    least = max(_COMMON * len(labels), 2 if len(labels) > 1 else 1)
    return " ".join(term for term, count in counts.items() if count >= least and not term[:1].isdigit())


def _index_names(names: Sequence[str], texts: Sequence[str]) -> NameIndex | None:
    """The meaning of names; None for more than can be read in time."""
    return NameIndex(names, texts, [""] * len(names)) if len(names) <= _MOST_NAMES else None
