"""Pruned caches: layers, kept tokens, quantisation, masks, positions, files."""
