"""Trains the small networks of `ctxprune.models.network` with numpy alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ctxprune.models.network import WIDEST, Network

RATE = 4e-3
_MEAN_NEEDED = 3.0  # columns of a question, so that `worst` leaves the whole weight about as it is


@dataclass(frozen=True)
class Networks:
    """How a network is trained; several seeds are trained side by side and averaged into one wider network.

    `worst` (0..1) of the weight of a question's needed rows goes to those that score worst: a question is lost with any
    of them.
    """

    hidden: int
    epochs: int
    decay: float
    seeds: tuple[int, ...]
    batch: int = 1024
    worst: float = 0.0


def train(shape: Networks, inputs: np.ndarray, labels: np.ndarray, weights: np.ndarray, owner: np.ndarray) -> Network:
    """Weighted cross-entropy with Adam, a rate that falls as a cosine, and L2 decay; inputs (n, d), labels 0/1 (n,).

    `owner` (n,) numbers the question of each row, rising from 0.
    """
    mean, scale = inputs.mean(axis=0), inputs.std(axis=0) + 1e-6
    rows = np.clip((inputs - mean) / scale, -WIDEST, WIDEST).astype(np.float32)
    labels, weights = labels.astype(np.float32), weights.astype(np.float32)
    parameters = _start(shape, rows.shape[1])
    decays = (shape.decay, 0.0, shape.decay, 0.0)
    moments = [(np.zeros_like(value), np.zeros_like(value)) for value in parameters]
    rng = np.random.default_rng(len(shape.seeds))
    steps, step = shape.epochs * -(-len(rows) // shape.batch), 0
    for _ in range(shape.epochs):
        order = (
            np.argsort(rng.permutation(owner[-1] + 1)[owner], kind="stable")
            if shape.worst
            else rng.permutation(len(rows))
        )
        for start in range(0, len(rows), shape.batch):
            part = order[start : start + shape.batch]
            rate = RATE * (1 + np.cos(np.pi * step / steps)) / 2 + 5e-5
            step += 1
            gradients = _gradients(shape.worst, parameters, (rows[part], labels[part], weights[part], owner[part]))
            _step(parameters, gradients, moments, decays, (rate, step))
    hidden, hidden_bias, out, bias = (value.astype(float) for value in parameters)
    return Network(mean.astype(float), scale.astype(float), hidden, hidden_bias, out / len(bias), float(bias.mean()))


def _shares(values: np.ndarray, owner: np.ndarray) -> np.ndarray:
    """Softmax of (n, n_seeds) within each question."""
    values = np.exp(np.clip(values, -15, 15))
    _, place = np.unique(owner, return_inverse=True)
    total = np.zeros((place.max(initial=0) + 1, values.shape[1]), dtype=values.dtype)
    np.add.at(total, place, values)
    return values / total[place]


def _step(parameters, gradients, moments, decays, pace: tuple[float, int]) -> None:
    """One step of Adam, in place."""
    rate, step = pace
    for number, ((drift, spread), decay) in enumerate(zip(moments, decays, strict=True)):
        gradient = gradients[number] + decay * parameters[number]
        drift[...] = 0.9 * drift + 0.1 * gradient
        spread[...] = 0.999 * spread + 0.001 * gradient**2
        change = drift / (1 - 0.9**step) / (np.sqrt(spread / (1 - 0.999**step)) + 1e-8)
        parameters[number] = (parameters[number] - rate * change).astype(np.float32)


def _start(shape: Networks, width: int) -> list[np.ndarray]:
    rngs = [np.random.default_rng(seed) for seed in shape.seeds]
    hidden = [rng.normal(0, 1 / np.sqrt(width), (width, shape.hidden)) for rng in rngs]
    out = [rng.normal(0, 1 / np.sqrt(shape.hidden), shape.hidden) for rng in rngs]
    n = len(rngs)
    values = [np.concatenate(hidden, axis=1), np.zeros(n * shape.hidden), np.concatenate(out), np.full(n, -2.0)]
    return [value.astype(np.float32) for value in values]


def _gradients(worst: float, parameters: list[np.ndarray], batch: tuple[np.ndarray, ...]):
    """Of all seeds at once; each has its own logit and its own error."""
    hidden, hidden_bias, out, bias = parameters
    rows, labels, weights, owner = batch
    before = rows @ hidden + hidden_bias
    active = np.maximum(before, 0)
    logits = (active * out).reshape(len(rows), len(bias), -1).sum(axis=2) + bias
    error = (1 / (1 + np.exp(-logits)) - labels[:, None]) * weights[:, None] / len(rows)
    if worst:
        needed = labels > 0
        error[needed] *= 1 - worst + worst * _MEAN_NEEDED * _shares(-logits[needed], owner[needed])
    spread = np.repeat(error, len(out) // len(bias), axis=1)
    back = spread * out * (before > 0)
    return [rows.T @ back, back.sum(axis=0), (active * spread).sum(axis=0), error.sum(axis=0)]
