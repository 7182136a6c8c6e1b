"""Differences between a joined or pruned cache and a full prefill."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from ctxprune.kv.cache.pruned_cache import PrunedCache
from ctxprune.kv.model.attention import cache_argument_name
from ctxprune.kv.model.inputs import as_row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn

__all__ = ["Exactness", "exactness"]


@dataclass(frozen=True)
class Exactness:
    """Differences between the logits of the same new tokens behind two caches.

    Attributes:
        max_difference: The largest absolute difference of two logits.
        mean_difference: The mean absolute difference.
        kl: Kullback-Leibler divergence of the next-token distributions, from the full prefill to the other, in nats,
            mean over the new tokens.
        top1: Share of the new tokens after which both predict the same next token, 0..1.
    """

    max_difference: float
    mean_difference: float
    kl: float
    top1: float


@torch.no_grad()  # type: ignore[untyped-decorator]
def exactness(
    model: nn.Module,
    ids: Tensor | Sequence[int],
    cache: PrunedCache,
    new: Tensor | Sequence[int],
    *,
    full: PrunedCache | None = None,
) -> Exactness:
    """Compare a cache with that of a full prefill.

    Args:
        model: A decoder of transformers with a language-model head.
        ids: The ids of the cached sequence, (n,) or (1, n).
        cache: The cache; it is not changed.
        new: Ids to read behind it, (m,) or (1, m).
        full: The cache of the full prefill, which is not changed; None: it is computed.

    Raises:
        UsageError: Ids have another shape.
    """
    device = next(model.parameters()).device
    new, name = as_row(new, device), cache_argument_name(model)
    if full is None:
        full = PrunedCache(model)
        model(as_row(ids, device), logits_to_keep=1, **{name: full})
    expected, found = (model(new, **{name: each.copy()}).logits[0].float() for each in (full, cache))
    difference = (expected - found).abs()
    theirs, ours = expected.log_softmax(dim=-1), found.log_softmax(dim=-1)
    return Exactness(
        float(difference.max()),
        float(difference.mean()),
        # Rounding may give a tiny negative sum where both distributions are equal.
        max(float((theirs.exp() * (theirs - ours)).sum(dim=-1).mean()), 0.0),
        float((expected.argmax(dim=-1) == found.argmax(dim=-1)).float().mean()),
    )
