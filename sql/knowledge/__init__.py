"""The team's knowledge about its database, stored in one file and pruned to a question like all other context."""

from __future__ import annotations

from .entries import Entry, Note, Pair, Term, entry_id
from .recall import Knowledge, Recalled
from .store import KnowledgeFile, default_path

__all__ = ["Entry", "Knowledge", "KnowledgeFile", "Note", "Pair", "Recalled", "Term", "default_path", "entry_id"]
