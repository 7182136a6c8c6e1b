"""Caches that were computed once and are used again: passages joined for a question, prefixes gone on from."""
