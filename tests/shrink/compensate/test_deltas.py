"""Deltas from a base model, shared values, and how both are counted."""

from __future__ import annotations

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import models  # noqa: E402

from ctxprune.errors import InputError, UsageError  # noqa: E402
from ctxprune.shrink.compensate.dare import Dare  # noqa: E402
from ctxprune.shrink.compensate.hashed import Hashed  # noqa: E402
from ctxprune.shrink.model.cost import Target, cost, matrices  # noqa: E402
from ctxprune.shrink.recipes.recipe import Piece, load_recipe  # noqa: E402
from ctxprune.shrink.run.runner import shrink  # noqa: E402

NAME = "bert.encoder.layer.0.output.dense.weight"


def test_dare_keeps_the_expectation_of_every_delta():
    subject = models.encoder()
    start, tuned = (model.get_parameter(NAME).detach().clone() for model in (subject.base, subject.model))
    total, draws, work = torch.zeros_like(start), 200, subject.copy()
    for seed in range(draws):
        mask = torch.rand(start.shape, generator=torch.Generator().manual_seed(seed)) < 0.3
        work.model.get_parameter(NAME).data.copy_(tuned)
        Dare()(work, {NAME: mask})
        total += work.model.get_parameter(NAME).detach() - start
    wanted = tuned - start
    spread = wanted.abs() * ((1 - 0.3) / 0.3 / draws) ** 0.5
    off = ((total / draws - wanted) / spread.clamp(min=1e-9)).abs()
    assert float(off.mean()) == pytest.approx(0.8, abs=0.1)  # of a normal distribution
    assert float(off.max()) < 5


def test_deltas_that_go_are_the_base_models_and_the_rest_is_scaled():
    subject = models.encoder()
    found = shrink(subject, load_recipe("dare.v1"), Target("deltas", 0.25))
    assert found.left == pytest.approx(0.25, abs=1e-4)
    assert not found.subject.masks
    for name in matrices(subject.model):
        base, tuned, new = (
            model.get_parameter(name).detach() for model in (subject.base, subject.model, found.subject.model)
        )
        stays = new != base
        assert torch.allclose((new - base)[stays], ((tuned - base) / stays.double().mean().float())[stays], atol=1e-5)


def test_the_best_factor_is_taken():
    subject = models.encoder()
    found = shrink(subject, load_recipe("dare_q.v1"), Target("deltas", 0.1))
    chosen = found.notes["dare_factor"]
    losses = {}
    for factor in (1.0, 2.0, 5.0, chosen):
        recipe = load_recipe("dare.v1")
        stage = replace(recipe.stages[0], compensate=(Piece("dare.v1", {"factors": (factor,)}),))
        work = shrink(subject, replace(recipe, stages=(stage,)), Target("deltas", 0.1)).subject
        with torch.no_grad():
            losses[factor] = sum(
                float(work.task.divergence(*(work.task.output(entry.model, batch) for entry in (work, subject)), batch))
                for batch in subject.calibration
            )
    assert min(losses, key=losses.get) == chosen


def test_a_base_model_is_needed():
    with pytest.raises(InputError, match="no base model"):
        shrink(replace(models.encoder(), base=None), load_recipe("dare.v1"), Target("deltas", 0.5))
    with pytest.raises(InputError, match="other shapes"):
        replace(models.encoder(), base=models.llama()).needed_base()
    with pytest.raises(UsageError, match="factors"):
        Dare(())


def test_shared_weights_are_as_many_numbers_as_asked_and_stay_shared():
    subject = models.encoder().copy()
    kept = {NAME: torch.rand(32, 48) < 0.25}
    old = subject.model.get_parameter(NAME).detach().clone()
    Hashed(steps=0)(subject, kept)
    new = subject.model.get_parameter(NAME).detach().clone()
    stored = new.abs().unique()
    assert len(stored) == int(kept[NAME].sum())
    value = stored[3]
    here = new.abs() == value
    assert float((old * new.sign())[here].mean().abs()) == pytest.approx(float(value), rel=1e-4)
    Hashed(steps=2)(subject, kept)
    again = subject.model.get_parameter(NAME).detach()
    assert len(again.abs().unique()) == int(kept[NAME].sum())
    assert not torch.equal(again, new)
    assert cost(subject.model, "values") < cost(models.bert(), "values")
    with pytest.raises(UsageError, match="chunk"):
        Hashed(chunk=0)
