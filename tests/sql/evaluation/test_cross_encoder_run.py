"""A short run of the cross-encoder: it trains, resumes, and the exported model says what the network says."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ctxprune.cli import main
from ctxprune.errors import FormatError, InputError
from ctxprune.sql.evaluation.cross_encoder_training.groups import Group, write_groups
from ctxprune.sql.evaluation.cross_encoder_training.measure import measure, word_overlap
from ctxprune.sql.trust.cross_encoder.scorer import CrossEncoder

needs_torch = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("torch", "onnx")), reason="the train extra is not installed"
)
GROUPS = [
    Group(
        "wikisql",
        f"table{n}",
        f"How many {thing} are there?",
        (f"{thing}: show number of rows", f"{thing}: show name", f"{thing}: show everything where id is {n}"),
        (True, False, False),
        ("gold", "mutated", "mutated"),
        (0.0, 0.0, 0.0),
    )
    for n, thing in enumerate(("singers", "cities", "orders", "pets", "albums", "flights"))
]


def test_figures_of_scores() -> None:
    group = Group("spider", "a", "q", ("x", "y", "z"), (True, False, False), ("gold", "mutated", "offered"), (0.0,) * 3)
    scores = [np.array([1.0, 2.0, 0.0])]
    assert measure([group], scores, ("gold", "mutated", "offered")) == {
        "groups": 1,
        "first": 0.0,
        "auc": 0.5,
        "pooled_auc": 0.5,
    }
    assert measure([group], [np.zeros(3)], ("gold", "mutated"))["first"] == 0.5
    assert measure([group], scores, ("offered",)) == {"groups": 0}
    assert measure([Group("spider", "a", "q", (), (), (), ())], [np.zeros(0)], ("offered",)) == {"groups": 0}


def test_word_overlap_sees_what_only_one_text_has() -> None:
    whole = word_overlap("cities of 1990", "city: show name where year is 1990")
    other = word_overlap("cities of 1990", "city: show name where year is 1991")
    assert whole[0] > other[0]
    assert (whole[2], other[2]) == (0.0, 1.0)


def test_missing_weights(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        CrossEncoder(tmp_path).score("q", ["w"])
    assert len(CrossEncoder(tmp_path).score("q", [])) == 0


@needs_torch
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_short_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import torch

    from ctxprune.sql.evaluation.cross_encoder_training import recipe, train
    from ctxprune.train.graph_reader import read_network

    write_groups(GROUPS, tmp_path / "groups.jsonl")
    options = ["--data", str(tmp_path), "--out", str(tmp_path), "--epochs", "2", "--json"]
    assert main(["train", "cross-encoder", *options]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["groups"] == {"wikisql": 6}
    assert main(["train", "cross-encoder", *options, "--resume"]) == 0
    assert json.loads(capsys.readouterr().out)["steps"] == report["steps"]

    question, queries = GROUPS[0].question, [*GROUPS[0].queries]
    model = CrossEncoder(tmp_path)
    found = model.score(question, queries)
    assert found.dtype == np.float32
    # alone or together, a query has the same logit
    assert found[1] == model.score(question, queries[1:2])[0]
    (encoded,) = recipe.encode_groups(
        GROUPS[:1], lambda texts: [one.ids for one in model._load()[0].encode_batch(texts, add_special_tokens=False)]
    )
    with torch.no_grad():
        wanted = recipe.score_pairs(read_network(tmp_path), recipe.pad([encoded]), bfloat16=False).numpy()
    np.testing.assert_allclose(found, wanted, atol=0.35)  # activations in eight bits
    assert model.score("\ud800 😀" * 5000, ["x" * 100_000, ""]).shape == (2,)

    content = bytearray((tmp_path / "model.onnx").read_bytes())
    content[5000] ^= 1
    (tmp_path / "model.onnx").write_bytes(bytes(content))
    with pytest.raises(FormatError, match="damaged"):
        CrossEncoder(tmp_path).score("q", ["w"])
    with pytest.raises(InputError, match="no finished run"):
        train.train_cross_encoder(GROUPS, tmp_path / "b", recipe.CrossEncoderRecipe(), start=tmp_path / "nowhere")


@needs_torch
def test_a_checkpoint_of_other_data_is_refused(tmp_path: Path) -> None:
    from ctxprune.sql.evaluation.cross_encoder_training import recipe, train

    short = recipe.CrossEncoderRecipe(bfloat16=False)
    train.train_cross_encoder(GROUPS[:2], tmp_path, short)
    with pytest.raises(FormatError, match="other data"):
        train.train_cross_encoder([replace(GROUPS[0], question="?")], tmp_path, short, resume=True)
