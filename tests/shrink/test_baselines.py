"""Baselines of a recipe."""

from __future__ import annotations

import pytest

pytest.importorskip("torch", reason="the train extra is not installed")

from ctxprune.shrink.recipes.recipe import Piece, load_recipe, parse_recipe
from ctxprune.shrink.run.trial import baselines

OWN = """
name = "own.v1"
title = "Own"
source = "none"
[[stages]]
units = ["sublayer"]
rounds = 2
score = { piece = "fluctuation.v1" }
allocate = { piece = "lowest.v1", per_cost = true }
compensate = [{ piece = "mean_bias.v1" }]
recover = [{ piece = "tune.v1", steps = 5 }]
[[finish]]
piece = "tune.v1"
steps = 30
"""


def test_random_has_the_same_recovery_and_nothing_clever():
    recipe = parse_recipe(OWN, where="own")
    (stage,) = baselines(recipe)["random"].stages
    assert (stage.score.name, stage.allocate) == ("random.v1", Piece("lowest.v1"))
    assert stage.compensate == ()
    assert stage.recover == recipe.stages[0].recover
    assert baselines(recipe)["random"].finish == recipe.finish
    assert baselines(load_recipe("flap.v1"))["random"].stages[0].allocate == Piece("uniform.v1")


def test_scratch_has_the_same_shape_and_as_many_steps():
    found = baselines(parse_recipe(OWN, where="own"))
    assert found["scratch"].finish[-1] == Piece("scratch.v1", {"steps": 40, "towards": "labels"})
    assert found["distilled"].finish[-1].parameters["towards"] == "teacher"
    assert found["scratch"].stages[0].score.name == "fluctuation.v1"
    assert baselines(load_recipe("flap.v1"))["scratch"].finish[-1].parameters["steps"] == 100
    assert baselines(load_recipe("flap.v1"), steps=7)["distilled"].finish[-1].parameters["steps"] == 7
