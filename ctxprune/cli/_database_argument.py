"""A database named on the command line: a file or a URL, without its password."""

from __future__ import annotations

import os
import re
from typing import Annotated
from urllib.parse import quote

import typer

__all__ = ["DatabaseArgument", "filled"]

_VARIABLE = re.compile(r"\$\{(\w+)\}")


def filled(text: str) -> str:
    """A URL with environment variables in the place of `${NAME}`, percent-encoded; a path as it is.

    Others see the arguments of a command, so a password should not be one.

    Raises:
        typer.BadParameter: There is no such variable.
    """
    return _VARIABLE.sub(_value, text) if "://" in text else text


def _value(match: re.Match[str]) -> str:
    name = match[1]
    if name not in os.environ:
        raise typer.BadParameter(f"the environment has no variable {name}")
    return quote(os.environ[name], safe="")


DatabaseArgument = Annotated[
    str,
    typer.Argument(
        metavar="DB",
        callback=filled,
        help="A SQLite or DuckDB file, or a URL such as 'postgresql://USER:${PASSWORD}@HOST/NAME' with a variable "
        "of the environment for the password (or none: PGPASSFILE and ~/.my.cnf are read).",
    ),
]
