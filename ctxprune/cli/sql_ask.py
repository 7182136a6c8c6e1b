"""placeholder until its author writes it."""

from __future__ import annotations

__all__ = ["ask"]


def ask() -> None:
    """Not written yet."""
