"""Rewriters complete follow-up questions ("and in 2023?"): one module each; `Conversation` uses them."""

from __future__ import annotations

from .base import REWRITERS, Rewriter, Rewritten, Turn, Vocabulary

__all__ = ["REWRITERS", "Rewriter", "Rewritten", "Turn", "Vocabulary"]
