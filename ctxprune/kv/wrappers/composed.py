"""Presses one after another."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from math import prod
from typing import TYPE_CHECKING, ClassVar

import torch

from ctxprune.errors import UsageError
from ctxprune.kv.presses.base import Press
from ctxprune.kv.selection import Plan
from ctxprune.kv.wrappers.wrapper import check_inner

if TYPE_CHECKING:
    from torch import Tensor
    from transformers.cache_utils import Cache

    from ctxprune.kv.reading.view import LayerView

__all__ = ["Composed"]


@dataclass(frozen=True)
class Composed(Press):
    """Lets each press choose among what those before it left.

    Every press scores the whole context, as the model read it; what was dropped before counts as -inf and cannot come
    back. Shares multiply: of k tokens a head, a press that keeps a of n keeps floor(k * a / n), at least one. Where an
    earlier press left heads different counts, k is their mean, and a head that has fewer than that keeps them all.

    Attributes:
        presses: Two or more, none of them joint.
        ratio: What all together drop: 1 - (1 - first ratio) * (1 - second ratio) * ...

    Raises:
        UsageError: There are fewer than two, one is joint, or one must stand outermost.
    """

    ratio: float = field(init=False, default=0.0)
    presses: tuple[Press, ...]
    outermost: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "presses", tuple(self.presses))
        if len(self.presses) < 2:
            raise UsageError(f"Composed got {len(self.presses)} presses", hint="two or more: Composed((first, second))")
        for press in self.presses:
            check_inner(self, press)
            if press.joint:
                raise UsageError(
                    f"{type(press).__name__} looks at all layers at once", hint="Composed goes through one at a time"
                )
        left = prod(1 - Fraction(str(float(press.ratio))) for press in self.presses)
        object.__setattr__(self, "ratio", float(1 - left))
        object.__setattr__(self, "edits", any(press.edits for press in self.presses))

    def budget(self, view: LayerView) -> int:
        """What all presses together leave, in heads that are alike."""
        kept = view.tokens
        for press in self.presses:
            kept = _scale_budget(press, view, kept)
        return kept

    def plan(
        self,
        view: LayerView,
        scores: Tensor | None = None,  # noqa: ARG002
        kept: int | None = None,  # noqa: ARG002
    ) -> Plan:
        """Choose with each press in turn, then edit with each; scores and counts from elsewhere have no place here."""
        if len(view.keys) > 1:  # rows may be left with different counts
            return self.plan_batch(view, view.keys.new_ones(len(view.keys), view.total, dtype=torch.bool))
        plan = Plan(torch.ones(view.keys.shape[:-1], dtype=torch.bool, device=view.keys.device))
        for press in self.presses:
            plan = Plan(plan.chosen & _choose(press, view, plan.chosen))
        for press in self.presses:
            plan = press.edit(view, plan)
        return plan

    def on_complete(self, cache: Cache) -> None:
        """What each press makes sure of."""
        for press in self.presses:
            press.on_complete(cache)


def _choose(press: Press, view: LayerView, alive: Tensor) -> Tensor:
    held = int(alive[..., : view.tokens].sum()) // view.kv_heads
    kept = _scale_budget(press, view, held)
    if kept == held:
        return alive
    scores = press.check_scores(view, press.cached_score(view)).masked_fill(~alive, float("-inf"))
    return press.select(view, scores, kept + view.question)


def _scale_budget(press: Press, view: LayerView, kept: int) -> int:
    return max(kept * min(press.budget(view), view.tokens) // max(view.tokens, 1), min(kept, 1))
