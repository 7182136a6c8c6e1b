"""The matrix: every recipe on a tiny model of each kind that it is for keeps its promise."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import models  # noqa: E402

from ctxprune.shrink.cost import Target  # noqa: E402
from ctxprune.shrink.recipe import load_recipe, recipe_names  # noqa: E402
from ctxprune.shrink.run import shrink  # noqa: E402

SUBJECTS = {"encoder": models.encoder, "decoder": models.decoder}
CASES = [(name, kind) for name in recipe_names() for kind in load_recipe(name).models]


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_the_target_is_reached_and_the_model_runs(name: str, kind: str):
    recipe = load_recipe(name)
    assert recipe.name == name
    subject = SUBJECTS[kind]()
    before = subject.loss()
    found = shrink(subject, recipe, Target(recipe.measure, 0.6))
    assert found.left <= 0.6 + 1e-6
    assert found.left > 0.3
    assert subject.loss() == pytest.approx(before)
    assert found.subject.loss() == found.subject.loss()
