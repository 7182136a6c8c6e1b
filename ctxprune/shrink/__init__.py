"""The shrink backend: score -> allocate -> remove -> compensate -> recover, as recipes over registered pieces.

    from ctxprune.shrink import Target, load_model, load_recipe, prepare, save_model, shrink

    loaded = load_model("reranker")
    data = prepare(loaded, "pairs.jsonl")
    shrunk = shrink(data.subject, load_recipe("fisher_knapsack"), Target("flops", 0.5))
    save_model(loaded.with_model(shrunk.subject.model), "small")

Names are imported when they are first used, and need the train extra.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ctxprune.utils.extras import require
from ctxprune.utils.lazy import lazy

if TYPE_CHECKING:
    from ctxprune.shrink.io.loaded import Loaded
    from ctxprune.shrink.io.loading import load_model
    from ctxprune.shrink.io.saving import save_model
    from ctxprune.shrink.model.cost import Target
    from ctxprune.shrink.model.subject import Subject
    from ctxprune.shrink.recipes.recipe import Piece, Recipe, Stage, load_recipe
    from ctxprune.shrink.run.preparation import Prepared, prepare
    from ctxprune.shrink.run.runner import Shrunk, shrink

_HOMES = {
    "Loaded": "io.loaded",
    "Piece": "recipes.recipe",
    "Prepared": "run.preparation",
    "Recipe": "recipes.recipe",
    "Shrunk": "run.runner",
    "Stage": "recipes.recipe",
    "Subject": "model.subject",
    "Target": "model.cost",
    "load_model": "io.loading",
    "load_recipe": "recipes.recipe",
    "prepare": "run.preparation",
    "save_model": "io.saving",
    "shrink": "run.runner",
}

__all__ = [
    "Loaded",
    "Piece",
    "Prepared",
    "Recipe",
    "Shrunk",
    "Stage",
    "Subject",
    "Target",
    "load_model",
    "load_recipe",
    "prepare",
    "save_model",
    "shrink",
]

__getattr__, __dir__ = lazy(__name__, _HOMES, first=partial(require, "torch", "train"))
