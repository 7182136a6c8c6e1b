"""State-space models: the scores of group-aware pruning against loops over its formula, and what counts as a matrix."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import models  # noqa: E402

from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.shrink.model.cost import Target, matrices, unit_costs  # noqa: E402
from ctxprune.shrink.model.subject import Subject  # noqa: E402
from ctxprune.shrink.model.tasks.language_model import LanguageModel  # noqa: E402
from ctxprune.shrink.recipes.recipe import load_recipe  # noqa: E402
from ctxprune.shrink.run.runner import shrink  # noqa: E402
from ctxprune.shrink.score.ssm_activation import SsmActivation  # noqa: E402

HEADS, SIZE = 8, 8


def subject(make=models.mamba2) -> Subject:
    return Subject(make(), LanguageModel(), models.batches(2, rows=4))


def summed(found: Subject, index: int) -> list[list[float]]:
    """Of each head and channel the sum of LN(x) W_x over rows and tokens, by loops."""
    layer = found.model.backbone.layers[index]
    weight, scale = layer.mixer.in_proj.weight.detach(), layer.norm.weight.detach()
    sums = [[0.0] * SIZE for _ in range(HEADS)]
    for batch in found.calibration:
        with torch.no_grad():
            states = found.model(**batch, output_hidden_states=True).hidden_states[index - 1]  # behind each layer
        for row, mask in zip(states, batch["attention_mask"], strict=True):
            for state, real in zip(row.double(), mask, strict=True):
                if not real:
                    continue
                norm = math.sqrt(sum(float(value) ** 2 for value in state) / len(state) + 1e-5)
                read = state * scale / norm
                for head in range(HEADS):
                    for channel in range(SIZE):
                        sums[head][channel] += float(read @ weight[HEADS * SIZE + head * SIZE + channel].double())
    return sums


def test_scores_are_those_of_the_formula():
    found = subject()
    groups = [group for group in found.groups(["ssm_head", "channel"]) if group.layer == 1]
    scores, sums = SsmActivation()(found, groups), summed(found, 1)
    heads = [math.sqrt(sum(value**2 for value in head)) for head in sums]
    channels = [math.sqrt(sum(head[place] ** 2 for head in sums)) for place in range(SIZE)]
    assert scores["ssm_head", 1].tolist() == pytest.approx(heads, rel=1e-4)
    assert scores["channel", 1].tolist() == pytest.approx(channels * HEADS, rel=1e-4)


def test_scores_of_other_units_are_refused():
    for make, kind in ((models.mamba2, "state"), (models.mamba, "channel")):
        found = subject(make)
        with pytest.raises(UsageError, match="no heads or channels of Mamba-2"):
            SsmActivation()(found, found.groups([kind]))


def test_heads_go_within_their_groups_and_channels_within_their_heads():
    found = shrink(subject(), load_recipe("ssm_flap.v1"), Target("flops", 0.7)).subject
    found = shrink(found, load_recipe("ssm_state.v1"), Target("flops", 0.7)).subject
    for layer in found.model.backbone.layers:
        assert layer.mixer.n_groups == 2
        assert layer.mixer.num_heads % 2 == 0
        assert layer.mixer.intermediate_size == layer.mixer.num_heads * layer.mixer.head_dim
    assert {layer.mixer.num_heads for layer in found.model.backbone.layers} != {HEADS}
    assert any(layer.mixer.head_dim < SIZE for layer in found.model.backbone.layers)
    assert any(layer.mixer.ssm_state_size < 6 for layer in found.model.backbone.layers)


@pytest.mark.parametrize("make", [models.mamba, models.mamba2])
def test_projections_alone_are_matrices(make):
    inside = {name.split(".mixer.")[1] for name in matrices(make())}
    assert inside == {"in_proj.weight", "out_proj.weight"} | ({"x_proj.weight"} if make is models.mamba else set())


def test_heads_and_states_share_a_mixers_cost():
    found = subject()
    costs = unit_costs(found.model, found.groups(["layer", "ssm_head", "state"]), "parameters")
    layer = float(costs["layer", -1][0])
    mixer = sum(entry.numel() for entry in found.model.backbone.layers[0].mixer.parameters())
    assert layer == float(costs["ssm_head", 0].sum() + costs["state", 0].sum()) == mixer
