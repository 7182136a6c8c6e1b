"""Heads that do little for quality and much for unfairness go first.

Zayed and others, Fairness-Aware Structured Pruning in Transformers, AAAI 2024: each head is taken out alone; the share
gamma of heads whose loss hurts quality most is kept, and of the others those go first without which bias falls most.
"""

from dataclasses import dataclass

import torch

from ctxprune.shrink.measure.gates import apply_gates
from ctxprune.shrink.types import Batch, Group, Iterator, Key, Sequence, Subject, Tensor
from ctxprune.utils.validation import Checked, check_range, checked_field


@dataclass(frozen=True)
class Fairness(Checked):
    """Ranks over all groups: by what bias is without the unit, and above those the protected ones by the loss.

    Bias is the standard deviation over groups of rows (`groups` of a batch; whole batches where there are none) of
    their mean loss: 0 where all are served equally well. It is taken on the subject's related data where there are
    some (so that groups of people can stand there), and else on the calibration data.

    Attributes:
        protected: Share of the units that stay for quality's sake, 0..1 (gamma).
    """

    protected: float = checked_field(0.3, check_range)

    def __call__(self, subject: Subject, groups: Sequence[Group]) -> dict[Key, Tensor]:
        """float64 (count,), from 0 up; forward passes for each unit, labels where the loss needs them."""
        places = [(group, unit) for group in groups for unit in range(group.count)]
        loss, bias = torch.zeros(len(places)).double(), torch.zeros(len(places)).double()
        for number, (group, unit) in enumerate(places):
            gate = torch.ones(group.count)
            gate[unit] = 0
            with apply_gates(subject.model, {group.key: gate}):
                loss[number] = subject.loss()
                bias[number] = spread(subject)
        critical = loss.argsort(descending=True, stable=True)[: round(self.protected * len(places))]
        # ranks, since a loss and its spread over groups have no common scale
        ranks = bias.argsort(stable=True).argsort().double()
        # units that the loss depends on rank above all others, whatever they do to the spread
        ranks[critical] = len(places) + loss[critical].argsort(stable=True).argsort().double()
        parts = ranks.split([group.count for group in groups])
        return {group.key: part for group, part in zip(groups, parts, strict=True)}


def spread(subject: Subject) -> float:
    """Standard deviation of the mean loss over groups of rows of the related data, or of the calibration data."""
    totals: dict[int, list[float]] = {}
    with torch.no_grad():
        for name, part in _parts(subject.related or subject.needed_calibration()):
            rows = len(part["input_ids"])
            entry = totals.setdefault(name, [0.0, 0.0])
            entry[0] += float(subject.task.loss(subject.model, part, subject.teacher)) * rows
            entry[1] += rows
    means = torch.tensor([total / rows for total, rows in totals.values()], dtype=torch.float64)
    return float(means.std(correction=0))


def _parts(batches: Sequence[Batch]) -> Iterator[tuple[int, Batch]]:
    """The rows of each group in each batch."""
    for number, batch in enumerate(batches):
        if "groups" not in batch:
            yield number, batch
            continue
        for name in batch["groups"].unique().tolist():
            chosen = batch["groups"] == name
            yield name, {key: value[chosen] for key, value in batch.items()}
