"""The lines of a memory's text: appended one by one, removed by a compaction alone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ctxprune.utils.validation import is_whole

from .account import DroppedText
from .entries import MemoryEntry

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ctxprune.tokens import TokenCounter

    from .account import DropReason
    from .schema import MemoryKey, MemorySchema

__all__ = ["MemoryLines", "Snapshot"]

Snapshot = dict[str, Any]
_MOST_SLOTS = 10**11  # far from the twelve digits that the number of a list may have


@dataclass(frozen=True, slots=True)
class _Line:
    entry: MemoryEntry
    text: str
    tokens: int
    said: tuple[str, str]  # of a list's value its list and the form in which equal ones are found, else the path


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
        """Whether this value would say nothing new: a list holds it already, where it is to be one more, or exactly
        this value stands at its path.

        Texts of a list are compared without regard to case, white space, and points at their end.
        """
        if (before := self._at.get(path)) is not None:
            return _exact(self._lines[before].entry.value) == _exact(value)
        return key.form == "list" and (key.path, _folded(value)) in self._said

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
        text = entry.line
        said = (key.path, _folded(entry.value)) if key.form == "list" else (entry.path, "")
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
        return {
            name: dict(held) if isinstance(held, dict) else held
            for name, held in vars(self).items()
            if name != "_counter"
        }

    def load_state(self, state: Snapshot) -> None:
        """Go back to what `save_state` gave, which is this object's from then on."""
        # Nothing is worked out anew: whatever made the block fail, a counter included, must not fail again here.
        vars(self).update(state)

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
        self._slots = _read_slots(document["slots"], schema)
        for entry in map(MemoryEntry.from_list, document["entries"]):
            if entry.number <= before:
                raise ValueError("the numbers of the entries do not rise")
            before = entry.number
            key, slot = schema.find(entry.path)
            if (key.form == "value") != (slot == "") or (key.form == "list" and slot == "-"):
                raise ValueError(f"no entry can stand at {entry.path[:100]!r}")
            if not key.accepts(entry.value):
                raise ValueError(f"the value at {entry.path[:100]!r} is not what the schema says")
            self.append(entry, key)
        self._next = document["next"]
        if not is_whole(self._next) or self._next <= before:
            raise ValueError("the next number is none")
        # Appending has raised the numbers where an entry has one that the document gives again.
        if self._slots != dict(document["slots"]):
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


def _read_slots(document: Any, schema: MemorySchema) -> dict[str, int]:
    lists = {key.path for key in schema.keys if key.form == "list"}
    slots = dict(document)
    if not all(path in lists and is_whole(slot) and 0 <= slot <= _MOST_SLOTS for path, slot in slots.items()):
        raise ValueError("the next number of a list is none")
    return slots


def _folded(value: Any) -> str:
    # Signs stay: "-5 %" and "+5 %", "C" and "C++", "A-" and "A" have the same words and are not the same.
    if not isinstance(value, str):
        return _exact(value)
    plain = " ".join(value.casefold().split())
    return "text " + (plain.rstrip(" .!") or plain)


def _exact(value: Any) -> str:
    # JSON tells 5, 5.0, "5", true and "true" apart, which Python's equality does not all do.
    return json.dumps(value, sort_keys=True)
