"""A memory as a context of the core: its entries are units, pruned for a question and cited by chunk."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, ClassVar

from ctxprune.context.base import Context, Unit
from ctxprune.utils.validation import check_choice, check_flag

from ..jsonschema.json_values import unescape_pointer
from ..passages.fence import escape_chat_marks

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from .entries import MemoryEntry
    from .schema import MemoryKey, MemorySchema

__all__ = ["Citation", "MemoryContext"]

_GAP = " … "


@dataclass(frozen=True, slots=True)
class Citation:
    """Where a unit comes from.

    Attributes:
        chunk: Id of the chunk.
        span: Characters [start, end) of the chunk; None where that is not known.
        path: Where it stands in the memory.
    """

    chunk: str
    span: tuple[int, int] | None
    path: str


@dataclass(frozen=True)
class MemoryContext(Context[str]):
    """The entries of a memory, a unit each, in the order of the stream. Renders as a text.

    Sentences that follow each other in their chunk are joined by a space, others by " … ". A value that is no text is
    rendered as JSON, and a named one behind its name: "Ann: tall". Line ends in a value are rendered as spaces and
    marks of chat templates escaped, so that no value can pretend to be another line or turn; `units` have the texts as
    they are.

    Attributes:
        entries: Of one memory.
        schema: Of the memory.
        cite: Begin what is of one chunk with its id: "[12] ".
        order: "chunks": a line for each chunk. "keys": under a line for each key, a line for each chunk.
        units: One an entry; its span is that of the chunk, where the entry is a text of the chunk.
        sources: For each unit the number of its chunk among those that have entries.
        chunk_ids: Their ids.
        names: For each unit its path in the memory.

    Raises:
        UsageError: An argument is of the wrong kind.
    """

    kind: ClassVar[str] = "passage"
    counts_text: ClassVar[bool] = True

    entries: Sequence[MemoryEntry]
    schema: MemorySchema
    cite: bool = True
    order: str = "chunks"
    units: tuple[Unit, ...] = field(init=False, repr=False, compare=False)
    sources: tuple[int, ...] = field(init=False, repr=False, compare=False)
    chunk_ids: tuple[str, ...] = field(init=False, repr=False, compare=False)
    names: tuple[str, ...] = field(init=False, repr=False, compare=False)
    _keys: tuple[MemoryKey, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_flag("cite", self.cite)
        check_choice("order", self.order, ("chunks", "keys"))
        entries = tuple(sorted(self.entries, key=_stream_order))
        keys = tuple(self.schema.find(entry.path)[0] for entry in entries)
        positions = sorted({entry.position for entry in entries})
        ids = {entry.position: entry.chunk for entry in entries}
        number = {position: index for index, position in enumerate(positions)}
        for name, value in (
            ("entries", entries),
            ("units", tuple(map(_make_unit, entries, keys))),
            ("sources", tuple(number[entry.position] for entry in entries)),
            ("chunk_ids", tuple(ids[position] for position in positions)),
            ("names", tuple(entry.path for entry in entries)),
            ("_keys", keys),
        ):
            object.__setattr__(self, name, value)

    def render(self, kept: Collection[int]) -> str:
        """The kept entries, as the class says; "" for none."""
        chosen = sorted(set(kept))
        if self.order == "chunks":
            return "\n".join(self._render_chunks(chosen))
        parts = []
        for key in self.schema.keys:
            own = [index for index in chosen if self._keys[index] is key]
            parts += [f"{key.name}:", *self._render_chunks(own)] if own else []
        return "\n".join(parts)

    def cite_units(self, kept: Iterable[int]) -> list[Citation]:
        """Where each of these units comes from, in the order given."""
        found = (self.entries[index] for index in kept)
        return [Citation(entry.chunk, entry.span, entry.path) for entry in found]

    def follows(self, before: int, index: int) -> bool:
        """Whether the unit `index` is the sentence behind that of the unit `before` in the same chunk."""
        one, other = self.entries[before], self.entries[index]
        if one.sentence is None or other.sentence is None:
            return False
        return one.position == other.position and other.sentence == one.sentence + 1

    def omission_note(self, kept: Collection[int]) -> str:
        """How many entries are kept; "" where all are."""
        number = len(set(kept))
        return "" if number == len(self.units) else f"({number} of {len(self.units)} entries of the memory)"

    def _render_chunks(self, chosen: Sequence[int]) -> list[str]:
        """A line for each chunk."""
        lines = []
        for source, group in groupby(chosen, key=lambda index: self.sources[index]):
            told = f"[{self.chunk_ids[source]}] " if self.cite else ""
            lines.append(f"{told}{self._join(list(group))}")
        return lines

    def _join(self, chosen: Sequence[int]) -> str:
        parts: list[str] = []
        before: int | None = None
        for index in chosen:
            if before is not None:
                parts.append(" " if self.follows(before, index) else _GAP)
            parts.append(_on_one_line(self.units[index].text))
            before = index
        return "".join(parts)


def _on_one_line(text: str) -> str:
    # A line end would let a value begin a line with the citation of another chunk; a mark, the turn of another speaker.
    return escape_chat_marks(" ".join(text.splitlines()))


def _make_unit(entry: MemoryEntry, key: MemoryKey) -> Unit:
    # The span says where the unit's own text stands, which is not so of what a model has put in words.
    span = entry.span if entry.sentence is not None else None
    return Unit(entry.text if key.form == "list" else f"{_last_name(entry.path)}: {entry.text}", span=span)


def _stream_order(entry: MemoryEntry) -> tuple[int, int, int]:
    return entry.position, -1 if entry.sentence is None else entry.sentence, entry.number


def _last_name(path: str) -> str:
    return unescape_pointer(path.rpartition("/")[2])
