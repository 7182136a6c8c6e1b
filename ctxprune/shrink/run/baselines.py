"""Baselines at the same target: random removal, training from scratch and distilling from scratch.

Liu and others, Rethinking the Value of Network Pruning, ICLR 2019, and Zhang and others, Is Oracle Pruning the True
Oracle?, 2024: a method is useful where it beats these with the same training.
"""

from __future__ import annotations

from dataclasses import replace

from ctxprune.shrink.recipes.recipe import Piece, Recipe, Stage

_ONE_BY_ONE = frozenset({"layer", "sublayer"})


def baselines(recipe: Recipe, *, steps: int | None = None) -> dict[str, Recipe]:
    """Baseline recipes for a recipe, at the same target and on the same data.

    "random" takes out as much of the same kinds of unit by chance, with the recipe's recovery; "scratch" and
    "distilled" draw the weights of the recipe's own shape anew, and train on labels or towards the unpruned model for
    as many steps as all trainings of the recipe together, or 100 where it trains nothing.
    """
    found = {}
    if recipe.stages:
        stages = tuple(random_stage(stage) for stage in recipe.stages)
        found["random"] = replace(recipe, name=f"{recipe.name}:random", stages=stages, promise="baseline")
    count = steps or count_steps(recipe) or 100
    for name, towards in (("scratch", "labels"), ("distilled", "teacher")):
        finish = (*recipe.finish, Piece("scratch.v1", {"steps": count, "towards": towards}))
        found[name] = replace(recipe, name=f"{recipe.name}:{name}", finish=finish, promise="baseline")
    return found


def random_stage(stage: Stage) -> Stage:
    """The stage with random scores, and without preparation and compensation."""
    if "weight" in stage.units:
        allocate = stage.allocate
    else:
        allocate = Piece("lowest.v1" if set(stage.units) & _ONE_BY_ONE else "uniform.v1")
    return replace(stage, score=Piece("random.v1"), allocate=allocate, prepare=(), compensate=())


def count_steps(recipe: Recipe) -> int:
    """Steps of all trainings of a recipe together."""
    found = sum(int(piece.parameters.get("steps", 0)) for piece in recipe.finish)
    for stage in recipe.stages:
        once = sum(int(piece.parameters.get("steps", 0)) for piece in stage.prepare)
        found += once + max(stage.rounds, 1) * sum(int(piece.parameters.get("steps", 0)) for piece in stage.recover)
    return found
