"""placeholder until its author writes it."""

from __future__ import annotations

__all__ = ["link"]


def link() -> None:
    """Not written yet."""
