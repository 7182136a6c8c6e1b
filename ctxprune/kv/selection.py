"""From scores to kept tokens: exact counts, ties to the earlier token, and what is decided for one layer."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import torch

from ctxprune.errors import UsageError
from ctxprune.utils.validation import describe_type, is_number

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Plan", "check_ratio", "check_share", "keep_count", "top", "top_over_heads"]


@dataclass(frozen=True)
class Plan:
    """Which tokens of one layer are kept, and what is stored for them.

    Attributes:
        chosen: True for tokens that are kept, bool (batch, kv_heads, n).
        keys: Keys to store instead of the layer's own, of their shape; None: the layer's own. `values` likewise.
        channels: Channels of the keys to store, long (batch, kv_heads, fewer); None: all.
    """

    chosen: Tensor
    keys: Tensor | None = None
    values: Tensor | None = None
    channels: Tensor | None = None


def check_ratio(ratio: float, name: str = "ratio") -> None:
    """Raises UsageError unless 0 <= ratio < 1."""
    if not is_number(ratio) or not 0 <= ratio < 1:
        # SnapKV(model) is a common slip, and the repr of a model fills a screen.
        shown = describe_type(ratio) if isinstance(ratio, torch.nn.Module) else repr(ratio)
        raise UsageError(f"{name} is {shown}", hint="the share of tokens to drop, from 0 up to but not including 1")


def check_share(name: str, value: object) -> None:
    """Raises UsageError unless 0 <= value <= 1."""
    if not is_number(value) or not 0 <= value <= 1:  # type: ignore[operator]
        raise UsageError(f"{name} is {value!r}", hint="a share, from 0 to 1")


def keep_count(tokens: int, ratio: float) -> int:
    """floor(tokens * (1 - ratio)) in exact decimal arithmetic, at least 1 unless there are none."""
    # In floats 10 * (1 - 0.9) is 0.9999..., and its floor 0; Fraction of the decimal text gives the 1 that was meant.
    return max(int(tokens * (1 - Fraction(str(float(ratio))))), min(tokens, 1))


def top(scores: Tensor, kept: int, first: Tensor | None = None) -> Tensor:
    """A mask of the `kept` highest scores of the last axis, of the scores' shape; ties go to the earlier index.

    Entries that are True in `first`, bool of the scores' shape, rank before all others, whatever their scores.
    """
    # torch.topk leaves the order of ties open, and differs between devices; a stable sort does not.
    order = scores.argsort(dim=-1, descending=True, stable=True)
    if first is not None:
        marked = first.gather(-1, order).to(torch.int8)
        order = order.gather(-1, marked.argsort(dim=-1, descending=True, stable=True))
    return torch.zeros_like(scores, dtype=torch.bool).scatter_(-1, order[..., :kept], True)


def top_over_heads(scores: Tensor, kept: int, first: Tensor | None = None) -> Tensor:
    """A mask of the `kept` highest scores of all heads together, (batch, heads, n); ties go to the earlier head, then
    index."""
    return top(scores.flatten(1), kept, None if first is None else first.flatten(1)).view_as(scores)
