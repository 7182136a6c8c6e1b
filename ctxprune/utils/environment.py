"""Secrets from the environment, or from files that the environment names, as containers mount them."""

from __future__ import annotations

import os
import stat
import unicodedata
from typing import TYPE_CHECKING

from ctxprune.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["read_secret"]

_SUFFIX = "_FILE"
_MAX_BYTES = 65_536  # far above any key, password or URL
_SEPARATORS = frozenset({"Cc", "Zl", "Zp"})  # control characters, and what ends a line or a paragraph


def read_secret(name: str, environment: Mapping[str, str]) -> str:
    """The value of the variable `name`, or the content of the file that `name` + "_FILE" names, without a byte order
    mark and the line break at its end; "" where neither is set.

    Raises:
        UsageError: Both are set, `name` itself ends in "_FILE", or the file cannot be read, is no regular file, is
            empty, is larger than 64 KB, is no UTF-8, or holds control characters or blanks at its ends.
    """
    if name.endswith(_SUFFIX):
        # Its value is a path, which others may know or guess.
        value = name.removesuffix(_SUFFIX)
        raise UsageError(f"{name} names a file with a secret", hint=f"write {value or 'its name'} without {_SUFFIX}")
    variable = f"{name}{_SUFFIX}"
    value, path = environment.get(name, ""), environment.get(variable, "")
    if not path:
        return value
    if value:
        raise UsageError(f"both {name} and {variable} are set", hint="unset one of them")
    return _parse(_read(path, variable), variable)


def _read(path: str, variable: str) -> bytes:
    try:
        # A named pipe would otherwise keep the process waiting for somebody to write.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        try:
            is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
            content = os.read(descriptor, _MAX_BYTES + 1) if is_file else b""
        finally:
            os.close(descriptor)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a path"
        raise UsageError(f"the file that {variable} names cannot be read ({reason})") from None
    if not is_file:
        raise UsageError(f"what {variable} names is no regular file")
    if len(content) > _MAX_BYTES:
        raise UsageError(f"the file that {variable} names is larger than {_MAX_BYTES} bytes")
    return content


def _parse(content: bytes, variable: str) -> str:
    # No message quotes the content.
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"the file that {variable} names is no UTF-8") from None
    value = text.removesuffix("\n").removesuffix("\r")
    if not value:
        raise UsageError(f"the file that {variable} names is empty", hint="write the secret into it")
    if any(unicodedata.category(sign) in _SEPARATORS for sign in value):
        hint = "it may hold one line, with one line break at its end"
        raise UsageError(f"the file that {variable} names holds control characters or several lines", hint=hint)
    if value != value.strip():
        raise UsageError(f"the secret in the file that {variable} names begins or ends with a blank")
    return value
