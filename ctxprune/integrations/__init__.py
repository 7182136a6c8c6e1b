"""Adapters to other systems. Nothing is imported before it is used."""

from __future__ import annotations

__all__: list[str] = []
