"""How a question and its units become the input of the pruner: windows of tokens, cut at unit borders.

A window is `[CLS] kind question [SEP] title : unit unit … [SEP] title : unit … [SEP]`. Short documents share a window,
a long one is spread over several of about equal length. Training and run time use the same code.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["FIXED", "KINDS", "Piece", "Tokens", "Window", "clip_ids", "split_units", "windows"]

KINDS = {"passage": 1, "table": 2, "schema": 3, "tool": 4}
"""Ids of the vocabulary's unused entries that tell the model what it reads."""
CLS, SEP, COLON = 101, 102, 1024
FIXED = frozenset({CLS, SEP, COLON, *KINDS.values()})
"""Ids that a window has beside those of texts; every vocabulary has them at these places."""
MOST_QUESTION, MOST_TITLE = 64, 24


@dataclass(frozen=True, slots=True)
class Tokens:
    """One document as token ids: its title, and each of its units."""

    title: Sequence[int]
    units: Sequence[Sequence[int]]


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a unit in a window.

    Attributes:
        document: Index of its document.
        unit: Index of its unit in the document; -1 for the title.
        start, end: Places in the window, end excluded.
    """

    document: int
    unit: int
    start: int
    end: int


@dataclass(slots=True)
class Window:
    """One input of the model.

    Attributes:
        ids: Token ids, at most the limit.
        question: How many of them, from the first one, are the question with what stands around it; their type is 0,
            that of the others 1.
        pieces: What stands where.
    """

    ids: list[int]
    question: int
    pieces: list[Piece] = field(default_factory=list)

    def add(self, document: int, unit: int, ids: Sequence[int]) -> None:
        """Append a part of a unit."""
        self.pieces.append(Piece(document, unit, len(self.ids), len(self.ids) + len(ids)))
        self.ids.extend(ids)


def clip_ids(ids: Sequence[int], most: int) -> list[int]:
    """At most so many ids: the first three quarters and the last quarter of them where there are more."""
    if len(ids) <= most:
        return list(ids)
    # The end of a long question mostly says what is asked; the beginning says about what.
    tail = most // 4
    return [*ids[: most - tail], *ids[len(ids) - tail :]]


def windows(question: Sequence[int], documents: Sequence[Tokens], kind: str, *, limit: int = 256) -> list[Window]:
    """The windows of one question over some documents, in their order; each unit with a token is in one or more.

    Args:
        question: Its ids; of a long one the beginning and the end are read.
        documents: Their ids. A long title is cut; a unit that is longer than a window is cut into parts.
        kind: One of `KINDS`.
        limit: Most tokens of a window, at least 128.
    """
    head = [CLS, KINDS[kind], *clip_ids(question, MOST_QUESTION), SEP]
    made: list[Window] = []
    for number, document in enumerate(documents):
        title = [*clip_ids(document.title, MOST_TITLE), COLON] if document.title else []
        room = limit - len(head) - len(title) - 1
        for chunk in split_units(document.units, room):
            size = len(title) + 1 + sum(len(ids) for _, ids in chunk)
            # Short documents share a window, which they did in training as well.
            if not made or len(made[-1].ids) + size > limit:
                made.append(Window(list(head), len(head)))
            window = made[-1]
            if title:
                window.add(number, -1, title)
            for unit, ids in chunk:
                window.add(number, unit, ids)
            window.ids.append(SEP)
    return made


def split_units(units: Sequence[Sequence[int]], room: int) -> Iterator[list[tuple[int, Sequence[int]]]]:
    """Parts of a document that fit into `room` tokens, of about equal length, as units with their tokens.

    A unit that is longer than `room`, 1 or more, is cut; one without tokens is in none.
    """
    parts = [
        (number, ids[start : start + room]) for number, ids in enumerate(units) for start in range(0, len(ids), room)
    ]
    total = sum(len(ids) for _, ids in parts)
    # Chunks of equal length: a short last one would be read with hardly any context.
    target = total / max(math.ceil(total / room), 1)
    chunk: list[tuple[int, Sequence[int]]] = []
    size = 0
    for number, ids in parts:
        # A unit goes to the chunk that it brings nearer to the target.
        if chunk and (size + len(ids) > room or size + len(ids) / 2 > target):
            yield chunk
            chunk, size = [], 0
        chunk.append((number, ids))
        size += len(ids)
    if chunk:
        yield chunk
