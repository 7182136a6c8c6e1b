"""ThinK: keys keep only the channels with the largest effect on attention."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from ctxprune.errors import UsageError
from ctxprune.kv.selection import check_ratio, keep_count, top
from ctxprune.kv.wrappers.wrapper import Wrapper
from ctxprune.utils.validation import check_whole

if TYPE_CHECKING:
    from torch import Tensor

    from ctxprune.kv.reading.view import LayerView
    from ctxprune.kv.selection import Plan

__all__ = ["ThinK"]


@dataclass(frozen=True)
class ThinK(Wrapper):
    """Drops the channels of a head's keys that contribute least to the attention of the last tokens, by the mean square
    of their queries times the mean square of the keys in the channel, higher = keep (Xu et al., "ThinK: Thinner Key
    Cache by Query-Driven Pruning", arXiv:2407.21018). Stored keys are smaller; attention gets zeros in the dropped
    channels. Values, and tokens read after the context, keep all channels.

    It requires positions="original" and no other storage.

    Attributes:
        channels: The share of channels to drop, as a press's ratio.
        window: Tokens of the observation window, 1 or more; with a question, the window is the question.
    """

    channels: float = 0.4
    window: int = 32
    edits: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check_ratio(self.channels, "channels")
        check_whole("window", self.window, minimum=1)

    def edit(self, view: LayerView, plan: Plan) -> Plan:
        """The inner press's plan with the channels to keep, ascending.

        Raises:
            UsageError: The plan drops channels already.
        """
        plan = super().edit(view, plan)
        if plan.channels is not None:
            raise UsageError("channels are dropped already", hint="use one ThinK")
        # Dropped channels stand for zeros: attention sees the same width, and no model code changes.
        kept = keep_count(view.head_dim, self.channels)
        stay = top(channel_scores(view, self.window), kept)
        return replace(plan, channels=stay.nonzero()[:, -1].view(*stay.shape[:2], kept))


def channel_scores(view: LayerView, window: int) -> Tensor:
    """mean_t q^2 * mean_i k^2 over the last queries of a head's group and the context's keys, (batch, kv_heads, d)."""
    queries = view.queries(view.window_size(window)).float().square().mean(dim=2)
    if queries.shape[-1] != view.head_dim:
        raise view.attention.unsupported("caches latents, and makes keys of them only in attention (MLA)")
    looks = queries.view(len(queries), view.kv_heads, -1, view.head_dim).mean(dim=2)
    return looks * view.keys[..., : view.tokens, :].float().square().mean(dim=2)
