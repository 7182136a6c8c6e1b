"""What a schema linker is and what it gives back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from ctxprune.registry import Registry

from ..schema.linked import Linked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..schema.hits import ValueHit
    from ..schema.schema import Schema

__all__ = ["LINKERS", "Linked", "Linker"]


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
