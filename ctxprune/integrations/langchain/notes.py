"""The note in a cut message that says how much was left out, and by which id it is had back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ctxprune.integrations.recall.base import digest
from ctxprune.rag.sniff import sniff_kind

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["NOTE_MEMBER", "add_note", "content_id", "text_form", "write_note"]

NOTE_MEMBER = "ctxprune"
_ID_DIGITS = 12  # few for a model to copy, and enough to tell the messages of one conversation apart


def content_id(texts: Sequence[str]) -> str:
    """12 hexadecimal digits that stand for the whole texts of a message.

    From the content alone, so that the note has the same bytes after a restart and for clients that give messages new
    ids each time. It needs not be secret: an id is only ever looked up within its own conversation.
    """
    return digest(*texts)[:_ID_DIGITS]


def write_note(left_out: int, before: int, id_: str) -> str:
    """The note.

    Args:
        left_out: Tokens that were.
        before: Tokens of the whole message.
        id_: For `recall`; "" where there is no such tool.
    """
    return f"{left_out} of {before} tokens left out" + (f"; recall id {id_}" if id_ else "")


def text_form(original: str) -> str:
    """What a text is, as far as a note in it must respect that: "json", "html", "table", "csv", "tsv" or other."""
    return "json" if original.lstrip(" \t\r\n")[:1] in ("{", "[") else sniff_kind(original)


def add_note(form: str, cut: str, note: str) -> str:
    """The cut text with the note at its end, in the form of the text: JSON can be parsed as before, and tables, too.

    Args:
        form: Of the whole text, from `text_form`.
        cut: What is left of it.
        note: One line without quotes and markup.
    """
    ending = "" if cut.endswith("\n") else "\n"
    if form == "json" and _is_json(cut):
        return _add_to_json(cut, note)
    if form in ("csv", "tsv"):
        return f"{cut}{ending}# {note}"
    if form == "html":
        return f"{cut}{ending}<p>[{note}]</p>"
    # A line directly below a table in Markdown would be read as one of its rows.
    return f"{cut}{ending}\n[{note}]" if form == "table" else f"{cut}{ending}[{note}]"


def _is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict | list)
    except (ValueError, RecursionError):
        return False


def _add_to_json(cut: str, note: str) -> str:
    """As a last member of the object, or as a last item of the list: an object with that member."""
    bare = cut.rstrip()
    inner, bracket = bare[:-1].rstrip(), bare[-1]
    name = NOTE_MEMBER
    while f'"{name}"' in cut:  # a member of the document's own would be hidden by a second one of its name
        name += "_"
    member = f"{json.dumps(name)}: {json.dumps(note)}"
    comma = "" if inner[-1] in "[{" else ", "
    return f"{inner}{comma}{member}}}" if bracket == "}" else f"{inner}{comma}{{{member}}}]"
