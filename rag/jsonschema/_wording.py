"""What a scorer reads of a property or a tool."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ctxprune.text.words import split_identifier

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["left_out", "name_words", "worded"]

_SHOWN, _LONGEST = 10, 60  # names of what was left out, and characters of each
_MOST_VALUES = 2000  # characters of listed values that are read


def name_words(name: str) -> str:
    """The words of a name; the name itself where it has none."""
    return " ".join(split_identifier(name)) or name


def worded(name: str, schemas: Sequence[dict[str, Any]], *, with_values: bool = True) -> str:
    """The text of a property: its name in words, titles, descriptions and listed values of all that describe it."""
    words = name_words(name)
    said: dict[str, None] = {}
    values: dict[str, None] = {}
    for schema in schemas:
        title = schema.get("title")
        if isinstance(title, str) and name_words(title) != words:
            said[title.strip()] = None
        if isinstance(schema.get("description"), str):
            said[schema["description"].strip()] = None
        listed = [schema["const"]] if "const" in schema else schema.get("enum")
        if with_values and isinstance(listed, list):
            values |= dict.fromkeys(str(value) for value in listed if isinstance(value, (str, int, float)))
    text = ". ".join(part.rstrip(".") for part in said if part)
    chosen = ", ".join(values)[:_MOST_VALUES]
    return words + (f": {text}" if text else "") + (f" ({chosen})" if chosen else "")


def left_out(names: Sequence[str], number: int, whole: int, noun: str) -> str:
    """As in "(3 of 9 properties left out: a, b and others)"; "" if the number is 0."""
    if not number:
        return ""
    shown = [" ".join(name.split())[:_LONGEST] for name in names[:_SHOWN]]
    more = " and others" if len(names) > _SHOWN else ""
    return f"({number:,} of {whole:,} {noun} left out: {', '.join(shown)}{more})"
