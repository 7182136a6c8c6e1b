"""The loop for single weights: schedules, zeros that stay, and what a target may be."""

from __future__ import annotations

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import models  # noqa: E402

from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.shrink.model.cost import Target, cost, matrices  # noqa: E402
from ctxprune.shrink.recipes.recipe import Piece, Recipe, Stage, load_recipe, recipe_names  # noqa: E402
from ctxprune.shrink.run.runner import shrink  # noqa: E402

SINGLE = [
    name
    for name in recipe_names()
    if (found := load_recipe(name)).measure == "weights" and found.units == ("weight",) and "encoder" in found.models
]


def quick(name: str) -> Recipe:
    """A recipe with two steps of training where it trains."""

    def cut(piece: Piece) -> Piece:
        return replace(piece, parameters={**piece.parameters, **({"steps": 2} if "steps" in piece.parameters else {})})

    recipe = load_recipe(name)
    stages = tuple(
        replace(stage, prepare=tuple(map(cut, stage.prepare)), recover=tuple(map(cut, stage.recover)),
                compensate=tuple(map(cut, stage.compensate)))
        for stage in recipe.stages
    )  # fmt: skip
    return replace(recipe, stages=stages)


def test_the_cubic_schedule_does_most_early():
    stage = Stage(("weight",), Piece("magnitude.v1"), Piece("per_row.v1"), rounds=4, schedule="cubic")
    assert [stage.done(number) for number in range(5)] == [0, 1 - 0.75**3, 1 - 0.5**3, 1 - 0.25**3, 1]
    assert [replace(stage, schedule="even").done(number) for number in range(5)] == [0, 0.25, 0.5, 0.75, 1]
    with pytest.raises(UsageError, match="schedule"):
        Stage(("head",), Piece("random.v1"), Piece("uniform.v1"), schedule="cubic")


@pytest.mark.parametrize("name", SINGLE)
def test_the_zeros_are_as_many_as_asked_and_stay(name: str):
    subject = models.encoder()
    recipe = quick(name)
    found = shrink(subject, recipe, Target("weights", 0.5))
    names = matrices(found.subject.model)
    total = sum(found.subject.model.get_parameter(path).numel() for path in names)
    zeros = sum(int((found.subject.model.get_parameter(path) == 0).sum()) for path in names)
    exact = not any(stage.allocate.name == "blocks.v1" for stage in recipe.stages)
    assert 0.5 * total <= zeros <= 0.5 * total + (1 if exact else 16)
    assert found.after == total - zeros == cost(found.subject.model, "weights")
    assert set(found.subject.masks) == set(names)
    assert found.notes["sparsity"]["faster"] is False
    assert found.notes["sparsity"]["zeros"] == pytest.approx(zeros / total)


@pytest.mark.parametrize(
    ("name", "n", "m"),
    [("wanda_2_4.v1", 2, 4), ("sparse_gpt_2_4.v1", 2, 4), ("admm_2_4.v1", 2, 4), ("magnitude_4_8.v1", 4, 8)],
)
def test_patterns_hold_in_every_row(name: str, n: int, m: int):
    found = shrink(models.decoder(), quick(name), Target("weights", 0.5))
    for path in matrices(found.subject.model):
        groups = (found.subject.model.get_parameter(path) != 0).reshape(-1, m)
        assert bool((groups.sum(1) == n).all())


def test_zeros_grow_from_round_to_round():
    stage = Stage(("weight",), Piece("random.v1"), Piece("per_matrix.v1"), rounds=3, schedule="cubic")
    recipe = Recipe("mine.v1", "t", "s", (stage, replace(stage, share=1.0)), measure="weights")
    found = shrink(models.encoder(), recipe, Target("weights", 0.4))
    assert found.left == pytest.approx(0.4, abs=1e-3)


def test_zeros_are_no_speed():
    with pytest.raises(UsageError, match="zeros do not lower flops"):
        shrink(models.encoder(), load_recipe("wanda.v1"), Target("flops", 0.5))
