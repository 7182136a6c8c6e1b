"""The lexical linker: character n-grams of names and comments against the question; nothing learned."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.errors import UsageError
from ctxprune.scorers.base import Scorer

from .base import LINKERS
from .context import SchemaContext
from .policy import JoinablePolicy
from .scored import ScoredLinker

if TYPE_CHECKING:
    from ctxprune.context.base import Context
    from ctxprune.context.scores import Scores
    from ctxprune.policies.base import Policy

__all__ = ["LexicalLinker", "LexicalSchemaScorer"]


@dataclass(frozen=True)
class LexicalSchemaScorer(Scorer):
    """Cosine of character 3-5-gram TF-IDF, 0..1, higher = keep; a column with a value hit has at least its score.

    A column's text is its name and comment with those of its table; a table scores as its own text.
    """

    def score(self, query: str, context: Context[Any]) -> Scores:
        """float32 (n_units,); zeros where the question shares no n-gram with the schema.

        Raises:
            UsageError: The context is no schema.
        """
        if not isinstance(context, SchemaContext):
            raise UsageError(f"a {type(context).__name__} is not a schema", hint="wrap it in SchemaContext")
        scores = np.zeros(len(context.units), dtype=np.float32)
        statistics, asked = context.statistics, f"{query}\n{context.evidence}"
        columns = statistics.full_ngrams.score(asked)
        for hit in context.hits:
            place = statistics.position.get(hit.ref)
            if place is not None:
                columns[place] = max(columns[place], hit.score)
        scores[list(context.column_units)] = columns
        scores[list(context.table_units)] = statistics.table_ngrams.score(asked)
        return scores


@LINKERS.register("lexical.v1")
@dataclass(frozen=True)
class LexicalLinker(ScoredLinker):
    """The ten columns that read most like the question, with the keys and tables that join them.

    Attributes:
        scorer: Gives cosines 0..1.
        policy: More recall: raise `most`.
    """

    scorer: Scorer = field(default_factory=LexicalSchemaScorer)
    policy: Policy = field(default_factory=lambda: JoinablePolicy(columns=1e-6, tables=2.0, most=10))
