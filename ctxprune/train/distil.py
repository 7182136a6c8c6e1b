"""A small pruner that learns from a large one: what the teacher said about windows, and labels where there are some.

The student is to give each token the teacher's last state (Jiao and others, TinyBERT, EMNLP 2020) and the teacher's
logits, each unit and document the mean that the teacher gives it (Hinton, Vinyals and Dean 2015, with squared errors of
logits: Ba and Caruana, NeurIPS 2014), and labelled ones their label.
"""

from __future__ import annotations

import json
import random
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ctxprune.errors import FormatError, UsageError
from ctxprune.train.losses import pruner_loss
from ctxprune.train.network import HEADS, PrunerNetwork, pooled
from ctxprune.train.schedule import schedule
from ctxprune.train.taught import Taught, taught_batches

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ctxprune.train.taught import TaughtBatch

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


class DistilRun:
    """One run in a folder: `checkpoint.pt` and `log.jsonl`. Word and position embeddings stay as they are.

    Args:
        student: Trained in place.
        recipe: How.
        folder: Where checkpoints and the log go; made if it is not there.
        fingerprint: Of the data and the teacher; a checkpoint of others is refused.
    """

    def __init__(self, student: PrunerNetwork, recipe: DistilRecipe, folder: Path, *, fingerprint: str) -> None:
        self.student, self.recipe, self.folder, self.fingerprint = student, recipe, folder, fingerprint
        folder.mkdir(parents=True, exist_ok=True)
        student.train()
        student.words.weight.requires_grad_(False)
        student.places.weight.requires_grad_(False)
        heads = [*student.linear.parameters(), *student.match.parameters(), student.scale]
        known = {id(entry) for entry in heads}
        body = [entry for entry in student.parameters() if entry.requires_grad and id(entry) not in known]
        groups = [
            {"params": [entry for entry in body if entry.ndim > 1], "weight_decay": recipe.decay, "peak": recipe.rate},
            {"params": [entry for entry in body if entry.ndim < 2], "weight_decay": 0.0, "peak": recipe.rate},
            {"params": heads, "weight_decay": 0.0, "peak": recipe.head_rate},
        ]
        self.optimizer = torch.optim.AdamW(groups, lr=0.0, betas=(0.9, 0.98), fused=True)
        self.step, self.done, self.seconds = 0, 0, 0.0

    def train(self, shards: Sequence[Path], *, save_every: float = 120.0) -> None:
        """Read shards until the recipe's tokens are met; a checkpoint every so many seconds and at the end.

        Raises:
            FormatError: A file holds no taught windows.
        """
        saved = started = time.monotonic()
        before = self.seconds
        for batch in self._batches(shards):
            losses = self._step(batch)
            self.step += 1
            self.done += int(batch.mask.sum())
            self.seconds = before + time.monotonic() - started
            if self.step % 20 == 0:
                self._log(losses)
            if time.monotonic() - saved > save_every:
                self.save()
                saved = time.monotonic()
        self.save()

    def save(self) -> None:
        """Write the checkpoint, whole or not at all."""
        part = self.folder / "checkpoint.part"
        state = {
            "fingerprint": self.fingerprint,
            "recipe": asdict(self.recipe),
            "shape": self.student.shape.to_dict(),
            "network": self.student.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "done": self.done,
            "seconds": self.seconds,
        }
        torch.save(state, part)
        part.replace(self.folder / "checkpoint.pt")

    def resume(self) -> bool:
        """Go on from the folder's checkpoint; False where there is none.

        Raises:
            FormatError: It is of another recipe, shape or teacher, or of other data.
        """
        path = self.folder / "checkpoint.pt"
        if not path.is_file():
            return False
        state: dict[str, Any] = torch.load(path, weights_only=True)
        known = (self.fingerprint, asdict(self.recipe), self.student.shape.to_dict())
        if (state["fingerprint"], state["recipe"], state["shape"]) != known:
            raise FormatError("the checkpoint is of another recipe, shape or teacher, or other data", where=str(path))
        self.student.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.done, self.seconds = state["step"], state["done"], state["seconds"]
        return True

    def _batches(self, shards: Sequence[Path]) -> Iterator[TaughtBatch]:
        """Batches from where the run stands; what was read before is skipped, not computed."""
        read, number = 0, 0
        while read < self.recipe.tokens:
            order = list(shards)
            random.Random(f"{self.recipe.seed} {number}").shuffle(order)
            for path in order:
                shard = Taught.load(path)
                if read + len(shard.ids) > self.done:
                    rng = random.Random(f"{self.recipe.seed} {number} {path.name}")
                    start = read
                    for batch in taught_batches(shard, tokens=self.recipe.batch, rng=rng):
                        if start >= self.done:
                            yield batch
                        start += int(batch.mask.sum())
                read += len(shard.ids)
                if read >= self.recipe.tokens:
                    return
            number += 1

    def _step(self, batch: TaughtBatch) -> dict[str, float]:
        recipe = self.recipe
        factor = schedule(self.done / recipe.tokens, recipe.warmup)
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * factor
        parts = distil_losses(self.student, batch, bfloat16=recipe.bfloat16)
        loss = sum(getattr(recipe, name) * value for name, value in parts.items())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(
            [entry for group in self.optimizer.param_groups for entry in group["params"]], 1.0
        )
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return {name: float(value.detach()) for name, value in parts.items()}

    def _log(self, losses: dict[str, float]) -> None:
        entry = {"step": self.step, "tokens": self.done, "seconds": round(self.seconds, 1)}
        entry |= {name: round(value, 4) for name, value in losses.items()}
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(entry) + "\n")


class _Both(nn.Module):
    """Last states beside the logits, so that parameters can be given for both."""

    def __init__(self, network: PrunerNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, ids: Tensor, types: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        last = self.network.states(ids, types, mask)[-1].float()
        return (last, *self.network.logits(last, types, mask))


def distil_losses(student: PrunerNetwork, batch: TaughtBatch, *, bfloat16: bool) -> dict[str, Tensor]:
    """The parts of the loss, each a number.

    `states`: squared error of last states, in parts of the teacher's mean square. `logits`: of the logits of document
    tokens. `means`: of the means over units and over documents. `labels`: `pruner_loss` of what has a label.
    """
    halved = {
        f"network.{name}": value.bfloat16()
        for name, value in (student.named_parameters() if bfloat16 else ())
        if not name.startswith(HEADS)
    }
    last, keep, relevance = torch.func.functional_call(_Both(student), halved, (batch.ids, batch.types, batch.mask))
    real, read = batch.mask.bool(), (batch.mask * batch.types).bool()
    both, said = torch.stack([keep, relevance], dim=-1), batch.logits
    units, documents = len(batch.unit_label), len(batch.document_label)
    unit, document = pooled(keep, batch.unit, units), pooled(relevance, batch.document, documents)
    labelled, ranked = batch.unit_label >= 0, batch.document_label >= 0
    return {
        "states": functional.mse_loss(last[real], batch.states[real]) / batch.states[real].square().mean(),
        "logits": functional.mse_loss(both[read], said[read]),
        "means": functional.mse_loss(unit, pooled(said[..., 0], batch.unit, units))
        + functional.mse_loss(document, pooled(said[..., 1], batch.document, documents)),
        "labels": pruner_loss(
            (unit[labelled], batch.unit_label[labelled], batch.unit_group[labelled]),
            (document[ranked], batch.document_label[ranked], batch.document_group[ranked]),
        ),
    }
