"""The pruner: which units of a context a question needs, and which documents are relevant to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from ctxprune.shrink.model.tasks.base import Batch, Measured, Task, distillation_loss
from ctxprune.train.batches import Batch as Examples
from ctxprune.train.losses import pruner_loss
from ctxprune.train.pruner_network import mean_logits


@dataclass(frozen=True)
class Pruner(Task):
    """Logits of units, and after them of documents: the means of their tokens' logits, float (units + documents,).

    A batch is what `pruner_batch` gives; rows are windows. Without `unit_labels` the loss is the divergence from the
    teacher.
    """

    independent_rows: ClassVar[bool] = False  # a unit's tokens and a question's documents may lie in several windows

    def output(self, model: nn.Module, batch: Batch) -> Tensor:
        """The logits: (units + documents,)."""
        return torch.cat(self._logits(model, batch))

    def divergence(self, output: Tensor, wanted: Tensor, batch: Batch) -> Tensor:  # noqa: ARG002
        """Mean squared difference of the logits."""
        return functional.mse_loss(output, wanted)

    def loss(self, model: nn.Module, batch: Batch, teacher: nn.Module | None = None) -> Tensor:
        """`pruner_loss` against the labels, a mean over the batch's examples."""
        if "unit_labels" not in batch:
            return distillation_loss(self, model, batch, teacher)
        units, documents = self._logits(model, batch)
        return pruner_loss(
            (units, batch["unit_labels"], batch["unit_groups"]),
            (documents, batch["document_labels"], batch["document_groups"]),
        )

    def measure(self, model: nn.Module, batches: Sequence[Batch]) -> Measured:
        """Mean over examples of the average precision of their units, 0..1; minus the loss where none has evidence."""
        found, losses = [], []
        with torch.no_grad():
            for batch in batches:
                losses.append(float(self.loss(model, batch)))
                if "unit_labels" in batch:
                    units = self._logits(model, batch)[0]
                    for number in batch["unit_groups"].unique():
                        here = batch["unit_groups"] == number
                        if bool((labels := batch["unit_labels"][here] > 0.5).any()):
                            found.append(_precision(units[here], labels))
        if found:
            return Measured("average precision", tuple((value, 1.0) for value in found))
        return Measured("minus the loss", tuple((-loss, 1.0) for loss in losses))

    def examples(self, batch: Batch) -> Iterator[Batch]:
        """The windows of each question with its units and documents, numbered from 0; the batch where none is said."""
        if "unit_groups" not in batch:
            yield batch
            return
        for number in torch.cat([batch["unit_groups"], batch["document_groups"]]).unique():
            yield _of_example(batch, number)

    @staticmethod
    def _logits(model: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
        keep, relevance = model(batch["input_ids"], batch["token_type_ids"], batch["attention_mask"])
        return tuple(
            mean_logits(logits, batch[name], int(batch[name].max()) + 1)
            for logits, name in ((keep, "unit"), (relevance, "document"))
        )


def pruner_batch(examples: Examples) -> dict[str, Any]:
    """A batch of windows as `ctxprune.train.batches.collate` makes it, as tensors under the names of this backend."""
    named: dict[str, Any] = {
        "input_ids": examples.ids,
        "token_type_ids": examples.types,
        "attention_mask": examples.mask,
    }
    named |= {"unit": examples.unit, "unit_labels": examples.unit_labels, "unit_groups": examples.unit_groups}
    named |= {"document": examples.document, "document_labels": examples.document_labels}
    named["document_groups"] = examples.document_groups
    return {name: torch.from_numpy(value) for name, value in named.items()}


def _of_example(batch: Batch, number: Tensor) -> Batch:
    """What of a batch is one example's."""
    found: dict[str, Tensor] = {}
    rows = torch.zeros(len(batch["input_ids"]), dtype=torch.bool)
    for name in ("unit", "document"):
        own = batch[f"{name}_groups"] == number
        # an example's units are numbered from 0 again
        places = torch.cat([torch.where(own, own.cumsum(0) - 1, -1), torch.tensor([-1])])  # -1 stays -1
        found[name] = places[batch[name]]
        rows |= (found[name] >= 0).any(1)
        found |= {key: batch[key][own] for key in (f"{name}_labels", f"{name}_groups") if key in batch}
    found |= {name: found[name][rows] for name in ("unit", "document")}
    return found | {name: value[rows] for name, value in batch.items() if name not in found}


def _precision(logits: Tensor, labels: Tensor) -> float:
    """Mean over the relevant ones of the share of relevant ones down to each; the first of equals stands first."""
    ordered = labels[logits.argsort(descending=True, stable=True)].double()
    shares = ordered.cumsum(0) / torch.arange(1, len(ordered) + 1)
    return float((shares * ordered).sum() / ordered.sum())
