"""How likely it is that a question means a candidate, and which candidates are worth returning.

A logistic model over the facts of features.py. Its weights are weights.json, fitted by
benchmarks/training/values_weights.py on the training databases of Spider; the threshold is the one that keeps 99 % of
the stored literals there, measured on databases that the fit did not see.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ctxprune.models.weights import LogisticModel

from .base import ValueHit
from .features import NAMES, WEAK_WAYS, Candidate, ColumnFacts, features
from .truths import TRUTH

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..schema.schema import ColumnRef
    from .spans import Question
    from .stores import ValueReader

__all__ = ["choose"]

_MOST_HITS = 24
_MOST_WEAK_HITS = 8
_MOST_PER_SPAN_AND_COLUMN = 3
_MOST_WEAK_PER_COLUMN = 3
# Set by hand: Spider's training databases hold too few columns of yes and no to learn it from.
_TRUTH_LIKELIHOOD = 0.2


def choose(
    question: Question,
    candidates: Sequence[Candidate],
    stored: ValueReader,
    refs: Sequence[ColumnRef],
    facts: Sequence[ColumnFacts],
) -> list[ValueHit]:
    """The hits worth returning, most likely first.

    No column takes more than three hits for one span, nor more than three that are not equal to what the question
    says, so that many near-duplicates in one column leave room for the others. A quoted string that equals a value is
    always worth returning.
    """
    if not candidates:
        return []
    model = LogisticModel.load(__package__, "weights.json", NAMES)
    likely = model.likelihoods(features(question, candidates, stored, facts))
    likely[[candidate.way == TRUTH for candidate in candidates]] = _TRUTH_LIKELIHOOD
    # rows come last, so that equal likelihoods are ordered the same in every store
    order = sorted(range(len(candidates)), key=lambda k: (-likely[k], -candidates[k].score, candidates[k].row))
    chosen: dict[int, ValueHit] = {}
    taken: Counter[tuple[object, ...]] = Counter()
    for k in order:
        candidate = candidates[k]
        if candidate.row in chosen or len(chosen) >= _MOST_HITS:
            continue
        weak = candidate.way in WEAK_WAYS or candidate.way == TRUTH
        if likely[k] < model.threshold and (weak or (candidate.first, candidate.last) not in question.quoted):
            continue
        column = int(stored.columns[candidate.row])
        # one frequent word must not take all places: each cap is counted under its own key
        caps: list[tuple[tuple[int, ...], int]] = [
            ((column, candidate.first, candidate.last), _MOST_PER_SPAN_AND_COLUMN)
        ]
        caps += [((column,), _MOST_WEAK_PER_COLUMN), ((), _MOST_WEAK_HITS)] if weak else []
        if any(taken[key] >= most for key, most in caps):
            continue
        taken.update(key for key, _most in caps)
        i, j, masked = candidate.first, candidate.last, facts[column].masked
        chosen[candidate.row] = ValueHit(
            refs[column],
            question.chunk(i, j) if masked else stored.value(candidate.row),
            question.place(i, j),
            candidate.score,
            candidate.stage,
            round(float(likely[k]), 4),
            masked,
        )
    return list(chosen.values())
