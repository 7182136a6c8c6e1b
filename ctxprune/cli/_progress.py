"""One progress line for all commands: what is being done, how much of it is done, and how long it still takes."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock, Timer
from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.live import Live

__all__ = ["ProgressLine", "show_progress"]

_DELAY = 1.0  # seconds; short work must not pay for the drawing, nor flicker
_NO_CURSOR = frozenset({"dumb", "unknown"})  # values of TERM whose terminals cannot take a line back


class ProgressLine:
    """The work of a command as it goes on; a bar reads it a few times a second.

    Attributes:
        step: What is being done.
        done: How much of the step is done.
        total: Of how much; None where that is not known.
        estimates: Whether the bar says how long it still takes, by even progress; else how long it has taken.
        shown: Whether there is a terminal to show it on.
    """

    def __init__(self, step: str, total: int | None = None, *, estimates: bool = True, shown: bool = False) -> None:
        self.step, self.done, self.total = step, 0, total
        self.estimates, self.shown = estimates, shown
        self._began = perf_counter()

    @property
    def seconds(self) -> float:
        """How long the step has taken."""
        return perf_counter() - self._began

    def name_step(self, step: str, total: int | None = None) -> None:
        """Begin another step."""
        self.step, self.done, self.total, self._began = step, 0, total, perf_counter()

    @contextmanager
    def inner_step(self, step: str, total: int | None = None) -> Iterator[None]:
        """Another step inside this one, which goes on after it."""
        before = self.step, self.done, self.total, self._began
        self.name_step(step, total)
        try:
            yield
        finally:
            self.step, self.done, self.total, self._began = before

    def update(self, done: int, total: int | None = None, step: str = "") -> None:
        """Say how much is done; the total and the step stay unless they are given."""
        # Nothing is drawn here: a loop over a million lines may call it for each.
        self.done = done
        if total is not None:
            self.total = total
        if step:
            self.step = step


# What a command calls may show progress of its own; two lines at once would write over each other.
_current: ContextVar[ProgressLine | None] = ContextVar("ctxprune_progress", default=None)


@contextmanager
def show_progress(step: str, total: int | None = None, *, estimates: bool = True) -> Iterator[ProgressLine]:
    """From one second on, show the work inside the block on a line of stderr, which is gone when the block ends.

    Silent where stderr is no terminal. Within another such block the outer one's line shows this step, and after it its
    own again. Notes that are printed inside stand above the line; data for stdout is printed after the block.
    """
    outer = _current.get()
    if outer is not None:
        with outer.inner_step(step, total):
            yield outer
        return
    line = ProgressLine(step, total, estimates=estimates, shown=_is_shown())
    token = _current.set(line)
    try:
        if line.shown:
            with _drawn(line):
                yield line
        else:
            yield line
    finally:
        _current.reset(token)


def _is_shown() -> bool:
    return sys.stderr.isatty() and os.environ.get("TERM", "").lower() not in _NO_CURSOR


@contextmanager
def _drawn(line: ProgressLine) -> Iterator[None]:
    drawing = _Drawing(line)
    timer = Timer(_DELAY, drawing.start)
    timer.daemon = True
    if _DELAY > 0:
        timer.start()
    else:
        drawing.start()
    try:
        yield
    finally:
        timer.cancel()
        drawing.stop()


class _Drawing:
    """The bar of a line, which a timer starts and the end of the work stops, in either order."""

    def __init__(self, line: ProgressLine) -> None:
        self._line = line
        self._bar: Live | None = None
        self._stopped = False
        self._lock = Lock()

    def start(self) -> None:
        from ctxprune.cli._progress_bar import make_bar

        with self._lock:
            if not self._stopped:
                self._bar = make_bar(self._line)
                self._bar.start(refresh=True)

    def stop(self) -> None:
        with self._lock:
            self._stopped = True
            if self._bar is not None:
                self._bar.stop()
