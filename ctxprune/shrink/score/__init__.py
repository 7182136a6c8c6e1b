"""Scores of units: one file, one method; higher = keep."""
