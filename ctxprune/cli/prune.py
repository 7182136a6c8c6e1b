"""placeholder until its author writes it."""

from __future__ import annotations

__all__ = ["prune"]


def prune() -> None:
    """Not written yet."""
