"""Presses, one module each."""
