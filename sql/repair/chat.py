"""Repair by a chat model: it reads its statement and the error, and writes another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..generate.prompts.base import one_line
from .asking import AskingRepairer
from .name_check import check_names

if TYPE_CHECKING:
    from .base import Failure

__all__ = ["ChatRepair"]


@dataclass(frozen=True)
class ChatRepair(AskingRepairer):
    """Asks where a statement failed; says which of its names do not exist, and which similar ones do."""

    def repair(self, failure: Failure) -> str:
        """Another statement; "" where the query ran, the model failed, or it wrote the same one again."""
        if not failure.error:
            return ""
        issues = check_names(failure.sql, failure.schema, failure.linked)
        told = [
            f"This query failed: {one_line(failure.sql)}",
            f"Error: {one_line(failure.error, 300)}",
            *(f"Note: {one_line(str(issue), 300)}" for issue in issues if issue.breaks),
            "Write the corrected query. Use only tables and columns from above.",
        ]
        return self.ask(failure, told, issues)
