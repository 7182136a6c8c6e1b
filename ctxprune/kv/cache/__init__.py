"""Pruned caches: layers, stores, quantisation, masks, positions and files."""
