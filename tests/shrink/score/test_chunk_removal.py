"""MultiPruner's chunks."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import models  # noqa: E402

from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.shrink.measure.gates import apply_gates  # noqa: E402
from ctxprune.shrink.score.chunk_removal import ChunkRemoval  # noqa: E402


def test_the_weakest_units_of_the_cheapest_layer_go_first():
    subject = models.encoder()
    groups = subject.groups(["neuron"])
    with torch.no_grad():  # neurons 5 and 9 of layer 2 do next to nothing
        layer = subject.model.bert.encoder.layer[2]
        for entry in (layer.intermediate.dense.weight, layer.intermediate.dense.bias):
            entry[[5, 9]] *= 1e-4
        layer.output.dense.weight[:, [5, 9]] *= 1e-4
    scores = ChunkRemoval(share=2 / 48)(subject, groups)
    ranks = sorted((float(value), key, place) for key, score in scores.items() for place, value in enumerate(score))
    chunk = [entry[2] for entry in ranks if entry[1] == ("neuron", 2)][:2]
    assert chunk == [5, 9]
    gate = torch.ones(48)
    gate[[5, 9]] = 0
    with apply_gates(subject.model, {("neuron", 2): gate}):
        assert float(scores["neuron", 2][5]) == pytest.approx(subject.loss(), rel=1e-6)
    chunks = {entry[:2] for entry in ranks[:8]}
    assert len(chunks) == 4  # every group's chunk comes before all other units
    with pytest.raises(UsageError, match="share"):
        ChunkRemoval(share=0)
