"""A JSON text whose list items are kept or dropped, so that it stays JSON."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctxprune.context import Unit

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["JsonItems", "json_items"]

_BLANKS = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()


@dataclass(frozen=True)
class JsonItems:
    """Implements `ctxprune.context.Context[str]`. Items of a list stay byte for byte; all else stays as it is.

    Attributes:
        text: The JSON text.
        lists: For each list the spans [start, end) of its items, in order.
        units: One for each item.
    """

    text: str
    lists: tuple[tuple[tuple[int, int], ...], ...]
    units: tuple[Unit, ...]

    def render(self, kept: Collection[int]) -> str:
        """The text with the kept items only; what stood between the first two items of a list stands between all."""
        chosen = set(kept)
        parts, at, index = [], 0, 0
        for spans in self.lists:
            here = [span for number, span in enumerate(spans, start=index) if number in chosen]
            index += len(spans)
            parts.append(self.text[at : spans[0][0]])
            if len(here) == len(spans):
                parts.append(self.text[spans[0][0] : spans[-1][1]])
            else:
                gap = self.text[spans[0][1] : spans[1][0]] if len(spans) > 1 else ","
                parts.append(gap.join(self.text[start:end] for start, end in here))
            at = spans[-1][1]
        return "".join([*parts, self.text[at:]])


def json_items(text: str) -> JsonItems | None:
    """The items of a list, or of the lists in an object at any depth; None for a text that is neither in JSON.

    Lists within lists belong to their item. JSON that is nested too deeply to be read has no items.
    """
    if text.lstrip(" \t\r\n")[:1] not in ("{", "["):
        return None
    found: list[list[tuple[int, int]]] = []
    try:
        json.loads(text)
        _lists(text, _after(text, 0), found)
    except ValueError:
        return None
    except RecursionError:
        found = []
    lists = tuple(tuple(spans) for spans in found if spans)
    units = tuple(Unit(text[start:end], span=(start, end)) for spans in lists for start, end in spans)
    return JsonItems(text, lists, units)


def _lists(text: str, at: int, found: list[list[tuple[int, int]]]) -> int:
    """Adds the spans of the items of each list that lies in no other list; where the value at `at` ends."""
    if text[at] == "[":
        spans, end = _items(text, at)
        found.append(spans)
        return end
    if text[at] != "{":
        return _end(text, at)
    at = _after(text, at + 1)
    while text[at] != "}":
        at = _after(text, _end(text, at))
        at = _after(text, _lists(text, _after(text, at + 1), found))  # at the colon before, behind the value after
        if text[at] == ",":
            at = _after(text, at + 1)
    return at + 1


def _items(text: str, at: int) -> tuple[list[tuple[int, int]], int]:
    """Spans of the items of the list that starts at `at`, and where it ends."""
    spans = []
    at = _after(text, at + 1)
    while text[at] != "]":
        end = _end(text, at)
        spans.append((at, end))
        at = _after(text, end)
        if text[at] == ",":
            at = _after(text, at + 1)
    return spans, at + 1


def _end(text: str, at: int) -> int:
    return _DECODER.raw_decode(text, at)[1]


def _after(text: str, at: int) -> int:
    match = _BLANKS.match(text, at)
    return at if match is None else match.end()
