from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import models  # noqa: E402

from ctxprune.shrink.model.cost import cost  # noqa: E402
from ctxprune.shrink.model.coupled import coupled_costs  # noqa: E402
from ctxprune.shrink.model.surgery import remove  # noqa: E402


@pytest.mark.parametrize("maker", [models.bert, models.llama, models.qwen2])
def test_the_cost_of_a_choice_is_that_of_the_smaller_model(maker):
    model = maker()
    prices = coupled_costs(model, "flops")
    assert float(prices.cost({})) == pytest.approx(cost(model, "flops"))
    head = "head" if maker is models.bert else "kv_group"
    kept = {
        ("sublayer", -1): torch.tensor([1, 0, 1, 1, 1, 1, 0, 1]).bool(),
        ("width", -1): torch.arange(32) < 20,
        ("neuron", 0): torch.arange(48) % 3 > 0,
        ("neuron", 2): torch.arange(48) < 5,
        (head, 1): torch.arange(prices.anatomy.groups[head, 1].count) < 1,
    }
    if maker is models.bert:  # a head's size counts in the heads that are left
        kept |= {("dimension", layer): torch.arange(8) < 3 + layer for layer in (1, 2)}
    assert float(prices.cost(kept)) == pytest.approx(cost(remove(model, kept), "flops"))
    kept = {("layer", -1): torch.tensor([True, False, True, True]), ("neuron", 1): torch.arange(48) < 5}
    assert float(prices.cost(kept)) == pytest.approx(cost(remove(model, kept), "flops"))


@pytest.mark.parametrize("measure", ["parameters", "bytes"])
def test_parameters_go_with_the_width(measure):
    model = models.llama()
    prices = coupled_costs(model, measure)
    kept = {("width", -1): torch.arange(32) < 20, ("neuron", 2): torch.arange(48) < 5}
    assert float(prices.cost({})) == pytest.approx(cost(model, measure))
    assert float(prices.cost(kept)) == pytest.approx(cost(remove(model, kept), measure))
