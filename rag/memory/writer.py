"""Who writes into a memory: the interface of writers, and how they rank for a question."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from .context import MemoryContext
from .novelty import rank_by_novelty
from .scorer import MemoryScorer

if TYPE_CHECKING:
    from ctxprune.context.scores import Scores
    from ctxprune.scorers import Scorer
    from ctxprune.tokens import TokenCounter

    from ..extract.records import Chunk
    from .account import MemoryAccount, Refusal
    from .entries import Amendment, MemoryEntry
    from .schema import MemorySchema

__all__ = ["MemoryState", "MemoryWriter", "Proposal", "rank_for_question"]


@dataclass(frozen=True)
class Proposal:
    """What a writer makes of a chunk.

    Attributes:
        amendments: What it proposes, in order.
        refused: What it could make nothing of, such as the answer of a model that is no JSON.
    """

    amendments: tuple[Amendment, ...] = ()
    refused: tuple[Refusal, ...] = ()


class MemoryState(Protocol):
    """What a writer may see of a memory while it reads a chunk; `StructuredMemory` has more."""

    @property
    def account(self) -> MemoryAccount:
        """What was read, written and dropped so far."""

    @property
    def counter(self) -> TokenCounter:
        """What counts the memory's tokens."""

    @property
    def entries(self) -> tuple[MemoryEntry, ...]:
        """What the memory holds, in the order of writing."""

    @property
    def largest(self) -> int:
        """Tokens that one line may take."""

    @property
    def schema(self) -> MemorySchema:
        """What may be written where."""

    @property
    def text(self) -> str:
        """The lines that enter a prompt."""


class MemoryWriter(ABC):
    """Proposes amendments for a chunk, and ranks entries where a memory must drop some. Safe to share between threads.

    A subclass writes `write`.
    """

    @abstractmethod
    def write(self, memory: MemoryState, chunk: Chunk) -> Proposal:
        """What `chunk` adds to `memory`, which is not changed here."""

    def rank(self, memory: MemoryState) -> Scores:
        """How much each of `memory.entries` is worth, float32 (n_entries,), higher = kept longer; any range.

        By default the entries that say the most new terms for their tokens come first.
        """
        entries = memory.entries
        texts = [entry.text for entry in entries]
        return rank_by_novelty(texts, memory.counter.count_many(texts))


def rank_for_question(memory: MemoryState, question: str, scorer: Scorer) -> Scores:
    """The scores of `MemoryScorer` for each of `memory.entries`: float32 (n_entries,)."""
    context = MemoryContext(memory.entries, memory.schema)
    scores = MemoryScorer(scorer).score(question, context)
    place = {entry.number: index for index, entry in enumerate(context.entries)}
    return scores[[place[entry.number] for entry in memory.entries]]
