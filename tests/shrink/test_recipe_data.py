"""What a recipe says that it needs is what it needs."""

from __future__ import annotations

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import models  # noqa: E402

from ctxprune.errors import InputError  # noqa: E402
from ctxprune.shrink.model.cost import Target  # noqa: E402
from ctxprune.shrink.recipes.recipe import load_recipe, recipe_names  # noqa: E402
from ctxprune.shrink.run.runner import shrink  # noqa: E402

SUBJECTS = {"encoder": models.encoder, "decoder": models.decoder}
CASES = [(name, kind) for name in recipe_names() for kind in load_recipe(name).models if kind in SUBJECTS]


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_data_is_asked_for_where_the_recipe_says_so(name: str, kind: str):
    recipe = load_recipe(name)
    subject = replace(SUBJECTS[kind](), calibration=())
    if recipe.data == "none":
        assert shrink(subject, recipe, Target(recipe.measure, 0.6)).left <= 0.6 + 1e-6
    else:
        with pytest.raises(InputError, match="calibration"):
            # so mild that a recipe of several stages comes to all of them
            shrink(subject, recipe, Target(recipe.measure, 0.85))
