"""What is known of each edge for a question: its words, and the evidence at and around its head and tail."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ctxprune.scorers.structured.name_index import Asked
from ctxprune.text.words import words

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ctxprune.context.scores import Scores
    from ctxprune.scorers.structured.name_index import NameIndex
    from ctxprune.scorers.structured.triple_parts.index import TripleIndex

__all__ = ["FEATURES", "edge_features"]

FEATURES = (
    "words", "words_of_best", "relation", "relation_covered", "relation_meaning", "relation_of_best", "kind",
    "kind_meaning", "kind_best_relation", "head", "tail", "tail_whole", "tail_covered", "head_named", "head_near",
    "head_far", "tail_named", "tail_near", "tail_far", "tail_is_entity", "tail_kind", "bridge", "both_kinds", "is_name",
    "is_number", "named", "superlative", "comparison", "number_asked", "relation_share", "kind_named", "named_apart",
    "relation_named", "kind_near",
)  # fmt: skip
"""Names of the columns."""
_PART = 0.3  # of a value of which the question has some words, beside one that it has whole
_SUPERLATIVES = frozenset(
    [
        "most",
        "least",
        "maximum",
        "minimum",
        "max",
        "min",
        "top",
        "first",
        "last",
        "best",
        "worst",
        "fewest",
        "greatest",
        "ascending",
        "descending",
        "order",
        "sort",
    ]
)
_COMPARISONS = frozenset(
    [
        "more",
        "less",
        "than",
        "over",
        "under",
        "above",
        "below",
        "between",
        "before",
        "after",
        "older",
        "younger",
        "greater",
        "larger",
        "smaller",
        "higher",
        "lower",
        "earlier",
        "later",
        "longer",
        "shorter",
        "not",
    ]
)


def edge_features(query: str, index: TripleIndex, bm25: Scores) -> NDArray[np.float64]:
    """float64 (n_edges, n_features), in the order of `FEATURES`.

    Evidence is what the question names: an entity by its label, or a value of it, whole. It spreads along edges in
    either direction, and each step keeps the best of what arrives, as in message passing over a graph with the product
    and the maximum (Neural-Symbolic Message Passing with Dynamic Pruning).

    Args:
        query: The question. Of an empty one all columns that compare it with an edge are 0.
        index: The graph.
        bm25: Of all units, float32 (n_units,).
    """
    asked = Asked(query)
    count = len(index.edges)
    lexical = bm25[index.edges].astype(np.float64)
    relation, covered, meaning = _read_names(index.relation_index, asked, len(index.relation_kinds))
    own_kind, _, kind_meaning = _read_names(index.kind_index, asked, int(index.kinds.max(initial=-1)) + 1)
    head, head_covered = index.head_words.match(asked.terms)
    tail, tail_covered = index.tail_words.match(asked.terms)
    whole = tail > 0.999  # all of its words, up to rounding
    value = np.where(whole, tail_covered, 0) + _PART * tail_covered * tail
    values = (value[index.labels] * (index.tails < 0)).astype(np.float64)
    near = np.where(head > 0.999, head_covered, 0.0)
    np.maximum.at(near, index.heads, values)
    best = float(near.max(initial=0))
    steps = [near / max(best, 1e-9)]
    for _ in range(2):
        steps.append(_spread(steps[-1], index))
    kinds = index.kinds[index.heads]
    relation_best = _group_max(relation, index.relation_kinds, len(own_kind))
    kind_relevance = np.maximum(own_kind, relation_best)
    named = _group_max(steps[0], index.kinds, len(own_kind))
    tail_kind = _at(kind_relevance, np.where(index.tails < 0, -1, index.kinds[index.tails]))
    bridge, around = _read_links(index, kind_relevance)
    found = words(query)
    ones = np.ones(count)
    return np.stack(
        [
            lexical,
            lexical / max(float(lexical.max(initial=0)), 1e-9),
            relation[index.relations],
            covered[index.relations],
            meaning[index.relations],
            relation[index.relations] / max(float(relation.max(initial=0)), 1e-9),
            own_kind[kinds],
            kind_meaning[kinds],
            relation_best[kinds],
            head[index.heads],
            tail[index.labels],
            whole[index.labels],
            tail_covered[index.labels],
            *(step[index.heads] for step in steps),
            *(_at(step, index.tails) for step in steps),
            index.tails >= 0,
            tail_kind,
            bridge[kinds],
            np.minimum(kind_relevance[kinds], tail_kind),
            index.is_name[index.relations],
            index.numeric[index.labels],
            ones * best,
            ones * any(word in _SUPERLATIVES or (word.endswith("est") and len(word) > 4) for word in found),
            ones * (not _COMPARISONS.isdisjoint(found)),
            ones * any(word[:1].isdigit() for word in found),
            (np.bincount(index.relations, minlength=len(relation)) / max(count, 1))[index.relations],
            named[kinds],
            steps[0][index.heads] - named[kinds],
            _group_max(values, index.relations, len(relation))[index.relations],
            around[kinds],
        ],
        axis=1,
    )


def _read_names(index: NameIndex | None, asked: Asked, size: int) -> tuple[NDArray[np.float64], ...]:
    if index is None or not size:
        return np.zeros(size), np.zeros(size), np.zeros(size)
    return (*index.share(asked), index.meaning(asked))


def _spread(values: NDArray[np.float64], index: TripleIndex) -> NDArray[np.float64]:
    """For each entity the best of the values of its neighbours."""
    found = np.zeros(len(values))
    known = index.tails >= 0
    heads, tails = index.heads[known], index.tails[known]
    np.maximum.at(found, heads, values[tails])
    np.maximum.at(found, tails, values[heads])
    return found


def _group_max(values: NDArray[np.float64], groups: NDArray[np.int64], size: int) -> NDArray[np.float64]:
    found = np.zeros(size)
    np.maximum.at(found, groups, values)
    return found


def _at(values: NDArray[np.float64], places: NDArray[np.int64]) -> NDArray[np.float64]:
    """`values` at `places`, 0 where a place is -1."""
    return np.where(places < 0, 0.0, np.append(values, 0.0)[places])


def _read_links(index: TripleIndex, relevance: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """For each kind how relevant the second best of the kinds is that it points at, which makes it a bridge between two
    that are asked for; and the best of all kinds that it is linked with."""
    size = len(relevance)
    bridge, around = np.zeros(size), np.zeros(size)
    known = index.tails >= 0
    pairs = np.unique(np.stack([index.kinds[index.heads[known]], index.kinds[index.tails[known]]]), axis=1)
    np.maximum.at(around, pairs[0], relevance[pairs[1]])
    np.maximum.at(around, pairs[1], relevance[pairs[0]])
    for kind in range(size):
        targets = np.sort(relevance[pairs[1][pairs[0] == kind]])
        bridge[kind] = targets[-2] if len(targets) > 1 else 0.0
    return bridge, around
