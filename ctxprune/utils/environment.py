"""Secrets from the environment, or from files that the environment names, as containers mount them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ctxprune.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["read_secret"]

_MAX_BYTES = 65_536  # far above any key, password or URL; so that /dev/zero is refused rather than read


def read_secret(name: str, environment: Mapping[str, str]) -> str:
    """The value of the variable `name`, or the content of the file that `name` + "_FILE" names, without the line break
    at its end; "" where neither is set.

    Raises:
        UsageError: Both are set, or the file cannot be read, is larger than 64 KB, or is no UTF-8.
    """
    variable = f"{name}_FILE"
    value, path = environment.get(name, ""), environment.get(variable, "")
    if not path:
        return value
    if value:
        raise UsageError(f"both {name} and {variable} are set", hint="unset one of them")
    try:
        with Path(path).open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a path"
        raise UsageError(f"the file that {variable} names cannot be read ({reason})") from None
    if len(content) > _MAX_BYTES:
        raise UsageError(f"the file that {variable} names is larger than {_MAX_BYTES} bytes")
    try:
        return content.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:  # whose text quotes the content
        raise UsageError(f"the file that {variable} names is no UTF-8") from None
