"""What the tools work on: the databases, the guard and the pruner of whoever calls."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import anyio

    from ctxprune.integrations.mcp.recall import Owner
    from ctxprune.sql.database.result_set import ResultSet
    from ctxprune.sql.guard import Verdict
    from ctxprune.sql.linking.base import Linked
    from ctxprune.sql.pipeline.answer import Answer
    from ctxprune.sql.schema.schema import Schema
    from ctxprune.sql.values.base import ValueHit

__all__ = ["Caller", "View", "Workspace"]

T = TypeVar("T")


class View(Protocol):
    """What a caller sees of one database."""

    @property
    def schema(self) -> Schema:
        """The tables and columns it may use, with example values."""
        ...

    def hits(self, question: str, evidence: str = "") -> Sequence[ValueHit]:
        """Stored values that the text mentions."""
        ...

    def link(self, question: str, evidence: str = "") -> Linked:
        """The part of the schema that the question needs."""
        ...


class Workspace(Protocol):
    """The databases that one caller may use, and the pruner. All methods but the coroutines block.

    Attributes:
        seconds: That one call may take.
        text_bytes: That the arguments of one call may have.
    """

    seconds: float
    text_bytes: int

    def names(self) -> list[str]:
        """The databases that the caller may use."""
        ...

    def view(self, database: str) -> View:
        """What the caller sees of a database.

        Raises:
            UnknownNameError: For this caller there is no such database.
            DatabaseError: It cannot be used right now.
        """
        ...

    def schema(self, database: str) -> Schema:
        """Its tables and columns alone, without what takes time to make. Raises as `view`."""
        ...

    def check(self, database: str, sql: str) -> Verdict:
        """What the guard says of a statement. Raises as `view`."""
        ...

    def run_sql(self, database: str, sql: str) -> tuple[str, ResultSet]:
        """Guard and run one statement within the limits: the text that ran, and its rows.

        Raises as `view`, and:
            GuardError: The guard refuses it.
            QueryError, QueryTimeoutError, QueryLimitError: As `ctxprune.sql.database.Database.execute`.
        """
        ...

    def ask(self, database: str, question: str, evidence: str) -> Answer:
        """Answer a question. Raises as `view`."""
        ...

    async def run(self, function: Callable[[], T]) -> T:
        """Run a function that blocks, in a thread; cancelling stops it, and the query that it waits for."""
        ...

    async def prune(self, query: str, text: str, kind: str, budget: int | None) -> dict[str, Any]:
        """What the question needs of a text, as `ctxprune.pruning.result.Pruned.to_dict`, and its `kind`.

        Args:
            query: The question.
            text: A text of that kind.
            kind: One of `ctxprune.rag.kinds.KINDS`, or "auto".
            budget: Tokens that may stay; None to let the scores decide.
        """
        ...

    def describe_error(self, error: Exception) -> str:
        """One line for the caller, without paths, hosts or secrets."""
        ...


@dataclass(frozen=True)
class Caller:
    """Who calls a tool.

    Attributes:
        workspace: What may be used.
        owner: For whom replies keep what they leave out: the key and its session. Clients of the protocol of 2026 have
            no sessions over HTTP, and share what is kept for their key.
        scopes: Cancelled where the client goes away while a tool works.
    """

    workspace: Workspace
    owner: Owner
    scopes: list[anyio.CancelScope] = field(default_factory=list)
