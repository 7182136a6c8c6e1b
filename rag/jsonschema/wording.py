"""The texts that scorers read for properties and tools, and the note on what was left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ctxprune.text.words import split_identifier

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["describe_property", "split_name", "write_omission_note"]

_SHOWN, _LONGEST = 10, 60  # names of what was left out, and characters of each
_MOST_VALUES = 2000  # characters of listed values that are read


def split_name(name: str) -> str:
    """Split a name into words; the name itself where it has none."""
    return " ".join(split_identifier(name)) or name


def describe_property(name: str, schemas: Sequence[dict[str, Any]], *, with_values: bool = True) -> str:
    """The text of a property: its name in words, then titles, descriptions and listed values of all its schemas."""
    words = split_name(name)
    prose: dict[str, None] = {}
    values: dict[str, None] = {}
    for schema in schemas:
        title = schema.get("title")
        if isinstance(title, str) and split_name(title) != words:
            prose[title.strip()] = None
        if isinstance(schema.get("description"), str):
            prose[schema["description"].strip()] = None
        listed = [schema["const"]] if "const" in schema else schema.get("enum")
        if with_values and isinstance(listed, list):
            values |= dict.fromkeys(str(value) for value in listed if isinstance(value, (str, int, float)))
    text = ". ".join(part.rstrip(".") for part in prose if part)
    # Cut, since an enumeration may list a million values, and scorers read a few hundred tokens.
    chosen = ", ".join(values)[:_MOST_VALUES]
    return words + (f": {text}" if text else "") + (f" ({chosen})" if chosen else "")


def write_omission_note(names: Sequence[str], number: int, whole: int, noun: str) -> str:
    """For example "(3 of 9 properties left out: a, b and others)"; "" if the number is 0."""
    if not number:
        return ""
    shown = [" ".join(name.split())[:_LONGEST] for name in names[:_SHOWN]]
    more = " and others" if len(names) > _SHOWN else ""
    return f"({number:,} of {whole:,} {noun} left out: {', '.join(shown)}{more})"
