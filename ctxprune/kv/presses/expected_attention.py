"""Expected attention: the attention that tokens are expected to get from future queries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch

from ctxprune.kv.presses.base import Press
from ctxprune.utils.validation import check_number, check_whole

if TYPE_CHECKING:
    from torch import Tensor

    from ctxprune.kv.reading.view import LayerView

__all__ = ["ExpectedAttention"]


@dataclass(frozen=True)
class ExpectedAttention(Press):
    """Scores a token by the attention that future queries are expected to pay to it, times the norm of its value
    (Devoto et al., "Expected Attention: KV Cache Compression by Estimating Attention from Future Queries Distribution",
    arXiv:2510.00636). Queries before the rotary embedding are modelled as normally distributed, with the mean and
    the covariance that they have over the context, and rotated by the mean rotation of the next positions. The question
    is not used. Sinks are kept; of a context that is not longer than the sinks the last tokens are kept. A cap on the
    logits (Gemma 2) is ignored.

    Attributes:
        future: How many positions behind the context to average over, 1 or more.
        sinks: First tokens, which are kept and excluded from the statistics, 0 or more.
        covariance: Whether the covariance of queries is used, or only their mean.
        epsilon: Added to the expected attention, which sums to 1, before the multiplication, 0 or more.
    """

    ratio_free: ClassVar[bool] = True
    future: int = 512
    sinks: int = 4
    covariance: bool = True
    epsilon: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_whole("future", self.future, minimum=1)
        check_whole("sinks", self.sinks, minimum=0)
        check_number("epsilon", self.epsilon, minimum=0)

    def score(self, view: LayerView) -> Tensor:
        """(expected attention + epsilon) * ||v||, (batch, kv_heads, n); sinks score highest."""
        if view.tokens <= self.sinks:
            return view.keys.new_ones(view.keys.shape[:-1]).float().cumsum(dim=-1)
        batch, heads, _, width = view.keys.shape
        mean, spread = self._statistics(view)
        keys = view.keys[..., None, self.sinks : view.tokens, :].float()  # (batch, kv_heads, 1, m, d)
        mean = mean.view(batch, heads, -1, width, 1)
        logits = (keys @ mean)[..., 0] * view.rule.scaling
        if spread is not None:
            # E[exp(q.k)] of a normal q is exp(mean.k + k'Ck / 2): half the variance is added to the logit.
            turned = keys @ spread.view(batch, heads, -1, width, width)
            logits = logits + (turned * keys).sum(dim=-1) * (view.rule.scaling**2 / 2)
        expected = logits.softmax(dim=-1).mean(dim=2) + self.epsilon
        scores = expected * view.value_norms[..., self.sinks : view.tokens]
        # Per row, so that a row's scores do not depend on its batch.
        above = scores.amax(dim=(1, 2), keepdim=True) + 1
        return torch.cat(
            [above.expand(batch, heads, self.sinks), scores, above.expand(batch, heads, view.question)], -1
        )

    def _statistics(self, view: LayerView) -> tuple[Tensor, Tensor | None]:
        """Mean (batch, heads, 1, d) and covariance (batch, heads, d, d) of queries at the next positions."""
        queries = view.raw_queries(self.sinks, view.tokens).float()
        # Layers without a rotary embedding have the same queries at all positions.
        rotary = view.attention.check_rotation(view.hidden[:1, :1], view.cos)
        angles = view.future(self.future) if rotary else (view.cos[..., :0], view.sin[..., :0])
        cos, sin = (each.mean(dim=1, keepdim=True) for each in angles)

        def turn(states: Tensor) -> Tensor:
            # A rotation is linear in cos and sin: their means give the mean rotation.
            return view.attention.rotate(states, cos, sin)

        mean = queries.mean(dim=-2, keepdim=True)
        if not self.covariance:
            return turn(mean), None
        apart = queries - mean
        spread = apart.transpose(-1, -2) @ apart / queries.shape[-2]
        return turn(mean), turn(turn(spread).transpose(-1, -2))
