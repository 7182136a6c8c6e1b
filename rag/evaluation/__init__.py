"""Figures of pruning and reranking retrieved text."""
