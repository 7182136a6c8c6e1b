"""What clients need to start or find the server: the `mcpServers` JSON that Claude, Cursor and others read."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ctxprune.errors import UsageError
from ctxprune.integrations._database_urls import find_secrets

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["check_target", "describe_http", "describe_stdio"]

_NAME = "ctxprune"
_VARIABLE = re.compile(r"\$\{(\w+)\}")


def describe_stdio(words: Sequence[str], variables: Iterable[str] = ()) -> dict[str, Any]:
    """For a client that starts the server itself.

    Args:
        words: Of the command line, behind `ctxprune mcp`; `${NAME}` in them stands for a variable.
        variables: Further variables of the environment that the server reads. Clients hand on none by themselves.
    """
    # By its full path: applications that are started from a desktop seldom have the shell's PATH.
    command = Path(sys.executable).with_name(_NAME)
    start = [str(command)] if command.exists() else [sys.executable, "-m", _NAME]
    named = dict.fromkeys([*(name for word in words for name in _VARIABLE.findall(word)), *variables])
    entry: dict[str, Any] = {"command": start[0], "args": [*start[1:], "mcp", *words]}
    if named:
        entry["env"] = {name: f"${{{name}}}" for name in named}
    return {"mcpServers": {_NAME: entry}}


def describe_http(url: str, key_variable: str = "") -> dict[str, Any]:
    """For a client of a server that runs.

    Args:
        url: Of the server.
        key_variable: The variable of the client's environment that holds its key; "" where the server has no keys.
    """
    entry: dict[str, Any] = {"type": "http", "url": url}
    if key_variable:
        entry["headers"] = {"Authorization": f"Bearer ${{{key_variable}}}"}
    return {"mcpServers": {_NAME: entry}}


def check_target(target: str) -> str:
    """A database as the configuration of a client may name it: a file by its full path, a URL as it was given.

    Raises:
        UsageError: The URL holds a password, or an option that may be one, which would then stand in the client's file;
            or it cannot be read.
    """
    if "://" not in target:
        return str(Path(target).expanduser().resolve())
    for name, values in find_secrets(target).items():
        if not all(_VARIABLE.fullmatch(value) for value in values):
            raise UsageError(
                f"the database URL holds {name}, which may be secret and would stand in the client's configuration",
                hint="write '${NAME}' in its place, with a variable of the environment",
            )
    return target
