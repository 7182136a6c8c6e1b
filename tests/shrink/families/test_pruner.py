"""The pruner's own network under the knife: reduced equals masked, its shape follows, and the recipes run on it."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink.pruners import pruner, pruner_batches  # noqa: E402

from ctxprune.shrink.measure.gates import apply_gates  # noqa: E402
from ctxprune.shrink.model.cost import Target, cost, unit_costs  # noqa: E402
from ctxprune.shrink.model.families import family_of  # noqa: E402
from ctxprune.shrink.model.subject import Subject  # noqa: E402
from ctxprune.shrink.model.surgery import remove  # noqa: E402
from ctxprune.shrink.model.tasks.pruner import Pruner  # noqa: E402
from ctxprune.shrink.recipes.recipe import load_recipe  # noqa: E402
from ctxprune.shrink.run.runner import shrink  # noqa: E402
from ctxprune.train.pruner_network import PrunerNetwork  # noqa: E402


def output(model, batch):
    with torch.no_grad():
        return Pruner().output(model, batch)


def halved(model, kind: str) -> dict:
    generator = torch.Generator().manual_seed(3)
    kept = {}
    for key, group in family_of(model).describe(model).groups.items():
        if key[0] == kind:
            kept[key] = torch.rand(group.count, generator=generator) > 0.4
            kept[key][0], kept[key][-1] = True, False
    return kept


@pytest.mark.parametrize("kind", ["neuron", "head", "sublayer", "layer", "width"])
def test_the_reduced_network_equals_the_masked_one(kind: str):
    model, batch = pruner(), pruner_batches(1)[0]
    kept, whole = halved(model, kind), output(model, batch)
    with apply_gates(model, {key: mask.float() for key, mask in kept.items()}):
        masked = output(model, batch)
    small = remove(model, kept)
    assert not torch.allclose(whole, masked, atol=1e-3)
    assert torch.allclose(output(small, batch), masked, atol=1e-5)
    assert torch.equal(output(model, batch), whole)
    again = PrunerNetwork(small.shape)
    again.load_state_dict(small.state_dict())
    assert torch.equal(output(again.eval(), batch), output(small, batch))


def test_a_smaller_vocabulary_gives_the_same_logits():
    model, batch = pruner(), pruner_batches(1)[0]
    kept = torch.arange(64) % 3 != 1
    chosen = kept.nonzero().flatten()
    ids = chosen[batch["input_ids"] % len(chosen)] * batch["attention_mask"]
    small = remove(model, {("vocabulary", -1): kept})
    wanted = output(model, batch | {"input_ids": ids})
    assert torch.equal(output(small, batch | {"input_ids": kept.cumsum(0)[ids] - 1}), wanted)
    assert small.shape.vocabulary == int(kept.sum())


def test_a_layer_whose_heads_are_all_gone_has_none():
    model = pruner()
    small = remove(model, {("head", 0): torch.zeros(4, dtype=torch.bool)})
    assert small.shape.layers[0].heads == 0
    assert [entry.kind for entry in family_of(small).describe(small).sublayers].count("attention") == 2


def test_units_cost_what_surgery_saves():
    model = pruner()
    for kind in ("neuron", "head", "width"):
        groups = family_of(model).describe(model).of_kind(kind)
        kept = {group.key: torch.arange(group.count) > 0 for group in groups}
        spared = sum(float(entry[0]) for entry in unit_costs(model, groups, "parameters").values())
        left = cost(remove(model, kept), "parameters")
        twice = 2 if kind == "width" else 0  # where the question's matrix is cut along both axes
        assert spared - twice == cost(model, "parameters") - left, kind


@pytest.mark.parametrize("name", ["flap.v1", "random.v1"])
def test_recipes_run_on_it(name: str):
    subject = Subject(pruner(), Pruner(), pruner_batches(2))
    found = shrink(subject, load_recipe(name), Target("flops", 0.6))
    assert found.left <= 0.6
    assert torch.isfinite(output(found.subject.model, subject.calibration[0])).all()
