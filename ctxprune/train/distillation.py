"""A small pruner that learns from a large one: what the teacher said about windows, and labels where there are some.

The student is to give each token the teacher's last state (Jiao and others, TinyBERT, EMNLP 2020) and the teacher's
logits, each unit and document the mean that the teacher gives it (Hinton, Vinyals and Dean 2015, with squared errors of
logits: Ba and Caruana, NeurIPS 2014), and labelled ones their label.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from ctxprune.errors import UsageError
from ctxprune.train.losses import pruner_loss
from ctxprune.train.pruner_network import PrunerNetwork, bfloat16_encoder, mean_logits
from ctxprune.train.teacher_targets import TeacherTargets, target_batches
from ctxprune.train.training import Training

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from ctxprune.train.teacher_targets import TargetBatch

__all__ = ["DistilRecipe", "DistilRun", "distil_losses"]


@dataclass(frozen=True, slots=True)
class DistilRecipe:
    """How a student learns.

    Attributes:
        tokens: Of windows, read in all, padding not counted.
        batch: Padded tokens of a step.
        rate, head_rate: Peak learning rates of the encoder and of the heads.
        warmup: Share of the run in which the rates rise; then they fall to zero along a cosine.
        decay: Of the weights.
        states, logits, means, labels: What each part of the loss counts; see `distil_losses`.
        seed: Of the order.
        bfloat16: Compute in it where that is fast.

    Raises:
        UsageError: A number is out of range.
    """

    tokens: int = 25_000_000
    batch: int = 8_192
    rate: float = 5e-4
    head_rate: float = 5e-4
    warmup: float = 0.05
    decay: float = 0.01
    states: float = 2.0
    logits: float = 0.2
    means: float = 0.3
    labels: float = 0.3
    seed: int = 0
    bfloat16: bool = True

    def __post_init__(self) -> None:
        if min(self.tokens, self.batch) < 1 or not 0 <= self.warmup <= 1:
            raise UsageError("tokens and batch are from 1 up, warmup is from 0 to 1", where=repr(self))
        if min(self.states, self.logits, self.means, self.labels, self.rate, self.head_rate) < 0:
            raise UsageError("rates and the parts of the loss are from 0 up", where=repr(self))


class DistilRun(Training[DistilRecipe, "TargetBatch"]):
    """A student's run; see `Training`. The fingerprint is of the data and the teacher."""

    unit = "tokens"

    @property
    def total(self) -> int:
        """Tokens of the whole run."""
        return self.recipe.tokens

    def train(
        self,
        shards: Sequence[Path],
        *,
        save_every: float = 120.0,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        """Read shards until the recipe's tokens are met; a checkpoint every so many seconds and at the end.

        `progress` is called after each step with the tokens that are read and all of them.

        Raises:
            FormatError: A file holds no teacher targets.
        """
        self.run(self._batches(shards), save_every=save_every, progress=progress)

    def losses(self, batch: TargetBatch) -> tuple[Tensor, dict[str, float]]:
        """The weighted sum of the parts, and each part."""
        parts = distil_losses(self.network, batch, bfloat16=self.recipe.bfloat16)
        recipe = self.recipe
        weights = {"states": recipe.states, "logits": recipe.logits, "means": recipe.means, "labels": recipe.labels}
        loss = torch.stack([weights[name] * value for name, value in parts.items()]).sum()
        return loss, {name: float(value.detach()) for name, value in parts.items()}

    def _batches(self, shards: Sequence[Path]) -> Iterator[tuple[TargetBatch, int]]:
        """Batches from where the run stands; what was read before is skipped, not computed."""
        read, number = 0, 0
        while read < self.recipe.tokens:
            order = list(shards)
            random.Random(f"{self.recipe.seed} {number}").shuffle(order)
            for path in order:
                shard = TeacherTargets.load(path)
                # a shard that was read before the run stopped is skipped without its batches
                if read + len(shard.ids) > self.done:
                    rng = random.Random(f"{self.recipe.seed} {number} {path.name}")
                    start = read
                    for batch in target_batches(shard, tokens=self.recipe.batch, rng=rng):
                        size = int(batch.mask.sum())
                        if start >= self.done:
                            yield batch, size
                        start += size
                read += len(shard.ids)
                if read >= self.recipe.tokens:
                    return
            number += 1


class _Both(nn.Module):
    """Last states and logits in one forward pass, so that parameters can be given for both."""

    def __init__(self, network: PrunerNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, ids: Tensor, types: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        last = self.network.states(ids, types, mask)[-1].float()
        return (last, *self.network.logits(last, types, mask))


def distil_losses(student: PrunerNetwork, batch: TargetBatch, *, bfloat16: bool) -> dict[str, Tensor]:
    """The parts of the loss, each a number.

    `states`: squared error of last states, in parts of the teacher's mean square. `logits`: of the logits of document
    tokens. `means`: of the means over units and over documents. `labels`: `pruner_loss` of what has a label.
    """
    copies = bfloat16_encoder(student) if bfloat16 else {}
    halved = {f"network.{name}": value for name, value in copies.items()}
    last, keep, relevance = torch.func.functional_call(_Both(student), halved, (batch.ids, batch.types, batch.mask))
    # states are learned at all tokens, logits where they are used: not at the question
    real, read = batch.mask.bool(), (batch.mask * batch.types).bool()
    both, wanted = torch.stack([keep, relevance], dim=-1), batch.logits
    units, documents = len(batch.unit_label), len(batch.document_label)
    unit, document = mean_logits(keep, batch.unit, units), mean_logits(relevance, batch.document, documents)
    labelled, ranked = batch.unit_label >= 0, batch.document_label >= 0
    return {
        "states": functional.mse_loss(last[real], batch.states[real]) / batch.states[real].square().mean(),
        "logits": functional.mse_loss(both[read], wanted[read]),
        "means": functional.mse_loss(unit, mean_logits(wanted[..., 0], batch.unit, units))
        + functional.mse_loss(document, mean_logits(wanted[..., 1], batch.document, documents)),
        "labels": pruner_loss(
            (unit[labelled], batch.unit_label[labelled], batch.unit_group[labelled]),
            (document[ranked], batch.document_label[ranked], batch.document_group[ranked]),
        ),
    }
