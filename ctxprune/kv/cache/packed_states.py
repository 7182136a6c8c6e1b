"""Quantised keys and values as an attention module gets them: decoded inside the attention, or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.utils._pytree import tree_map

from ctxprune.kv.cache.groups import Groups, ValueGroups

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from torch import Tensor

    from ctxprune.kv.cache.store import Counts, KeptTokens, Packed

__all__ = ["PackedStates", "join_states"]

_MOST_QUERIES = (
    32  # rows of scores per head; more queries are worth a whole copy, which the kernels of torch read faster
)
_ARGUMENTS = (
    "query",
    "key",
    "value",
    "attn_mask",
    "dropout_p",
    "is_causal",
    "scale",
    "enable_gqa",
)  # of torch's function
_MOST_GROUPS = 4  # of a value: `ValueGroups.mix` multiplies every pair of them, and needs one of each only
_ATTRIBUTES = tuple(
    vars(torch._C.TensorBase)[name].__get__ for name in ("shape", "dtype", "device", "ndim", "requires_grad")
)


class PackedStates(torch.Tensor):  # type: ignore[misc]
    """Keys or values (batch, kv_heads, n, head_dim) of a layer, packed tokens first, then the unpacked tail.

    `scaled_dot_product_attention` of a few queries decodes them in float32 and multiplies; any other function of torch
    gets a decoded tensor of the cache's dtype instead, so that every attention of transformers can read them.
    """

    packed: Groups
    counts: Counts
    tail: Tensor
    decoded: Tensor | None

    @staticmethod
    def __new__(cls: type[PackedStates], packed: Groups, counts: Counts, tail: Tensor) -> PackedStates:
        """States whose tail is (batch, kv_heads, later tokens, head_dim)."""
        shape = *tail.shape[:2], counts.longest + tail.shape[2], tail.shape[3]
        states: PackedStates = torch.Tensor._make_wrapper_subclass(
            cls, shape, dtype=tail.dtype, device=tail.device, requires_grad=False
        )
        states.packed, states.counts, states.tail, states.decoded = packed, counts, tail, None
        return states

    def __init__(self, *_: object) -> None:
        """Nothing: torch makes the tensor in `__new__`."""

    def decode(self, dtype: torch.dtype) -> Tensor:
        """The numbers in this dtype, (batch * kv_heads, n, head_dim); arbitrary ones behind a shorter head's tokens."""
        later = self.tail.shape[2]
        out = self.packed.decode(self.counts, dtype, later)
        if later:
            out[:, -later:] = self.tail.flatten(0, 1)
        return out

    def mix(self, weights: Tensor) -> Tensor:
        """Weighted sums of the tokens of each head, (heads, queries, head_dim), for weights (heads, queries, n)."""
        packed, counts = self.packed, self.counts
        if not (isinstance(packed, ValueGroups) and counts.even and packed.codes.shape[1] <= _MOST_GROUPS):
            return weights @ self.decode(weights.dtype)
        open_ = torch.cat([packed.rest.view(len(weights), -1, self.shape[3]), self.tail.flatten(0, 1)], dim=1)
        old = self.shape[2] - open_.shape[1]
        found = weights[..., old:] @ open_.to(weights.dtype)
        return found + packed.mix(weights[..., :old]) if old else found

    def whole(self) -> Tensor:
        """The decoded tensor, (batch, kv_heads, n, head_dim), made once."""
        if self.decoded is None:
            self.decoded = self.decode(self.tail.dtype).view(self.shape)
        return self.decoded

    @classmethod
    def __torch_function__(
        cls,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Attention of a few queries on the packed numbers, attributes as they are, and all else on decoded ones."""
        kwargs = kwargs or {}
        if func in _ATTRIBUTES:
            with torch._C.DisableTorchFunctionSubclass():
                return func(*args, **kwargs)
        if func is torch.nn.functional.scaled_dot_product_attention:
            found = _attend({**dict(zip(_ARGUMENTS, args, strict=False)), **kwargs})
            if found is not None:
                return found
        return func(*tree_map(_decode_one, args), **tree_map(_decode_one, kwargs))

    @classmethod
    def __torch_dispatch__(
        cls,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Calls from compiled code, which `__torch_function__` does not see: on decoded numbers."""
        return func(*tree_map(_decode_one, args), **tree_map(_decode_one, kwargs or {}))


def join_states(kept: KeptTokens, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    """The keys and values of the kept tokens and those behind them, (batch, kv_heads, longest + more, head_dim)."""
    return _join(kept.keys, kept.counts, keys), _join(kept.values, kept.counts, values)


def _join(packed: Packed, counts: Counts, tail: Tensor) -> Tensor:
    # On accelerators the kernels of torch outrun separate products; gradients pass through a tensor's copy alone.
    if isinstance(packed, Groups) and tail.device.type == "cpu" and not tail.requires_grad:
        return PackedStates(packed, counts, tail)
    return torch.cat([counts.padded(packed.unpack(counts)), tail], dim=-2)


def _decode_one(value: Any) -> Any:
    return value.whole() if isinstance(value, PackedStates) else value


def _attend(given: Mapping[str, Any]) -> Tensor | None:
    """Attention (batch, heads, queries, head_dim) as torch computes it; None where it does this better on a copy."""
    key, value, mask = given.get("key"), given.get("value"), given.get("attn_mask")
    if not isinstance(key, PackedStates) or not isinstance(value, PackedStates) or not _is_step(given):
        return None
    query: Tensor = given["query"]
    rows, heads, count, width = key.shape
    scale = width**-0.5 if given.get("scale") is None else given["scale"]
    # Products in 16 bits would lose what codes and ranges hold; torch's own 16-bit kernel is the slower one, too.
    wide = torch.promote_types(query.dtype, torch.float32)
    scaled = query.reshape(rows * heads, -1, width).to(wide) * scale
    scores = torch.bmm(scaled, key.decode(wide).transpose(1, 2))
    if mask is not None:
        split = scores.view(rows, heads, -1, count)
        split = split.masked_fill(~mask, float("-inf")) if mask.dtype == torch.bool else split + mask
        scores = split.view(scores.shape)
    found = value.mix(scores.softmax(dim=-1))
    return found.view(*query.shape[:-1], value.shape[-1]).to(query.dtype)


def _is_step(given: Mapping[str, Any]) -> bool:
    """Whether a call asks for plain attention of so few queries that a copy of the keys would cost more."""
    if "query" not in given or not given.keys() <= set(_ARGUMENTS) or given.get("dropout_p") or given.get("is_causal"):
        return False
    query, heads = given["query"], given["key"].shape[1]
    if query.shape[1] != heads and (given.get("attn_mask") is not None or not given.get("enable_gqa")):
        # A mask of grouped heads has another layout than the scores.
        return False
    most: bool = query.shape[1] * query.shape[2] <= heads * _MOST_QUERIES
    return most
