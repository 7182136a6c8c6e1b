"""placeholder until its author writes it."""

from __future__ import annotations

__all__ = ["spider"]


def spider() -> None:
    """Not written yet."""
