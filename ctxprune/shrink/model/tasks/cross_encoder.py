"""Rerankers: a transformers model for sequence classification that scores pairs of question and passage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from ctxprune.shrink.model.tasks.base import Task, distillation_loss, inputs_of, pairs_in_order

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn

    from ctxprune.shrink.model.tasks.base import Batch

__all__ = ["CrossEncoder"]


@dataclass(frozen=True)
class CrossEncoder(Task):
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

    def quality(self, model: nn.Module, batches: Sequence[Batch]) -> float:
        """Share of (relevant, other) pairs of one group that are in order, 0..1; minus the loss without groups."""
        right, pairs, losses = 0.0, 0, []
        with torch.no_grad():
            for batch in batches:
                if "groups" not in batch:
                    losses.append(float(self.loss(model, batch)))
                    continue
                here = pairs_in_order(self.output(model, batch)[:, -1], batch["labels"], batch["groups"])
                right, pairs = right + here[0], pairs + here[1]
        return right / pairs if pairs else -sum(losses) / max(len(losses), 1)
