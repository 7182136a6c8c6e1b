"""Evaluation of pruned caches: retrieval of facts, perplexity, bytes and time."""
