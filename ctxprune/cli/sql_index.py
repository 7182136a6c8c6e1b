"""placeholder until its author writes it."""

from __future__ import annotations

__all__ = ["index"]


def index() -> None:
    """Not written yet."""
