"""Low-rank adapters on the layers' matrices, merged at the end; higher ranks where more was lost.

Hu and others, LoRA: Low-Rank Adaptation of Large Language Models, 2021: W + (alpha / r) B A with B zero at first.
Zhou and others, RankAdaptor: Hierarchical Dynamic Low-Rank Adaptation for Structural Pruned LLMs, 2024: layers that
pruning hit differently need different ranks, found by a small model that predicts the loss of a choice; here the first
choice follows how far each layer's states are from the teacher's, and all choices have the same sum of ranks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import nn

from ctxprune.errors import UsageError
from ctxprune.shrink.learning.losses import build_objective, layer_pairs, record_outputs
from ctxprune.shrink.learning.training import Schedule, loss_towards
from ctxprune.shrink.model.subject import parameter_of
from ctxprune.shrink.recover._delta import DeltaRecovery, Deltas, linear_modules, train_deltas
from ctxprune.shrink.recover._rank_search import search_ranks
from ctxprune.shrink.types import Callable, Sequence, Subject, Tensor


@dataclass(frozen=True)
class Adapters(DeltaRecovery):
    """Trains A (rank, inputs) and B (outputs, rank) for each matrix of the layers, and adds (scale / rank) B A to it.

    Where single weights are masked, the product is masked too, so that merging keeps the zeros.

    Attributes:
        steps: Of the optimiser.
        rate: Peak learning rate.
        rank: Of each adapter; their mean where ranks go by layer.
        scale: LoRA's alpha.
        by_layer: Whether ranks follow what each layer lost (RankAdaptor). Needs a teacher of the same width.
        trials: With `by_layer`, choices of ranks that are tried, each with `trial_steps` of training on a copy; the
            last batch, where there are several, says which is best. 0 takes the ranks by what was lost.
        trial_steps: Of the optimiser in each trial.
        towards: "teacher" or "labels".
        loss: As in `tune.v1`.
    """

    steps: int = 100
    rate: float = 1e-3
    rank: int = 8
    scale: float = 16.0
    by_layer: bool = False
    trials: int = 0
    trial_steps: int = 20
    towards: str = "teacher"
    loss: str = "output"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.trials < 0 or self.trial_steps < 1:
            raise UsageError(f"trials is {self.trials} and trial_steps {self.trial_steps}", hint="from 0 and 1 up")

    def build_deltas(self, subject: Subject) -> Deltas:
        """For each matrix the product of A and B, which is zero at first; ranks by layer are noted as "ranks"."""
        ranks = [self.rank] * len(subject.anatomy.layers)
        if self.by_layer:
            ranks = ranks_by_loss(layer_losses(subject), self.rank)
            if self.trials:
                best, tried = search_ranks(
                    lambda choice: self._try(subject, choice), ranks, self.trials, subject.generator(19)
                )
                subject.notes["rank_trials"] = [[list(choice), loss] for choice, loss in tried.items()]
                ranks = list(best)
            subject.notes["ranks"] = ranks
        return self._adapters(subject, ranks)

    def _try(self, subject: Subject, ranks: Sequence[int]) -> float:
        """The loss on the last batch of a copy that was trained a little with these ranks on the others."""
        *learned, judged = subject.needed_calibration()
        copy = replace(subject.copy(), calibration=learned or [judged])
        objective = build_objective(copy, self.loss, towards=self.towards)
        train_deltas(copy, Schedule(self.trial_steps, self.rate), self._adapters(copy, ranks), objective)
        with torch.no_grad():
            return float(loss_towards(subject, self.towards)(copy.model, judged))

    def _adapters(self, subject: Subject, ranks: Sequence[int]) -> Deltas:
        layers = [layer.path for layer in subject.anatomy.layers]
        generator = subject.generator(2)
        deltas = {}
        for path in linear_modules(subject):
            place = next(index for index, layer in enumerate(layers) if path.startswith(f"{layer}."))
            outputs, inputs = parameter_of(subject.model, f"{path}.weight").shape
            # B is zero at the start, so that the model begins as it is
            down = nn.Parameter(torch.randn(ranks[place], inputs, generator=generator) / inputs**0.5)
            up = nn.Parameter(torch.zeros(outputs, ranks[place]))
            deltas[path] = ((down, up), _product(up, down, self.scale / ranks[place]))
        return deltas


def layer_losses(subject: Subject) -> list[float]:
    """How far each layer's states are from those of the teacher's layer that stands as far up: 1 - cosine, 0..2.

    Raises:
        UsageError: There is no teacher, or it is wider or narrower.
    """
    if subject.teacher is None:
        raise UsageError("ranks by layer need a teacher", where="adapters.v1")
    own, above = subject.anatomy, subject.with_model(subject.teacher).anatomy
    if own.width != above.width:
        raise UsageError(f"the teacher is {above.width} wide and the model {own.width}", hint="leave by_layer out")
    pairs = layer_pairs(len(own.layers), len(above.layers))
    sums, count = torch.zeros(len(own.layers), dtype=torch.float64), 0
    with torch.no_grad():
        for batch in subject.needed_calibration():
            with record_outputs(subject.model, [layer.path for layer in own.layers], batch) as states:
                subject.task.output(subject.model, batch)
            with record_outputs(subject.teacher, [layer.path for layer in above.layers], batch) as wanted:
                subject.task.output(subject.teacher, batch)
            for place, state in enumerate(states):
                sums[place] += (1 - torch.cosine_similarity(state, wanted[pairs[place]], dim=1)).double().sum()
            count += len(states[0])
    return (sums / count).tolist()


def ranks_by_loss(losses: Sequence[float], mean: int) -> list[int]:
    """Ranks from 1 up in proportion to the losses, with `mean` as their mean."""
    # one rank each is set aside first, since a layer without an adapter learns nothing
    spare, total = (mean - 1) * len(losses), sum(losses)
    if total <= 0:
        return [mean] * len(losses)
    exact = [spare * loss / total for loss in losses]
    ranks = [1 + int(value) for value in exact]
    # largest remainders get what rounding left over
    order = sorted(range(len(losses)), key=lambda place: (int(exact[place]) - exact[place], place))
    for place in order[: mean * len(losses) - sum(ranks)]:
        ranks[place] += 1
    return ranks


def _product(up: nn.Parameter, down: nn.Parameter, scale: float) -> Callable[[], Tensor]:
    return lambda: scale * (up @ down)
