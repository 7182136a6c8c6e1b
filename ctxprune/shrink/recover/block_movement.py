"""Block movement pruning: blocks of matrices have scores that move with training; what shrinks goes.

Lagunas and others, Block Pruning For Faster Transformers, EMNLP 2021. Scores S of blocks learn by the
straight-through slope dL/dS = sum over the block of W dL/dW'; in the forward pass W' = W M, M = the blocks of the
highest scores, as many as a cubic schedule leaves. Hybrid: square blocks in attention, one score for a neuron's row
and column in feed-forward parts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

from ctxprune.errors import UsageError
from ctxprune.shrink.learning.training import check_loss, check_towards, loss_towards
from ctxprune.shrink.model.subject import parameter_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn

    from ctxprune.shrink.model.anatomy import Group, Key, Slice
    from ctxprune.shrink.model.subject import Subject

__all__ = ["BlockMovement"]


@dataclass(frozen=True)
class BlockMovement:
    """Trains the weights under the moving masks; a head's learned score is the share of its blocks that are left.

    Attributes:
        steps: Of the optimiser.
        rate: Of the weights.
        score_rate: Of the scores.
        block: Rows and columns of a block of the attention's matrices; units are never split over rows of blocks.
        warm: Share of the steps before the masks close, and again after they are as closed as they get, 0..0.5.
        towards: "labels" (the task's loss) or "teacher".
    """

    steps: int = 1000
    rate: float = 3e-5
    score_rate: float = 1e-2
    block: int = 32
    warm: float = 0.1
    towards: str = "teacher"

    def __post_init__(self) -> None:
        if self.steps < 1 or min(self.rate, self.score_rate) <= 0 or self.block < 1 or not 0 <= self.warm <= 0.5:
            raise UsageError(f"{self} is out of range", hint="steps and block from 1, rates above 0, warm up to 0.5")
        check_towards(self.towards)

    def __call__(self, subject: Subject) -> Subject:
        """The subject with the scores in `learned`, its model trained in place and dense (the masks are taken off).

        Raises:
            UsageError: There is no budget.
            InputError: There is no calibration data, or the loss is no number any more.
        """
        budget = subject.needed_budget()
        parts = [part for group in budget.groups for part in _parts(subject, group, self.block)]
        loss = loss_towards(subject, self.towards)
        batches, generator = list(subject.needed_calibration()), subject.generator(8)
        weights = list(subject.model.parameters())
        # scores move far more than weights in the same number of steps
        groups = [
            {"params": weights, "lr": self.rate},
            {"params": [part.scores for part in parts], "lr": self.score_rate},
        ]
        optimizer = torch.optim.AdamW(groups, weight_decay=0.0)
        for step in range(self.steps):
            if step % len(batches) == 0:
                order = torch.randperm(len(batches), generator=generator).tolist()
            opened = 1 - budget.share * _closed(step / self.steps, self.warm)
            masks = _masks(parts, opened)
            # the optimiser must see the dense weights: masked ones would stay at zero for good
            dense = _close(masks)
            try:
                value = loss(subject.model, batches[order[step % len(batches)]])
                check_loss(value, step, hint="lower the rates")
                value.backward()
            finally:
                for entry, old in dense:
                    entry.data = old
            for part in parts:
                part.feel()
            # a masked block does not learn while it is masked, but its score does
            for entry, mask in masks.values():
                if entry.grad is not None:
                    entry.grad *= mask
            torch.nn.utils.clip_grad_norm_(weights, 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        return replace(subject, learned=_learned(budget.groups, parts, 1 - budget.share))


class _Part:
    """The blocks of one group in one or more parameters, (units, blocks of a unit), with a score each."""

    def __init__(self, group: Group, entries: Sequence[tuple[nn.Parameter, Tensor]], blocks: int) -> None:
        self.group = group
        self.entries = entries  # each with the number of its block, of its own shape; -1 = in no block
        self.scores = torch.zeros(group.count * blocks, requires_grad=True)
        self.weight = torch.zeros(group.count * blocks)  # sum of squares before training, which decides between equals
        for entry, where in entries:
            self.weight.index_add_(0, where[where >= 0], entry.detach().square()[where >= 0].float())

    def feel(self) -> None:
        """The straight-through slope of the scores."""
        slope = torch.zeros_like(self.scores)
        for entry, where in self.entries:
            if entry.grad is not None:
                chosen = where >= 0
                slope.index_add_(0, where[chosen], (entry.grad * entry.detach())[chosen].float())
        self.scores.grad = slope


def _parts(subject: Subject, group: Group, block: int) -> list[_Part]:
    """For a neuron one score over all its slices; for other units blocks in each matrix."""
    if group.kind == "neuron":
        return [_Part(group, [_numbered(subject, group, part, 0) for part in group.slices], 1)]
    parts = []
    for part in group.slices:
        if parameter_of(subject.model, part.parameter).ndim == 2:
            entry, where = _numbered(subject, group, part, block)
            parts.append(_Part(group, [(entry, where)], (int(where.max()) + 1) // group.count))
    return parts


def _numbered(subject: Subject, group: Group, part: Slice, block: int) -> tuple[nn.Parameter, Tensor]:
    """The parameter, and of each of its elements the number of its block: unit * blocks + block of the unit."""
    entry = parameter_of(subject.model, part.parameter)
    start, size, axis = part.start, part.size, part.axis
    along = torch.arange(entry.shape[axis]) - start
    unit = torch.where((along >= 0) & (along < group.count * size), along // size, -1)
    if entry.ndim == 1 or not block:
        where = unit if entry.ndim == 1 else unit.unsqueeze(1 - axis).expand(entry.shape)
        return entry, where
    across = torch.arange(entry.shape[1 - axis]) // block
    rows, columns = math.ceil(size / block), int(across.max()) + 1
    inner = (along.clamp(min=0) % size) // block
    first = torch.where(unit >= 0, (unit * rows + inner) * columns, -1)
    both = first.unsqueeze(1 - axis) + across.unsqueeze(axis)
    return entry, torch.where(first.unsqueeze(1 - axis) >= 0, both, -1)


def _closed(done: float, warm: float) -> float:
    """Share of the budget that is masked already: 0 at first, 1 at last, cubic between."""
    between = min(max((done - warm) / max(1 - 2 * warm, 1e-9), 0.0), 1.0)
    return 1 - (1 - between) ** 3


def _kept(parts: Sequence[_Part], opened: float) -> list[Tensor]:
    """bool (blocks,) of each part: exactly the share `opened` of the neurons, and of the other blocks together."""
    # neurons have one score each and heads many: one ranking over both would take one kind alone
    kept = [torch.ones_like(part.scores, dtype=torch.bool) for part in parts]
    for neurons in (False, True):
        own = [place for place, part in enumerate(parts) if (part.group.kind == "neuron") == neurons]
        if not own:
            continue
        # Scores are all 0 until something is masked, so that without a second key nothing would ever be masked.
        weights = torch.cat([parts[place].weight for place in own]).argsort(descending=True, stable=True)
        scores = torch.cat([parts[place].scores.detach() for place in own])
        order = weights[scores[weights].argsort(descending=True, stable=True)]
        chosen = torch.zeros(len(scores), dtype=torch.bool)
        chosen[order[: max(round(opened * len(scores)), 1)]] = True
        for place, own_kept in zip(own, chosen.split([len(parts[place].scores) for place in own]), strict=True):
            kept[place] = own_kept
    return kept


def _masks(parts: Sequence[_Part], opened: float) -> dict[int, tuple[nn.Parameter, Tensor]]:
    masks = {}
    for part, kept in zip(parts, _kept(parts, opened), strict=True):
        padded = torch.cat([kept, torch.ones(1).bool()])
        for entry, where in part.entries:
            masks[id(entry)] = (entry, padded[where].to(entry.dtype))  # -1 = the last one, which stays
    return masks


def _close(masks: dict[int, tuple[nn.Parameter, Tensor]]) -> list[tuple[nn.Parameter, Tensor]]:
    """Put the masked weights in place; gives the dense ones."""
    dense = [(entry, entry.data) for entry, _ in masks.values()]
    for entry, mask in masks.values():
        entry.data = entry.data * mask
    return dense


def _learned(groups: Sequence[Group], parts: Sequence[_Part], opened: float) -> dict[Key, Tensor]:
    kept, learned = _kept(parts, opened), {}
    for group in groups:
        own = [place for place, part in enumerate(parts) if part.group.key == group.key]
        scores = torch.cat([parts[place].scores.detach().view(group.count, -1) for place in own], dim=1)
        left = torch.cat([kept[place].view(group.count, -1) for place in own], dim=1).double().mean(1)
        # shares of blocks tie often; the mean score decides between equal ones
        learned[group.key] = scores[:, 0] if group.kind == "neuron" else left + 1e-3 * scores.double().mean(1)
    return learned
