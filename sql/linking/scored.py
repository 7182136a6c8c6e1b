"""A linker made of a scorer and a policy: what the linkers that only differ in their scorer share."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ctxprune.pruning.pruner import Pruner
from ctxprune.pruning.spans import start_prune
from ctxprune.tokens import as_counter

from ..render.base import render
from .base import Linked, Linker
from .context import SchemaContext
from .reasons import explain
from .statistics import StatisticsCache

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ctxprune.policies.base import Policy
    from ctxprune.scorers.base import Scorer
    from ctxprune.tokens import TokenCounter

    from ..schema.schema import Schema
    from ..values.base import ValueHit

__all__ = ["ScoredLinker"]


@dataclass(frozen=True)
class ScoredLinker(Linker):
    """Score, select, render: a question's likely columns with the keys and tables that join them.

    Attributes:
        scorer: Scores the units of a `SchemaContext`; the policy's limits belong to it.
        policy: Chooses among them.
        counter: What counts tokens: None for the bundled tokenizer, or anything that `ctxprune.tokens.as_counter`
            takes.
    """

    scorer: Scorer
    policy: Policy
    counter: Any = None
    _cache: StatisticsCache = field(default_factory=StatisticsCache, init=False, repr=False, compare=False)
    _counter: _Remembering = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_counter", _Remembering(as_counter(self.counter)))

    def link(self, question: str, schema: Schema, *, hits: Sequence[ValueHit] = (), evidence: str = "") -> Linked:
        """Link one question.

        Tokens are those of the schema as M-Schema. A question and evidence without any
        character but blanks keeps everything, with score 0.

        Raises:
            UsageError: The scorer or the policy breaks its contract.
        """
        # without a question the evidence is linked in its place
        asked, hint = (question, evidence) if question.strip() else (evidence, "")
        if not asked.strip() or not schema.tables:
            return self._everything(schema, hits)
        return self._linked(asked, SchemaContext(schema, hits=hits, evidence=hint, statistics=self._cache.get(schema)))

    def _linked(self, asked: str, context: SchemaContext) -> Linked:
        """What scorer and policy make of a question that has words and a schema that has tables."""
        schema, hits = context.schema, context.hits
        with start_prune([asked], whole=True):
            pruned = Pruner(self.scorer, self.policy, counter=self._counter).prune(asked, context)
        scores = {ref: unit.score for ref, unit in zip(context.refs, pruned.units, strict=True) if ref is not None}
        tables = {
            table.name: pruned.units[index].score
            for table, index in zip(schema.tables, context.table_units, strict=True)
        }
        selected = {
            ref
            for ref, unit in zip(context.refs, pruned.units, strict=True)
            if ref is not None and unit.kept and unit.reason != "required"
        }
        linked = pruned.output
        return Linked(
            schema=linked,
            full=schema,
            scores=scores,
            table_scores=tables,
            reasons=explain(asked, context, frozenset(linked.refs()), selected),
            hits=tuple(hits),
            tokens_before=self._counter.count(self._cache.text(schema)),
            tokens_after=self._counter.inner.count(render(linked)),
            tokenizer=self._counter.name,
        )

    def _everything(self, schema: Schema, hits: Sequence[ValueHit]) -> Linked:
        tokens = self._counter.count(self._cache.text(schema))
        return Linked(
            schema=schema,
            full=schema,
            scores=dict.fromkeys(schema.refs(), 0.0),
            table_scores={table.name: 0.0 for table in schema.tables},
            reasons=dict.fromkeys(schema.refs(), ("nothing was asked: everything is kept",)),
            hits=tuple(hits),
            tokens_before=tokens,
            tokens_after=tokens,
            tokenizer=self._counter.name,
        )


class _Remembering:
    """A token counter that remembers: a schema's texts come again with every question."""

    def __init__(self, inner: TokenCounter) -> None:
        self.inner = inner
        self.count = lru_cache(maxsize=20_000)(inner.count)

    @property
    def name(self) -> str:
        return self.inner.name

    def count_many(self, texts: Iterable[str]) -> list[int]:
        return [self.count(text) for text in texts]

    def __reduce__(self) -> tuple[type[_Remembering], tuple[TokenCounter]]:
        return type(self), (self.inner,)
