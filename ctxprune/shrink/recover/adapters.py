"""Additions to the weights of linear modules: trained beside the weights, which stay as they are, merged at the end.

Hu and others, LoRA: Low-Rank Adaptation of Large Language Models, 2021: W + (scale / rank) B A with B zero at first.
Zhou and others, RankAdaptor: Hierarchical Dynamic Low-Rank Adaptation for Structural Pruned LLMs, 2024: layers that
pruning hit differently need different ranks; the paper trains a small model that predicts the quality of a choice of
ranks, here a layer's rank follows how far its states are from the teacher's, with as many parameters in all. Lu and
others, SPP: Sparsity-Preserved Parameter-Efficient Fine-Tuning for Large Language Models, ICML 2024: W + scale * W *
rows * columns, elementwise, `rows` (rank, inputs), each of its rows for as many neighbouring outputs, and `columns`
(outputs, 1), zero at first, so that what is zero stays zero; no dropout, and no quantised base.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional

from ctxprune.errors import UsageError
from ctxprune.shrink.learning.adapters import linear_paths
from ctxprune.shrink.learning.losses import build_objective, check_objective, layer_pairs, record_outputs
from ctxprune.shrink.learning.training import Schedule, train
from ctxprune.shrink.model.gate_hooks import temporary_hooks
from ctxprune.shrink.model.subject import module_of

if TYPE_CHECKING:
    from torch import Tensor

    from ctxprune.shrink.model.subject import Subject

__all__ = ["Adapters", "layer_losses", "ranks_by_loss"]


@dataclass(frozen=True)
class Adapters:
    """Trains two small tensors for each matrix of the layers; masked weights stay zero.

    Attributes:
        steps: Of the optimiser.
        rate: Peak learning rate.
        rank: Of each adapter; their mean where ranks go by layer.
        scale: LoRA's alpha, or that of SPP's product.
        product: "low_rank" (LoRA) or "weight" (SPP).
        by_layer: Whether ranks follow what each layer lost (RankAdaptor). Needs a teacher of the same width.
        towards: "teacher" or "labels".
        loss: As in `tune.v1`.
    """

    steps: int = 100
    rate: float = 1e-3
    rank: int = 8
    scale: float = 16.0
    product: str = "low_rank"
    by_layer: bool = False
    towards: str = "teacher"
    loss: str = "output"

    def __post_init__(self) -> None:
        if self.rank < 1 or self.scale <= 0:
            raise UsageError(f"rank is {self.rank} and scale {self.scale}", hint="rank from 1 up, scale above 0")
        if self.product not in ("low_rank", "weight"):
            raise UsageError(f"product is {self.product!r}", hint="'low_rank' or 'weight'")
        Schedule(self.steps, self.rate)
        check_objective(self.loss, self.towards)

    def __call__(self, subject: Subject) -> Subject:
        """The same subject, its matrices changed in place.

        The share of parameters is noted as "adapters", ranks by layer as "ranks".

        Raises:
            UsageError: The layers have no linear modules.
        """
        layers = [layer.path for layer in subject.anatomy.layers]
        ranks = [self.rank] * len(layers)
        if self.by_layer:
            ranks = subject.notes["ranks"] = ranks_by_loss(layer_losses(subject), self.rank)
        generator, chosen, deltas = subject.generator(2), [], {}
        for path in linear_paths(subject.model):
            place = next(index for index, layer in enumerate(layers) if path.startswith(f"{layer}."))
            trained, delta = self._delta(module_of(subject.model, path).weight.detach(), ranks[place], generator)
            chosen += trained
            deltas[path] = _masked(delta, subject.masks.get(f"{path}.weight"))
        if not deltas:
            raise UsageError("the model's layers have no linear modules")
        aim = build_objective(subject, self.loss, towards=self.towards)
        with temporary_hooks() as handles:
            handles += [module_of(subject.model, path).register_forward_hook(_adding(d)) for path, d in deltas.items()]
            train(
                subject, Schedule(self.steps, self.rate), parameters=[*chosen, *aim.parameters], loss=aim.loss
            )  # fmt: skip
        with torch.no_grad():
            for path, delta in deltas.items():
                weight = module_of(subject.model, path).weight
                weight += delta().to(weight.dtype)
        total, count = (sum(entry.numel() for entry in part) for part in (subject.model.parameters(), chosen))
        subject.notes["adapters"] = {"parameters": count, "share": count / total}
        return subject

    def _delta(
        self, weight: Tensor, rank: int, generator: torch.Generator
    ) -> tuple[list[nn.Parameter], Callable[[], Tensor]]:
        """What is trained of a matrix, and its change: zero at the start, so that the model begins as it is."""
        outputs, inputs = weight.shape
        if self.product == "low_rank":
            down = nn.Parameter(torch.randn(rank, inputs, generator=generator) / inputs**0.5)
            up = nn.Parameter(torch.zeros(outputs, rank))
            return [down, up], lambda: self.scale / rank * (up @ down)
        rank = min(rank, outputs)
        rows = nn.Parameter(1 + 0.1 * torch.randn(rank, inputs, generator=generator))
        columns = nn.Parameter(torch.zeros(outputs, 1))
        which = torch.arange(outputs) * rank // outputs
        return [rows, columns], lambda: self.scale * weight * rows[which] * columns


def _masked(delta: Callable[[], Tensor], mask: Tensor | None) -> Callable[[], Tensor]:
    return delta if mask is None else lambda: delta() * mask


def _adding(delta: Callable[[], Tensor]) -> Callable[..., Tensor]:
    def after(_: nn.Module, given: tuple[Any, ...], result: Tensor) -> Tensor:
        return result + functional.linear(given[0], delta().to(given[0].dtype))

    return after


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
