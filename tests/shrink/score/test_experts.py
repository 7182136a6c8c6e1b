"""Experts: which go or are skipped, what they are merged into, and their single weights."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import trained  # noqa: E402

from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.shrink.compensate.merge_experts import MergeExperts, cluster_leaders  # noqa: E402
from ctxprune.shrink.measure.experts import block_of, record_routing  # noqa: E402
from ctxprune.shrink.model.budget import Budget  # noqa: E402
from ctxprune.shrink.model.cost import cost, unit_costs  # noqa: E402
from ctxprune.shrink.recover.skip_experts import SkipExperts  # noqa: E402
from ctxprune.shrink.score.expert_error import ExpertError  # noqa: E402
from ctxprune.shrink.score.expert_use import ExpertUse  # noqa: E402
from ctxprune.shrink.score.moe_pruner import MoePruner  # noqa: E402


def subject(share: float = 1 / 3):
    made = trained.trained_moe()
    groups = made.groups(["expert"])
    costs = unit_costs(made.model, groups, "parameters")
    whole = sum(float(cost.sum()) for cost in costs.values())
    return replace(made, budget=Budget(groups, costs, share * whole, measure="parameters")), groups


def test_the_routers_weights_are_those_of_each_token():
    made, groups = subject()
    found = record_routing(made, groups)[block_of(groups[0])]
    tokens = sum(int(batch["attention_mask"].sum()) for batch in made.calibration)
    assert found.weights.shape == (tokens, 6)
    assert torch.allclose(found.weights.sum(1), torch.ones(tokens), atol=1e-5)
    assert bool(((found.weights > 0).sum(1) == 2).all())
    assert torch.allclose(ExpertUse()(made, groups)[groups[0].key], found.weights.mean(0))


def test_the_set_that_goes_is_the_best_of_all():
    made, groups = subject()
    score, group = ExpertError(), groups[0]
    rows = record_routing(made, groups)[block_of(group)].inputs
    order = score(made, groups)[group.key].argsort().tolist()
    errors = {chosen: score._error(made, group, rows, chosen) for chosen in combinations(range(6), 2)}
    assert min(errors, key=errors.get) == tuple(sorted(order[:2]))
    by_one = ExpertError(most=1)(made, groups)[group.key].argsort().tolist()
    assert by_one[0] == min(range(6), key=lambda expert: score._error(made, group, rows, (expert,)))
    with pytest.raises(UsageError, match="most"):
        ExpertError(most=0)


def test_merged_experts_are_means_by_use_and_the_rest_stay():
    made, groups = subject()
    made = made.copy()
    group = groups[0]
    kept = {group.key: torch.tensor([True, True, True, True, True, False])}
    name = f"{block_of(group)}.experts.down_proj"
    old = made.model.get_parameter(name).detach().clone()
    use = ExpertUse()(made, groups)[group.key] + 1e-6
    assert MergeExperts()(made, kept) == kept
    new = made.model.get_parameter(name).detach()
    changed = [expert for expert in range(6) if not torch.allclose(new[expert], old[expert], atol=1e-6)]
    assert len(changed) == 1
    (into,) = changed
    wanted = (use[into] * old[into] + use[5] * old[5]) / (use[into] + use[5])
    assert torch.allclose(new[into], wanted, atol=1e-5)


def test_weights_in_experts_are_scored_by_their_own_tokens():
    made, groups = subject()
    group = groups[1]
    found = record_routing(made, groups)[block_of(group)]
    name = f"{block_of(group)}.experts.gate_up_proj"
    score = MoePruner()(made, [name])[name]
    weight = made.model.get_parameter(name).detach()
    assert score.shape == weight.shape
    expert, place = 2, 5
    norm = (found.inputs[:, place] * found.weights[:, expert]).square().sum().sqrt()
    assert float(score[expert, 3, place]) == pytest.approx(float(weight[expert, 3, place].abs() * norm), rel=1e-4)


def test_clusters_of_logits_become_their_most_used_expert():
    points = torch.tensor([[1.0, 0], [0.9, 0.1], [0, 1], [0.1, 0.9], [0.05, 1], [-1, 0]])
    use = torch.tensor([0.1, 0.2, 0.05, 0.3, 0.2, 0.15])
    leaders = cluster_leaders(points, use, 3, torch.Generator().manual_seed(0))
    assert leaders.tolist() == [1, 1, 3, 3, 3, 5]
    same = cluster_leaders(torch.ones(4, 2), torch.tensor([0.1, 0.4, 0.3, 0.2]), 3, torch.Generator().manual_seed(0))
    assert same.tolist() == [1, 1, 2, 3]


def test_clustered_experts_are_merged_and_as_many_stay():
    made, groups = subject()
    made, group = made.copy(), groups[0]
    old = made.model.get_parameter(f"{block_of(group)}.experts.down_proj").detach().clone()
    use = ExpertUse()(made, groups)[group.key] + 1e-6
    kept = MergeExperts(clusters=True)(made, {group.key: torch.tensor([True] * 4 + [False] * 2)})[group.key]
    assert int(kept.sum()) == 4
    here = record_routing(trained.trained_moe(), groups)[block_of(group)]
    logits = torch.nn.functional.normalize(made.model.get_submodule(group.reader)(here.inputs)[0].detach().T, dim=1)
    leaders = cluster_leaders(logits, use, 4, made.generator(18))
    for leader in kept.nonzero().flatten().tolist():
        own = [expert for expert in range(6) if int(leaders[expert]) == leader]
        wanted = sum(use[expert] * old[expert] for expert in own) / sum(use[expert] for expert in own)
        new = made.model.get_parameter(f"{block_of(group)}.experts.down_proj")[leader]
        assert torch.allclose(new, wanted, atol=1e-5)


def test_second_experts_below_beta_are_skipped():
    """Beta is the median of second by first; the output is that of the experts that are left, token by token."""
    made, groups = subject()
    made, group = made.copy(), groups[0]
    block, before = made.model.get_submodule(block_of(group)), cost(made.model, "flops")
    here = record_routing(made, groups)[block_of(group)]
    tops = here.weights.topk(2, dim=1)
    ratios = tops.values[:, 1] / tops.values[:, 0]
    SkipExperts()(made)
    beta, share = made.notes["skipping"][block_of(group)]
    assert beta == pytest.approx(float(ratios.median()), abs=0.01)
    assert share == pytest.approx(0.75, abs=0.01)
    assert cost(made.model, "flops") < before
    rows, experts = here.inputs[:20], block.experts
    with torch.no_grad():
        found = block(rows[None])[0]
        for row in range(20):
            first, second = tops.indices[row].tolist()
            parts = {first: 1.0} if ratios[row] < beta else dict(zip((first, second), tops.values[row], strict=True))
            wanted = torch.zeros(rows.shape[1])
            for expert, weight in parts.items():
                gate, up = (experts.gate_up_proj[expert] @ rows[row]).chunk(2)
                wanted += weight * (experts.down_proj[expert] @ (experts.act_fn(gate) * up))
            assert torch.allclose(found[row], wanted, atol=1e-4)
    with pytest.raises(UsageError, match="quantile"):
        SkipExperts(2)
