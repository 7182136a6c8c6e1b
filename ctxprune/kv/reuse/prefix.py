"""Reuse of a cache for the prefix that it shares with a new sequence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from transformers.cache_utils import DynamicLayer

from ctxprune.errors import UsageError
from ctxprune.kv.cache.layer import PrunedLayer
from ctxprune.kv.model.inputs import as_row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from ctxprune.kv.cache.pruned_cache import PrunedCache

__all__ = ["count_common", "reuse_prefix"]


def count_common(one: Tensor | Sequence[int], two: Tensor | Sequence[int]) -> int:
    """Length of the common prefix of two sequences of ids, (n,) or (1, n) each."""
    first, second = (as_row(ids, torch.device("cpu"))[0] for ids in (one, two))
    count = min(len(first), len(second))
    other = (first[:count] != second[:count]).nonzero()
    return int(other[0]) if len(other) else count


def reuse_prefix(cache: PrunedCache, read: Tensor | Sequence[int], ids: Tensor | Sequence[int]) -> PrunedCache:
    """A copy of a cache, cropped to the prefix that `ids` shares with the ids that were read.

    At least one token is left to read, so that `model.generate(ids, cache=cache)` and
    `model(ids[:, cache.get_seq_length():], cache=cache)` continue from there.

    Args:
        cache: A cache of one row; it is not changed.
        read: The ids of the cached sequence, (n,) or (1, n).
        ids: The new sequence, likewise.

    Raises:
        UsageError: `read` has another length than the cache, the cache has sliding-window or linear-attention layers,
            or the sequences differ within the pressed part.
    """
    held = cache.get_seq_length()
    count = as_row(read, torch.device("cpu")).shape[1]
    if count != held:
        raise UsageError(
            f"the cache holds {held} tokens and {count} ids are given", hint="give the ids it was read from"
        )
    if not all(isinstance(layer, PrunedLayer) or type(layer) is DynamicLayer for layer in cache.layers):
        raise UsageError("this cache cannot be cropped", hint="caches with full attention in every layer can")
    # One token is left out: the model needs an input to compute the next logits from.
    shared = min(count_common(read, ids), as_row(ids, torch.device("cpu")).shape[1] - 1)
    pressed = max((layer.pressed for layer in cache.layers if isinstance(layer, PrunedLayer)), default=0)
    if shared < pressed:
        raise UsageError(
            f"the sequences differ from token {shared} on, and {pressed} were pressed together",
            hint="read the new one from its start",
        )
    twin = cache.copy()
    if shared < held:
        twin.crop(shared - held)
    return twin
