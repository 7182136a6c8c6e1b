"""Where the command line writes: data on stdout, everything for people on stderr."""

from __future__ import annotations

import json
import math
import sys
from typing import TYPE_CHECKING, Any

from ctxprune.errors import CtxpruneError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console
    from rich.progress import Progress
    from rich.table import Table
    from rich.text import Text

__all__ = ["cell", "data", "emit", "one_line", "progress", "rows_table", "say", "visible"]

_LONGEST_CELL = 60


def emit(document: object) -> None:
    """Print one JSON document on stdout, and nothing else.

    Bytes become hexadecimal text; numbers that JSON lacks (NaN, infinities) become strings. Characters that stdout
    cannot take become JSON's own escapes.
    """
    plain = _plain(document)
    text = json.dumps(plain, ensure_ascii=False, allow_nan=False)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(plain, allow_nan=False)
    sys.stdout.write(text + "\n")


def data() -> Console:
    """A rich console on stdout, for tables that are the answer."""
    from rich.console import Console

    return Console(soft_wrap=False)


def say(text: str) -> None:
    """One line for people, on stderr."""
    sys.stderr.write(f"ctxprune: {text}\n")


def one_line(error: BaseException) -> str:
    """An error as one line: its code where it is ours, and its text with line breaks folded."""
    text = " ".join(str(error).split()) or type(error).__name__
    return f"{error.code} {text}" if isinstance(error, CtxpruneError) else text


def progress() -> Progress:
    """A progress bar on stderr; silent when stderr is not a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def visible(text: str) -> str:
    """`text` with everything that could move a terminal's cursor or hide text as visible escapes."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def cell(value: object) -> Text:
    """A database cell for a table, at most 60 characters; NULL and blobs in SQL's notation."""
    from rich.text import Text

    if isinstance(value, (bytes, bytearray)):
        text = f"x'{bytes(value[:_LONGEST_CELL]).hex()}'"
    else:
        text = "NULL" if value is None else str(value)
    shown = visible(text[: _LONGEST_CELL + 1])
    return Text(shown if len(shown) <= _LONGEST_CELL else shown[: _LONGEST_CELL - 1] + "…")


def rows_table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, most: int) -> Table:
    """The first `most` rows of a query result as a table."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE)
    for name in columns:
        table.add_column(cell(name), overflow="fold")
    for row in rows[:most]:
        table.add_row(*map(cell, row))
    return table


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).hex()
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    return str(value)
