"""Contexts: what is pruned, as units with their texts, parents and requirements."""
