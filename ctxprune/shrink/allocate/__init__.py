"""Allocators: which units stay, given scores and a budget."""
