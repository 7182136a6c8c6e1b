"""Fits weights that put evidence above the rest of its own context: a loss over pairs, and the calibration after it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import minimize

from ctxprune.models.network import WIDEST, Network

_PASSAGES = (
    "2wikimultihop", "fairytaleqa", "fever_eraser", "hotpotqa", "lost_in_middle_nq", "qed", "scifact", "selqa",
    "squad_pairs", "tatqa", "xquad_en",
)  # fmt: skip
COUNTS = dict.fromkeys(_PASSAGES, 2.0) | {"hand": 6.0}
"""What a set counts against others of its size."""


@dataclass
class Row:
    """A question with the features of the units of its context.

    Attributes:
        kind: The set that it is from.
        lexical: float64 (n_units, n_features): what words say.
        features: That, and what the model says, by length.
        labels: bool (n_units,).
        headings: Indices of units that are kept with others and score 0.
        tokens: int (n_units,).
        match: BM25 of each unit.
        one_is_enough: Whether any of the positive units answers.
        characters: int (n_units,).
        links: What the second pass reads, of the logits of the first; None for a context of one document.
    """

    kind: str
    lexical: np.ndarray
    features: np.ndarray
    labels: np.ndarray
    headings: list[int]
    tokens: np.ndarray
    match: np.ndarray
    one_is_enough: bool
    characters: np.ndarray
    links: Callable[[np.ndarray], np.ndarray] | None = None


@dataclass
class Pairs:
    """Units of many questions, one question after the other; `weights` (n_questions,) sum to 1."""

    values: np.ndarray
    labels: np.ndarray
    owners: np.ndarray
    weights: np.ndarray
    one_is_enough: np.ndarray


def fit(rows: list[Row], columns: list[int], decay: float, *, lexical: bool = False) -> Network:
    """A linear model of the features in `columns`; others weigh 0.

    A question's loss is the softplus of how far its negatives, taken together, stand above a positive: above the best
    one where one is enough, else the mean over all. A set counts by the square root of its number of questions, times
    `COUNTS`.
    """
    pairs, mean, scale = _collect(rows, columns, lexical=lexical)

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = _loss(pairs.values @ weights, pairs)
        return value + decay * float(weights @ weights), pairs.values.T @ gradient + 2 * decay * weights

    found = minimize(loss, np.zeros(pairs.values.shape[1]), jac=True, method="L-BFGS-B", options={"maxiter": 300}).x
    width = rows[0].lexical.shape[1] if lexical else rows[0].features.shape[1]
    whole = [np.zeros(width), np.ones(width), np.zeros(width)]
    for target, part in zip(whole, (mean, scale, found), strict=True):
        target[columns] = part
    return Network(whole[0], whole[1], None, None, whole[2], 0.0)


def fit_links(rows: list[Row], network: Network, decay: float) -> Network:
    """What is added to the logits of `network`: a linear model of `Row.links`, of the rows that have them."""
    several = []
    for row in rows:
        if row.links is not None:
            logits = network(row.features)
            several.append(replace(row, features=np.column_stack([logits, row.links(logits)])))
    found = fit(several, list(range(several[0].features.shape[1])), decay)
    # In units of the logits, whose own weight is thereby 1.
    return Network(
        found.mean[1:], found.scale[1:], None, None, found.out[1:] * float(found.scale[0] / found.out[0]), 0.0
    )


def add_links(row: Row, logits: np.ndarray, links: Network) -> np.ndarray:
    """The logits after the second pass."""
    return logits if row.links is None else logits + links(row.links(logits))


def calibrate(rows: list[Row], scores: list[np.ndarray]) -> dict[str, float]:
    """Numbers that turn logits into probabilities, every set counting the same; see `MixtureWeights`."""
    shares = Counter(row.kind for row in rows)
    table, labels, weights = [], [], []
    for row, logits in zip(rows, scores, strict=True):
        n = len(logits)
        plain = np.setdiff1d(np.arange(n), row.headings)
        top = float(logits.max())
        columns = [logits - top, np.full(n, top), np.full(n, -np.log(n)), np.ones(n)]
        table.append(np.stack(columns, axis=1)[plain])
        labels.append(row.labels[plain].astype(float))
        weights.append(np.full(len(plain), 1 / shares[row.kind] / n))
    x, y, w = np.concatenate(table), np.concatenate(labels), np.concatenate(weights)
    w /= w.sum()

    def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        z = x @ parameters
        value = float((w * (np.logaddexp(0, z) - y * z)).sum()) + 1e-6 * float(parameters @ parameters)
        return value, x.T @ (w * (1 / (1 + np.exp(-z)) - y)) + 2e-6 * parameters

    found = minimize(loss, np.array([1.0, 0, 0, 0]), jac=True, method="L-BFGS-B").x
    return dict(zip(("scale", "best", "fewness", "bias"), (round(float(value), 5) for value in found), strict=True))


def _collect(rows: list[Row], columns: list[int], *, lexical: bool) -> tuple[Pairs, np.ndarray, np.ndarray]:
    values, labels, owners, kinds, enough = [], [], [], [], []
    for row in rows:
        features = (row.lexical if lexical else row.features)[:, columns]
        # All units of a question: a choice of the hardest would turn what they were chosen by against itself.
        places = np.setdiff1d(np.arange(len(row.labels)), row.headings)
        marks = row.labels[places]
        if not marks.any() or marks.all():
            continue
        values.append(features[places])
        labels.append(marks)
        owners.append(np.full(len(marks), len(kinds)))
        kinds.append(row.kind)
        enough.append(row.one_is_enough)
    sizes = Counter(kinds)
    weights = np.array([COUNTS.get(kind, 1.0) * sizes[kind] ** -0.5 for kind in kinds])
    whole = np.concatenate(values)
    mean, scale = whole.mean(axis=0), whole.std(axis=0) + 1e-3
    return (
        Pairs(
            np.clip((whole - mean) / scale, -WIDEST, WIDEST),
            np.concatenate(labels),
            np.concatenate(owners),
            weights / weights.sum(),
            np.array(enough),
        ),
        mean,
        scale,
    )


def _loss(scores: np.ndarray, pairs: Pairs) -> tuple[float, np.ndarray]:
    """The loss, and its gradient by each score."""
    labels, owners, n = pairs.labels, pairs.owners, len(pairs.weights)
    negative, share = _log_sums(np.where(labels, -np.inf, scores), owners, n)
    positive, part = _log_sums(np.where(labels, scores, -np.inf), owners, n)
    counts = np.bincount(owners, labels, n)
    best = negative - positive
    each = np.where(labels, negative[owners] - np.where(labels, scores, 0), -np.inf)
    pull = _logistic(each) * labels
    all_losses = np.bincount(owners, np.logaddexp(0, each) * labels, n) / counts
    losses = np.where(pairs.one_is_enough, np.logaddexp(0, best), all_losses)
    push = np.where(pairs.one_is_enough, _logistic(best), np.bincount(owners, pull, n) / counts)
    down = np.where(pairs.one_is_enough[owners], _logistic(best)[owners] * part, pull / counts[owners])
    gradient = np.where(labels, -down, push[owners] * share) * pairs.weights[owners]
    return float(pairs.weights @ losses), gradient


def _log_sums(values: np.ndarray, owners: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Logarithm of the sum of exponentials of each owner, and the share of each value in it."""
    top = np.full(n, -np.inf)
    np.maximum.at(top, owners, values)
    raw = np.exp(values - top[owners])
    total = np.bincount(owners, raw, n)
    return top + np.log(total), raw / total[owners]


def _logistic(values: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(values, -50, 50)))
