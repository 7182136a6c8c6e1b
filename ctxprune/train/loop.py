"""The training run: schedule, steps, checkpoints to go on from, a log of what was done."""

from __future__ import annotations

import json
import random
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ctxprune.errors import FormatError, UsageError
from ctxprune.train.batches import batches, view
from ctxprune.train.losses import pruner_loss
from ctxprune.train.mixture import epoch
from ctxprune.train.network import HEADS, PrunerNetwork, pooled
from ctxprune.train.schedule import schedule

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ctxprune.train.batches import Batch, Encoded
    from ctxprune.train.examples import Example

__all__ = ["Recipe", "Run", "blended", "losses_of"]


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that the weights depend on, beside data, base model and the libraries' versions.

    Attributes:
        examples: Examples to be read, over all epochs.
        tokens: Padded tokens of a batch.
        limit, short: Tokens of a window, and of one in the first part of the run, whose steps cost less.
        short_share: How large that part is.
        dropout: Of what each part of a layer adds.
        rate, head_rate: Peak learning rates of the encoder and of the heads.
        warmup: Share of the run in which the rates rise; then they fall to zero along a cosine.
        decay: Of the weights.
        seed: Of order, views and heads.
        scale: Of the shares of the sources.
        bfloat16: Compute in it where that is fast.
        base_share: Of the base model in the encoder that is exported; see `blended`.

    Raises:
        UsageError: A number is out of range.
    """

    examples: int = 140_000
    tokens: int = 4_096
    limit: int = 256
    short: int = 128
    short_share: float = 0.5
    dropout: float = 0.1
    rate: float = 1e-4
    head_rate: float = 5e-4
    warmup: float = 0.06
    decay: float = 0.01
    seed: int = 0
    scale: float = 1.0
    bfloat16: bool = True
    base_share: float = 0.3

    def __post_init__(self) -> None:
        for name in ("short_share", "dropout", "warmup", "base_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise UsageError(f"{name} is {getattr(self, name)!r}", hint="give a share from 0 to 1")
        if self.examples < 1 or self.tokens < 1 or min(self.limit, self.short) < 128:
            raise UsageError("examples and tokens are from 1 up, limit and short from 128 up", where=repr(self))


class Run:
    """One training run in a folder: `checkpoint.pt` and `log.jsonl`.

    Args:
        network: With the base model's weights; trained in place.
        recipe: How.
        folder: Where checkpoints and the log go; made if it is not there.
        fingerprint: Of the data; a checkpoint of other data is refused.
    """

    def __init__(self, network: PrunerNetwork, recipe: Recipe, folder: Path, *, fingerprint: str) -> None:
        self.network, self.recipe, self.folder, self.fingerprint = network, recipe, folder, fingerprint
        folder.mkdir(parents=True, exist_ok=True)
        network.train()
        for layer in network.layers:
            layer.dropout = recipe.dropout
        network.words.weight.requires_grad_(False)
        network.places.weight.requires_grad_(False)
        heads = [*network.linear.parameters(), *network.match.parameters(), network.scale]
        known = {id(entry) for entry in heads}
        body = [entry for entry in network.parameters() if entry.requires_grad and id(entry) not in known]
        groups = [
            {"params": [entry for entry in body if entry.ndim > 1], "weight_decay": recipe.decay, "peak": recipe.rate},
            {"params": [entry for entry in body if entry.ndim < 2], "weight_decay": 0.0, "peak": recipe.rate},
            {"params": heads, "weight_decay": 0.0, "peak": recipe.head_rate},
        ]
        self.optimizer = torch.optim.AdamW(groups, lr=0.0, betas=(0.9, 0.98), fused=True)
        self.step, self.done, self.seconds = 0, 0, 0.0

    def train(self, data: Sequence[Encoded], examples: Sequence[Example], *, save_every: float = 120.0) -> None:
        """Read examples until the recipe's number is met; a checkpoint every so many seconds and at the end."""
        place = {id(example): entry for example, entry in zip(examples, data, strict=True)}
        saved = started = time.monotonic()
        before = self.seconds
        for batch, size in self._batches(place, examples):
            progress = self.done / self.recipe.examples
            loss = self._step(batch, progress)
            self.step += 1
            self.done += size
            self.seconds = before + time.monotonic() - started
            if self.step % 20 == 0:
                self._log(loss)
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
            "shape": self.network.shape.to_dict(),
            "network": self.network.state_dict(),
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
            FormatError: It is of another recipe or of other data.
        """
        path = self.folder / "checkpoint.pt"
        if not path.is_file():
            return False
        state: dict[str, Any] = torch.load(path, weights_only=True)
        if state["fingerprint"] != self.fingerprint or state["recipe"] != asdict(self.recipe):
            raise FormatError("the checkpoint is of another recipe or of other data", where=str(path))
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.done, self.seconds = state["step"], state["done"], state["seconds"]
        return True

    def _batches(self, place: dict[int, Encoded], examples: Sequence[Example]) -> Iterator[tuple[Batch, int]]:
        """Batches from where the run stands; what was read before is skipped, not computed."""
        recipe, read, number = self.recipe, 0, 0
        while read < recipe.examples:
            chosen = epoch(examples, number, seed=recipe.seed, scale=recipe.scale)
            number += 1
            for at in range(0, len(chosen), 512):
                part = chosen[at : at + 512][: recipe.examples - read]
                rng = random.Random(f"{recipe.seed} {number} {at}")
                if read + len(part) > self.done:
                    short = read < recipe.short_share * recipe.examples
                    limit = recipe.short if short else recipe.limit
                    views = [view(place[id(example)], rng, limit=limit) for example in part]
                    start = read
                    for batch in batches(views, tokens=recipe.tokens, rng=rng):
                        size = batch.examples
                        if start >= self.done:
                            yield batch, size
                        start += size
                read += len(part)

    def _step(self, batch: Batch, progress: float) -> float:
        recipe = self.recipe
        factor = schedule(progress, recipe.warmup)
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * factor
        with torch.random.fork_rng(devices=[]):  # a run that was resumed drops what it would have dropped
            torch.manual_seed(recipe.seed + self.step)
            loss = losses_of(self.network, batch, bfloat16=recipe.bfloat16)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(
            [entry for group in self.optimizer.param_groups for entry in group["params"]], 1.0
        )
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return float(loss.detach())

    def _log(self, loss: float) -> None:
        entry = {"step": self.step, "examples": self.done, "loss": round(loss, 4), "seconds": round(self.seconds, 1)}
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(entry) + "\n")


def losses_of(network: PrunerNetwork, batch: Batch, *, bfloat16: bool) -> torch.Tensor:
    """The loss of one batch."""
    ids, types, mask = (torch.from_numpy(entry) for entry in (batch.ids, batch.types, batch.mask))
    keep, relevance = torch.func.functional_call(network, _halved(network) if bfloat16 else {}, (ids, types, mask))
    units = pooled(keep, torch.from_numpy(batch.unit), len(batch.unit_labels))
    documents = pooled(relevance, torch.from_numpy(batch.document), len(batch.document_labels))
    return pruner_loss(
        (units, torch.from_numpy(batch.unit_labels), torch.from_numpy(batch.unit_groups)),
        (documents, torch.from_numpy(batch.document_labels), torch.from_numpy(batch.document_groups)),
    )


def blended(network: PrunerNetwork, base: Mapping[str, torch.Tensor], share: float) -> None:
    """Move the encoder towards the base model by `share`, 0 to 1: it does better on text of other kinds than it saw.

    Wortsman and others, Robust fine-tuning of zero-shot models, CVPR 2022. The heads stay as they were trained.
    """
    with torch.no_grad():
        for name, value in network.named_parameters():
            if not name.startswith(HEADS):
                value.lerp_(base[name], share)


def _halved(network: PrunerNetwork) -> dict[str, torch.Tensor]:
    """The encoder's parameters in bfloat16. Autocast would go to float32 and back around every softmax and norm."""
    return {name: value.bfloat16() for name, value in network.named_parameters() if not name.startswith(HEADS)}
