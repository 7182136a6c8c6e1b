"""How long a recipe trains; apart from trials, so that a listing of recipes does not import torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ctxprune.shrink.recipes.recipe import Recipe

__all__ = ["count_steps"]


def count_steps(recipe: Recipe) -> int:
    """Steps of all trainings of a recipe together."""
    found = sum(int(piece.parameters.get("steps", 0)) for piece in recipe.finish)
    for stage in recipe.stages:
        once = sum(int(piece.parameters.get("steps", 0)) for piece in stage.prepare)
        found += once + max(stage.rounds, 1) * sum(int(piece.parameters.get("steps", 0)) for piece in stage.recover)
    return found
