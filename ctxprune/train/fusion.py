"""The last step of training: weights that turn scores of model and BM25 into probabilities, from examples set aside.

By kind of unit, in two steps: weights that put evidence above the rest of its own example (logistic regression on
differences: RankNet's loss, Burges and others 2005), then scale and constant that make their sum a probability (Platt
1999), beside how few units there are. Questions are set aside, not documents, and of documents that it was trained on
the model is surer than of others; hence BM25 weighs at least twice what the model's own logit does. Every example
counts the same, and so does every source.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.train.contexts import DocumentsContext

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from ctxprune.scorers.neural.pruner import PrunerScorer
    from ctxprune.train.examples import Example

__all__ = ["calibration_error", "fit_fusion", "logistic"]

_UNIT = ("keep", "relevance", "lexical", "titled")
_DOCUMENT = ("relevance", "keep", "titled", "lexical")
_BM25, _LEAST = ("lexical", "titled"), 2.0  # each weighs at least so much of what the first feature does
_PRIOR = "fewness"  # alike for all of one context, so it moves probabilities and never the order
_LONGEST = 12_000  # characters of an example that is read
_RANKED = 10  # documents that are read of an example whose documents alone are labelled


@dataclass(slots=True)
class _Rows:
    features: list[NDArray[np.float64]]
    labels: list[NDArray[np.float64]]
    weights: list[NDArray[np.float64]]


def fit_fusion(
    scorer: PrunerScorer, examples: Sequence[Example], *, progress: Callable[[int, int], None] | None = None
) -> dict[str, dict[str, dict[str, float]]]:
    """The parts `unit` and `document` of a manifest, from examples that were not trained on.

    Args:
        scorer: With the model whose features are weighed; its own weights do not matter.
        examples: Labelled ones of any kind; "passage" must be among them.
        progress: Called with how many examples are done, and of how many.
    """
    units: dict[str, _Rows] = defaultdict(lambda: _Rows([], [], []))
    documents: dict[str, _Rows] = defaultdict(lambda: _Rows([], [], []))
    shares = Counter(example.source for example in examples)
    for done, example in enumerate(examples, start=1):
        documents_read = example.documents[: _RANKED if example.unlabelled else None]
        context = DocumentsContext(documents_read, example.kind)
        length = sum(len(unit.text) for unit in context.units)
        if not context.units or (length > _LONGEST and not example.unlabelled):
            continue
        features = scorer.features(example.question, context)
        # every source counts the same, however many examples it has
        weight = 1 / shares[example.source]
        if not example.unlabelled:
            _add(units[example.kind], features.units, _UNIT, context.labels, weight)
        if example.relevant is not None and len(example.relevant) > 1:
            relevant = [example.relevant[source] for source in features.layout.sources]
            _add(documents[example.kind], features.documents, _DOCUMENT, relevant, weight)
        if progress is not None:
            progress(done, len(examples))
    return {
        "unit": {kind: _fitted(rows, _UNIT) for kind, rows in sorted(units.items())},
        "document": {kind: _fitted(rows, _DOCUMENT) for kind, rows in sorted(documents.items())},
    }


def logistic(
    features: NDArray[np.float64], labels: NDArray[np.float64], weights: NDArray[np.float64], *, penalty: float = 1e-3
) -> NDArray[np.float64]:
    """Weights of a logistic regression by Newton's method; those of features, all but the last one, are 0 or more.

    Args:
        features: (n, d); the last column is the constant.
        labels: (n,), 0 or 1.
        weights: (n,), of the rows.
        penalty: On the squares of all weights but the last.
    """
    active = np.ones(features.shape[1], dtype=np.bool_)
    shrink = np.full(features.shape[1], penalty * weights.sum())
    shrink[-1] = 0
    while True:
        found = np.zeros(features.shape[1])
        chosen = features[:, active]
        for _ in range(50):
            odds = 1 / (1 + np.exp(-np.clip(chosen @ found[active], -40, 40)))
            gradient = chosen.T @ (weights * (odds - labels)) + shrink[active] * found[active]
            curve = (chosen * (weights * odds * (1 - odds))[:, None]).T @ chosen + np.diag(shrink[active] + 1e-9)
            step = np.linalg.solve(curve, gradient)
            found[active] -= step
            if np.abs(step).max() < 1e-8:
                break
        negative = (found < 0) & active
        negative[-1] = False
        if not negative.any():
            return found
        # a negative weight would turn a signal round; the feature is left out and the rest is fitted anew
        active &= ~negative


def calibration_error(probabilities: NDArray[Any], labels: NDArray[Any], *, bins: int = 15) -> float:
    """Expected calibration error, 0 to 1, over bins of equal width (Guo, Pleiss, Sun and Weinberger 2017)."""
    places = np.minimum((np.asarray(probabilities) * bins).astype(int), bins - 1)
    total = 0.0
    for place in range(bins):
        inside = places == place
        if inside.any():
            total += inside.sum() * abs(float(np.mean(probabilities[inside])) - float(np.mean(labels[inside])))
    return total / max(len(places), 1)


def _add(
    rows: _Rows,
    features: Mapping[str, NDArray[np.float64]],
    names: Sequence[str],
    labels: Sequence[bool],
    weight: float,
) -> None:
    # log-odds of a saturated network run to minus infinity
    table = np.stack([np.maximum(features[name], -30.0) for name in (*names, _PRIOR)] + [np.ones(len(labels))], axis=1)
    rows.features.append(table)
    rows.labels.append(np.asarray(labels, dtype=np.float64))
    rows.weights.append(np.full(len(labels), weight / len(labels)))


def _fitted(rows: _Rows, names: Sequence[str]) -> dict[str, float]:
    parts = [features[:, : len(names)] for features in rows.features]
    pairs = [_differences(*entry) for entry in zip(parts, rows.labels, rows.weights, strict=True)]
    features, weights = np.concatenate([pair[0] for pair in pairs]), np.concatenate([pair[1] for pair in pairs])
    # first the order, from differences within an example, where what all units share cancels out
    order = logistic(features, np.ones(len(features)), weights)[:-1]
    for place, name in enumerate(names):
        if name in _BM25:
            order[place] = max(order[place], _LEAST * order[0])
    table = np.concatenate(rows.features)
    # then the probability: one scale and the shares of prior and bias, which leave the order as it is
    sums = np.column_stack([table[:, : len(names)] @ order, table[:, len(names) :]])
    scale, prior, bias = logistic(sums, np.concatenate(rows.labels), np.concatenate(rows.weights), penalty=1e-6)
    found = [*(scale * order), prior, bias]
    return {name: round(float(value), 4) for name, value in zip([*names, _PRIOR, "bias"], found, strict=True)}


def _differences(
    features: NDArray[np.float64], labels: NDArray[np.float64], weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Every positive minus every negative of one example, (n, d + 1) with a last column of zeros, and their weights."""
    features = np.column_stack([features, np.zeros(len(features))])
    positive, negative = features[labels > 0.5], features[labels < 0.5]
    pairs = (positive[:, None] - negative[None]).reshape(-1, features.shape[1])
    return pairs, np.full(len(pairs), weights.sum() / max(len(pairs), 1))
