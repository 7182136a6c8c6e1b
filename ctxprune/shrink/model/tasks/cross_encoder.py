"""Rerankers: a transformers model for sequence classification that scores pairs of question and passage."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional

from ctxprune.shrink.model.tasks.base import Batch, RankingTask, distillation_loss, inputs_of, pairs_in_order


@dataclass(frozen=True)
class CrossEncoder(RankingTask):
    """Logits (rows, labels). Labels are float (rows,) in 0..1 for one logit, int64 (rows,) for more."""

    def output(self, model: nn.Module, batch: Batch) -> Tensor:
        """The logits: (rows, labels)."""
        logits: Tensor = model(**inputs_of(batch)).logits
        return logits

    def divergence(self, output: Tensor, wanted: Tensor, batch: Batch) -> Tensor:  # noqa: ARG002
        """Mean squared difference of the logits (spec: MSE on logits)."""
        return functional.mse_loss(output, wanted)

    def loss(self, model: nn.Module, batch: Batch, teacher: nn.Module | None = None) -> Tensor:
        """Cross entropy against the labels, binary for one logit; without labels the divergence from the teacher."""
        if "labels" not in batch:
            return distillation_loss(self, model, batch, teacher)
        logits, labels = self.output(model, batch), batch["labels"]
        if logits.shape[1] == 1:
            return functional.binary_cross_entropy_with_logits(logits[:, 0], labels.float())
        return functional.cross_entropy(logits, labels.long())

    def count_ordered(self, model: nn.Module, batch: Batch) -> list[tuple[float, int]] | None:
        """One count a question; None without groups."""
        if "groups" not in batch:
            return None
        scores, groups = self.output(model, batch)[:, -1], batch["groups"]
        own = [groups == number for number in groups.unique()]
        return [pairs_in_order(scores[here], batch["labels"][here]) for here in own]
