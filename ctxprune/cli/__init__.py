"""The `ctxprune` command: one file a command, human output on stderr or as rich tables, data on stdout.

Exit codes: 0 done, 1 a clear error of ours on one line on stderr, 2 wrong usage, 130 stopped by Ctrl-C (but 0 of
`serve`, which then ends in good order). No traceback unless `--debug`. Without a standard input it reads as empty,
without a standard error nothing is said; without a standard output there is nothing to do. Characters that stdout
cannot take come as backslash escapes.
"""

from __future__ import annotations

import io
import os
import sys
from typing import Any

from ctxprune.errors import CtxpruneError

__all__ = ["main"]

_INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; `arguments` defaults to the process's own. Returns the exit code."""
    try:
        _mend_streams()
        return _run(sys.argv[1:] if arguments is None else arguments)
    except KeyboardInterrupt:
        return _INTERRUPTED


def _run(words: list[str]) -> int:
    import typer

    from ctxprune.cli import _console
    from ctxprune.cli._app import app

    if sys.stdout is None:
        _console.print_note("standard output is closed")
        return 1
    # Looked up by hand, since parsing itself may fail; what follows -- is data.
    debug = "--debug" in words[: words.index("--")] if "--" in words else "--debug" in words
    try:
        code = app(words, prog_name="ctxprune", standalone_mode=False)
    except typer.Abort as stop:
        _console.print_note("stopped")
        return _INTERRUPTED if isinstance(stop.__cause__, KeyboardInterrupt) else 1
    except _usage_error() as error:
        error.show()
        return int(error.exit_code)
    except (CtxpruneError, OSError, UnicodeError, RecursionError, MemoryError) as error:
        if debug:
            raise
        _console.print_note(_console.format_error(error))
        return 1
    return code if isinstance(code, int) else 0


def _mend_streams() -> None:
    """Stand-ins for closed standard streams, but not for stdout, whose absence is an error."""
    for number in range(3):
        if not _is_open(number):
            os.open(os.devnull, os.O_RDWR)  # else the next file that is opened would be taken for the stream
    if sys.stdin is None:
        sys.stdin = io.TextIOWrapper(io.BytesIO())
    if sys.stderr is None:
        sys.stderr = io.StringIO()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def _usage_error() -> Any:
    """The root of the parser's own errors: click's, or that of the copy of click that newer versions of typer carry."""
    import typer

    return next(base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException")
