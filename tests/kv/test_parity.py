"""Scores of kvpress 0.5.5 at some places, as benchmarks/peers/kv_parity.py found them on the same tensors."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

PINNED = json.loads((Path(__file__).parent / "golden" / "kvpress_scores.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def bench():
    return importlib.import_module("benchmarks.peers.kv_parity")


@pytest.mark.parametrize("kind", ["llama", "qwen2"])
@torch.no_grad()
def test_scores_are_those_of_kvpress(bench, kind):
    views, held = bench.tensors_of(bench.decoder(kind))
    presses = bench.presses(held["filters"])
    assert {key.rpartition(".")[0] for key in PINNED[kind]} == set(presses) - {"streaming_llm"}
    for key, pinned in PINNED[kind].items():
        name, _, layer = key.rpartition(".")
        scores = presses[name].score(views[int(layer)])[0]
        meant = range(*bench.meaningful(name).indices(bench.TOKENS))
        for head, expected in zip(scores, pinned["scores"], strict=True):
            for place, wanted in zip(pinned["places"], expected, strict=True):
                assert place not in meant or float(head[place]) == pytest.approx(wanted, rel=1e-4, abs=1e-6), key


def test_the_record_says_that_all_scores_agree():
    figures = json.loads(
        (Path(__file__).resolve().parents[2] / "benchmarks" / "results" / "kv_parity.json").read_text(encoding="utf-8")
    )["figures"]
    for rows in figures["presses"].values():
        assert all(row["within"] for row in rows.values())
        assert all(row["largest_difference"] <= figures["asked"] for row in rows.values())
