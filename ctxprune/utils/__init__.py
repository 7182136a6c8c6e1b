"""Helpers that every package may use: validation, optional dependencies, fingerprints, metrics."""
