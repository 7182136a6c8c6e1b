"""A JSON text whose list items are kept or dropped, so that it stays JSON."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ctxprune.context import Unit

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

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
    """The items of a list, or of the lists that are values of an object; None for a text that is neither in JSON.

    JSON that is nested too deeply to be read has no items.
    """
    if text.lstrip(" \t\r\n")[:1] not in ("{", "["):
        return None
    try:
        json.loads(text)
        found = tuple(tuple(spans) for spans in _lists(text) if spans)
    except ValueError:
        return None
    except RecursionError:
        found = ()
    units = tuple(Unit(text[start:end], span=(start, end)) for spans in found for start, end in spans)
    return JsonItems(text, found, units)


def _lists(text: str) -> Iterator[list[tuple[int, int]]]:
    """Spans of the items of each list; `text` is valid JSON."""
    at = _after(text, 0)
    if text[at] == "[":
        yield _items(text, at)[0]
        return
    at = _after(text, at + 1)
    while text[at] != "}":
        _, at = _value(text, at)
        at = _after(text, _after(text, at) + 1)  # the colon
        if text[at] == "[":
            spans, at = _items(text, at)
            yield spans
        else:
            _, at = _value(text, at)
        at = _after(text, at)
        if text[at] == ",":
            at = _after(text, at + 1)


def _items(text: str, at: int) -> tuple[list[tuple[int, int]], int]:
    """Spans of the items of the list that starts at `at`, and where it ends."""
    spans = []
    at = _after(text, at + 1)
    while text[at] != "]":
        _, end = _value(text, at)
        spans.append((at, end))
        at = _after(text, end)
        if text[at] == ",":
            at = _after(text, at + 1)
    return spans, at + 1


def _value(text: str, at: int) -> tuple[Any, int]:
    return _DECODER.raw_decode(text, at)


def _after(text: str, at: int) -> int:
    match = _BLANKS.match(text, at)
    return at if match is None else match.end()
