"""Repair of failed SQL, from the database's own error message: one module for each kind of repair."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .base import Repairer

__all__ = ["mechanical_repairers"]


def mechanical_repairers() -> tuple[Repairer, ...]:
    """The repairs that need no model, in the order in which they are tried."""
    from .ambiguous import QualifyAmbiguous
    from .functions import TranslateFunctions
    from .names import NearestNames
    from .relax_text import RelaxText
    from .values import StoredValues

    return (NearestNames(), QualifyAmbiguous(), TranslateFunctions(), StoredValues(), RelaxText())
