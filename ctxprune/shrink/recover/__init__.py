"""Recoveries: short training after (or before) removal."""
