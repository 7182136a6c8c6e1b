"""Depth helpers: tokens, runs, states before and after units."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import models  # noqa: E402
from shrink.pruners import pruner, pruner_batches  # noqa: E402

from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.shrink.measure.depth import (  # noqa: E402
    depth_group,
    first_rows,
    layer_states,
    runs_of,
    token_places,
    unit_states,
)
from ctxprune.shrink.model.subject import Subject  # noqa: E402
from ctxprune.shrink.model.tasks.cross_encoder import CrossEncoder  # noqa: E402
from ctxprune.shrink.model.tasks.pruner import Pruner  # noqa: E402
from ctxprune.shrink.score.influence import Influence  # noqa: E402


def test_runs_are_maximal():
    assert runs_of(torch.tensor([True, False, True, True, False, True])) == [(0, 1), (2, 4), (5, 6)]
    assert runs_of(torch.zeros(3, dtype=torch.bool)) == []


def test_token_places_by_kind():
    batch = {"attention_mask": torch.tensor([[1, 1, 1, 0], [1, 1, 0, 0]])}
    encoder, decoder = models.encoder().anatomy, models.decoder().anatomy
    assert token_places(batch, "all", encoder).tolist() == [0, 1, 2, 3, 4]
    assert token_places(batch, "first", decoder).tolist() == token_places(batch, "summary", encoder).tolist() == [0, 3]
    assert token_places(batch, "last", encoder).tolist() == token_places(batch, "summary", decoder).tolist() == [2, 4]
    with pytest.raises(UsageError, match="tokens is 'middle'"):
        Influence("middle")


def test_first_rows_cuts_the_last_batch():
    subject = Subject(models.bert(), CrossEncoder(), models.batches(3, rows=4))
    assert [len(batch["input_ids"]) for batch in first_rows(subject, 6)] == [4, 2]
    assert [len(batch["input_ids"]) for batch in first_rows(subject, 4)] == [4]
    assert [len(batch["input_ids"]) for batch in first_rows(subject, 0)] == [4, 4, 4]
    with pytest.raises(UsageError, match="samples is -1"):
        list(first_rows(subject, -1))


def test_first_rows_are_whole_examples_where_rows_do_not_stand_alone():
    subject = Subject(pruner(), Pruner(), pruner_batches(2, rows=3))
    found = list(first_rows(subject, 5))
    assert [len(batch["input_ids"]) for batch in found] == [3, 1, 1]
    assert torch.equal(found[1]["input_ids"], subject.calibration[1]["input_ids"][:1])
    assert [len(batch["input_ids"]) for batch in first_rows(subject, 1)] == [1]
    assert all(bool(torch.isfinite(subject.task.loss(subject.model, batch).detach())) for batch in found)


@pytest.mark.parametrize("make", [models.encoder, models.decoder])
def test_states_of_sublayers_chain_into_those_of_layers(make):
    subject = make()
    batch, groups = subject.calibration[0], subject.anatomy.groups
    layers = unit_states(subject, batch, groups["layer", -1])
    halves = unit_states(subject, batch, groups["sublayer", -1])
    states = layer_states(subject, batch)
    assert len(layers) == 4
    assert len(halves) == 8
    for place, (before, after) in enumerate(layers):
        assert torch.equal(before, states[place])
        assert torch.equal(after, states[place + 1])
        assert torch.allclose(halves[2 * place][0], before, atol=1e-5)
        assert torch.allclose(halves[2 * place][1], halves[2 * place + 1][0], atol=1e-5)
        assert torch.allclose(halves[2 * place + 1][1], after, atol=1e-5)


def test_only_depth_goes_through_a_depth_group():
    subject = models.encoder()
    assert depth_group(subject.groups(["layer"])).kind == "layer"
    with pytest.raises(UsageError, match="alone"):
        depth_group(subject.groups(["layer", "sublayer"]))
    with pytest.raises(UsageError, match="alone"):
        depth_group(subject.groups(["head"])[:1])
