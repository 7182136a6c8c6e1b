"""What a tool works with in one call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctxprune.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from ctxprune.integrations.mcp.budget import ReplyBudget
    from ctxprune.integrations.mcp.recall import Owner, ReplyStore, StoredSchema, StoredText
    from ctxprune.integrations.mcp.workspace import Workspace

__all__ = ["RECALL_ID", "ToolContext"]

RECALL_ID = "x" * 22  # as long as an id, to measure a reply before there is one
_NAMED = 20  # databases that an error names; more would not fit into the length of one


@dataclass(frozen=True)
class ToolContext:
    """What a tool works with in one call.

    Attributes:
        workspace: What the caller may use.
        owner: Whose recall ids are given and taken.
        store: Keeps what replies leave out.
        budget: Of the reply.
    """

    workspace: Workspace
    owner: Owner
    store: ReplyStore
    budget: ReplyBudget

    def database(self, name: str) -> str:
        """The database that is meant.

        Raises:
            UsageError: None is named and there are several, or there is none at all.
            UnknownNameError: There is none of that name.
        """
        names = self.workspace.names()
        if name:
            if name not in names:
                raise UnknownNameError("database", name, sorted(names)[:_NAMED])
            return name
        if len(names) == 1:
            return names[0]
        if not names:
            raise UsageError("there is no database", hint="the server was started without one")
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        raise UsageError("no database is named", hint=f"name one of {', '.join(names[:_NAMED])}{more}")

    def keep(self, item: StoredText | StoredSchema) -> str:
        """The id under which the owner gets it back; see `ReplyStore.put`."""
        return self.store.put(self.owner, item)
