"""The choices that several allocators share."""

from math import ceil

import torch

from ctxprune.errors import UsageError
from ctxprune.shrink.types import Budget, Key, Mapping, Sequence, Tensor


def drop_lowest(
    scores: Mapping[Key, Tensor], budget: Budget, *, least: int = 1, partial: bool = False
) -> dict[Key, Tensor]:
    """Take out the units of the lowest scores, over all groups, until the budget is met.

    Args:
        scores: By group, comparable over groups.
        budget: What has to go.
        least: Units that stay in each group.
        partial: Whether as much as can go is good enough, where a later stage takes the rest.

    Raises:
        UsageError: So much cannot go.
    """
    kept = {key: torch.ones(len(score), dtype=torch.bool) for key, score in scores.items()}
    order = sorted(
        ((float(value), key, place) for key, score in scores.items() for place, value in enumerate(score.tolist())),
        # equal scores go by group and place: the same scores give the same choice on every machine
        key=lambda entry: (entry[0], entry[1], entry[2]),
    )
    left = {key: len(score) for key, score in scores.items()}
    gone, number = 0.0, 0
    for _, key, place in order:
        # costs are sums of floats: an exact comparison would take one unit too many
        if gone >= budget.remove * (1 - 1e-9) or number == budget.at_once:
            return kept
        if left[key] > least:
            kept[key][place] = False
            left[key] -= 1
            gone += float(budget.costs[key][place])
            number += 1
    if gone < budget.remove * (1 - 1e-9) and number != budget.at_once and not partial:
        raise UsageError(
            f"{100 * budget.share:.0f} % of these units' cost cannot go with {least} kept in each group",
            hint="raise the target or name more kinds of units",
        )
    return kept


def relative_ranks(score: Tensor) -> Tensor:
    """Where each unit stands in its group, lowest score first: the middle of its share of the group, 0..1.

    The middle, so that large and small groups lose the same share: by rank / n the first unit of every group, however
    few units it has, would go before anything else.
    """
    return (score.argsort(stable=True).argsort().double() + 0.5) / max(len(score), 1)


def divide_removals(sizes: Sequence[int], share: float | Sequence[float]) -> list[int]:
    """How many single weights go of each part, so that all together are the share of all, rounded up to one weight.

    Args:
        sizes: Weights of each part.
        share: Of them all that goes, 0..1, or of each part.
    """
    found, before, seen, wanted = [], 0, 0, 0.0
    shares = [share] * len(sizes) if isinstance(share, float | int) else share
    for size, own in zip(sizes, shares, strict=True):
        seen, wanted = seen + size, wanted + own * size
        # rounded on the running total, so that rounding errors of the parts do not add up
        now = min(max(ceil(wanted - 1e-6), 0), seen, before + size)
        found.append(now - before)
        before = now
    return found


def keep_highest(scores: Tensor, gone: Sequence[int]) -> Tensor:
    """Of each row all but the lowest scores; of equal ones the first go.

    Args:
        scores: (rows, columns).
        gone: How many go of each row.

    Returns:
        bool (rows, columns), True = stays.
    """
    order = scores.argsort(dim=1, stable=True)
    stays = torch.arange(scores.shape[1]) >= torch.tensor(list(gone))[:, None]
    return torch.zeros_like(scores, dtype=torch.bool).scatter_(1, order, stays)
