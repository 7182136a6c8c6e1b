"""Spans of pruning: what OpenTelemetry and other observers are told. No text of a context or question is among it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeVar

from ctxprune.utils.tracing import captures_content, record_span, start_span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxprune.pruning.result import Pruned
    from ctxprune.utils.tracing import Span

__all__ = ["PRUNE_SPAN", "Clock", "describe_pruned", "describe_total", "start_prune"]

P = TypeVar("P", bound="Pruned[Any]")
PRUNE_SPAN = "ctxprune.prune"
_MOST_CONTEXTS = 32  # that have spans of their own; of short ones in a larger batch these took half of the time again


class Clock:
    """Wall time by step; a step that comes again adds up.

    Args:
        before: Seconds of steps that were taken before.
    """

    def __init__(self, **before: float) -> None:
        self.seconds: dict[str, float] = before
        self._last = time.perf_counter()
        self._first: dict[str, float] = {}  # when each step began
        self._ended: dict[str, float] = {}  # and when it last ended

    def lap(self, step: str) -> None:
        """The time since the last lap goes to `step`."""
        now = time.perf_counter()
        self.seconds[step] = self.seconds.get(step, 0.0) + now - self._last
        self._first.setdefault(step, self._last)
        self._last = self._ended[step] = now

    def record_spans(self) -> None:
        """A span for each step, from its first beginning to its last end: a search for the budget repeats steps some
        ten times, and a span each would cost more than they tell.
        """
        for step, began in self._first.items():
            record_span(f"{PRUNE_SPAN}.{step}", began, self._ended[step], {"ctxprune.seconds": self.seconds[step]})


def start_prune(queries: Sequence[str], *, whole: bool = False) -> Span:
    """The span of one call that prunes a context for each of these questions.

    A `whole` one, for a prune that is itself a small step, is told without its steps, and so is a large batch.
    """
    # A callable: the variable is read only where somebody records.
    return start_span(
        PRUNE_SPAN,
        lambda: {"ctxprune.query": tuple(queries)} if captures_content() else {},
        whole=whole or len(queries) > _MOST_CONTEXTS,
    )


def describe_pruned(span: Span, pruned: P, clock: Clock) -> P:
    """`pruned`, of which the span of its context gets an account, and its steps as children."""
    if span.recording:
        names = {"scorer": pruned.scorer, "policy": pruned.policy, "counter": pruned.counter}
        # A batch is scored at once, so the share of one context is in no span of its own.
        shares = {"ctxprune.seconds.score": pruned.seconds["score"]}
        span.set({f"ctxprune.{what}": name for what, name in names.items()} | _account([pruned]) | shares)
        clock.record_spans()
    return pruned


def describe_total(span: Span, results: list[P]) -> list[P]:
    """`results`, of which the span of the whole call gets the sums; those of a large batch with the times of steps."""
    if span.recording:
        span.set({"ctxprune.contexts": len(results), **_account(results)})
        if len(results) > _MOST_CONTEXTS:
            steps = dict.fromkeys(step for pruned in results for step in pruned.seconds)
            span.set({f"ctxprune.seconds.{step}": sum(one.seconds.get(step, 0.0) for one in results) for step in steps})
    return results


def _account(results: Sequence[Pruned[Any]]) -> dict[str, int]:
    return {
        "ctxprune.units": sum(len(pruned.units) for pruned in results),
        "ctxprune.units.kept": sum(pruned.n_kept for pruned in results),
        "ctxprune.tokens.before": sum(pruned.tokens_before for pruned in results),
        "ctxprune.tokens.after": sum(pruned.tokens_after for pruned in results),
    }
