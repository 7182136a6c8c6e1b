"""A generator that reads a question phrase by phrase and composes complete queries, without a language model."""

from __future__ import annotations

from .generator import PhraseGenerator

__all__ = ["PhraseGenerator"]
