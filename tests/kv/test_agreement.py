"""Agreement of presses, by hand and on a context."""

from __future__ import annotations

import json

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

from kv.models import Given, tokens, view_of  # noqa: E402

from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.kv import AdaKV, Agreement, Knorm, Random, SnapKV, agreement, prefill  # noqa: E402
from ctxprune.kv.reading.prefilled import Prefilled  # noqa: E402


def test_agreement_is_intersection_over_union():
    up, down = torch.tensor([[[1.0, 2, 3, 4], [4, 3, 2, 1]]]), torch.tensor([[[4.0, 3, 2, 1], [4, 3, 2, 1]]])
    read = Prefilled(None, None, None, None, views=[view_of(up, order=0), view_of(up, order=1)])
    found = agreement(read, {"up": Given(0.25), "down": Given(0.25, down), "half": Given(0.5)})
    assert found.by_layer["up", "down"] == (0.75, 0.75)  # {1, 2} of {0..3} in one head, the same in the other
    assert found.of("down", "up") == 0.75
    assert found.of("up", "half") == pytest.approx(2 / 3)
    assert found.of("up", "up") == 1.0
    with pytest.raises(UsageError, match="no press is named 'left'"):
        found.of("left", "up")


def test_agreement_counts_neither_question_nor_padding(decoders):
    model, mask = decoders("llama"), torch.ones(2, 40, dtype=torch.long)
    mask[0, :11] = 0
    presses = {"knorm": Knorm(0.5), "random": Random(0.5), "ada": AdaKV(SnapKV(0.5, window=4))}
    rows, asked = tokens(40, rows=2), tokens(4, seed=9)
    both = agreement(prefill(model, rows, mask=mask, question=asked), presses)
    alone = [
        agreement(prefill(model, rows[:1, 11:], question=asked), presses),
        agreement(prefill(model, rows[1:], question=asked), presses),
    ]
    for pair, profile in both.by_layer.items():
        each = [one.by_layer[pair] for one in alone]
        if "random" not in pair:  # the same stream falls on other tokens
            assert profile == pytest.approx([sum(layer) / 2 for layer in zip(*each, strict=True)])
        assert all(0 < share < 1 for share in profile)


def test_agreement_is_told_in_plain_values(decoders):
    read = prefill(decoders("llama"), tokens(30))
    found = agreement(read, {"one": Knorm(0.5), "two": Random(0.5), "three": Knorm(0.5)})
    rows = json.loads(json.dumps(found.as_rows()))
    assert [(row["first"], row["second"]) for row in rows] == [("one", "two"), ("one", "three"), ("two", "three")]
    assert rows[1]["agreement"] == 1.0
    assert rows[1]["by_layer"] == [1.0] * 3
    assert isinstance(found, Agreement)
    with pytest.raises(UsageError, match="two or more"):
        agreement(read, {"one": Knorm(0.5)})
