"""The progress line as it is drawn: the step, a bar, how much is done, and the time. Imported when a second is over."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ctxprune.cli._console import escape

if TYPE_CHECKING:
    from ctxprune.cli._progress import ProgressLine

__all__ = ["make_bar"]

_LONGEST_STEP = 40  # characters
_BAR = 20  # columns
_FRAMES = 4  # a second; one takes some milliseconds, which the work goes without
_LEAST_SHARE = 0.01  # of the work; before, an estimate of the time that is left says nothing


def make_bar(line: ProgressLine) -> Live:
    """What draws the line on stderr from its `start` to its `stop`, which leaves nothing behind."""
    return Live(
        get_renderable=lambda: _draw(line),
        console=Console(stderr=True),
        refresh_per_second=_FRAMES,
        transient=True,
        redirect_stdout=False,  # rich would send data for stdout to stderr
    )


def _draw(line: ProgressLine) -> Table:
    step, done, total = escape(line.step), line.done, line.total
    grid = Table.grid(padding=(0, 1))
    for _ in range(4):
        grid.add_column(no_wrap=True)
    grid.add_row(
        Text(step if len(step) <= _LONGEST_STEP else f"{step[: _LONGEST_STEP - 1]}…"),
        # Without a total the time shows that it goes on: a bar that moves to and fro costs ten times as much.
        "" if total is None else ProgressBar(total=total, completed=done, width=_BAR),
        Text(_count(done, total), style="progress.download"),
        Text(_time(line), style="progress.remaining"),
    )
    return grid


def _count(done: int, total: int | None) -> str:
    if total is None:
        return f"{done:,}" if done else ""
    return f"{done:,}/{total:,}"


def _time(line: ProgressLine) -> str:
    """The time that is left, by even progress; the time that has passed where nothing can be told."""
    passed = line.seconds
    if line.estimates and line.total and line.done >= line.total * _LEAST_SHARE and line.done:
        left = passed * max(line.total - line.done, 0) / line.done
        return f"{timedelta(seconds=round(left))} left"
    return str(timedelta(seconds=round(passed)))
