"""Policies: from scores to what is kept. One file, one policy."""
