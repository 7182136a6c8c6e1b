"""Why a search for an instance ends without one."""

from __future__ import annotations

__all__ = ["ConflictError", "LimitError", "UndecidedError"]


class ConflictError(Exception):
    """No value can satisfy the subschemas; `reason` says why and `where` at which JSON pointer."""

    def __init__(self, reason: str, where: str) -> None:
        super().__init__(reason)
        self.reason, self.where = reason, where


class UndecidedError(Exception):
    """Neither a value was generated nor a conflict proven."""


class LimitError(UndecidedError):
    """The limit on all work is reached; no other alternative is tried."""
