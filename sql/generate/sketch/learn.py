"""Fits small networks: dense numpy, Adam, dropout; the same seed gives the same weights on one machine."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from .net import Net

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from .features import Features

Array: TypeAlias = "NDArray[np.float32]"
Loss: TypeAlias = "Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.float32]]"

__all__ = ["Fit", "Wide", "dense", "fit_net", "listwise", "sigmoid_loss", "softmax_loss", "vocabulary_of"]


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
        wide_decay: L2 penalty of sparse weights.
        seed: Of everything random.
    """

    hidden: int = 32
    epochs: int = 8
    rate: float = 3e-3
    batch: int = 256
    dropout: float = 0.1
    drop_input: float = 0.1
    decay: float = 1e-4
    wide_decay: float = 1e-5
    seed: int = 0


@dataclass(frozen=True)
class Wide:
    """Sparse features of all rows.

    Attributes:
        names: Feature name to weight number.
        index: (n_rows, most per row) int32 weight numbers, padded with len(names).
    """

    names: dict[str, int]
    index: NDArray[np.int32]

    @classmethod
    def of(cls, rows: Sequence[Features], prefix: str, least: int) -> Wide:
        """The features whose name starts with `prefix` and that occur at least so often."""
        counts = Counter(name for row in rows for name in row if name.startswith(prefix))
        names = {name: i for i, name in enumerate(sorted(name for name, count in counts.items() if count >= least))}
        found = [[names[name] for name in row if name in names] for row in rows]
        index = np.full((len(rows), max(map(len, found), default=0)), len(names), np.int32)
        for number, row in enumerate(found):
            index[number, : len(row)] = row
        return cls(names, index)


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
    share = 1.0 / (1.0 + np.exp(-np.clip(out, -30, 30)))
    gradient: Array = ((share - target) / np.float32(len(out))).astype(np.float32, copy=False)
    return gradient


def softmax_loss(out: NDArray[np.float32], target: NDArray[np.float32]) -> NDArray[np.float32]:
    """Gradient of the mean cross-entropy; `target` holds one distribution per row, all zeros = no label."""
    shifted = np.exp(out - out.max(axis=1, keepdims=True))
    share = shifted / shifted.sum(axis=1, keepdims=True)
    difference = share * target.sum(axis=1, keepdims=True) - target
    gradient: Array = (difference / np.float32(len(out))).astype(np.float32, copy=False)
    return gradient


def fit_net(
    x: NDArray[np.float32],
    y: NDArray[np.float32],
    *,
    loss: Loss,
    vocabulary: dict[str, int],
    how: Fit,
    groups: Sequence[tuple[int, int]] | None = None,
    wide: Wide | None = None,
) -> Net:
    """A network fitted to rows `x` with targets `y`; with `groups` each step takes whole row ranges.

    `wide` adds sparse features with one weight each.
    """
    rng = np.random.default_rng(how.seed)
    width, outputs = x.shape[1], y.shape[1]
    params: list[Array] = [
        (rng.standard_normal((width, how.hidden)) * 0.13).astype(np.float32),
        np.zeros(how.hidden, np.float32),
        (rng.standard_normal((how.hidden, outputs)) * np.sqrt(1.0 / how.hidden)).astype(np.float32),
        np.zeros(outputs, np.float32),
        np.zeros(1 + (0 if wide is None else len(wide.names)), np.float32),
    ]
    units: Sequence[tuple[int, int]] = groups or [(i, i + 1) for i in range(len(x))]
    adam = _Adam(params, how, how.epochs * -(-len(units) // how.batch))
    setup = loss, _Noise(how, rng)
    for _ in range(how.epochs):
        order = rng.permutation(len(units))
        for start in range(0, len(order), how.batch):
            chosen = [units[int(i)] for i in order[start : start + how.batch]]
            rows = np.concatenate([np.arange(*unit) for unit in chosen])
            bounds = None if groups is None else np.cumsum([0, *(end - first for first, end in chosen)])
            _step(params, adam, (x[rows], y[rows], bounds, None if wide is None else wide.index[rows]), setup)
    w1, b1, w2, b2, w0 = params
    return Net(vocabulary, w1, b1, w2, b2, {} if wide is None else wide.names, w0[:-1])


def _step(
    params: list[Array],
    adam: _Adam,
    data: tuple[Array, Array, NDArray[np.int64] | None, NDArray[np.int32] | None],
    setup: tuple[Loss, _Noise],
) -> None:
    """One step of Adam on one batch; with bounds the listwise loss is taken instead of the given one."""
    w1, b1, w2, b2, w0 = params
    x, y, bounds, sparse = data
    loss, noise = setup
    x = noise.inputs(x)
    pre = x @ w1 + b1
    mask = (pre > 0).astype(np.float32) * noise.hidden(pre.shape)
    hidden = pre * mask
    out = hidden @ w2 + b2
    flat = np.zeros_like(w0)
    if sparse is not None:
        out[:, 0] += w0[sparse].sum(axis=1)
    gradient = loss(out, y) if bounds is None else listwise(out, y, bounds)
    back = (gradient @ w2.T) * mask
    if sparse is not None:
        weights = np.repeat(gradient[:, 0], sparse.shape[1])
        flat = np.bincount(sparse.ravel(), weights=weights, minlength=len(w0)).astype(np.float32)
        flat[-1] = 0.0  # the padding's weight stays 0
        flat += np.float32(noise.how.wide_decay) * w0
    adam.update([x.T @ back, back.sum(0), hidden.T @ gradient, gradient.sum(0), flat])


class _Noise:
    """Dropout of inputs and hidden units."""

    def __init__(self, how: Fit, rng: np.random.Generator) -> None:
        self.how, self.rng = how, rng

    def inputs(self, x: Array) -> Array:
        if not self.how.drop_input:
            return x
        return x * (self.rng.random(x.shape, dtype=np.float32) >= self.how.drop_input)

    def hidden(self, shape: tuple[int, ...]) -> Array:
        keep = self.rng.random(shape, dtype=np.float32) >= self.how.dropout
        return keep.astype(np.float32) / np.float32(1.0 - self.how.dropout)


def listwise(out: NDArray[np.float32], target: NDArray[np.float32], bounds: NDArray[np.int64]) -> NDArray[np.float32]:
    """Gradient of -log of the probability mass on right rows within each group; groups without one give nothing."""
    gradient = np.zeros_like(out)
    count = len(bounds) - 1
    for start, end in pairwise(bounds.tolist()):
        right = target[start:end, 0] > 0
        # A group without a right row, or with nothing else, has no gradient.
        if not right.any() or right.all():
            continue
        share = np.exp(out[start:end, 0] - out[start:end, 0].max())
        share /= share.sum()
        mass = max(float(share[right].sum()), 1e-9)
        gradient[start:end, 0] = (share - np.where(right, share / mass, 0.0)) / count
    return gradient


class _Adam:
    """Adam with a step size that falls linearly to a tenth, and decoupled weight decay of matrices."""

    def __init__(self, params: list[Array], how: Fit, steps: int) -> None:
        self.params, self.how, self.steps = params, how, steps
        self.moments = [(np.zeros_like(p), np.zeros_like(p)) for p in params]
        self.done = 0

    def update(self, gradients: list[Array]) -> None:
        # Linear decay to a tenth, so that the last epochs settle.
        rate = self.how.rate * (1.0 - 0.9 * self.done / self.steps)
        self.done += 1
        for param, gradient, (mean, square) in zip(self.params, gradients, self.moments, strict=True):
            np.add(mean, 0.1 * (gradient - mean), out=mean)
            np.add(square, 0.01 * (gradient * gradient - square), out=square)
            size = np.sqrt(square / (1 - 0.99**self.done)) + 1e-8
            np.subtract(param, rate * (mean / (1 - 0.9**self.done)) / size, out=param)
            # Decoupled weight decay (AdamW); biases are not shrunk.
            if param.ndim == 2:
                np.multiply(param, 1.0 - rate * self.how.decay, out=param)
