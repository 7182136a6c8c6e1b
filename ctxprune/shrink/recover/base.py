"""The interface of a recovery."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ctxprune.shrink.model.subject import Subject

__all__ = ["Recovery"]


class Recovery(Protocol):
    """Trains the subject's model, in place or as a new one, and gives the subject with it. Masked weights stay zero."""

    def __call__(self, subject: Subject) -> Subject:
        """The recovered subject."""
        ...
