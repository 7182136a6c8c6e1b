"""Refinement by a chat model: it sees that its statement returned nothing, and stored values near its texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..database.statements import expects_rows
from ..generate.prompts.base import one_line
from .chat import ModelRepairer

if TYPE_CHECKING:
    from .base import Failure

__all__ = ["ChatRefine"]


@dataclass(frozen=True)
class ChatRefine(ModelRepairer):
    """Asks where a statement ran and gave no row, or only NULLs.

    Who runs the answer keeps the original where the new statement gives nothing either.
    """

    def repair(self, failure: Failure) -> str:
        """Another statement; "" where the query failed, an empty result may well be right (see `expects_rows`), the
        model failed, or it wrote the same one again."""
        if failure.error or failure.result is None or not expects_rows(failure.sql, failure.schema.dialect):
            return ""
        gave = "only NULL" if failure.result.rows else "no row"
        notes = [
            f"This query ran: {one_line(failure.sql)}",
            f"It gave {gave}, but the question expects an answer.",
            "Write the corrected query. Write texts as they are stored. Use only tables and columns from above.",
        ]
        return self.request_repair(failure, notes)
