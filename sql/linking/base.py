"""What a schema linker is and what it gives back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ctxprune.errors import UsageError
from ctxprune.registry import Registry
from ctxprune.utils.foreign import foreign_attribute, optional_member

from ..schema.linked import Linked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..schema.hits import ValueHit
    from ..schema.schema import Schema

__all__ = ["LINKERS", "Linked", "Linker", "as_linker"]


class Linker(ABC):
    """Chooses the part of a schema that a question needs. Safe to share between threads.

    Only `link` must be written. An object with that method alone is taken too, by `as_linker`.

    Examples:
        ```python
        from ctxprune.sql import LINKERS, Database, Linked, Linker


        def columns(linker: Linker, question: str, database: Database) -> list[str]:
            linked: Linked = linker.link(question, database.schema())
            return [
                column.name for table in linked.schema.tables for column in table.columns
            ]


        with Database("shop.sqlite") as database:
            found = columns(
                LINKERS.get("lexical")(), "What is the population of Paris?", database
            )
        print(found)  # ['name', 'population']
        ```
    """

    @abstractmethod
    def link(self, question: str, schema: Schema, *, hits: Sequence[ValueHit] = (), evidence: str = "") -> Linked:
        """Link one question. An empty question keeps what the policy keeps for equal scores."""

    @property
    def counter(self) -> Any:
        """What it counts tokens with, as `ctxprune.tokens.as_counter` takes it; None where it does not say."""
        return None

    @property
    def wrapped(self) -> Any:
        """The linker whose counter it takes where it has none of its own; None by default."""
        return None


@dataclass(frozen=True)
class _AdaptedLinker(Linker):
    """An object with `link` as a `Linker`. It may have a `counter`, and wrap a linker as its `inner` or `base`."""

    linker: Any

    def link(self, question: str, schema: Schema, *, hits: Sequence[ValueHit] = (), evidence: str = "") -> Linked:
        linked: Linked = self.linker.link(question, schema, hits=hits, evidence=evidence)
        return linked

    @property
    def counter(self) -> Any:
        return optional_member(self.linker, "counter")

    @property
    def wrapped(self) -> Any:
        return foreign_attribute(self.linker, "inner", "base")


def as_linker(linker: object) -> Linker:
    """`linker` itself where it is a `Linker`, else an adapter of an object that has the method `link`.

    Raises:
        UsageError: It has no such method.
    """
    if isinstance(linker, Linker):
        return linker
    if isinstance(linker, type) or not callable(optional_member(linker, "link")):
        raise UsageError(
            f"{linker!r:.100} is not a linker: it has no method link",
            where="linker",
            hint="see ctxprune.sql.linking.Linker",
        )
    return _AdaptedLinker(linker)


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
