"""The extractive writer: sentences of each chunk, word for word; no chat model is asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.errors import UsageError
from ctxprune.scorers import DEFAULT_SCORER, SCORERS, as_scorer, score_batch
from ctxprune.scorers.lexical.words import LexicalScorer

from ..passages.passages import Passage
from .entries import Amendment, MemoryEntry
from .writer import MemoryWriter, Proposal, rank_for_question

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxprune.context.scores import Scores
    from ctxprune.scorers import Scorer

    from ..extract.records import Chunk
    from .schema import MemoryKey
    from .writer import MemoryState

__all__ = ["ExtractiveWriter"]


@dataclass(frozen=True)
class ExtractiveWriter(MemoryWriter):
    """Writes the sentences of each chunk, word for word and with their spans; no model is asked.

    With several lists of texts, a sentence goes to the one with whose name and description it shares words (BM25 over
    the chunk); where it shares none, to the first list, which should therefore be the most general one. When the memory
    is full, all its sentences are ranked together: with a question by `MemoryScorer`, so that what stands around an
    answer stays; without one by the new terms that they say for their tokens. So a memory without a question keeps a
    bit of everything, and no choice made before the question can know what it needs (docs/tasks/structured_memory.md
    has the figures).

    Attributes:
        question: What will be asked; "" where that is not known yet.
        scorer: A scorer, or the registered name of one; ranks sentences for the question.
        language: ISO 639 code for the sentence rules.

    Raises:
        UsageError: An argument is of the wrong kind.
        UnknownNameError: No scorer has that name.
    """

    question: str = ""
    scorer: Scorer | str = DEFAULT_SCORER
    language: str = "en"
    _scorer: Any = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not isinstance(self.question, str):
            raise UsageError(f"the question is a {type(self.question).__name__}", hint="give a str")
        scorer = SCORERS.get(self.scorer)() if isinstance(self.scorer, str) else self.scorer
        object.__setattr__(self, "_scorer", as_scorer(scorer))
        Passage("", language=self.language)

    def write(self, memory: MemoryState, chunk: Chunk) -> Proposal:
        """Every sentence of the chunk; the memory compacts itself where they do not fit. One of over 200 tokens, or
        of a quarter of what a compaction leaves, is cut at the ends of clauses, else at white space; finer where paths
        and escapes leave no room for that.

        Raises:
            UsageError: The schema has no list of texts.
        """
        keys = [key for key in memory.schema.keys if key.form == "list" and key.holds_texts]
        if not keys:
            hint = 'give a key of the form {"type": "array", "items": {"type": "string"}}'
            raise UsageError("the schema has no list of texts, which sentences could go to", hint=hint)
        # A sentence longer than what a compaction leaves could never stay, so that it is cut before.
        longest = max(8, min(200, memory.largest // 4))
        passage = Passage(chunk.text, language=self.language, max_tokens=longest)
        pieces = [
            (key, piece)
            for unit, key in zip(passage.units, self._choose_keys(passage, keys), strict=True)
            for piece in _cut(memory, key, chunk.text, unit.span or (0, 0))
        ]
        amendments = [
            Amendment("add", f"{key.path}/-", chunk.text[start:end], (start, end), index)
            for index, (key, (start, end)) in enumerate(pieces)
        ]
        return Proposal(tuple(amendments))

    def rank(self, memory: MemoryState) -> Scores:
        """See `MemoryWriter`."""
        if not self.question.strip():
            return super().rank(memory)
        return rank_for_question(memory, self.question, self._scorer)

    def _choose_keys(self, passage: Passage, keys: Sequence[MemoryKey]) -> list[MemoryKey]:
        """For each sentence the key with which it shares most words, as BM25 weighs them; the first where none."""
        if len(keys) == 1 or not passage.units:
            return [keys[0]] * len(passage.units)
        # Scores of the bundled model compare sentences for one question and say nothing across questions: as places
        # under headings of our own documentation they were no better than random ones, shared words twice as good.
        asked = [f"{key.name.replace('/', ' ')}: {key.description}" for key in keys]
        scores = np.stack(score_batch(LexicalScorer(), asked, [passage] * len(keys)))
        return [keys[index] for index in scores.argmax(axis=0).tolist()]


def _cut(memory: MemoryState, key: MemoryKey, text: str, span: tuple[int, int]) -> list[tuple[int, int]]:
    """A sentence in pieces whose lines can stay in the memory: halves, divided at white space where there is any. A
    long path and escapes may leave little room."""
    start, end = span
    if _fits(memory, key, text[start:end]) or end - start < 2:
        return [span]
    middle = (start + end) // 2
    blank = text.rfind(" ", start + 1, middle)
    first = (start, blank if blank > 0 else middle)
    second = (blank + 1 if blank > 0 else middle, end)
    return [piece for half in (first, second) if text[slice(*half)].strip() for piece in _cut(memory, key, text, half)]


def _fits(memory: MemoryState, key: MemoryKey, text: str) -> bool:
    # With a number that later values of the chunk do not reach.
    line = MemoryEntry(0, f"{key.path}/{memory.account.written + 1000}", text, "", 0).line
    # A line costs no more tokens than it has bytes, so that few are counted.
    return len(line) <= memory.largest // 4 or memory.counter.count(line) <= memory.largest
