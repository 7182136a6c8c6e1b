"""placeholder until its author writes it."""

from __future__ import annotations

__all__ = ["check"]


def check() -> None:
    """Not written yet."""
