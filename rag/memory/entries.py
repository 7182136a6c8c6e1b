"""What is written into a memory: chunks come in, amendments are proposed, entries are kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ctxprune.errors import UsageError
from ctxprune.utils.validation import describe_type, is_whole

from ..extract.records import Chunk
from ..passages.fence import escape_chat_marks

__all__ = ["Amendment", "MemoryEntry", "as_chunk"]


def as_chunk(value: Any, number: int) -> Chunk:
    """`value` as a chunk with an id: a chunk or a text (called by its number where it has none), a mapping with `id`
    and `text`, or a pair of both.

    Raises:
        UsageError: It is none of these, the text is no str, or the id is not one or more characters on one line.
    """
    if isinstance(value, Chunk):
        name, text = value.id, value.text
        name = str(number) if name == "" else name
    elif isinstance(value, str):
        name, text = str(number), value
    elif isinstance(value, Mapping) and {"id", "text"} <= set(value):
        name, text = value["id"], value["text"]
    elif isinstance(value, (tuple, list)) and len(value) == 2:
        name, text = value
    else:
        hint = "give a text, Chunk(text, id), or (id, text)"
        raise UsageError(f"chunk {number} is {describe_type(value)}", hint=hint)
    if not is_chunk_id(name):
        raise UsageError(f"the id of a chunk is {str(name)[:100]!r}", hint="give a text on one line")
    if not isinstance(text, str):
        raise UsageError(f"the text of chunk {name!r} is {describe_type(text)}", hint="give a str")
    return Chunk(text, name)


def is_chunk_id(value: Any) -> bool:
    """Whether it is one or more characters on one line, so that a citation cannot pretend to be another one."""
    return isinstance(value, str) and bool(value.strip()) and value.isprintable()


@dataclass(frozen=True, slots=True)
class Amendment:
    """One change to a memory, as a writer proposes it: `add` and `replace` of JSON Patch (RFC 6902).

    Attributes:
        op: "add" or "replace".
        path: JSON Pointer: "/place", "/people/-" (one more), "/people/3", "/traits/Ann".
        value: Plain JSON.
        span: Characters [start, end) of the chunk that say so; None where that is not known.
        sentence: Number of the sentence in the chunk, where the value is a sentence of it; else None.
    """

    op: Literal["add", "replace"]
    path: str
    value: Any
    span: tuple[int, int] | None = None
    sentence: int | None = None


@dataclass(frozen=True, slots=True)
class MemoryEntry:
    """One value in a memory, with where it comes from.

    Attributes:
        number: Rises with every entry that is ever written; no two entries of a memory have the same.
        path: Where it stands: "/people/3". The numbers of a list are never given twice.
        value: Plain JSON.
        chunk: Id of the chunk.
        position: Number of the chunk in the stream, from 0.
        span: Characters [start, end) of the chunk that say so; None where that is not known.
        sentence: As in `Amendment`.
    """

    number: int
    path: str
    value: Any
    chunk: str
    position: int
    span: tuple[int, int] | None = None
    sentence: int | None = None

    @property
    def text(self) -> str:
        """The value for a reader: a text as it is, all else as JSON."""
        return self.value if isinstance(self.value, str) else json.dumps(self.value, ensure_ascii=False)

    @property
    def line(self) -> str:
        """The line that enters a prompt, with its end; marks of chat templates in it are escaped."""
        # JSON keeps a value on one line, so that no value can pretend to be a line of another path.
        written = json.dumps(self.value, ensure_ascii=False)
        return escape_chat_marks(f"{self.path} {written}") + "\n"

    def to_list(self) -> list[Any]:
        """The fields in their order, as JSON."""
        span = None if self.span is None else list(self.span)
        return [self.number, self.path, self.value, self.chunk, self.position, span, self.sentence]

    @classmethod
    def from_list(cls, row: Any) -> MemoryEntry:
        """The entry that `to_list` wrote.

        Raises:
            ValueError: It is no such row.
        """
        if not isinstance(row, list) or len(row) != 7:
            raise ValueError("an entry has not seven fields")
        number, path, value, chunk, position, span, sentence = row
        numbers = (number, position, *(span or ()), *(() if sentence is None else (sentence,)))
        if not all(is_whole(part) and part >= 0 for part in numbers):
            raise ValueError("a number of an entry is not a whole number from 0 up")
        if not isinstance(path, str) or not is_chunk_id(chunk):
            raise ValueError("the path or chunk of an entry is no text on one line")
        if span is not None and (not isinstance(span, list) or len(span) != 2 or span[0] > span[1]):
            raise ValueError("the span of an entry is no pair of rising numbers")
        return cls(number, path, value, chunk, position, None if span is None else (span[0], span[1]), sentence)
