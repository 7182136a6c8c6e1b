"""The team's knowledge about its database, stored in one file and pruned to a question like all other context."""

from __future__ import annotations

from .entries import Entry, Instruction, Note, Pair, Term, entry_id
from .question_kinds import QUESTION_KINDS, QuestionKind, question_kind
from .recall import Knowledge, Recalled
from .store import KnowledgeFile, default_path

__all__ = [
    "QUESTION_KINDS",
    "Entry",
    "Instruction",
    "Knowledge",
    "KnowledgeFile",
    "Note",
    "Pair",
    "QuestionKind",
    "Recalled",
    "Term",
    "default_path",
    "entry_id",
    "question_kind",
]
