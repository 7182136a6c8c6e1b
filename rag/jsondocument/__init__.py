"""JSON texts, JSON lines and values as contexts whose members and items are kept or dropped."""

from __future__ import annotations

from .document import JsonDocument, json_lists

__all__ = ["JsonDocument", "json_lists"]
