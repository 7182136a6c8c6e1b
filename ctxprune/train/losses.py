"""Losses of the pruner: what a unit's probability should be, and that evidence stands above the rest of its example."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["contrast", "pruner_loss", "unit_cross_entropy"]


def unit_cross_entropy(logits: Tensor, labels: Tensor, groups: Tensor) -> Tensor:
    """Binary cross entropy of units (n,), the mean over an example's units first, so that long ones count no more."""
    losses = functional.binary_cross_entropy_with_logits(logits, labels, reduction="none")
    count = int(groups.max()) + 1
    sums = torch.zeros(count).index_add_(0, groups, losses)
    sizes = torch.zeros(count).index_add_(0, groups, torch.ones_like(losses))
    present = sizes > 0
    return (sums[present] / sizes[present]).mean()


def contrast(logits: Tensor, labels: Tensor, groups: Tensor) -> Tensor:
    """For every positive the cross entropy of choosing it among itself and the negatives of its example; the mean.

    0 where no example has both.
    """
    count = int(groups.max()) + 1
    # positives of the same example are no competitors of one another
    negative = torch.where(labels > 0.5, torch.full_like(logits, -1e4), logits)
    # Log of the sum over each group, made stable by the batch's largest logit.
    top = negative.max().detach()
    total = torch.zeros(count).index_add_(0, groups, torch.exp(negative - top))
    rest = torch.log(total + 1e-20) + top
    positive = labels > 0.5
    has = total[groups] > 1e-12
    # a positive without a negative in its example has nothing to be told from
    chosen = positive & has
    if not bool(chosen.any()):
        return logits.sum() * 0.0
    losses = functional.softplus(rest[groups[chosen]] - logits[chosen])
    # Mean over the examples of the means over their positives.
    sums = torch.zeros(count).index_add_(0, groups[chosen], losses)
    sizes = torch.zeros(count).index_add_(0, groups[chosen], torch.ones_like(losses))
    present = sizes > 0
    return (sums[present] / sizes[present]).mean()


def pruner_loss(
    units: tuple[Tensor, Tensor, Tensor],
    documents: tuple[Tensor, Tensor, Tensor],
    *,
    weights: tuple[float, float] = (1.0, 0.5),
) -> Tensor:
    """The whole loss.

    Args:
        units: Logits, labels and groups of the units, (n,) each; may be empty.
        documents: The same of the documents.
        weights: Of the contrast among units, and of what concerns documents; cross entropy of units counts 1.
    """
    # keeps the graph: a batch without labels must still have a backward pass
    loss = units[0].sum() * 0.0
    if len(units[0]):
        loss = loss + unit_cross_entropy(*units) + weights[0] * contrast(*units)
    if len(documents[0]):
        loss = loss + weights[1] * (unit_cross_entropy(*documents) + contrast(*documents))
    return loss
