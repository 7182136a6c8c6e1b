"""The member of a pruned JSON object that says what was left out of its lists."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["MEMBER", "add_member", "write_counts"]

MEMBER = "ctxprune_left_out"
_NAMED = 4  # lists that are named
_LONGEST = 40  # characters of a path


def write_counts(lists: Sequence[tuple[str, int, int]]) -> str:
    """One line on lists of which items were left out: the path of each, how many items were kept, of how many."""
    parts = [f"kept {kept:,} of {whole:,} {_list_name(path)}" for path, kept, whole in lists[:_NAMED]]
    if len(lists) > _NAMED:
        parts.append(f"and less of {len(lists) - _NAMED} more lists")
    return "; ".join(parts)


def _list_name(path: str) -> str:
    path = " ".join(path.split())[-_LONGEST:]
    return f"items of {path}" if path else "items"


def add_member(text: str, note: str) -> str:
    """The object `text`, valid JSON, with the note as its last member; as it is without a note, or where it is no
    object."""
    bare = text.rstrip()
    if not note or not bare.lstrip("\ufeff \t\r\n").startswith("{") or not _is_object(bare):
        return text
    inner, name = bare[:-1].rstrip(), MEMBER
    while f'"{name}"' in text:  # a member of the document's own would be hidden by a second one of its name
        name += "_"
    comma = "" if inner.endswith("{") else ", "
    return f"{inner}{comma}{json.dumps(name)}: {json.dumps(note, ensure_ascii=False)}}}"


def _is_object(text: str) -> bool:
    """Whether it is one object, not several on lines of their own."""
    try:
        return isinstance(json.loads(text.lstrip("\ufeff"), strict=False), dict)
    except (ValueError, RecursionError):
        return False
