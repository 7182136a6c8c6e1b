"""What a schema linker is and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from ctxprune.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..schema.schema import ColumnRef, Schema
    from ..values.base import ValueHit

__all__ = ["LINKERS", "Linked", "Linker"]


@dataclass(frozen=True)
class Linked:
    """A schema cut to what a question needs.

    Attributes:
        schema: The kept tables, columns and keys.
        full: The schema that came in.
        scores: Score of every column of `full`, higher = more likely needed (also of the dropped ones).
        table_scores: Score of every table of `full`.
        reasons: Why each kept column was kept: ("name: 'city'", "value: 'Paris'", "key of flights", ...).
        hits: The value hits that were used.
        detailed: The columns of `schema` that are worth more words than their name; None for all of them.
        tokens_before, tokens_after: Tokens of the rendered units, by the counter named in `tokenizer`.
    """

    schema: Schema
    full: Schema
    scores: Mapping[ColumnRef, float]
    table_scores: Mapping[str, float]
    reasons: Mapping[ColumnRef, tuple[str, ...]] = field(default_factory=dict)
    hits: Sequence[ValueHit] = ()
    tokens_before: int = 0
    tokens_after: int = 0
    tokenizer: str = ""
    detailed: frozenset[ColumnRef] | None = None

    @property
    def kept(self) -> frozenset[ColumnRef]:
        """The kept columns."""
        return frozenset(self.schema.refs())


class Linker(Protocol):
    """Chooses the part of a schema that a question needs. Safe to share between threads."""

    def link(self, question: str, schema: Schema, *, hits: Sequence[ValueHit] = (), evidence: str = "") -> Linked:
        """Link one question. An empty question keeps what the policy keeps for equal scores."""
        ...


LINKERS: Registry[type[Linker]] = Registry(
    "linker",
    {
        "bypass.v1": "ctxprune.sql.linking.bypass:BypassLinker",
        "carried.v1": "ctxprune.sql.linking.carried:CarriedLinker",
        "chat.v1": "ctxprune.sql.linking.chat:ChatLinker",
        "collective.v1": "ctxprune.sql.linking.collective:CollectiveLinker",
        "embedding.v1": "ctxprune.sql.linking.embedding:EmbeddingLinker",
        "focus.v1": "ctxprune.sql.linking.focus:FocusLinker",
        "lexical.v1": "ctxprune.sql.linking.lexical:LexicalLinker",
        "presql.v1": "ctxprune.sql.linking.presql:PresqlLinker",
        "pruner.v1": "ctxprune.sql.linking.pruner:PrunerLinker",
        "ranked.v1": "ctxprune.sql.linking.ranked:RankedLinker",
        "ranked_pruner.v1": "ctxprune.sql.linking.ranked_pruner:RankedPrunerLinker",
        "soft.v1": "ctxprune.sql.linking.soft:SoftLinker",
    },
)
