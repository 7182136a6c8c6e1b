"""Schema linking: one file, one linker. Each cuts a schema to what a question needs and says why."""

from __future__ import annotations

from .base import LINKERS, Linked, Linker

__all__ = ["LINKERS", "Linked", "Linker"]
