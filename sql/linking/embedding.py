"""The embedding linker: columns whose text lies near the question in a sentence-embedding space."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from ctxprune.errors import UsageError
from ctxprune.scorers.base import Scorer
from ctxprune.scorers.neural.embedders import embed_texts, load_embedder

from .base import LINKERS
from .context import SchemaContext
from .policy import JoinablePolicy
from .scored import ScoredLinker
from .words import natural

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from ctxprune.context.base import Context
    from ctxprune.context.scores import Scores
    from ctxprune.policies.base import Policy
    from ctxprune.scorers.neural.embedders import Embed

    from ..schema.schema import Column, Table
    from .statistics import SchemaStatistics

__all__ = ["EmbeddingLinker", "EmbeddingSchemaScorer"]

_MAX_NOTE = 200  # characters of a comment or description that are embedded


@dataclass(frozen=True)
class EmbeddingSchemaScorer(Scorer):
    """Cosine of the question with each table and column, 0..1 (negative ones count as 0), higher = keep.

    A column's text is its name, comment or description, and its table's name; its vector is made when the schema is
    first seen. The question and its evidence are embedded apart, and the better cosine counts. A column with a value
    hit has at least the hit's score.

    Attributes:
        embed: Any function from texts to float (n_texts, d); safe to call from several threads.
    """

    embed: Embed
    _seen: WeakKeyDictionary[SchemaStatistics, NDArray[np.float32]] = field(
        default_factory=WeakKeyDictionary, init=False, repr=False, compare=False
    )
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False, compare=False)

    def __reduce__(self) -> tuple[type[EmbeddingSchemaScorer], tuple[Embed]]:
        return type(self), (self.embed,)

    def score(self, query: str, context: Context[Any]) -> Scores:
        """float32 (n_units,).

        Raises:
            UsageError: The context is no schema, or `embed` gives vectors of a wrong shape or that are not finite.
        """
        if not isinstance(context, SchemaContext):
            raise UsageError(f"a {type(context).__name__} is not a schema", hint="wrap it in SchemaContext")
        if not context.units:
            return np.zeros(0, dtype=np.float32)
        asked = embed_texts(self.embed, [text for text in (query, context.evidence) if text.strip()] or [query])
        known = self._vectors(context)
        if known.shape[1] != asked.shape[1]:
            raise UsageError(f"the embedder gave vectors of {known.shape[1]} and of {asked.shape[1]} numbers")
        cosines = np.clip(known @ asked.T, 0.0, 1.0)
        return context.lifted(cosines.max(axis=1).astype(np.float32))

    def _vectors(self, context: SchemaContext) -> NDArray[np.float32]:
        statistics = context.statistics
        with self._lock:
            found = self._seen.get(statistics)
        if found is None:
            texts = []
            for table in context.schema.tables:
                texts += [_table_text(table), *(_column_text(table, column) for column in table.columns)]
            found = embed_texts(self.embed, texts)
            with self._lock:
                self._seen[statistics] = found
        return found


@LINKERS.register("embedding.v1")
@dataclass(frozen=True)
class EmbeddingLinker(ScoredLinker):
    """The ten columns nearest to the question, with the keys and tables that join them.

    Attributes:
        scorer: An `EmbeddingSchemaScorer`.
        policy: More recall: raise `most`.
    """

    policy: Policy = field(default_factory=lambda: JoinablePolicy(columns=1e-6, tables=2.0, most=10))

    @classmethod
    def load(cls, model: str | Path, *, download: bool = False) -> EmbeddingLinker:
        """A linker with the model that `load_embedder` of `ctxprune.scorers.neural` finds under this name or path."""
        return cls(EmbeddingSchemaScorer(load_embedder(model, download=download)))


def _table_text(table: Table) -> str:
    return _written(table.name, table.comment or table.description)


def _column_text(table: Table, column: Column) -> str:
    return f"{_written(column.name, column.comment or column.description)}, {natural(table.name) or table.name}"


def _written(name: str, note: str) -> str:
    words, note = natural(name) or name or "?", " ".join(note[:_MAX_NOTE].split())
    return f"{words}: {note}" if note and note.casefold() != words else words
