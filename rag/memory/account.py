"""The account of a memory: what was read, written, dropped and refused, exactly."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any, Literal

from ctxprune.utils.validation import is_whole

__all__ = ["DroppedText", "MemoryAccount", "MemoryUpdate", "Refusal"]

DropReason = Literal["budget", "replaced", "duplicate"]
_LATEST = 1000  # records that are held one by one; all are counted


@dataclass(frozen=True, slots=True)
class DroppedText:
    """What is no longer, or never was, in the memory.

    Attributes:
        reason: "budget" (made room for others), "replaced" (by a later value), "duplicate" (the same is there
            already).
        path: Where it stood or would have stood.
        chunk: Id of its chunk.
        span: Its characters [start, end) in the chunk; None where that is not known.
        tokens: Tokens of its line in the memory.
    """

    reason: DropReason
    path: str
    chunk: str
    span: tuple[int, int] | None
    tokens: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a writer proposed and the memory did not take.

    Attributes:
        chunk: Id of the chunk.
        reason: Why not.
        proposed: The first 200 characters of what it proposed.
    """

    chunk: str
    reason: str
    proposed: str = ""


@dataclass(frozen=True, slots=True)
class MemoryUpdate:
    """What one chunk changed.

    Attributes:
        chunk: Its id.
        written: Numbers of the entries that were written, in order; some of them may be dropped already.
        dropped: What was dropped, of this chunk or of earlier ones.
        refused: What the writer proposed in vain, its whole answer included where it was none.
        compacted: Whether the memory was compacted, so that its text has a new beginning.
    """

    chunk: str
    written: tuple[int, ...] = ()
    dropped: tuple[DroppedText, ...] = ()
    refused: tuple[Refusal, ...] = ()
    compacted: bool = False


@dataclass
class MemoryAccount:
    """Totals over the whole stream, and the latest records one by one.

    At any time `written - dropped["budget"] - dropped["replaced"]` is the number of lines of the memory's text.

    Attributes:
        chunks: Chunks that were read.
        tokens_read: Tokens of their texts.
        written: Entries that were written.
        tokens_written: Tokens of their lines.
        dropped: By reason how much was dropped: entries, and tokens of their lines.
        refused: Proposals that were refused.
        compactions: How often the memory was compacted.
        latest: The latest 1000 dropped texts; see `MemoryUpdate.dropped` for those of one chunk.
        faults: The latest 1000 refusals.
    """

    chunks: int = 0
    tokens_read: int = 0
    written: int = 0
    tokens_written: int = 0
    dropped: dict[str, tuple[int, int]] = field(default_factory=dict)
    refused: int = 0
    compactions: int = 0
    latest: deque[DroppedText] = field(default_factory=lambda: deque(maxlen=_LATEST), repr=False)
    faults: deque[Refusal] = field(default_factory=lambda: deque(maxlen=_LATEST), repr=False)

    def copy(self) -> MemoryAccount:
        """A copy that shares nothing that changes."""
        return replace(self, dropped=dict(self.dropped), latest=self.latest.copy(), faults=self.faults.copy())

    def add(self, update: MemoryUpdate) -> None:
        """Count what a chunk dropped and what it refused."""
        for drop in update.dropped:
            entries, tokens = self.dropped.get(drop.reason, (0, 0))
            self.dropped[drop.reason] = (entries + 1, tokens + drop.tokens)
            self.latest.append(drop)
        self.refused += len(update.refused)
        self.faults.extend(update.refused)

    def to_dict(self) -> dict[str, Any]:
        """The totals as JSON, without the single records."""
        return {
            "chunks": self.chunks,
            "tokens_read": self.tokens_read,
            "written": self.written,
            "tokens_written": self.tokens_written,
            "dropped": {reason: list(counts) for reason, counts in sorted(self.dropped.items())},
            "refused": self.refused,
            "compactions": self.compactions,
        }

    @classmethod
    def from_dict(cls, document: Any) -> MemoryAccount:
        """The totals that `to_dict` described.

        Raises:
            KeyError, TypeError, ValueError: The document is damaged.
        """
        names = ("chunks", "tokens_read", "written", "tokens_written", "refused", "compactions")
        totals = {name: document[name] for name in names}
        dropped = {str(reason): (counts[0], counts[1]) for reason, counts in document["dropped"].items()}
        if not all(is_whole(n) and n >= 0 for n in (*totals.values(), *chain(*dropped.values()))):
            raise ValueError("a total of the account is not a whole number from 0 up")
        return cls(**totals, dropped=dropped)
