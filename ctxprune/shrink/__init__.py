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

from ctxprune._extras import require
from ctxprune._lazy import lazy

if TYPE_CHECKING:
    from ctxprune.shrink.cost import Target
    from ctxprune.shrink.loading import Loaded, load_model
    from ctxprune.shrink.prepared import Prepared, prepare
    from ctxprune.shrink.recipe import Piece, Recipe, Stage, load_recipe
    from ctxprune.shrink.run import Shrunk, shrink
    from ctxprune.shrink.saved import save_model
    from ctxprune.shrink.subject import Subject

_HOMES = {
    "Loaded": "loading",
    "Piece": "recipe",
    "Prepared": "prepared",
    "Recipe": "recipe",
    "Shrunk": "run",
    "Stage": "recipe",
    "Subject": "subject",
    "Target": "cost",
    "load_model": "loading",
    "load_recipe": "recipe",
    "prepare": "prepared",
    "save_model": "saved",
    "shrink": "run",
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
