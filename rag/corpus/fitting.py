"""Linear models in numpy: logistic and ridge regression of a few columns, both with one solution."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ctxprune.models.network import WIDEST, Network

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["fit_logistic", "fit_ridge"]

_STEPS = 100
_ENOUGH = 1e-10  # length of a Newton step from which on nothing changes


def fit_logistic(
    rows: NDArray[np.float64],
    labels: NDArray[np.bool_],
    groups: NDArray[np.intp],
    *,
    decay: float,
) -> Network:
    """Weights that tell true rows from false ones within each group; every group counts alike, and so do its two sides.

    A group has its own base rate, which is no property of its rows: an intercept for each is fitted and dropped, so
    that the logit 0 stands between the two sides.

    Args:
        rows: float64 (n, d), finite.
        labels: bool (n,).
        groups: int (n,), from 0.
        decay: Weight of half the sum of the squared weights, over 0; the loss is strictly convex, so nothing is drawn
            at random.
    """
    mean, scale = rows.mean(axis=0), rows.std(axis=0) + 1e-3
    values = np.clip((rows - mean) / scale, -WIDEST, WIDEST)
    width, (_, own) = values.shape[1], np.unique(groups, return_inverse=True)
    count = int(own.max()) + 1
    sides = own * 2 + labels
    share = 0.5 / np.bincount(sides)[sides] / count
    # The intercepts are held by a hundredth of the decay alone: without any, a group of one side would have none.
    penalty = np.concatenate([np.full(width, decay), np.full(count, decay / 100)])
    parameters = np.zeros(width + count)
    for _ in range(_STEPS):
        logits = values @ parameters[:width] + parameters[width:][own]
        chances = 1 / (1 + np.exp(-np.clip(logits, -30, 30)))
        errors = share * (chances - labels)
        gradient = np.concatenate([values.T @ errors, np.bincount(own, errors, count)]) + penalty * parameters
        step = _newton_step(values, own, share * chances * (1 - chances), penalty, gradient)
        # A full Newton step may overshoot where the chances are near 0 and 1.
        length = float(np.linalg.norm(step))
        parameters -= step * min(1.0, 4.0 / max(length, 1e-300))
        if length < _ENOUGH:
            break
    return Network(mean, scale, None, None, parameters[:width], float(parameters[width:].mean()))


def _newton_step(
    values: NDArray[np.float64],
    own: NDArray[np.intp],
    weights: NDArray[np.float64],
    penalty: NDArray[np.float64],
    gradient: NDArray[np.float64],
) -> NDArray[np.float64]:
    """The curvature's inverse times the gradient, the intercepts of the groups behind the columns.

    A row has one intercept, so that their part of the curvature is a diagonal, which is eliminated first (Schur): a
    column a group would take rows times groups of memory.
    """
    width, count = values.shape[1], len(gradient) - values.shape[1]
    weighted = values * weights[:, None]
    cross = np.stack([np.bincount(own, column, count) for column in weighted.T])
    diagonal = np.bincount(own, weights, count) + penalty[width:]
    reduced = weighted.T @ values + np.diag(penalty[:width]) - (cross / diagonal) @ cross.T
    columns = np.linalg.solve(reduced, gradient[:width] - cross @ (gradient[width:] / diagonal))
    return np.concatenate([columns, (gradient[width:] - columns @ cross) / diagonal])


def fit_ridge(rows: NDArray[np.float64], values: NDArray[np.float64], *, decay: float) -> Network:
    """Weights whose sums come nearest to `values`, by squares, plus `decay` times the sum of the squared weights.

    Args:
        rows: float64 (n, d), finite; n from 1 up.
        values: float64 (n,).
        decay: Over 0, as a share of the number of rows.
    """
    mean, scale = rows.mean(axis=0), rows.std(axis=0) + 1e-3
    inputs = np.clip((rows - mean) / scale, -WIDEST, WIDEST)
    middle = inputs.mean(axis=0)
    centred, bias = inputs - middle, float(values.mean())
    gram = centred.T @ centred / len(rows) + decay * np.eye(rows.shape[1])
    out = np.linalg.solve(gram, centred.T @ (values - bias) / len(rows))
    return Network(mean, scale, None, None, out, bias - float(middle @ out))
