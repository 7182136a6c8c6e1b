"""Prompts: one file, one form."""
