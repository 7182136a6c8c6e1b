"""Bi-encoders: a text becomes one vector, and likeness is a cosine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from ctxprune.errors import UsageError
from ctxprune.shrink.model.tasks.base import Batch, RankingTask, distillation_loss, inputs_of, pairs_in_order


@dataclass(frozen=True)
class Embedding(RankingTask):
    """Unit vectors (rows, width).

    In a batch with labels a group is a question (label -1) with its passages (0..1).

    Attributes:
        pooling: "mean" over real tokens or "first" token.
        sharpness: What cosines are multiplied by before the softmax of the loss.
    """

    independent_rows: ClassVar[bool] = False  # a question is compared with its passages, which are rows too
    pooling: str = "mean"
    sharpness: float = 20.0

    def __post_init__(self) -> None:
        if self.pooling not in ("first", "mean") or self.sharpness <= 0:
            raise UsageError(f"pooling is {self.pooling!r}", hint="'mean' or 'first', and a sharpness above 0")

    def output(self, model: nn.Module, batch: Batch) -> Tensor:
        """The vectors: (rows, width), of length 1."""
        states = model(**inputs_of(batch)).last_hidden_state
        if self.pooling == "first":
            return functional.normalize(states[:, 0], dim=-1)
        weights = batch["attention_mask"][..., None].to(states.dtype)
        return functional.normalize((states * weights).sum(1), dim=-1)

    def divergence(self, output: Tensor, wanted: Tensor, batch: Batch) -> Tensor:  # noqa: ARG002
        """Mean squared difference of the cosines of all rows with one another, which other widths have, too."""
        return functional.mse_loss(output @ output.T, wanted @ wanted.T)

    def loss(self, model: nn.Module, batch: Batch, teacher: nn.Module | None = None) -> Tensor:
        """Cross entropy of a question's passages against their labels; without them the divergence from the teacher."""
        if "labels" not in batch:
            return distillation_loss(self, model, batch, teacher)
        vectors, losses = self.output(model, batch), []
        for labels, cosines in self._questions(vectors, batch):
            if float(labels.sum()) > 0:
                # several relevant passages share the probability
                wanted = labels / labels.sum()
                losses.append(-(wanted * functional.log_softmax(self.sharpness * cosines, dim=0)).sum())
        return torch.stack(losses).mean() if losses else 0.0 * vectors.sum()

    def count_ordered(self, model: nn.Module, batch: Batch) -> list[tuple[float, int]] | None:
        """One count a question; None without labels."""
        if "labels" not in batch:
            return None
        questions = self._questions(self.output(model, batch), batch)
        return [pairs_in_order(cosines, labels) for labels, cosines in questions]

    def examples(self, batch: Batch) -> Iterator[Batch]:
        """Each question with its passages, which the loss and the divergence compare; the batch where none is said."""
        if "groups" not in batch:
            yield batch
            return
        for number in batch["groups"].unique():
            here = batch["groups"] == number
            yield {name: value[here] for name, value in batch.items()}

    @staticmethod
    def _questions(vectors: Tensor, batch: Batch) -> list[tuple[Tensor, Tensor]]:
        """For each question its passages' labels and cosines."""
        found = []
        for number in batch["groups"].unique():
            here = batch["groups"] == number
            asked, passages = here & (batch["labels"] < 0), here & (batch["labels"] >= 0)
            if bool(asked.any()) and bool(passages.any()):
                found.append((batch["labels"][passages], vectors[passages] @ vectors[asked][0]))
        return found
