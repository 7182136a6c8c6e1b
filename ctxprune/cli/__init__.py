"""The `ctxprune` command: one file a command, human output on stderr or as rich tables, data on stdout.

Exit codes: 0 done, 1 a clear error of ours on one line on stderr, 2 wrong usage. No traceback unless `--debug`.
"""

from __future__ import annotations

import sys
from typing import Any

from ctxprune.errors import CtxpruneError

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; `arguments` defaults to the process's own. Returns the exit code."""
    import typer

    from ctxprune.cli import _console
    from ctxprune.cli._app import app

    words = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in words[: words.index("--")] if "--" in words else "--debug" in words
    try:
        code = app(words, prog_name="ctxprune", standalone_mode=False)
    except typer.Abort:
        _console.say("stopped")
        return 1
    except _usage_error() as error:
        error.show()
        return int(error.exit_code)
    except (CtxpruneError, OSError, UnicodeError, RecursionError, MemoryError) as error:
        if debug:
            raise
        _console.say(_console.one_line(error))
        return 1
    return code if isinstance(code, int) else 0


def _usage_error() -> Any:
    """The root of the parser's own errors: click's, or that of the copy of click that newer versions of typer carry."""
    import typer

    return next(base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException")
