"""The lines of a memory's text: appended one by one, removed by a compaction alone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ctxprune.text.words import words
from ctxprune.utils.validation import is_whole

from .memory_account import DroppedText
from .memory_entries import MemoryEntry

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ctxprune.tokens import TokenCounter

    from .memory_account import DropReason
    from .memory_schema import MemoryKey, MemorySchema

__all__ = ["MemoryLines", "Snapshot"]

Snapshot = tuple[list[MemoryEntry], dict[str, int], int, dict[str, int]]


@dataclass(frozen=True, slots=True)
class _Line:
    entry: MemoryEntry
    text: str
    tokens: int
    said: tuple[str, str]  # the list or place, and the value in the form in which equal ones are found


class MemoryLines:
    """Entries with their lines, in the order of writing; those that were replaced stay until a compaction.

    Args:
        counter: What counts tokens.
    """

    def __init__(self, counter: TokenCounter) -> None:
        self._counter = counter
        self._clear()

    def _clear(self) -> None:
        self._lines: dict[int, _Line] = {}
        self._at: dict[str, int] = {}  # by path the number of the entry that holds
        self._said: dict[tuple[str, str], int] = {}
        self._next = 0
        self._slots: dict[str, int] = {}  # by the path of a list the next number
        self._text: str | None = ""

    @property
    def text(self) -> str:
        """All lines."""
        if self._text is None:
            self._text = "".join(line.text for line in self._lines.values())
        return self._text

    @property
    def current(self) -> tuple[MemoryEntry, ...]:
        """The entries that hold, in the order of writing."""
        return tuple(line.entry for line in self._lines.values() if self._holds(line.entry))

    def tokens_of(self, number: int) -> int:
        """Tokens of a line of the text, by the number of its entry."""
        return self._lines[number].tokens

    def count(self, line: str) -> int:
        """Tokens of a line that is not written yet."""
        return self._counter.count(line)

    def has(self, path: str) -> bool:
        """Whether an entry stands at this path."""
        return path in self._at

    def has_said(self, key: MemoryKey, path: str, value: Any) -> bool:
        """Whether a list, or the place of any other key, holds this value already; texts are compared by their folded
        words."""
        return (_scope(key, path), _normalize(value)) in self._said

    @property
    def next_number(self) -> int:
        """The number of the next entry."""
        return self._next

    def next_path(self, key: MemoryKey) -> str:
        """The path of the next value of a list."""
        return f"{key.path}/{self._slots.get(key.path, 0)}"

    def append(self, entry: MemoryEntry, key: MemoryKey) -> None:
        """Write the line of an entry; what stood at its path is replaced."""
        if (before := self._at.get(entry.path)) is not None:
            self._unsay(before)
        text, said = entry.line, (_scope(key, entry.path), _normalize(entry.value))
        line = _Line(entry, text, self._counter.count(text), said)
        self._lines[entry.number] = line
        self._at[entry.path] = self._said[line.said] = entry.number
        self._next = entry.number + 1
        if key.form == "list":
            slot = int(entry.path.rpartition("/")[2])
            self._slots[key.path] = max(self._slots.get(key.path, 0), slot + 1)
        self._text = None  # joined when it is read: to append to it would copy it for every sentence of a chunk

    def drop_replaced(self) -> list[DroppedText]:
        """Remove the lines of entries that no longer hold."""
        return self._remove([line.entry for line in self._lines.values() if not self._holds(line.entry)], "replaced")

    def shrink(self, order: Sequence[MemoryEntry], target: int) -> list[DroppedText]:
        """Remove entries until the text takes `target` tokens at most, the last of `order` first; one that does not fit
        is passed over for smaller ones behind it."""
        left, kept = target, []
        for entry in order:
            if (tokens := self.tokens_of(entry.number)) <= left:
                left -= tokens
                kept.append(entry)
        stay = {entry.number for entry in kept}
        dropped = self._remove([entry for entry in order if entry.number not in stay], "budget")
        # Few counters find more in a text than in its lines together, but the budget holds for those as well.
        while kept and self._counter.count(self.text) > target:
            dropped += self._remove([kept.pop()], "budget")
        return dropped

    def save_state(self) -> Snapshot:
        """All that `load_state` needs to go back."""
        return [line.entry for line in self._lines.values()], dict(self._at), self._next, dict(self._slots)

    def load_state(self, state: Snapshot, schema: MemorySchema) -> None:
        """Go back to what `save_state` gave."""
        entries, at, number, slots = state
        self._clear()
        for entry in entries:
            self.append(entry, schema.find(entry.path)[0])
        self._at, self._next, self._slots = dict(at), number, dict(slots)

    def to_dict(self) -> dict[str, Any]:
        """The lines as JSON, without their texts."""
        return {
            "entries": [line.entry.to_list() for line in self._lines.values()],
            "next": self._next,
            "slots": dict(self._slots),
        }

    def restore(self, document: Any, schema: MemorySchema) -> None:
        """Take the lines that `to_dict` described in place of these.

        Raises:
            KeyError, TypeError, ValueError: The document is damaged; so is one whose entries the schema has no place
                for (a UsageError, which is a ValueError).
            MissingExtraError: A value must be validated and jsonschema-rs is not installed (extra `jsonschema`).
        """
        self._clear()
        before = -1
        for entry in map(MemoryEntry.from_list, document["entries"]):
            if entry.number <= before:
                raise ValueError("the numbers of the entries do not rise")
            before = entry.number
            key, slot = schema.find(entry.path)
            if (key.form == "value") != (slot == "") or slot == "-":
                raise ValueError(f"no entry can stand at {entry.path[:100]!r}")
            if not key.accepts(entry.value):
                raise ValueError(f"the value at {entry.path[:100]!r} is not what the schema says")
            self.append(entry, key)
        self._next, self._slots = document["next"], dict(document["slots"])
        if not is_whole(self._next) or self._next <= before or not all(map(is_whole, self._slots.values())):
            raise ValueError("the next numbers are none")
        for path in self._at:
            key, slot = schema.find(path)
            if key.form == "list" and int(slot) >= self._slots.get(key.path, 0):
                raise ValueError("a number of a list would be given twice")

    def _holds(self, entry: MemoryEntry) -> bool:
        return self._at.get(entry.path) == entry.number

    def _unsay(self, number: int) -> None:
        said = self._lines[number].said
        if self._said.get(said) == number:
            del self._said[said]

    def _remove(self, entries: Iterable[MemoryEntry], reason: DropReason) -> list[DroppedText]:
        dropped = []
        for entry in entries:
            self._unsay(entry.number)
            line = self._lines.pop(entry.number)
            if self._holds(entry):
                del self._at[entry.path]
            dropped.append(DroppedText(reason, entry.path, entry.chunk, entry.span, line.tokens))
        if dropped:
            self._text = None
        return dropped


def _scope(key: MemoryKey, path: str) -> str:
    return key.path if key.form == "list" else path


def _normalize(value: Any) -> str:
    # A text without words ("?!") is compared as it is.
    return (" ".join(words(value)) or value) if isinstance(value, str) else json.dumps(value, sort_keys=True)
