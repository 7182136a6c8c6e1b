"""Movement pruning: what moves towards zero while it is tuned goes, single weights or blocks of them.

Sanh and others, Movement Pruning: Adaptive Sparsity by Fine-Tuning, NeurIPS 2020: S = -sum over steps of W dL/dW',
with W' = W M, M the highest scores; the slope of M is given to S as it is (straight-through), so that masked weights
can come back. Jiang and others, Pruning Pre-trained Language Models Without Fine-Tuning (SMP), ACL 2023: the weights
stay as they are, a matrix keeps a share that goes with the mean sigmoid of its scores, and that mean is held down,
L + penalty * mean sigmoid(S). Lagunas and others, Block Pruning For Faster Transformers, EMNLP 2021: a score for each
block, dL/dS = sum over the block of W dL/dW', held down in the same way; hybrid: square blocks in attention, a neuron's
row and column in feed-forward parts; filled: what is left of a head comes back whole for the tuning after it.
"""

import math
from dataclasses import dataclass, replace

import torch
from torch import nn

from ctxprune.shrink.allocate.all_matrices import AllMatrices
from ctxprune.shrink.allocate.per_matrix import PerMatrix
from ctxprune.shrink.learning.training import Schedule, cubic_share, loss_towards, train
from ctxprune.shrink.measure.substituted import Substituted, straight_through
from ctxprune.shrink.model.cost import matrices
from ctxprune.shrink.model.subject import parameter_of
from ctxprune.shrink.recover.base import Training
from ctxprune.shrink.types import Batch, Budget, Group, Key, Mapping, Sequence, Slice, Subject, Tensor
from ctxprune.utils.validation import check_choice, check_number, check_range, check_whole, checked_field

_WITHIN: Mapping[str, AllMatrices | PerMatrix] = {
    "layers": PerMatrix(by_scores=True),
    "matrix": PerMatrix(),
    "model": AllMatrices(),
}


@dataclass(frozen=True)
class Movement(Training):
    """Scores learned under masks that close along a cubic; the highest are kept in each step.

    For a stage's `prepare`; the scores go to `learned.v1`, those of a head being the share of its blocks that are left.

    Attributes:
        score_rate: Of the scores; 0 = `rate`. Without a penalty scores are compared with one another alone, so that
            theirs does not matter.
        tune: Whether the weights are trained, too.
        towards: "teacher" (the task's divergence) or "labels" (the task's loss).
        within: Where single weights are compared: "matrix" (each keeps the same share), "layers" (matrices of one kind
            share what is kept by the mean sigmoid of their scores) or "model" (one ranking over all).
        block: Rows and columns of a block in the matrices of structures; units are never split over rows of blocks.
        warm, cool: Shares of the steps before masks close, and after they are as closed as they get.
        penalty: Of the scores' mean sigmoid; it rises as masks close.
    """

    score_rate: float = checked_field(0.0, check_number, minimum=0)
    tune: bool = True
    within: str = checked_field("matrix", check_choice, _WITHIN)
    block: int = checked_field(32, check_whole)
    warm: float = checked_field(0.0, check_range)
    cool: float = checked_field(1 / 3, check_range)
    penalty: float = checked_field(0.0, check_number, minimum=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("warm + cool", self.warm + self.cool)

    def __call__(self, subject: Subject) -> Subject:
        """The subject with what was learned; its model trained in place where that is asked for, and dense."""
        budget = subject.needed_budget()
        parts = [part for group in budget.groups for part in _of_group(subject, group, self.block)]
        parts = parts or [_Part("weight", [(name, None)], subject) for name in matrices(subject.model)]
        weights = {name: parameter_of(subject.model, name) for part in parts for name, _ in part.entries}
        computed = loss_towards(subject, self.towards)
        # steps of Adam do not depend on a gradient's size: a factor gives scores a rate of their own
        factor = (self.score_rate or self.rate) / self.rate
        # a list, since the loss is called by the loop and has to see the number of the step
        step = [0]

        def loss(model: nn.Module, batch: Batch) -> Tensor:
            closed = cubic_share((step[0] + 1) / self.steps, self.warm, self.cool)
            values: dict[str, Tensor] = {}
            scores = [factor * part.scores for part in parts]
            for part, score, kept in zip(parts, scores, self._kept(subject, parts, closed), strict=True):
                gate = straight_through(kept.to(score.device), score)
                for name, where in part.entries:
                    # -1 = the last one: what is in no block stays
                    whole = gate if where is None else torch.cat([gate, gate.new_ones(1)])[where]
                    values[name] = values.get(name, weights[name]) * whole
            value = computed(Substituted(model, values), batch)
            if not self.penalty:
                return value
            return value + self.penalty * closed * torch.stack([score.sigmoid().mean() for score in scores]).mean()

        tuned = list(subject.model.parameters()) if self.tune else []
        chosen = [*tuned, *(part.scores for part in parts)]
        train(
            subject, Schedule(self.steps, self.rate), parameters=chosen, loss=loss,
            after=lambda number: step.__setitem__(0, number),
        )  # fmt: skip
        for part in parts:
            part.scores.data *= factor
        if budget.groups:
            return replace(subject, learned=_learned(budget.groups, parts, self._kept(subject, parts, 1.0)))
        return replace(subject, learned={part.entries[0][0]: part.scores.detach() for part in parts})

    def _kept(self, subject: Subject, parts: Sequence["_Part"], closed: float) -> list[Tensor]:
        """bool like the scores of each part: as many as are left, of the neurons, and of other blocks together.

        On the CPU, as the choice of allocators is, wherever the scores are trained.
        """
        budget = subject.needed_budget()
        if not budget.groups:
            scores = {part.entries[0][0]: part.scores.detach().cpu() for part in parts}
            now = Budget((), {}, budget.remove * closed, measure="weights")
            return list(_WITHIN[self.within](subject, scores, now).values())
        # neurons have one score each and heads many: one ranking over both would take one kind alone
        kept = [torch.ones_like(part.scores, dtype=torch.bool) for part in parts]
        for neurons in (False, True):
            own = [place for place, part in enumerate(parts) if (part.kind == "neuron") == neurons]
            if own:
                chosen = _highest([parts[place] for place in own], 1 - budget.share * closed)
                kept = [chosen.pop(0) if place in own else old for place, old in enumerate(kept)]
        return kept


class _Part:
    """What has scores: the weights of a matrix, or the blocks of a group in some parameters.

    Args:
        kind: Of the units.
        entries: Names of parameters, each with the number of its elements' block (-1 = in none); None = one each.
        subject: Of the parameters.
        key: Of the group.
    """

    def __init__(
        self, kind: str, entries: Sequence[tuple[str, Tensor | None]], subject: Subject, key: Key = ("", -1)
    ) -> None:
        self.kind, self.entries, self.key = kind, entries, key
        first = parameter_of(subject.model, entries[0][0])
        counts = [int(where.max()) + 1 for _, where in entries if where is not None]
        self.scores = nn.Parameter(torch.zeros(max(counts)) if counts else torch.zeros_like(first))
        # sum of squares before training, which decides between equals
        self.weight = torch.zeros_like(self.scores)
        for name, where in entries:
            if where is not None:
                squares = parameter_of(subject.model, name).detach().square()
                self.weight.data.index_add_(0, where[where >= 0], squares[where >= 0].float())


def _of_group(subject: Subject, group: Group, block: int) -> list[_Part]:
    """For a neuron one score over all its slices; for other units blocks in each matrix."""
    if group.kind == "neuron":
        entries = [(part.parameter, _numbered(subject, group, part, 0)) for part in group.slices]
        return [_Part(group.kind, entries, subject, group.key)]
    whole = [part for part in group.slices if parameter_of(subject.model, part.parameter).ndim == 2]
    numbers = [(part.parameter, _numbered(subject, group, part, block)) for part in whole]
    return [_Part(group.kind, [entry], subject, group.key) for entry in numbers]


def _numbered(subject: Subject, group: Group, part: Slice, block: int) -> Tensor:
    """Of each element of a parameter the number of its block: unit * blocks of a unit + block of the unit."""
    shape, axis = parameter_of(subject.model, part.parameter).shape, part.axis
    along = torch.arange(shape[axis]) - part.start
    unit = torch.where((along >= 0) & (along < group.count * part.size), along // part.size, -1)
    if len(shape) == 1:
        return unit
    if not block:
        return unit.unsqueeze(1 - axis).expand(shape)
    across = torch.arange(shape[1 - axis]) // block
    rows, columns = math.ceil(part.size / block), int(across.max()) + 1
    inner = (along.clamp(min=0) % part.size) // block
    first = torch.where(unit >= 0, (unit * rows + inner) * columns, -1)
    both = first.unsqueeze(1 - axis) + across.unsqueeze(axis)
    return torch.where(first.unsqueeze(1 - axis) >= 0, both, -1)


def _highest(parts: Sequence[_Part], opened: float) -> list[Tensor]:
    # Scores are all 0 until something is masked, so that without a second key nothing would ever be masked.
    weights = torch.cat([part.weight for part in parts]).argsort(descending=True, stable=True)
    scores = torch.cat([part.scores.detach() for part in parts]).cpu()
    order = weights[scores[weights].argsort(descending=True, stable=True)]
    chosen = torch.zeros(len(scores), dtype=torch.bool)
    chosen[order[: max(round(opened * len(scores)), 1)]] = True
    return list(chosen.split([len(part.scores) for part in parts]))


def _learned(groups: Sequence[Group], parts: Sequence[_Part], kept: Sequence[Tensor]) -> dict[Key, Tensor]:
    learned = {}
    for group in groups:
        own = [place for place, part in enumerate(parts) if part.key == group.key]
        scores = torch.cat([parts[place].scores.detach().view(group.count, -1) for place in own], dim=1)
        left = torch.cat([kept[place].view(group.count, -1) for place in own], dim=1).double().mean(1)
        # shares of blocks tie often; the mean score decides between equal ones
        learned[group.key] = scores[:, 0] if group.kind == "neuron" else left + 1e-3 * scores.double().mean(1)
    return learned
