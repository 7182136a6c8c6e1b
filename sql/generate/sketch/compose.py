"""From scores to ranked drafts: templates are filled, then a network that sees whole queries orders them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .bounds import with_bounds
from .fill import fill
from .ranges import between_pairs, with_ranges
from .rank import Draft, Ranker

if TYPE_CHECKING:
    from .model import Model
    from .query import Query
    from .scores import Scores

__all__ = ["Ranked", "make_drafts", "rank_drafts"]

_TEMPLATES = 18
_DRAFTS = 64
_SLOT_WEIGHT = 0.5


class Ranked(NamedTuple):
    """A query and its probability among the candidates of its question."""

    probability: float
    query: Query


def make_drafts(model: Model, scores: Scores) -> list[Draft]:
    """Filled templates, the most promising 64, each query once."""
    found: dict[Query, tuple[float, Draft]] = {}
    for likely in model.likely(scores, _TEMPLATES):
        for slots, query in fill(likely.template, scores):
            score = likely.score + _SLOT_WEIGHT * slots
            # Several templates can lead to one query; its best way there counts.
            if query not in found or score > found[query][0]:
                found[query] = score, Draft(query, likely, slots)
    best = sorted(found.values(), key=lambda pair: -pair[0])[:_DRAFTS]
    return [draft for _, draft in best]


def rank_drafts(model: Model, scores: Scores) -> list[Ranked]:
    """All drafts in order of the ranking network; probabilities sum to 1, and drafts that say the same share theirs."""
    found = make_drafts(model, scores)
    if not found:
        return []
    ranker = Ranker(scores.reading, scores)
    logits = model.nets["rank"]([ranker.features(draft) for draft in found])[:, 0].astype(float)
    # Softmax with the maximum taken off, so that no exponential overflows.
    shares = np.exp(logits - logits.max())
    shares /= shares.sum()
    distinct = "DIST" in scores.reading.classes
    pairs = between_pairs(scores.reading.analysis)
    summed: dict[Query, float] = {}
    for index in np.argsort(-shares, kind="stable"):
        # Bounds and ranges come after ranking, since its network sees queries as the templates write them.
        query = _finished(with_bounds(with_ranges(found[int(index)].query, pairs), scores.bounds), distinct)
        summed[query] = summed.get(query, 0.0) + float(shares[index])
    return [Ranked(share, query) for query, share in sorted(summed.items(), key=lambda pair: -pair[1])]


def _finished(query: Query, distinct: bool) -> Query:
    """With SELECT DISTINCT where the question asks for different things and nothing else makes the rows so."""
    plain = all(item.ref is not None and not item.agg for item in query.select)
    return replace(query, distinct=distinct and plain and not query.group and not query.compound)
