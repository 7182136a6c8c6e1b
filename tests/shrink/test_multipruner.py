"""MultiPruner where its first stage leaves the others little or nothing."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import models  # noqa: E402

from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.shrink.cost import Target  # noqa: E402
from ctxprune.shrink.recipe import load_recipe  # noqa: E402
from ctxprune.shrink.run import shrink  # noqa: E402
from ctxprune.shrink.surgery import remove  # noqa: E402


def of_kind(subject, kind: str) -> list[bool]:
    """Which sublayers are feed-forward parts ("neuron") or attention ("head")."""
    return [(entry.groups[0][0] == "neuron") == (kind == "neuron") for entry in subject.anatomy.sublayers]


@pytest.mark.parametrize("keep", [0.6, 0.3])
@pytest.mark.parametrize("gone", ["neuron", "head"])
@pytest.mark.parametrize("kind", ["encoder", "decoder"])
def test_stages_whose_kind_is_gone_are_passed_over(kind: str, gone: str, keep: float):
    subject = getattr(models, kind)()
    for entry, chosen in zip(subject.anatomy.sublayers, of_kind(subject, gone), strict=True):
        if chosen:  # it does nothing, so it goes first
            for parameter in subject.model.get_submodule(entry.output).parameters():
                parameter.data.zero_()
    found = shrink(subject, load_recipe("multipruner"), Target("flops", keep))
    assert keep - 0.3 < found.left <= keep + 1e-6


def test_a_kind_that_the_model_never_had_is_refused():
    subject = models.encoder()
    gone = torch.tensor(of_kind(subject, "neuron"))
    subject = subject.with_model(remove(subject.model, {("sublayer", -1): ~gone}))
    with pytest.raises(UsageError, match="no units of kind 'neuron'"):
        shrink(subject, load_recipe("multipruner"), Target("flops", 0.5))
