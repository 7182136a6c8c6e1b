"""The base of wrappers: every method that a wrapper does not override is delegated to its inner press."""

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
        press: The inner press. A wrapper is `joint`, `edits` or `learned` if its inner press is.
        ratio: The inner press's ratio, unless the wrapper sets its own.

    Raises:
        UsageError: It is not a press, or one that must be outermost.
    """

    ratio: float = field(init=False, default=0.0)
    press: Press

    def __post_init__(self) -> None:
        check_inner(self, self.press)
        self._set(
            ratio=self.press.ratio,
            joint=self.joint or self.press.joint,
            edits=self.edits or self.press.edits,
            learned=self.learned or self.press.learned,
            accumulates=self.press.accumulates,
        )

    def _set(self, **values: object) -> None:
        # The dataclass is frozen, and class attributes such as `joint` are shadowed by those of the instance.
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def describe(self) -> dict[str, Any]:
        """Name and parameters as plain values, those of the inner press as "inner"."""
        described = super().describe()
        return {**described, "press": type(self).__name__, "inner": described["press"]}

    @property
    def query_window(self) -> int | None:
        """The inner press's."""
        return self.press.query_window

    def score(self, view: LayerView) -> Tensor:
        """The inner press's scores."""
        return self.press.cached_score(view)

    def scores(self, prefilled: Prefilled) -> list[Tensor]:
        """The inner press's scores."""
        return self.press.scores(prefilled)

    def rank(self, view: LayerView, scores: Tensor, kept: int) -> Tensor:
        """The checked scores by which `kept` tokens are chosen, inf for those that are kept in any case."""
        return self.press.rank(view, scores, kept)

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
        """The checks of the inner press."""
        self.press.on_complete(cache)


def check_inner(wrapper: Press, press: object) -> None:
    """Raises UsageError unless `press` can be the inner press of `wrapper`."""
    name = type(wrapper).__name__
    if not isinstance(press, Press):
        raise UsageError(f"{name} got {describe_type(press)}", hint=f"a press, such as {name}(SnapKV(0.5))")
    if press.outermost:
        inner = type(press).__name__
        raise UsageError(f"{name} cannot wrap {inner}", hint=f"put {name} inside {inner}")
