"""The training run of the bundled model's teacher: its recipe, the order of its examples, its loss."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from ctxprune.errors import UsageError
from ctxprune.train.batches import batches, view
from ctxprune.train.losses import pruner_loss
from ctxprune.train.mixture import epoch
from ctxprune.train.pruner_network import HEADS, PrunerNetwork, bfloat16_encoder, mean_logits
from ctxprune.train.training import Training

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from ctxprune.train.batches import Batch, Encoded
    from ctxprune.train.examples import Example

__all__ = ["PrunerRecipe", "PrunerRun", "batch_loss", "blend_with_base"]


@dataclass(frozen=True, slots=True)
class PrunerRecipe:
    """Everything that the weights depend on, except data, base model and the libraries' versions.

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
        base_share: Of the base model in the encoder that is exported; see `blend_with_base`.

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
        shares = {"short_share": self.short_share, "dropout": self.dropout}
        shares |= {"warmup": self.warmup, "base_share": self.base_share}
        for name, share in shares.items():
            if not 0 <= share <= 1:
                raise UsageError(f"{name} is {share!r}", hint="give a share from 0 to 1")
        if self.examples < 1 or self.tokens < 1 or min(self.limit, self.short) < 128:
            raise UsageError("examples and tokens are from 1 up, limit and short from 128 up", where=repr(self))


class PrunerRun(Training[PrunerRecipe, "Batch"]):
    """The run from the base model's weights; see `Training`. The fingerprint is of the data."""

    def __init__(self, network: PrunerNetwork, recipe: PrunerRecipe, folder: Path, *, fingerprint: str) -> None:
        super().__init__(network, recipe, folder, fingerprint=fingerprint)
        for layer in network.layers:
            layer.dropout = recipe.dropout

    @property
    def total(self) -> int:
        """Examples of the whole run."""
        return self.recipe.examples

    def train(
        self,
        data: Sequence[Encoded],
        examples: Sequence[Example],
        *,
        save_every: float = 120.0,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        """Read examples until the recipe's number is met; a checkpoint every so many seconds and at the end.

        `progress` is called after each step with the examples that are read and all of them.
        """
        # by identity: examples are large, and equal ones may stand in several sources
        place = {id(example): entry for example, entry in zip(examples, data, strict=True)}
        self.run(self._batches(place, examples), save_every=save_every, progress=progress)

    def losses(self, batch: Batch) -> tuple[torch.Tensor, dict[str, float]]:
        """The loss, under that name."""
        with torch.random.fork_rng(devices=[]):  # a run that was resumed drops what it would have dropped
            torch.manual_seed(self.recipe.seed + self.step)
            loss = batch_loss(self.network, batch, bfloat16=self.recipe.bfloat16)
        return loss, {"loss": float(loss.detach())}

    def _batches(self, place: dict[int, Encoded], examples: Sequence[Example]) -> Iterator[tuple[Batch, int]]:
        """Batches from where the run stands; what was read before is skipped, not computed."""
        recipe, read, number = self.recipe, 0, 0
        while read < recipe.examples:
            chosen = epoch(examples, number, seed=recipe.seed, scale=recipe.scale)
            number += 1
            # in parts with a generator each, so that a resumed run draws the same views without the ones before
            for at in range(0, len(chosen), 512):
                part = chosen[at : at + 512][: recipe.examples - read]
                rng = random.Random(f"{recipe.seed} {number} {at}")
                if read + len(part) > self.done:
                    # short windows first: their steps cost less
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


def batch_loss(network: PrunerNetwork, batch: Batch, *, bfloat16: bool) -> torch.Tensor:
    """The loss of one batch."""
    ids, types, mask = (torch.from_numpy(entry) for entry in (batch.ids, batch.types, batch.mask))
    keep, relevance = torch.func.functional_call(
        network, bfloat16_encoder(network) if bfloat16 else {}, (ids, types, mask)
    )
    units = mean_logits(keep, torch.from_numpy(batch.unit), len(batch.unit_labels))
    documents = mean_logits(relevance, torch.from_numpy(batch.document), len(batch.document_labels))
    return pruner_loss(
        (units, torch.from_numpy(batch.unit_labels), torch.from_numpy(batch.unit_groups)),
        (documents, torch.from_numpy(batch.document_labels), torch.from_numpy(batch.document_groups)),
    )


def blend_with_base(network: PrunerNetwork, base: Mapping[str, torch.Tensor], share: float) -> None:
    """Move the encoder towards the base model by `share`, 0 to 1: it does better on text of other kinds than it saw.

    Wortsman and others, Robust fine-tuning of zero-shot models, CVPR 2022. The heads stay as they were trained.
    """
    with torch.no_grad():
        for name, value in network.named_parameters():
            if not name.startswith(HEADS):
                value.lerp_(base[name], share)
