r"""How labels and edges are written as text, so that no label can pass for the end of one or for another edge.

A label stands as it is wherever that is unambiguous. Any other label is a JSON string: one with line breaks, control or
invisible characters, with a delimiter of this notation, with white space around it, or that is empty. An entity
named "a\n- b" is written `"a\n- b"` on one line, and `read_text` gives it back.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from ctxprune.errors import UsageError
from ctxprune.text.chat_marks import escape_marks
from ctxprune.text.invisible import is_invisible
from ctxprune.utils.plain_data import as_plain

if TYPE_CHECKING:
    from collections.abc import Mapping
__all__ = ["BULLET", "COLON", "FIELD", "write_data", "write_label", "write_relation"]

_JOINERS = frozenset("\u200c\u200d")  # without them words of many scripts and emoji would read differently

FIELD = " | "
"""Stands between the labels of an edge on a line of its own."""
BULLET = "- "
"""Begins the line of an edge below its head."""
COLON = ": "
"""Stands between relation and tail there."""
# Starts and parts of labels that would read as something else: a quoted label, a comment, a term or directive of RDF,
# an edge below its head; the border between labels, the properties behind a label, the end of a statement.
_AMBIGUOUS = re.compile(
    r"""["<#@]|_:|(?i:prefix|base)\s++[^\s<]*+\s*+<|-(?:\s|$)|.*(?:\s\|\s|\s\{|\s\|$|^\|\s|\s[.;,]$)""", re.DOTALL
)


def write_label(label: str, *, escape: bool = False) -> str:
    """`label` as it is, or as a JSON string where it would be ambiguous.

    Args:
        label: Any text.
        escape: Whether marks of chat templates ("<|im_start|>") are escaped, too.
    """
    plain = bool(label) and not _has_hidden(label) and label == label.strip() and not _AMBIGUOUS.match(label)
    if plain and (not escape or escape_marks(label) == label):
        return label
    return _write_string(json.dumps(label, ensure_ascii=False), escape=escape)


def write_relation(label: str, *, escape: bool = False) -> str:
    """As `write_label`, for the label before a colon."""
    written = write_label(label, escape=escape)
    if COLON in label and not written.startswith('"'):
        return json.dumps(label, ensure_ascii=False)
    return written


def write_data(data: Mapping[str, Any], *, escape: bool = False) -> str:
    """Properties as a JSON object on one line; "" for none.

    Raises:
        UsageError: They contain themselves, or hold what JSON cannot write.
    """
    if not data:
        return ""
    try:
        written = json.dumps(as_plain(dict(data)), ensure_ascii=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise UsageError(f"properties cannot be written as JSON ({error})", where=str(next(iter(data)))) from error
    return _write_string(written, escape=escape)


def _write_string(written: str, *, escape: bool) -> str:
    """JSON with JSON's own escapes for what nobody sees; ASCII escapes go in pairs beyond U+FFFF."""
    hidden = {ord(one): json.dumps(one)[1:-1] for one in set(written) - _JOINERS if is_invisible(one)}
    written = written.translate(hidden | {0x7F: "\\u007f"})
    return escape_marks(written) if escape else written


def _has_hidden(label: str) -> bool:
    if label.isascii():  # nearly all labels
        return not label.isprintable()
    return any(is_invisible(one) and one not in _JOINERS for one in label)
