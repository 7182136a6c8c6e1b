"""Text that looks like something else and cannot be read as that: pruned as plain text, and its result says so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .passages import Passage

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["FallbackPassage"]


@dataclass(frozen=True)
class FallbackPassage(Passage):
    """A text that is pruned by its sentences and lines for want of a better reader.

    Attributes:
        reason: What the note of the result says.
    """

    reason: str = ""

    def omission_note(self, kept: Collection[int]) -> str:
        """The reason, whatever is kept."""
        del kept
        return self.reason
