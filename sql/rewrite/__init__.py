"""Follow-up questions made full ("and in 2023?"). One file, one rewriter; `Conversation` uses them."""

from __future__ import annotations

from .base import REWRITERS, Rewriter, Rewritten, Turn, Vocabulary

__all__ = ["REWRITERS", "Rewriter", "Rewritten", "Turn", "Vocabulary"]
