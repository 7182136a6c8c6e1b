"""Where the command line writes: data on stdout, everything for people on stderr."""

from __future__ import annotations

import json
import math
import sys
from typing import TYPE_CHECKING, Any

from ctxprune.errors import CtxpruneError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

__all__ = ["data", "emit", "one_line", "progress", "say"]


def emit(document: object) -> None:
    """Print one JSON document on stdout, and nothing else.

    Bytes become hexadecimal text; numbers that JSON lacks (NaN, infinities) become strings.
    """
    text = json.dumps(_plain(document), ensure_ascii=False, allow_nan=False)
    sys.stdout.write(text.encode("utf-8", "backslashreplace").decode("utf-8") + "\n")


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
    return Progress(*columns, console=Console(stderr=True), transient=True)


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
