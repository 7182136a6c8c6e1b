"""Quality of passages: the shipped model, its files, and models of one's own."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxprune.errors import FormatError, InputError, UnknownNameError, UsageError
from ctxprune.models.weights import shipped
from ctxprune.rag import QUALITIES, PassageQuality, fit_quality
from ctxprune.rag.corpus.base import as_quality
from ctxprune.rag.corpus.fitting import fit_logistic, fit_ridge
from ctxprune.storage.sealed import seal

GOOD = (
    "In 1889 Gustave Eiffel built the tower, which is 330 metres tall, for the World Fair in Paris.",
    "The Thames flows through London and is 346 km long; its source is near Kemble in Gloucestershire.",
)
JUNK = ("Home | About | Contact", "Click here » more", "Share\nTweet\nPrint", "buy now buy now buy now buy now", "the")


@pytest.mark.parametrize("name", QUALITIES.names())
def test_every_registered_quality_is_0_to_1_and_the_same_by_batch(name: str) -> None:
    quality, texts = as_quality(name), [*GOOD, *JUNK, "", "!!!"]
    scores = quality.score(texts)
    assert scores.dtype == np.float32
    assert ((scores >= 0) & (scores <= 1)).all()
    assert np.array_equal(scores, [quality.score([text])[0] for text in texts])
    assert [*quality.score_stream(iter(texts), batch=2)] == scores.tolist()
    assert quality.score([]).shape == (0,)
    values, reasons = quality.judge(texts)
    assert np.array_equal(values, scores)
    assert reasons.dtype == np.uint8
    assert int(reasons.max()) < len(quality.reasons)


def test_junk_is_worse_than_passages() -> None:
    quality = PassageQuality()
    assert quality.score(GOOD).min() > 10 * quality.score(JUNK).max()


_PROSE = (
    "The bridge was opened to traffic in the spring of 1937 after four years of work. It joins the city with the"
    " county on the other side of the strait, and carries six lanes. Its towers are the highest of their time."
)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Opened in 1937.", "length"),
        ("It is long.", "length"),
        ("cheap flights " * 40, "repetition"),
        (" ".join(f"{word} ##//{{}}.=(|%;" for word in _PROSE.split()), "punctuation"),
    ],
)
def test_the_reason_is_what_is_wrong_with_a_passage(text: str, reason: str) -> None:
    _, (place,) = PassageQuality().judge([text])
    assert PassageQuality.reasons[place] == reason


def test_a_text_without_words_is_the_worst() -> None:
    values, reasons = PassageQuality().judge(["", "…"])
    assert values.tolist() == [0, 0]
    assert [PassageQuality.reasons[place] for place in reasons] == ["no words"] * 2


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(max_size=60), max_size=5))
def test_any_text_has_a_finite_quality(texts: list[str]) -> None:
    scores = PassageQuality().score(texts)
    assert np.isfinite(scores).all()
    assert ((scores >= 0) & (scores <= 1)).all()


@pytest.mark.parametrize("texts", ["one text", b"bytes", [1], [None], [["nested"]]])
def test_other_types_are_refused(texts: object) -> None:
    with pytest.raises(UsageError):
        PassageQuality().score(texts)


def test_unknown_names_and_classes_are_refused() -> None:
    with pytest.raises(UnknownNameError, match=r"surface\.v1"):
        as_quality("nothing.v1")
    with pytest.raises(UsageError, match="the class PassageQuality"):
        as_quality(PassageQuality)
    with pytest.raises(UsageError, match="batch"):
        next(PassageQuality().score_stream(["a"], batch=0))


def test_weights_travel_through_a_file(tmp_path) -> None:
    quality = fit_quality([*GOOD, *JUNK], [True, True, *[False] * 5])
    quality.save(tmp_path / "own.json", card={"by": "test"})
    again = PassageQuality.load(tmp_path / "own.json")
    assert np.allclose(again.score([*GOOD, *JUNK]), quality.score([*GOOD, *JUNK]), atol=1e-3)
    assert json.loads((tmp_path / "own.json").read_text())["card"] == {"by": "test"}


def test_the_shipped_file_has_a_card() -> None:
    card = shipped("ctxprune.rag.corpus", "quality.json")["card"]
    assert "selqa" in card["trained_on"]
    assert not {"wtq_html", "policyqa", "squad_pairs", "scifact"} & {*card["trained_on"]}
    assert "Apache-2.0" in card["licence"]


@pytest.mark.parametrize("change", [{"version": 2}, {"features": ["width"]}, {"text": None}, {"asked": {"mean": [0]}}])
def test_other_files_are_refused(change: dict[str, object], tmp_path) -> None:
    data = PassageQuality().weights.to_dict() | change
    (tmp_path / "bad.json").write_text(seal(data), encoding="utf-8")
    with pytest.raises(FormatError):
        PassageQuality.load(tmp_path / "bad.json")


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff\xfe"])
def test_damaged_files_are_refused(content: bytes, tmp_path) -> None:
    (tmp_path / "bad.json").write_bytes(content)
    with pytest.raises(FormatError):
        PassageQuality.load(tmp_path / "bad.json")


def test_files_that_are_not_there(tmp_path) -> None:
    with pytest.raises(InputError):
        PassageQuality.load(tmp_path / "none.json")
    with pytest.raises(InputError):
        PassageQuality().save(tmp_path / "none" / "own.json")
    with pytest.raises(UsageError, match="JSON"):
        PassageQuality().save(tmp_path / "own.json", card={"a": object()})


def test_a_hidden_layer_is_refused() -> None:
    weights = PassageQuality().weights
    wide = replace(weights.text, hidden=np.ones((14, 2)), hidden_bias=np.zeros(2), out=np.ones(2))
    with pytest.raises(UsageError, match="text"):
        replace(weights, text=wide)
    with pytest.raises(UsageError, match="weights"):
        PassageQuality(weights.text)


@pytest.mark.parametrize(
    ("answered", "corpora"),
    [([True], None), ([True, True], None), ([1, 2], None), ([True, False], ["a"]), ([True, False], ["a", "b"])],
)
def test_what_cannot_be_learned_from_is_refused(answered, corpora) -> None:
    with pytest.raises(UsageError):
        fit_quality(GOOD, answered, corpora=corpora)


def test_a_corpus_with_another_share_of_answers_teaches_nothing_by_that() -> None:
    texts = [*GOOD, *JUNK]
    labels = [True, True, *[False] * 5]
    more = fit_quality([*texts, *GOOD * 4], [*labels, *[True] * 8], corpora=[0] * 7 + [1] * 8)
    assert np.argsort(more.score(texts))[-1] in (0, 1)


def test_logistic_regression_is_where_its_gradient_vanishes() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(60, 3))
    labels = rows @ [1.0, -2.0, 0.0] + rng.normal(size=60) > 0
    network = fit_logistic(rows, labels, np.zeros(60, dtype=np.intp), decay=0.1)
    share = np.where(labels, 0.5 / labels.sum(), 0.5 / (~labels).sum())
    values = np.clip((rows - network.mean) / network.scale, -8, 8)
    error = share * (1 / (1 + np.exp(-(values @ network.out + network.bias))) - labels)
    assert np.abs(values.T @ error + 0.1 * network.out).max() < 1e-9


def test_ridge_regression_solves_the_normal_equations() -> None:
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(50, 4)) + 3
    values = rows @ [1.0, 0.0, -1.0, 2.0] + 5
    assert np.allclose(fit_ridge(rows, values, decay=1e-12)(rows), values, atol=1e-6)
