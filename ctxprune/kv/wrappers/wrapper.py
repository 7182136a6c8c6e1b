"""The base of wrappers: what it does not change is left to the press inside."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ctxprune.errors import UsageError
from ctxprune.kv.presses.base import Press
from ctxprune.utils.validation import describe_type

if TYPE_CHECKING:
    from torch import Tensor
    from transformers.cache_utils import Cache

    from ctxprune.kv.reading.prefilled import Prefilled
    from ctxprune.kv.reading.view import LayerView
    from ctxprune.kv.selection import Plan

__all__ = ["Wrapper", "check_inner"]


@dataclass(frozen=True)
class Wrapper(Press):
    """A press around a press.

    Attributes:
        press: The press inside. A wrapper is joint, or edits, where the press inside does.
        ratio: Its ratio, unless the wrapper says otherwise.

    Raises:
        UsageError: It is no press, or one that must stand outermost.
    """

    ratio: float = field(init=False, default=0.0)
    press: Press

    def __post_init__(self) -> None:
        check_inner(self, self.press)
        self._set(ratio=self.press.ratio, joint=self.joint or self.press.joint, edits=self.edits or self.press.edits)

    def _set(self, **values: object) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def describe(self) -> dict[str, Any]:
        """Name and parameters as plain values, those of the press inside as "inner"."""
        told = super().describe()
        return {**told, "press": type(self).__name__, "inner": told["press"]}

    def score(self, view: LayerView) -> Tensor:
        """The inner press's scores."""
        return self.press.cached_score(view)

    def scores(self, prefilled: Prefilled) -> list[Tensor]:
        """The inner press's scores."""
        return self.press.scores(prefilled)

    def rank(self, view: LayerView, scores: Tensor, kept: int) -> Tensor:
        """The checked scores as the choice of `kept` tokens sees them, inf for those that stay in any case."""
        return self.press.rank(view, scores, kept) if isinstance(self.press, Wrapper) else scores

    def budget(self, view: LayerView) -> int:
        """The inner press's budget."""
        return self.press.budget(view)

    def select(self, view: LayerView, scores: Tensor, kept: int) -> Tensor:
        """The inner press's choice."""
        return self.press.select(view, scores, kept)

    def edit(self, view: LayerView, plan: Plan) -> Plan:
        """The inner press's edits."""
        return self.press.edit(view, plan)

    def on_complete(self, cache: Cache) -> None:
        """What the inner press makes sure of."""
        self.press.on_complete(cache)


def check_inner(wrapper: Press, press: object) -> None:
    """Raises UsageError unless `press` can stand inside `wrapper`."""
    name = type(wrapper).__name__
    if not isinstance(press, Press):
        raise UsageError(f"{name} got {describe_type(press)}", hint=f"a press, such as {name}(SnapKV(0.5))")
    if press.outermost:
        inner = type(press).__name__
        raise UsageError(f"{name} cannot stand around {inner}", hint=f"put {name} inside {inner}")
