"""Trains the two networks of the tabular scorer together, with numpy alone, on the cells that questions need."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ctxprune.models.network import WIDEST, Network

RATE = 4e-3
ALONE = 0.5  # weight of the plain cross-entropy, without which the level of the log-odds would be any


@dataclass(frozen=True)
class CellNetworks:
    """How the networks are trained; those of several seeds are joined into wider ones that give their mean.

    `decays` are L2 decays of the network for rows and of that for columns; `dropout` are the shares of inputs and of
    hidden units that are left out at each step.
    """

    hidden: int = 48
    epochs: int = 16
    batch: int = 64
    decays: tuple[float, float] = (5e-4, 1e-3)
    dropout: tuple[float, float] = (0.1, 0.3)
    seeds: tuple[int, ...] = (0, 1, 2)


@dataclass
class Example:
    """One question: features of rows (n_rows, d) and columns (n_columns, e), and the cells it needs.

    For each of the things that are needed `cells` has the (row, column) pairs any of which will do; row -1 is the
    header, which comes with its column. `weights` are those of the question for rows and for columns.
    """

    rows: np.ndarray
    columns: np.ndarray
    cells: tuple[tuple[tuple[int, int], ...], ...]
    weights: tuple[float, float]


def train(shape: CellNetworks, examples: list[Example]) -> tuple[Network, Network]:
    """Networks whose softmax over rows, times that over columns, makes the needed cells likely."""
    trained = [_train(shape, examples, seed) for seed in shape.seeds]
    return _joined([rows for rows, _ in trained]), _joined([columns for _, columns in trained])


def _train(shape: CellNetworks, examples: list[Example], seed: int) -> tuple[_Trainee, _Trainee]:
    rng = np.random.default_rng(seed)
    trainees = tuple(
        _Trainee(np.concatenate([getattr(example, side) for example in examples]), shape, decay, rng)
        for side, decay in zip(("rows", "columns"), shape.decays, strict=True)
    )
    inputs = [
        (trainees[0].standard(example.rows), trainees[1].standard(example.columns), example) for example in examples
    ]
    steps, step = shape.epochs * -(-len(examples) // shape.batch), 0
    for _ in range(shape.epochs):
        order = rng.permutation(len(examples))
        for start in range(0, len(order), shape.batch):
            part = [inputs[index] for index in order[start : start + shape.batch]]
            logits = [
                trainee.forward(np.concatenate([item[side] for item in part])) for side, trainee in enumerate(trainees)
            ]
            gradients = _gradients(part, *logits)
            step += 1
            rate = RATE * (1 + np.cos(np.pi * step / steps)) / 2 + 2e-5
            for trainee, gradient in zip(trainees, gradients, strict=True):
                trainee.backward(gradient.astype(np.float32), rate, step)
    return trainees[0], trainees[1]


def _gradients(part: list, row_logits: np.ndarray, column_logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of the mean loss with respect to the logits of a batch."""
    found = [np.zeros_like(row_logits), np.zeros_like(column_logits)]
    ends = [np.cumsum([0, *(len(item[side]) for item in part)]) for side in (0, 1)]
    for number, (_, _, example) in enumerate(part):
        ours = [slice(ends[side][number], ends[side][number + 1]) for side in (0, 1)]
        rows, columns = row_logits[ours[0]], column_logits[ours[1]]
        row_shares, column_shares = _softmax(rows), _softmax(columns)
        row_pull, column_pull = np.zeros(len(rows)), np.zeros(len(columns))
        for cells in example.cells:
            where = np.array(cells)
            in_body = where[:, 0] >= 0
            likely = np.where(in_body, row_shares[where[:, 0]], 1.0) * column_shares[where[:, 1]] + 1e-12
            likely /= likely.sum() * len(example.cells)
            np.add.at(row_pull, where[in_body, 0], likely[in_body])
            np.add.at(column_pull, where[:, 1], likely)
        for side, (pull, shares, logits) in enumerate(
            ((row_pull, row_shares, rows), (column_pull, column_shares, columns))
        ):
            alone = ALONE * (1 / (1 + np.exp(-np.clip(logits, -30, 30))) - (pull > 0)) / len(logits)
            found[side][ours[side]] = (example.weights[side] * (shares * pull.sum() - pull) + alone) / len(part)
    return found[0], found[1]


def _softmax(values: np.ndarray) -> np.ndarray:
    powers = np.exp(values - values.max())
    return powers / powers.sum()


class _Trainee:
    """One hidden layer of rectifiers under Adam."""

    def __init__(self, inputs: np.ndarray, shape: CellNetworks, decay: float, rng: np.random.Generator) -> None:
        self.mean, self.scale = inputs.mean(axis=0), inputs.std(axis=0) + 1e-3
        self.dropout, self.rng = shape.dropout, rng
        width, size = inputs.shape[1], shape.hidden
        start = [
            rng.normal(0, 1 / np.sqrt(width), (width, size)),
            np.zeros(size),
            rng.normal(0, 1 / np.sqrt(size), size),
            np.zeros(1),
        ]
        self.parameters = [value.astype(np.float32) for value in start]
        self.moments = [(np.zeros_like(value), np.zeros_like(value)) for value in self.parameters]
        self.decays = (decay, 0.0, decay, 0.0)

    def standard(self, inputs: np.ndarray) -> np.ndarray:
        return np.clip((inputs - self.mean) / self.scale, -WIDEST, WIDEST).astype(np.float32)

    def forward(self, inputs: np.ndarray) -> np.ndarray:
        hidden, hidden_bias, out, bias = self.parameters
        self.inputs = self._thinned(inputs, self.dropout[0])
        self.active = self._thinned(np.maximum(self.inputs @ hidden + hidden_bias, 0), self.dropout[1])
        return self.active @ out + bias[0]

    def _thinned(self, values: np.ndarray, share: float) -> np.ndarray:
        kept = self.rng.random(values.shape, dtype=np.float32) >= share
        return values * kept / np.float32(1 - share)

    def backward(self, gradient: np.ndarray, rate: float, step: int) -> None:
        out = self.parameters[2]
        back = np.outer(gradient, out) * (self.active > 0)  # up to the factor of dropout, which is nothing to Adam
        gradients = [
            self.inputs.T @ back, back.sum(axis=0), self.active.T @ gradient, gradient.sum(keepdims=True),
        ]  # fmt: skip
        for number, (drift, spread) in enumerate(self.moments):
            value = gradients[number] + self.decays[number] * self.parameters[number]
            drift[...] = 0.9 * drift + 0.1 * value
            spread[...] = 0.999 * spread + 0.001 * value**2
            change = drift / (1 - 0.9**step) / (np.sqrt(spread / (1 - 0.999**step)) + 1e-8)
            self.parameters[number] = (self.parameters[number] - rate * change).astype(np.float32)


def _joined(trainees: list[_Trainee]) -> Network:
    hidden, hidden_bias, out, bias = (
        [trainee.parameters[number].astype(float) for trainee in trainees] for number in range(4)
    )
    first = trainees[0]
    return Network(
        first.mean.astype(float),
        first.scale.astype(float),
        np.concatenate(hidden, axis=1),
        np.concatenate(hidden_bias),
        np.concatenate(out) / len(trainees),
        float(np.mean(bias)),
    )
