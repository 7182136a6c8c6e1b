"""JSON texts and values, read and written with bounds on depth and size and with the library's errors."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from typing import Any

from ctxprune.errors import InputError

__all__ = [
    "Json",
    "Style",
    "copy_json",
    "escape_pointer",
    "read_json",
    "unescape_pointer",
    "write_counted_json",
    "write_json",
]

Json = Any
"""dict with str keys, list, str, int, finite float, bool or None."""

DEEPEST = 200  # levels: Python's json and the copies below recurse, a frame or two a level
MOST = 1_000_000  # values of a document
_INDENT = re.compile(r"[\[{]\r?\n([ \t]+)\S")


class Style:
    """How a JSON text is written: its indentation, its separators, and whether it escapes what is not ASCII.

    Attributes:
        repeated: Keys that stand more than once in an object of the text; the last value counts.
    """

    def __init__(self, text: str) -> None:
        found = _INDENT.search(text)
        self.indent = found.group(1) if found else None
        spaced = re.search(r'":\s', text) is not None
        self.separators = ("," if found or not spaced else ", ", ": " if spaced else ":")
        self.ascii_only = text.isascii()
        self.repeated: list[str] = []


def read_json(text: str, *, where: str = "") -> tuple[Json, Style]:
    """The value of a JSON text, and how the text is written.

    Raises:
        InputError: It is no JSON, nested deeper than 200 levels, or holds NaN or a number that is out of range.
    """
    style = Style(text)

    def member(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
        made = dict(pairs)
        if len(made) < len(pairs):
            seen: set[str] = set()
            style.repeated += [key for key, _ in pairs if key in seen or seen.add(key)]  # type: ignore[func-returns-value]
        return made

    try:
        value = json.loads(text.removeprefix("\ufeff"), object_pairs_hook=member)
    except RecursionError:
        raise _too_deep(where) from None
    except ValueError as error:
        raise InputError(f"the text is no JSON ({error})", where=where) from None
    return copy_json(value, where=where), style


def write_json(value: Json, style: Style) -> str:
    """Write `value` as a JSON text in that style."""
    return json.dumps(value, indent=style.indent, separators=style.separators, ensure_ascii=style.ascii_only)


def write_counted_json(value: object, style: Style) -> str:
    """Write `value` as a JSON text for token counting only: what JSON cannot represent is written by `str`.

    Raises:
        InputError: It contains itself, or is nested too deep.
    """
    try:
        return json.dumps(value, indent=style.indent, separators=style.separators, default=str)
    except (RecursionError, TypeError, ValueError):
        raise _too_deep("") from None


def copy_json(value: object, *, where: str = "") -> Json:
    """Copy `value`, sharing no dict or list with it; tuples become lists.

    Parts that `value` holds several times are copied once.

    Raises:
        InputError: It is nested deeper than 200 levels, has more than a million values, or something that JSON has no
            form for.
    """
    return _Copy().of(value, where, 0)


@dataclass
class _Copy:
    """State of one copy; `done` has by identity of a part its depth, its copy and how many values are in it."""

    done: dict[int, tuple[int, Json, int]] = field(default_factory=dict)
    size: int = 0

    def of(self, value: object, where: str, depth: int) -> Json:
        self.size += 1
        if not isinstance(value, (dict, list, tuple)):
            return _leaf(value, where)
        known = self.done.get(id(value))
        # A part that was copied at this depth or deeper is within the depth limit here too. Its values count again: a
        # few dozen lists that each hold the next one twice would be written as gigabytes.
        if known is not None and known[0] >= depth:
            self._grow(known[2])
            return known[1]
        if depth >= DEEPEST:
            raise _too_deep("")
        before = self.size
        made: Json
        if isinstance(value, dict):
            made = {}
            for key, part in value.items():
                if not isinstance(key, str):
                    raise InputError(f"the key {key!r} is no text", where=where or "/")
                made[key] = self.of(part, f"{where}/{escape_pointer(key)}", depth + 1)
        else:
            made = []
            for index, part in enumerate(value):
                made.append(self.of(part, f"{where}/{index}", depth + 1))
        self._grow(0)
        self.done[id(value)] = (depth, made, self.size - before)
        return made

    def _grow(self, by: int) -> None:
        self.size += by
        if self.size > MOST:
            raise InputError(f"the JSON has more than {MOST:,} values")


def _leaf(value: object, where: str) -> Json:
    if isinstance(value, float) and not math.isfinite(value):
        raise InputError(f"{value} is no JSON number", where=where or "/")
    if value is not None and not isinstance(value, (str, bool, int, float)):
        raise InputError(f"a {type(value).__name__} has no form in JSON", where=where or "/")
    return value


def escape_pointer(key: str) -> str:
    """Escape a key as one step of a JSON pointer (RFC 6901)."""
    return key.replace("~", "~0").replace("/", "~1")


def unescape_pointer(step: str) -> str:
    """The key that `escape_pointer` was given."""
    # "~1" before "~0", else "~01" would become "/" (RFC 6901, section 4).
    return step.replace("~1", "/").replace("~0", "~")


def _too_deep(where: str) -> InputError:
    return InputError(f"the JSON is nested deeper than {DEEPEST} levels", where=where)
