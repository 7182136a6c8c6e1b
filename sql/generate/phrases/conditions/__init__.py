"""Readers of conditions: dates, magnitudes, yes and no, NULL, absence, stored values and patterns in a question."""

from .clauses import Clause, Conditions, Option
from .reader import read_all, read_conditions

__all__ = ["Clause", "Conditions", "Option", "read_all", "read_conditions"]
