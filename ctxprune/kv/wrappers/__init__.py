"""Wrappers around presses, one module each."""
