"""What the rounds of one pruning share: the time by step, and what the last choice rendered to."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from ctxprune.policies.base import Selection

__all__ = ["Clock", "RenderCache"]

T = TypeVar("T")


class Clock:
    """Wall time by step; a step that comes again adds up."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, step: str) -> None:
        """The time since the last lap goes to `step`."""
        now = time.perf_counter()
        self.seconds[step] = self.seconds.get(step, 0.0) + now - self._last
        self._last = now


class RenderCache(Generic[T]):
    """What a selection renders to, and its tokens; a little less room often makes no difference to what is kept."""

    def __init__(self) -> None:
        self._last: tuple[bytes, tuple[T, int]] | None = None

    def get(self, selection: Selection, write: Callable[[list[int]], tuple[T, int]]) -> tuple[T, int]:
        """What `write` gives for the indices of the kept units, or gave if the selection before kept the same ones."""
        key = selection.kept.tobytes()
        if self._last is None or self._last[0] != key:
            self._last = key, write(np.flatnonzero(selection.kept).tolist())
        return self._last[1]
