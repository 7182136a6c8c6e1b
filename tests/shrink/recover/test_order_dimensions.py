"""Dimensions inside heads: sorted without a change of outputs, and cut as if each head lost its own weakest ones."""

from __future__ import annotations

import copy

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import models  # noqa: E402

from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.shrink.model.surgery import remove  # noqa: E402
from ctxprune.shrink.recover.order_dimensions import OrderDimensions  # noqa: E402
from ctxprune.shrink.score.transitional import Transitional, dimension_norms  # noqa: E402

HEADS, SIZE, LEFT = 4, 8, 5


def outputs(subject, model):
    with torch.no_grad():
        return torch.cat([subject.task.output(model, batch) for batch in subject.calibration])


def norms_by_hand(subject, layer):
    """Of each head and dimension |Q_j| |K_j| and the norm of what the output matrix reads, token by token."""
    attention = subject.model.bert.encoder.layer[layer].attention
    parts = {"query": attention.self.query, "key": attention.self.key, "mix": attention.output.dense}
    squares = {name: torch.zeros(HEADS * SIZE, dtype=torch.float64) for name in parts}
    for batch in subject.calibration:
        seen = {}
        hooks = [
            module.register_forward_hook(
                lambda _, given, out, name=name, seen=seen: seen.update({name: given[0] if name == "mix" else out})
            )
            for name, module in parts.items()
        ]
        outputs_of(subject, batch)
        for hook in hooks:
            hook.remove()
        for row, length in enumerate(batch["attention_mask"].sum(1).tolist()):
            for token in range(length):
                for name, states in seen.items():
                    squares[name] += states[row, token].double() ** 2
    query, key, mix = (squares[name].sqrt().view(HEADS, SIZE) for name in ("query", "key", "mix"))
    return query * key, mix


def outputs_of(subject, batch):
    with torch.no_grad():
        subject.task.output(subject.model, batch)


def test_cut_heads_are_the_full_ones_without_each_heads_weakest_dimensions():
    subject = models.encoder()
    wanted = copy.deepcopy(subject.model)
    for layer in range(4):
        own = wanted.bert.encoder.layer[layer].attention.self
        for norms, names in zip(norms_by_hand(subject, layer), (("query", "key"), ("value",)), strict=True):
            for head in range(HEADS):
                weakest = sorted(range(SIZE), key=lambda place: float(norms[head, place]))[: SIZE - LEFT]
                for name in names:
                    for place in weakest:
                        with torch.no_grad():
                            getattr(own, name).weight[head * SIZE + place] = 0
                            getattr(own, name).bias[head * SIZE + place] = 0
    work = OrderDimensions()(subject.copy())
    assert torch.allclose(outputs(subject, work.model), outputs(subject, subject.model), atol=1e-5)
    small = remove(work.model, {("dimension", layer): torch.arange(SIZE) < LEFT for layer in range(4)})
    own = small.bert.encoder.layer[2].attention.self
    assert own.query.weight.shape == own.value.weight.shape == (HEADS * LEFT, 32)
    assert (own.num_attention_heads, own.attention_head_size) == (HEADS, LEFT)
    assert not torch.allclose(outputs(subject, small), outputs(subject, subject.model), atol=1e-3)
    assert torch.allclose(outputs(subject, small), outputs(subject, wanted), atol=1e-5)


def test_norms_and_scores_are_those_of_a_loop_over_tokens():
    subject = OrderDimensions()(models.encoder().copy())
    matched, mixed = norms_by_hand(subject, 1)
    found = dimension_norms(subject)[subject.anatomy.groups["dimension", 1]]
    assert torch.allclose(found[0], matched, rtol=1e-4)
    assert torch.allclose(found[1], mixed, rtol=1e-4)
    assert bool((found[1].diff(dim=1) <= 0).all())
    scores = Transitional()(subject, subject.groups(["dimension", "neuron"]))
    by_hand = (matched / matched.mean() + mixed / mixed.mean()).sum(0)
    assert torch.allclose(scores["dimension", 1], by_hand, rtol=1e-4)
    assert len(scores) == 8
    with pytest.raises(UsageError, match="no units of kind 'dimension'"):
        Transitional()(models.decoder(), models.decoder().groups(["neuron"]) + subject.groups(["dimension"]))
