"""ToMoE's training of experts and routers, and RankAdaptor's search for ranks."""

from __future__ import annotations

from itertools import pairwise

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import models, trained  # noqa: E402

from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.shrink.learning.clustering import fill_clusters  # noqa: E402
from ctxprune.shrink.recover.adapters import (  # noqa: E402
    Adapters,
    fit_performance,
    search_ranks,
)
from ctxprune.shrink.recover.route_experts import (  # noqa: E402
    LearnedRoutes,
    RouteExperts,
    sort_neurons,
    straight_through,
)

PART = "model.layers.1.mlp"


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def routed(top: int = 2):
    subject = models.decoder()
    RouteExperts(experts=4, top=top)(subject)
    return subject.model.get_submodule(PART)


def test_choices_go_forward_as_ones_and_backward_as_probabilities():
    logits = torch.tensor([[50.0, 0, 40, 1], [0, 60, 1, 70]], requires_grad=True)
    chosen = straight_through(logits, 2, generator())
    assert chosen.round(decimals=5).tolist() == [[1, 0, 1, 0], [0, 1, 0, 1]]
    calm = torch.zeros(1, 3, requires_grad=True)
    straight_through(calm, 1, generator())[0, 0].backward()
    assert float(calm.grad.abs().sum()) > 0
    share = torch.stack(
        [straight_through(torch.tensor([1.0, 0.0]).log1p(), 1, generator().manual_seed(n)) for n in range(300)]
    )
    assert float(share[:, 0].mean()) == pytest.approx(2 / 3, abs=0.08)


def test_learned_routes_compute_what_the_routed_part_does():
    """By loops over tokens and neurons, where the noise decides nothing; with all experts it is the dense part."""
    part, states = routed(), torch.randn(2, 3, 32, generator=generator())
    learned = LearnedRoutes(part, generator())
    with torch.no_grad():
        part.router.weight.mul_(1e4)
        part.router.bias.mul_(1e4)
        learned.owner.copy_(torch.randn(learned.owner.shape, generator=generator()) * 1e4)
        found, owners = learned(states), learned.owner.argmax(1)
        for row, token in ((0, 0), (1, 2)):
            state = states[row, token]
            taken = part.router(state).topk(2).indices.tolist()
            wanted = torch.zeros(32)
            for neuron in range(48):
                if int(owners[neuron]) in taken:
                    inner = part.act_fn(part.gate_proj.weight[neuron] @ state) * (part.up_proj.weight[neuron] @ state)
                    wanted += part.down_proj.weight[:, neuron] * inner
            assert torch.allclose(found[row, token], wanted, atol=1e-3, rtol=1e-4)
        part.top = 4
        dense = part.down_proj(part.act_fn(part.gate_proj(states)) * part.up_proj(states))
        assert torch.allclose(learned(states), dense, atol=1e-4)
    equal = torch.arange(48)[:, None] % 4 == torch.arange(4)
    learned.owner.data = equal * 100.0
    assert learned.imbalance().item() == pytest.approx(0, abs=1e-6)
    learned.owner.data = torch.tensor([100.0, 0, 0, 0]).expand(48, -1).clone()
    assert learned.imbalance().item() == pytest.approx(3.0, abs=1e-4)  # (4 - 1)^2 and three times 1, by 4


def test_clusters_are_filled_by_distance_up_to_their_size():
    distances = torch.rand(11, 3, generator=generator())
    labels = fill_clusters(distances)
    edges = [round(number * 11 / 3) for number in range(4)]
    assert torch.bincount(labels).tolist() == [end - start for start, end in pairwise(edges)]
    surest = int(distances.min(1).values.argmin())
    assert int(labels[surest]) == int(distances[surest].argmin())


def test_training_routes_changes_no_weight():
    plain, learned = (models.decoder().copy() for _ in range(2))
    RouteExperts(experts=4, top=2)(plain)
    RouteExperts(experts=4, top=2, steps=5)(learned)
    one, other = (subject.model.get_submodule(PART) for subject in (plain, learned))
    assert one.state_dict().keys() == other.state_dict().keys()
    assert not torch.equal(one.router.weight, other.router.weight)
    order = torch.cdist(other.up_proj.weight, one.up_proj.weight).argmin(1)
    assert order.sort().values.tolist() == list(range(48))
    sort_neurons(one, order)
    for name in ("gate_proj", "up_proj", "down_proj"):
        assert torch.equal(getattr(one, name).weight, getattr(other, name).weight)
    with pytest.raises(UsageError, match="steps"):
        RouteExperts(steps=-1)


@pytest.mark.long
def test_trained_routes_come_nearer_to_the_dense_model():
    teacher, (test,) = trained.trained_decoder().model, trained.held_out("decoder")

    def distance(subject):
        with torch.no_grad():
            outputs = [subject.task.output(model, test) for model in (subject.model, teacher)]
            return float(subject.task.divergence(*outputs, test))

    plain, learned = (trained.trained_decoder().copy() for _ in range(2))
    RouteExperts(experts=4, top=2)(plain)
    RouteExperts(experts=4, top=2, steps=150)(learned)
    assert distance(learned) < 0.95 * distance(plain)  # 0.2275 and 0.2530 when it was written


def test_the_search_keeps_the_sum_and_finds_better_ranks():
    wanted = (2, 3, 9, 10)

    def evaluate(ranks):
        return sum((rank - other) ** 2 for rank, other in zip(ranks, wanted, strict=True))

    best, tried = search_ranks(evaluate, [6, 6, 6, 6], 9, generator())
    assert all(sum(ranks) == 24 and min(ranks) >= 1 for ranks in tried)
    assert next(iter(tried)) == (6, 6, 6, 6)
    assert tried[best] == min(tried.values()) <= 0.5 * tried[6, 6, 6, 6]
    assert search_ranks(evaluate, [6, 6, 6, 6], 9, generator()) == (best, tried)
    assert search_ranks(sum, [1, 1], 5, generator())[1] == {(1, 1): 2}
    predict = fit_performance(tried, generator())
    assert predict(wanted) < predict((6, 6, 6, 6)) < predict((12, 10, 1, 1))


def test_adapters_take_the_ranks_that_did_best():
    subject = models.decoder().copy()
    before = {name: entry.clone() for name, entry in subject.model.state_dict().items()}
    adapters = Adapters(rank=3, by_layer=True, trials=3, trial_steps=2, steps=1)
    deltas = adapters.build_deltas(subject)
    assert all(torch.equal(entry, before[name]) for name, entry in subject.model.state_dict().items())
    tried = subject.notes["rank_trials"]
    assert len(tried) == 3
    assert subject.notes["ranks"] == min(tried, key=lambda entry: entry[1])[0]
    assert len(deltas[f"{PART}.up_proj"][0][0]) == subject.notes["ranks"][1]
    with pytest.raises(UsageError, match="trials"):
        Adapters(trials=-1)
