"""Readers of graphs, one file a kind of source."""
