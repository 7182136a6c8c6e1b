"""Fits small networks: dense numpy, Adam, dropout; the same seed gives the same weights on one machine."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .net import Net

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from .features import Features

__all__ = ["Fit", "dense", "fit_net", "listwise", "sigmoid_loss", "softmax_loss", "vocabulary_of"]


@dataclass(frozen=True)
class Fit:
    """How to fit.

    Attributes:
        hidden: Width of the hidden layer.
        epochs: Passes over the data.
        rate: Step size of Adam at the start; it falls linearly to a tenth.
        batch: Rows (or groups) per step.
        dropout: Share of hidden units switched off per step.
        drop_input: Share of input features switched off per step.
        decay: Weight decay.
        seed: Of everything random.
    """

    hidden: int = 32
    epochs: int = 8
    rate: float = 3e-3
    batch: int = 256
    dropout: float = 0.1
    drop_input: float = 0.1
    decay: float = 1e-4
    seed: int = 0


def vocabulary_of(rows: Sequence[Features], least: int) -> dict[str, int]:
    """Feature names that occur at least so often, numbered in sorted order."""
    counts = Counter(name for row in rows for name in row)
    return {name: i for i, name in enumerate(sorted(name for name, count in counts.items() if count >= least))}


def dense(rows: Sequence[Features], vocabulary: dict[str, int]) -> NDArray[np.float32]:
    """(len(rows), len(vocabulary)) float32."""
    matrix = np.zeros((len(rows), len(vocabulary)), np.float32)
    for number, row in enumerate(rows):
        for name, value in row.items():
            position = vocabulary.get(name)
            if position is not None:
                matrix[number, position] = value
    return matrix


def sigmoid_loss(out: NDArray[np.float32], target: NDArray[np.float32]) -> NDArray[np.float32]:
    """Gradient of the mean binary cross-entropy."""
    gradient: NDArray[np.float32] = (1.0 / (1.0 + np.exp(-np.clip(out, -30, 30))) - target) / len(out)
    return gradient


def softmax_loss(out: NDArray[np.float32], target: NDArray[np.float32]) -> NDArray[np.float32]:
    """Gradient of the mean cross-entropy; `target` holds one distribution per row, all zeros = no label."""
    shifted = np.exp(out - out.max(axis=1, keepdims=True))
    share = shifted / shifted.sum(axis=1, keepdims=True)
    gradient: NDArray[np.float32] = (share * target.sum(axis=1, keepdims=True) - target) / len(out)
    return gradient


def fit_net(
    x: NDArray[np.float32],
    y: NDArray[np.float32],
    *,
    loss: Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.float32]],
    vocabulary: dict[str, int],
    how: Fit,
    groups: Sequence[tuple[int, int]] | None = None,
) -> Net:
    """A network fitted to rows `x` with targets `y`; with `groups` each step takes whole row ranges."""
    rng = np.random.default_rng(how.seed)
    width, outputs = x.shape[1], y.shape[1]
    params = [
        (rng.standard_normal((width, how.hidden)) * np.sqrt(2.0 / 30)).astype(np.float32) * 0.5,
        np.zeros(how.hidden, np.float32),
        (rng.standard_normal((how.hidden, outputs)) * np.sqrt(1.0 / how.hidden)).astype(np.float32),
        np.zeros(outputs, np.float32),
    ]
    adam = _Adam(params, how)
    units: Sequence[tuple[int, int]] = groups or [(i, i + 1) for i in range(len(x))]
    steps = how.epochs * ((len(units) + how.batch - 1) // how.batch)
    done = 0
    for _ in range(how.epochs):
        order = rng.permutation(len(units))
        for start in range(0, len(order), how.batch):
            chosen = order[start : start + how.batch]
            if groups is None:
                rows: NDArray[np.int64] = chosen
                bounds = None
            else:
                rows = np.concatenate([np.arange(*units[i]) for i in chosen])
                bounds = np.cumsum([0, *(units[i][1] - units[i][0] for i in chosen)])
            _step(params, adam, (x[rows], y[rows], bounds), loss, (how, rng, 1.0 - 0.9 * done / steps))
            done += 1
    return Net(vocabulary, *params)


def _step(params, adam, data, loss, control) -> None:  # type: ignore[no-untyped-def]
    w1, b1, w2, b2 = params
    x, y, bounds = data
    how, rng, scale = control
    if how.drop_input:
        x = x * (rng.random(x.shape, dtype=np.float32) >= how.drop_input)
    pre = x @ w1 + b1
    mask = (pre > 0).astype(np.float32)
    if how.dropout:
        mask *= (rng.random(pre.shape, dtype=np.float32) >= how.dropout) / (1.0 - how.dropout)
    hidden = pre * mask
    out = hidden @ w2 + b2
    gradient = loss(out, y) if bounds is None else listwise(out, y, bounds)
    back = (gradient @ w2.T) * mask
    adam.update([x.T @ back, back.sum(0), hidden.T @ gradient, gradient.sum(0)], scale)


def listwise(
    out: NDArray[np.float32], target: NDArray[np.float32], bounds: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Gradient of -log of the probability mass on right rows within each group; groups without one give nothing."""
    gradient = np.zeros_like(out)
    count = len(bounds) - 1
    for start, end in zip(bounds[:-1], bounds[1:], strict=True):
        right = target[start:end, 0] > 0
        if not right.any() or right.all():
            continue
        share = np.exp(out[start:end, 0] - out[start:end, 0].max())
        share /= share.sum()
        mass = max(float(share[right].sum()), 1e-9)
        gradient[start:end, 0] = (share - np.where(right, share / mass, 0.0)) / count
    return gradient


class _Adam:
    def __init__(self, params: list[NDArray[np.float32]], how: Fit) -> None:
        self.params, self.how = params, how
        self.m = [np.zeros_like(p) for p in params]
        self.v = [np.zeros_like(p) for p in params]
        self.t = 0

    def update(self, gradients: list[NDArray[np.float32]], scale: float) -> None:
        self.t += 1
        for p, g, m, v in zip(self.params, gradients, self.m, self.v, strict=True):
            m += 0.1 * (g - m)
            v += 0.01 * (g * g - v)
            step = (m / (1 - 0.9**self.t)) / (np.sqrt(v / (1 - 0.99**self.t)) + 1e-8)
            p -= self.how.rate * scale * step
            if p.ndim == 2:
                p *= 1.0 - self.how.rate * scale * self.how.decay
