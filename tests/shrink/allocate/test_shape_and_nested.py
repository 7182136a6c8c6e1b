from __future__ import annotations

import dataclasses

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import models  # noqa: E402

from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.shrink.allocate.lowest import Lowest  # noqa: E402
from ctxprune.shrink.allocate.nested import Nested  # noqa: E402
from ctxprune.shrink.allocate.per_kind import PerKind  # noqa: E402
from ctxprune.shrink.allocate.shape import Shape  # noqa: E402
from ctxprune.shrink.model.budget import Budget  # noqa: E402
from ctxprune.shrink.model.cost import cost, unit_costs  # noqa: E402
from ctxprune.shrink.model.surgery import remove  # noqa: E402
from ctxprune.shrink.recipes.recipe import load_recipe  # noqa: E402
from ctxprune.shrink.run.plans import least_left  # noqa: E402


def given(subject, kinds, share):
    groups = subject.groups(kinds)
    generator = torch.Generator().manual_seed(1)
    scores = {group.key: torch.rand(group.count, generator=generator) for group in groups}
    whole = cost(subject.model, "flops")
    return scores, Budget(groups, unit_costs(subject.model, groups, "flops"), share * whole), whole


@pytest.mark.parametrize(
    ("subject", "kinds"),
    [(models.encoder(), ["layer", "neuron"]), (models.decoder(), ["layer", "width", "head", "neuron"])],
    ids=["encoder", "decoder"],
)
def test_the_shape_is_uniform_meets_the_budget_and_loads_plainly(subject, kinds, tmp_path):
    scores, budget, whole = given(subject, kinds, 0.5)
    kept = Shape()(subject, scores, budget)
    small = remove(subject.model, kept)
    assert cost(small, "flops") <= 0.5 * whole + 1e-6
    assert len({int(mask.sum()) for key, mask in kept.items() if key[0] == "neuron"}) == 1
    small.save_pretrained(tmp_path)
    again = type(small).from_pretrained(tmp_path)
    (batch,) = models.batches(1)
    with torch.no_grad():
        outputs = [model.eval()(batch["input_ids"], batch["attention_mask"]).logits for model in (small, again)]
    assert torch.allclose(*outputs, atol=1e-6)


def test_the_width_follows_the_heads_where_the_configuration_ties_them():
    subject = models.encoder()
    scores, budget, whole = given(subject, ["width", "head", "neuron"], 0.5)
    kept = Shape()(subject, scores, budget)
    small = remove(subject.model, kept)
    assert cost(small, "flops") <= 0.5 * whole + 1e-6
    assert int(kept["width", -1].sum()) == 8 * int(kept["head", 0].sum())
    assert small.config.hidden_size // small.config.num_attention_heads == 8


def test_a_shape_that_is_given_is_kept_and_the_best_stay():
    subject = models.encoder()
    scores, budget, _ = given(subject, ["head", "neuron"], 0.1)
    kept = Shape(neuron=10, head=3)(subject, scores, budget)
    assert {int(mask.sum()) for key, mask in kept.items() if key[0] == "neuron"} == {10}
    assert float(scores["neuron", 1][kept["neuron", 1]].min()) > float(scores["neuron", 1][~kept["neuron", 1]].max())
    with pytest.raises(UsageError, match="shall stay, of"):
        Shape(head=5)(subject, scores, budget)
    with pytest.raises(UsageError, match="as many units in each layer cannot meet the budget"):
        Shape(neuron=48, head=4)(subject, scores, budget)


def test_nested_kinds_are_paid_once_and_no_more_goes_than_must():
    subject = models.encoder()
    scores, budget, whole = given(subject, ["sublayer", "head", "neuron", "width"], 0.5)
    kept = Nested()(subject, scores, budget)
    assert cost(remove(subject.model, kept), "flops") <= 0.5 * whole + 1e-6
    last = max((float(scores[key][place]), key, place) for key, mask in kept.items() for place in (~mask).nonzero())
    kept[last[1]][last[2]] = True
    assert cost(remove(subject.model, kept), "flops") > 0.5 * whole
    with pytest.raises(UsageError, match="cannot make"):
        Nested(least=3)(subject, scores, dataclasses.replace(budget, remove=whole))


def test_every_kind_loses_its_share():
    subject = models.encoder()
    scores, budget, _ = given(subject, ["head", "neuron"], 0.4)
    kept = PerKind()(subject, {key: value + 10 * (key[0] == "head") for key, value in scores.items()}, budget)
    assert budget.gone(kept) >= budget.remove
    assert sum(int((~mask).sum()) for key, mask in kept.items() if key[0] == "head") == 7  # of 16
    assert sum(int((~mask).sum()) for key, mask in kept.items() if key[0] == "neuron") == 48  # what is still to go


def test_only_feed_forward_sublayers_go():
    subject = models.encoder()
    scores, budget, _ = given(subject, ["sublayer"], 0.11)
    kept = Lowest(only="ffn")(subject, scores, budget)["sublayer", -1]
    assert bool(kept[::2].all())
    assert int((~kept).sum()) == 2
    assert budget.gone({("sublayer", -1): kept}) <= budget.remove
    for piece in (Lowest(only="moe"), Lowest(only="ffn", least=4)):
        with pytest.raises(UsageError, match="sublayers are of kind"):
            piece(subject, scores, budget)


@pytest.mark.parametrize("above", [1.0, 1.05])
def test_what_a_kind_cannot_give_the_others_do(above: float):
    """Down to the least that is said to be reachable: three heads of four can go at most, and 47 neurons of 48."""
    subject = models.encoder()
    groups = subject.groups(["head", "neuron"])
    whole, low = cost(subject.model, "flops"), least_left(subject.model, load_recipe("block_movement"), "flops")
    budget = Budget(groups, unit_costs(subject.model, groups, "flops"), whole * (1 - low * above))
    scores = {group.key: torch.arange(group.count).double() for group in groups}
    kept = PerKind()(subject, scores, budget)
    assert budget.gone(kept) >= budget.remove * (1 - 1e-9)
    assert all(bool(mask.any()) for mask in kept.values())
    assert (sum(int(mask.sum()) for mask in kept.values()) == len(groups)) == (above == 1.0)
    with pytest.raises(UsageError, match="cannot go"):
        PerKind()(subject, scores, dataclasses.replace(budget, remove=1.01 * whole * (1 - low)))
