"""Several presses in sequence."""

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
    """Lets each press choose among the tokens that those before it kept.

    Every press scores the whole context as the model read it; tokens that were dropped before score -inf. Shares
    multiply: of k tokens a head, a press that keeps a of n keeps floor(k * a / n), at least one. Where an
    earlier press left different counts in heads, k is their mean, and heads with fewer tokens keep all of them.

    Attributes:
        presses: Two or more, none of them joint.
        ratio: The share that all drop together: 1 - (1 - first ratio) * (1 - second ratio) * ...

    Raises:
        UsageError: There are fewer than two, one is joint, or one must be outermost.
    """

    ratio: float = field(init=False, default=0.0)
    presses: tuple[Press, ...]
    outermost: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if isinstance(self.presses, Press):
            raise UsageError("Composed got one press", hint="two or more: Composed((first, second))")
        object.__setattr__(self, "presses", tuple(self.presses))
        if len(self.presses) < 2:
            raise UsageError(f"Composed got {len(self.presses)} presses", hint="two or more: Composed((first, second))")
        for press in self.presses:
            check_inner(self, press)
            if press.joint:
                raise UsageError(
                    f"{type(press).__name__} is a joint press, which plans all layers together",
                    hint="Composed presses one layer at a time",
                )
        left = prod(1 - Fraction(str(float(press.ratio))) for press in self.presses)
        object.__setattr__(self, "ratio", float(1 - left))
        object.__setattr__(self, "edits", any(press.edits for press in self.presses))
        object.__setattr__(self, "learned", any(press.learned for press in self.presses))

    def budget(self, view: LayerView) -> int:
        """The number of tokens that all presses together keep, in heads with equal counts."""
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
        """Choose with each press in turn, then edit with each; given scores and counts are ignored."""
        if len(view.keys) > 1:
            # Each row alone, as rows may keep different counts.
            return self.plan_batch(view, view.keys.new_ones(len(view.keys), view.total, dtype=torch.bool))
        plan = Plan(torch.ones(view.keys.shape[:-1], dtype=torch.bool, device=view.keys.device))
        for press in self.presses:
            plan = Plan(plan.chosen & _choose(press, view, plan.chosen))
        # Edits come last: they depend on what is kept in the end (Merge).
        for press in self.presses:
            plan = press.edit(view, plan)
        return plan

    def on_complete(self, cache: Cache) -> None:
        """The checks of each press."""
        for press in self.presses:
            press.on_complete(cache)


def _choose(press: Press, view: LayerView, remaining: Tensor) -> Tensor:
    held = int(remaining[..., : view.tokens].sum()) // view.kv_heads
    kept = _scale_budget(press, view, held)
    if kept == held:
        return remaining
    scores = press.check_scores(view, press.cached_score(view)).masked_fill(~remaining, float("-inf"))
    return press.select(view, scores, kept + view.question)


def _scale_budget(press: Press, view: LayerView, kept: int) -> int:
    # A share of the remaining tokens, not of the context, so that shares multiply.
    return max(kept * min(press.budget(view), view.tokens) // max(view.tokens, 1), min(kept, 1))
