"""The training run of the cross-encoder: batches of groups, its loss, and how well it picks on databases left out."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional

from ctxprune.errors import UsageError
from ctxprune.train.pruner_network import PrunerNetwork, bfloat16_encoder
from ctxprune.train.training import Training

from ...trust.cross_encoder.layout import pair_ids

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from .groups import Group

__all__ = ["CrossEncoderRecipe", "CrossEncoderRun", "EncodedGroup", "encode_groups", "pad", "score_pairs"]


@dataclass(frozen=True, slots=True)
class CrossEncoderRecipe:
    """Everything that the weights depend on, except data, first weights and the libraries' versions.

    Attributes:
        epochs: How often the groups are read; each time with other wrong queries.
        wrong: Wrong queries of a group that are read at a time.
        tokens: Padded tokens of a batch.
        dropout: Of what each part of a layer adds.
        rate, head_rate: Peak learning rates of the encoder and of the heads.
        warmup: Share of the run in which the rates rise; then they fall to zero along a cosine.
        decay: Of the weights.
        binary: Weight of the loss that judges each query alone, against the one that compares those of a group.
        seed: Of order and choice.
        bfloat16: Compute in it where that is fast.

    Raises:
        UsageError: A number is out of range.
    """

    epochs: int = 1
    wrong: int = 5
    tokens: int = 3_072
    dropout: float = 0.1
    rate: float = 3e-4
    head_rate: float = 5e-4
    warmup: float = 0.06
    decay: float = 0.01
    binary: float = 0.5
    seed: int = 0
    bfloat16: bool = True

    def __post_init__(self) -> None:
        if min(self.epochs, self.wrong) < 1 or self.tokens < 512:
            raise UsageError("epochs and wrong are from 1 up, tokens from 512 up", where=repr(self))
        if not (0 <= self.dropout < 1 and 0 <= self.warmup <= 1 and self.binary >= 0):
            raise UsageError("dropout and warmup are shares, binary is from 0 up", where=repr(self))


@dataclass(frozen=True, slots=True)
class EncodedGroup:
    """Token ids of each pair of a group, how many of them belong to the question, and which pairs are right."""

    pairs: tuple[tuple[list[int], int], ...]
    right: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class _Batch:
    ids: torch.Tensor
    types: torch.Tensor
    mask: torch.Tensor
    right: torch.Tensor
    group: torch.Tensor
    groups: int


def encode_groups(groups: Sequence[Group], encode: Callable[[list[str]], list[list[int]]]) -> list[EncodedGroup]:
    """Groups as token ids; `encode` gives those of texts, without special tokens."""
    found = []
    for group in groups:
        question, *queries = encode([group.question, *group.queries])
        found.append(EncodedGroup(tuple(pair_ids(question, query) for query in queries), group.right))
    return found


def score_pairs(network: PrunerNetwork, batch: _Batch, *, bfloat16: bool) -> torch.Tensor:
    """Logits of the pairs, float32 (pairs,): that of the first token plus the mean over the query's."""
    keep, relevance = torch.func.functional_call(
        network, bfloat16_encoder(network) if bfloat16 else {}, (batch.ids, batch.types, batch.mask)
    )
    return keep[:, 0] + (relevance * batch.types).sum(1) / batch.types.sum(1)


class CrossEncoderRun(Training[CrossEncoderRecipe, _Batch]):
    """The run from the pruner's weights; see `Training`."""

    unit = "groups"

    def __init__(
        self, network: PrunerNetwork, recipe: CrossEncoderRecipe, folder: Path, *, groups: int, fingerprint: str
    ) -> None:
        super().__init__(network, recipe, folder, fingerprint=fingerprint)
        self._groups = groups
        for layer in network.layers:
            layer.dropout = recipe.dropout

    @property
    def total(self) -> int:
        """Groups of the whole run."""
        return self._groups * self.recipe.epochs

    def train(self, data: Sequence[EncodedGroup], *, save_every: float = 120.0) -> None:
        """Read all epochs; a checkpoint every so many seconds and at the end."""
        self.run(self._batches(data), save_every=save_every)

    def losses(self, batch: _Batch) -> tuple[torch.Tensor, dict[str, float]]:
        """The loss, and both of its parts."""
        with torch.random.fork_rng(devices=[]):  # a run that was resumed drops what it would have dropped
            torch.manual_seed(self.recipe.seed + self.step)
            scores = score_pairs(self.network, batch, bfloat16=self.recipe.bfloat16)
        listwise = _listwise(scores, batch)
        # wrong queries outnumber right ones, and rare ones must not drown
        weight = torch.where(batch.right > 0, float(self.recipe.wrong) / 2, 1.0)
        binary = functional.binary_cross_entropy_with_logits(scores, batch.right, weight=weight)
        loss = listwise + self.recipe.binary * binary
        return loss, {
            "loss": float(loss.detach()),
            "listwise": float(listwise.detach()),
            "binary": float(binary.detach()),
        }

    def _batches(self, data: Sequence[EncodedGroup]) -> Iterator[tuple[_Batch, int]]:
        """Batches from where the run stands; what was read before is skipped, not computed."""
        read = 0
        for epoch in range(self.recipe.epochs):
            rng = random.Random(f"{self.recipe.seed} {epoch}")
            drawn = [_draw(group, rng, self.recipe.wrong) for group in rng.sample(list(data), len(data))]
            packs = list(_packed(drawn, self.recipe.tokens))
            rng.shuffle(packs)
            for pack in packs:
                if read >= self.done:
                    yield pad(pack), len(pack)
                read += len(pack)


def _listwise(scores: torch.Tensor, batch: _Batch) -> torch.Tensor:
    """-log of the share of a group's right queries in a softmax over the group."""
    whole = torch.full((batch.groups,), -1e4).scatter_reduce(0, batch.group, scores.detach(), "amax")
    powers = torch.exp(scores - whole[batch.group])
    total = torch.zeros(batch.groups).index_add(0, batch.group, powers)
    right = torch.zeros(batch.groups).index_add(0, batch.group, powers * batch.right)
    return -torch.log(right.clamp(min=1e-9) / total).mean()


def _draw(group: EncodedGroup, rng: random.Random, wrong: int) -> EncodedGroup:
    """One right query, the first or another, and some wrong ones."""
    right = [place for place, good in enumerate(group.right) if good]
    bad = [place for place, good in enumerate(group.right) if not good]
    kept = [right[0] if rng.random() < 0.7 else rng.choice(right), *rng.sample(bad, min(wrong, len(bad)))]
    return EncodedGroup(tuple(group.pairs[place] for place in kept), tuple(group.right[place] for place in kept))


def _packed(groups: Sequence[EncodedGroup], tokens: int) -> Iterator[list[EncodedGroup]]:
    """Groups of about one length together, so that little is padded; the order is shuffled afterwards."""
    longest = [max(len(ids) for ids, _ in group.pairs) for group in groups]
    pack: list[EncodedGroup] = []
    pairs = 0
    for place in sorted(range(len(groups)), key=lambda place: longest[place]):
        more = len(groups[place].pairs)
        if pack and (pairs + more) * longest[place] > tokens:
            yield pack
            pack, pairs = [], 0
        pack.append(groups[place])
        pairs += more
    if pack:
        yield pack


def pad(groups: Sequence[EncodedGroup]) -> _Batch:
    """The pairs of groups as one batch."""
    pairs = [pair for group in groups for pair in group.pairs]
    longest = max(len(ids) for ids, _ in pairs)
    ids, types, mask = (np.zeros((len(pairs), longest), np.int64) for _ in range(3))
    for row, (found, question) in enumerate(pairs):
        ids[row, : len(found)], mask[row, : len(found)], types[row, question : len(found)] = found, 1, 1
    group: NDArray[np.int64] = np.repeat(np.arange(len(groups)), [len(one.pairs) for one in groups])
    right = np.array([good for one in groups for good in one.right], np.float32)
    inputs = [torch.from_numpy(entry) for entry in (ids, types, mask)]
    return _Batch(inputs[0], inputs[1], inputs[2], torch.from_numpy(right), torch.from_numpy(group), len(groups))
