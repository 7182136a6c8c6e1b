"""Reuse of caches: passages joined for a question, prefixes of earlier sequences."""
