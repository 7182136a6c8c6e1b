"""MultiPruner where its first stage leaves the others little or nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import models  # noqa: E402

from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.shrink.model.cost import Target, cost  # noqa: E402
from ctxprune.shrink.model.surgery import remove  # noqa: E402
from ctxprune.shrink.recipes.recipe import Piece, load_recipe  # noqa: E402
from ctxprune.shrink.run.runner import shrink  # noqa: E402


def of_kind(subject, kind: str) -> list[bool]:
    """Which sublayers are feed-forward parts ("neuron") or attention ("head")."""
    return [(entry.groups[0][0] == "neuron") == (kind == "neuron") for entry in subject.anatomy.sublayers]


@pytest.mark.parametrize("more", [0.03, 0.1])
@pytest.mark.parametrize("gone", ["neuron", "head"])
@pytest.mark.parametrize("kind", ["encoder", "decoder"])
def test_stages_whose_kind_is_gone_are_passed_over(kind: str, gone: str, more: float):
    subject = getattr(models, kind)()
    for entry, chosen in zip(subject.anatomy.sublayers, of_kind(subject, gone), strict=True):
        if chosen:  # it does nothing, so it goes first
            for parameter in subject.model.get_submodule(entry.output).parameters():
                parameter.data.zero_()
    without = remove(subject.model, {("sublayer", -1): ~torch.tensor(of_kind(subject, gone))})
    left = cost(without, "flops") / cost(subject.model, "flops")
    recipe = load_recipe("multipruner")
    first = replace(  # so far that all of the kind go, and by what they do to the output
        recipe.stages[0], score=Piece("removal.v1", {"measure": "kl"}), share=(1 - left - 1e-6) / (1 - left + more)
    )
    target = Target("flops", left - more)
    found = shrink(subject, replace(recipe, stages=(first, *recipe.stages[1:])), target)
    assert target.keep - 0.3 < found.left <= target.keep + 1e-6
    assert not any(of_kind(found.subject, gone))


@pytest.mark.parametrize("kind", ["encoder", "decoder"])
def test_far_down_heads_and_neurons_go_together(kind: str):
    found = shrink(getattr(models, kind)(), load_recipe("multipruner"), Target("flops", 0.04))
    assert found.left <= 0.04 + 1e-6


def test_a_kind_that_the_model_never_had_is_refused():
    subject = models.encoder()
    gone = torch.tensor(of_kind(subject, "neuron"))
    subject = subject.with_model(remove(subject.model, {("sublayer", -1): ~gone}))
    with pytest.raises(UsageError, match="no units of kind 'neuron'"):
        shrink(subject, load_recipe("multipruner"), Target("flops", 0.5))
