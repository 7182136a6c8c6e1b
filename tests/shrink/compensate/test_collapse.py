"""Layers that collapse."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import models  # noqa: E402

from ctxprune.errors import InputError, UsageError  # noqa: E402
from ctxprune.shrink.compensate.collapse import Collapse, collapse_layers  # noqa: E402
from ctxprune.shrink.model.surgery import remove  # noqa: E402

KEY = ("layer", -1)


def test_the_formula_by_hand():
    subject = models.encoder()
    layers = subject.anatomy.layers
    path = "output.dense.bias"
    with torch.no_grad():
        for place, value in enumerate((1.0, 5.0, 7.0)):
            subject.model.get_submodule(layers[place].path).output.dense.bias.fill_(value)
    assert collapse_layers(subject.model, layers[:3])[path].tolist() == [1 + (5 - 1) + (7 - 1)] * 32
    assert collapse_layers(subject.model, layers[:2])[path].tolist() == [5.0] * 32


def test_the_last_layers_matrices_with_the_first_ones_norms():
    subject = models.encoder()
    layers = subject.anatomy.layers
    first, last = (dict(subject.model.get_submodule(layers[place].path).named_parameters()) for place in (0, 2))
    found = collapse_layers(subject.model, layers[:3], last=True)
    for name, entry in found.items():
        assert torch.equal(entry, (first if "LayerNorm" in name else last)[name]), name
    kept = Collapse(merge="last")(subject, {KEY: torch.tensor([True, True, True, False])})
    (group,) = subject.notes["merged"]
    assert [place for place in range(4) if not kept[KEY][place]] == list(group[1:-1])


def test_as_many_go_as_were_taken_and_likeness_is_noted():
    subject = models.encoder()
    kept = Collapse()(subject, {KEY: torch.tensor([True, True, False, False])})
    assert int(kept[KEY].sum()) == 2
    merged = subject.notes["merged"]
    assert sum(len(entry) - 2 for entry in merged) == 2
    assert all(-1 <= entry[-1] <= 1 for entry in merged)
    assert all(not bool(kept[KEY][index]) for entry in merged for index in entry[1:-1])
    assert torch.isfinite(torch.tensor(subject.loss(remove(subject.model, kept))))


def test_a_layer_without_effect_is_merged_under_a_high_threshold():
    subject = models.without_effect(models.decoder(), 1)
    whole = {name: entry.clone() for name, entry in subject.model.named_parameters()}
    kept = Collapse(threshold=0.9999)(subject, {KEY: torch.tensor([True, True, True, False])})
    # layer 1 takes the weights of layer 2, which is the same as dropping layer 1
    assert kept[KEY].tolist() == [True, True, False, True]
    assert subject.notes["merged"][0][:2] == (1, 2)
    assert subject.notes["merged"][0][2] == pytest.approx(1.0)
    for name, entry in subject.model.named_parameters():
        assert torch.allclose(entry, whole[name.replace("layers.1.", "layers.2.")], atol=1e-6)


def test_nothing_taken_is_nothing_done_and_shapes_must_agree():
    subject = models.encoder()
    whole = {KEY: torch.ones(4, dtype=torch.bool)}
    assert Collapse()(subject, whole) is whole
    small = subject.with_model(remove(subject.model, {("neuron", 3): torch.arange(48) < 20}))
    with pytest.raises(InputError, match="shapes"):
        Collapse()(small, {KEY: torch.tensor([True, True, False, False])})
    with pytest.raises(UsageError, match="most is 1"):
        Collapse(most=1)
    with pytest.raises(UsageError, match="merge"):
        Collapse(merge="mean")
