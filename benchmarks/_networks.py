"""Trains the small networks of `ctxprune.sql.linking.network` with numpy alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ctxprune.sql.linking.features import sigmoid
from ctxprune.sql.linking.network import Network

BATCH = 512
RATE = 3e-3


@dataclass(frozen=True)
class Networks:
    """How a network is trained; several seeds are averaged into one wider network."""

    hidden: int
    epochs: int
    decay: float
    seeds: tuple[int, ...]


def train(shape: Networks, inputs: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> Network:
    """Weighted cross-entropy with Adam, a falling rate and L2 decay; inputs (n, d), labels 0/1 (n,)."""
    mean, scale = inputs.mean(axis=0), inputs.std(axis=0) + 1e-6
    rows = (inputs - mean) / scale
    members = [_one(shape, rows, labels, weights, seed) for seed in shape.seeds]
    return Network(
        mean,
        scale,
        np.concatenate([member[0] for member in members], axis=1),
        np.concatenate([member[1] for member in members]),
        np.concatenate([member[2] for member in members]) / len(members),
        float(np.mean([member[3] for member in members])),
    )


def _one(shape: Networks, rows: np.ndarray, labels: np.ndarray, weights: np.ndarray, seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    width, hidden = rows.shape[1], shape.hidden
    parameters = [
        rng.normal(0, 1 / np.sqrt(width), (width, hidden)),
        np.zeros(hidden),
        rng.normal(0, 1 / np.sqrt(hidden), hidden),
        np.array(-2.0),
    ]
    decays = (shape.decay, 0.0, shape.decay, 0.0)
    moments = [(np.zeros_like(value), np.zeros_like(value)) for value in parameters]
    step = 0
    for epoch in range(shape.epochs):
        rate = RATE * (1 - epoch / shape.epochs) + 1e-4
        order = rng.permutation(len(rows))
        for start in range(0, len(rows), BATCH):
            part = order[start : start + BATCH]
            step += 1
            gradients = _gradients(parameters, rows[part], labels[part], weights[part])
            for number, (first, second) in enumerate(moments):
                gradient = gradients[number] + decays[number] * parameters[number]
                first[...] = 0.9 * first + 0.1 * gradient
                second[...] = 0.999 * second + 0.001 * gradient**2
                change = first / (1 - 0.9**step) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
                parameters[number] = parameters[number] - rate * change
    return parameters


def _gradients(parameters: list[np.ndarray], rows: np.ndarray, labels: np.ndarray, weights: np.ndarray):
    before = rows @ parameters[0] + parameters[1]
    active = np.maximum(before, 0)
    error = weights * (sigmoid(active @ parameters[2] + parameters[3]) - labels) / len(rows)
    back = np.outer(error, parameters[2]) * (before > 0)
    return [rows.T @ back, back.sum(axis=0), active.T @ error, error.sum()]
