"""Families of models: one file, one architecture. Others register by the entry point `ctxprune.families`."""

from __future__ import annotations

from torch import nn

from ctxprune.errors import InputError
from ctxprune.shrink.model.families.base import Family
from ctxprune.shrink.registries import FAMILIES

__all__ = ["FAMILIES", "Family", "family_of"]


def family_of(model: nn.Module) -> Family:
    """The family of a model; an `InputError`, which says what a new family takes, where it is of none."""
    # by structure and not by class name, so that fine-tuned and renamed models are known
    for name in FAMILIES.names():
        family: Family = FAMILIES.get(name)()
        if family.matches(model):
            return family
    raise InputError(
        f"{type(model).__name__} is of no known family",
        hint=f"known are {', '.join(FAMILIES.names())}; for another one write a subclass of "
        f"ctxprune.shrink.model.families.Family with {', '.join(sorted(Family.__abstractmethods__))}, "
        "and name it in your package's entry points of the group ctxprune.families",
    )
