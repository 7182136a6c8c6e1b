"""Bundled model files and their cards."""
