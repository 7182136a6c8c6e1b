"""Choosing one of several executed candidates: one file, one selector; `base` says what a selector is."""
