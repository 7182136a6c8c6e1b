"""The attributes of a tag as they stand in the source."""

from __future__ import annotations

import re
from html import unescape

__all__ = ["number", "resolved", "value_spans"]

# White space is what the HTML standard calls so, which is less than what Python does.
_NAME = re.compile(r"<[^ \t\n\f\r/>]*")
_ATTRIBUTE = re.compile(
    r"""[ \t\n\f\r/]*([^ \t\n\f\r/>][^ \t\n\f\r/>=]*)"""
    r"""(?:[ \t\n\f\r]*=[ \t\n\f\r]*(?:"([^"]*)"|'([^']*)'|([^ \t\n\f\r>"'][^ \t\n\f\r>]*)?))?"""
)
_REFERENCE = re.compile(r"&(?:#[0-9]+;?|#[xX][0-9A-Fa-f]+;?|[A-Za-z][A-Za-z0-9]*(?:;|(?![=A-Za-z0-9])))")
_NUMBER = re.compile(r"[ \t\n\f\r]*\+?([0-9]+)")


def value_spans(source: str, start: int) -> dict[str, tuple[int, int]]:
    """For each attribute of the tag at `start` the characters of its value, without quotation marks.

    Names are in lower case; of several of the same name the first counts. An attribute without a value has an empty
    span.
    """
    spans: dict[str, tuple[int, int]] = {}
    name = _NAME.match(source, start)
    place = start if name is None else name.end()
    while match := _ATTRIBUTE.match(source, place):
        place = match.end()
        group = match.lastindex or 1
        spans.setdefault(match.group(1).lower(), match.span(group) if group > 1 else (place, place))
    return spans


def resolved(value: str) -> str:
    """The value of an attribute with its character references resolved, by the rule for attributes."""
    return _REFERENCE.sub(lambda match: unescape(match.group()), value) if "&" in value else value


def number(value: str | None, otherwise: int) -> int:
    """A whole number as the standard reads attributes; at most nine digits."""
    match = _NUMBER.match(value or "")
    return int(match.group(1)[:9]) if match else otherwise
