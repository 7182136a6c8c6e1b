"""RankAdaptor's search for ranks: a small network predicts the loss from the ranks, and learns with every trial.

Zhou and others, RankAdaptor: Hierarchical Dynamic Low-Rank Adaptation for Structural Pruned LLMs, 2024: some choices
of ranks are trained shortly and measured, a performance model is fitted to them, the choice that it finds best is
tried next, and the model is fitted again.
"""

from __future__ import annotations

import torch
from torch import nn

from ctxprune.shrink.types import Callable, Mapping, Sequence

_POOL = 64  # candidates that the performance model compares
_HIDDEN, _STEPS, _RATE = 16, 100, 0.02


def search_ranks(
    evaluate: Callable[[tuple[int, ...]], float], start: Sequence[int], trials: int, generator: torch.Generator
) -> tuple[tuple[int, ...], dict[tuple[int, ...], float]]:
    """The ranks of the lowest loss that was measured, and the loss of every choice that was tried.

    All choices have the sum of the first one, and 1 or more everywhere.

    Args:
        evaluate: The loss of a choice, by a short training.
        start: Is tried first.
        trials: From 1 up; a third of them at random, before there is anything to predict from.
        generator: For candidates and for the network's first weights.
    """
    tried: dict[tuple[int, ...], float] = {}
    for trial in range(trials):
        if trial == 0:
            chosen = tuple(start)
        else:
            base = min(tried, key=lambda ranks: tried[ranks])
            # far and near: drawn anew, or the best so far with some ranks moved from one layer to another
            pool = [_moved(base if place % 2 else _drawn(start, generator), generator) for place in range(_POOL)]
            pool = [ranks for ranks in dict.fromkeys(pool) if ranks not in tried]
            if not pool:
                break  # every choice has been tried
            predict = fit_performance(tried, generator) if trial > trials // 3 else None
            chosen = pool[0] if predict is None else min(pool, key=predict)
        tried[chosen] = evaluate(chosen)
    return min(tried, key=lambda ranks: tried[ranks]), tried


def fit_performance(
    tried: Mapping[tuple[int, ...], float], generator: torch.Generator
) -> Callable[[tuple[int, ...]], float]:
    """A network of one hidden layer, fitted to measured losses: ranks in, loss out, in units of their spread."""
    inputs = torch.tensor(list(tried), dtype=torch.float32)
    losses = torch.tensor(list(tried.values()), dtype=torch.float32)
    level = inputs.mean()
    wanted = (losses - losses.mean()) / losses.std(correction=0).clamp(min=1e-12)
    network = nn.Sequential(nn.Linear(inputs.shape[1], _HIDDEN), nn.Tanh(), nn.Linear(_HIDDEN, 1))
    with torch.no_grad():
        for entry in network.parameters():
            entry.copy_(torch.randn(entry.shape, generator=generator) / max(entry.shape[-1], 1) ** 0.5)
    # with weight decay: a dozen of points says little about most directions
    optimizer = torch.optim.AdamW(network.parameters(), lr=_RATE, weight_decay=0.1)
    for _ in range(_STEPS):
        optimizer.zero_grad()
        (network(inputs / level - 1)[:, 0] - wanted).square().mean().backward()
        optimizer.step()

    def predict(ranks: tuple[int, ...]) -> float:
        with torch.no_grad():
            return float(network(torch.tensor(ranks, dtype=torch.float32) / level - 1))

    return predict


def _drawn(start: Sequence[int], generator: torch.Generator) -> tuple[int, ...]:
    """Ranks of the same sum, each with as much chance."""
    spare = sum(start) - len(start)
    places = torch.randint(len(start), (spare,), generator=generator)
    return tuple((torch.bincount(places, minlength=len(start)) + 1).tolist())


def _moved(ranks: Sequence[int], generator: torch.Generator) -> tuple[int, ...]:
    """Up to half of one layer's rank given to another one."""
    found = list(ranks)
    giver, taker = torch.randint(len(found), (2,), generator=generator).tolist()
    given = int(torch.randint(max(found[giver] // 2, 1), (1,), generator=generator)) + 1
    given = min(given, found[giver] - 1)
    found[giver] -= given
    found[taker] += given
    return tuple(found)
