"""Trains the ranked selector's network: a softmax over the groups of a question and "none of them"."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from ctxprune.models.network import WIDEST, Network


@dataclass(frozen=True)
class Shape:
    """How a network is trained; `hidden` 0 is a linear model."""

    hidden: int = 0
    epochs: int = 60
    batch: int = 64
    rate: float = 5e-3
    decay: float = 1e-3
    drop: float = 0.1  # of the inputs, so that no single one decides
    seed: int = 0


def train(shape: Shape, rows: np.ndarray, owner: np.ndarray, right: np.ndarray, weights: np.ndarray) -> Network:
    """Fit to rows (n, d) of questions `owner` (n,), rising from 0; `right` (n,) 0/1; `weights` (n_questions,).

    A question's loss is minus the log of the probability that its right groups have together; where none is right,
    of the probability that is left for none. NaN in a row is not known and counts as the mean.
    """
    rng = np.random.default_rng(shape.seed)
    inputs, mean, scale = _standardise(rows)
    n, width = len(weights), rows.shape[1]
    starts = np.searchsorted(owner, np.arange(n + 1))
    if shape.hidden:
        parameters = [
            rng.normal(0, width**-0.5, (width, shape.hidden)), np.zeros(shape.hidden),
            rng.normal(0, 0.1, shape.hidden), np.zeros(1),
        ]  # fmt: skip
    else:
        parameters = [np.zeros(width), np.zeros(1)]
    moments = [(np.zeros_like(p), np.zeros_like(p)) for p in parameters]
    steps, step = shape.epochs * -(-n // shape.batch), 0
    for _ in range(shape.epochs):
        order = rng.permutation(n)
        for start in range(0, n, shape.batch):
            part = order[start : start + shape.batch]
            take = np.concatenate([np.arange(starts[q], starts[q + 1]) for q in part])
            place = np.repeat(np.arange(len(part)), starts[part + 1] - starts[part])
            values = inputs[take] * (rng.random((len(take), width)) > shape.drop) / (1 - shape.drop)
            logits, hidden = _forward(parameters, values)
            error = _error(logits, place, right[take], weights[part]) / weights[part].sum()
            step += 1
            gradients = _gradients(parameters, values, hidden, error)
            rate = shape.rate * (1 + np.cos(np.pi * step / steps)) / 2
            for k, gradient in enumerate(gradients):
                if parameters[k].size > 1:
                    gradient = gradient + shape.decay * parameters[k]  # noqa: PLW2901
                drift, spread = moments[k]
                drift += 0.1 * (gradient - drift)
                spread += 0.001 * (gradient**2 - spread)
                change = drift / (1 - 0.9**step) / (np.sqrt(spread / (1 - 0.999**step)) + 1e-8)
                parameters[k] = parameters[k] - rate * change
    if shape.hidden:
        return Network(mean, scale, parameters[0], parameters[1], parameters[2], float(parameters[3][0]))
    return Network(mean, scale, None, None, parameters[0], float(parameters[1][0]))


def fit_linear(rows: np.ndarray, owner: np.ndarray, right: np.ndarray, weights: np.ndarray, *, decay: float) -> Network:
    """The linear model of least loss, of the same arguments and the same loss as `train`, plus `decay` / 2 times the
    sum of the squared weights. The loss is convex, so neither a seed nor a number of epochs matters.
    """
    inputs, mean, scale = _standardise(rows)
    share, n = weights / weights.sum(), len(weights)

    def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        out = parameters[:-1]
        logits = inputs @ out + parameters[-1]
        raw = np.exp(np.clip(logits, -30, 30))
        good, total = np.bincount(owner, raw * right, n), np.bincount(owner, raw, n) + 1
        value = -share @ np.log(np.where(good > 0, good, 1) / total) + decay / 2 * out @ out
        error = _error(logits, owner, right, share)
        return float(value), np.append(inputs.T @ error + decay * out, error.sum())

    found = minimize(loss, np.zeros(rows.shape[1] + 1), jac=True, method="L-BFGS-B", options={"maxiter": 1_000}).x
    return Network(mean, scale, None, None, found[:-1], float(found[-1]))


def _standardise(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What the network sees, and the mean and scale of the columns; NaN, which is not known, becomes the mean."""
    known = ~np.isnan(rows)
    counts = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, rows, 0.0).sum(axis=0) / counts
    scale = np.sqrt((np.where(known, rows - mean, 0.0) ** 2).sum(axis=0) / counts) + 1e-3
    return np.nan_to_num(np.clip((rows - mean) / scale, -WIDEST, WIDEST)), mean, scale


def standardised(network: Network, rows: np.ndarray) -> np.ndarray:
    """What the network sees of rows (n, d)."""
    return np.clip((rows - network.mean) / network.scale, -WIDEST, WIDEST)


def _forward(parameters, values):
    if len(parameters) == 2:
        return values @ parameters[0] + parameters[1], None
    hidden = np.maximum(values @ parameters[0] + parameters[1], 0)
    return hidden @ parameters[2] + parameters[3], hidden


def _error(logits, place, right, weights):
    """Gradient of the loss by each logit; the logit of none is 0."""
    raw = np.exp(np.clip(logits, -30, 30))
    total = np.bincount(place, raw, len(weights)) + 1
    good = np.bincount(place, raw * right, len(weights))
    none = good == 0
    among = np.where(none[place], 0.0, raw * right / np.where(none, 1, good)[place])
    return (raw / total[place] - among) * weights[place]


def _gradients(parameters, values, hidden, error):
    if hidden is None:
        return [values.T @ error, error.sum(keepdims=True)]
    back = (error[:, None] * parameters[2]) * (hidden > 0)
    return [values.T @ back, back.sum(0), hidden.T @ error, error.sum(keepdims=True)]
