"""Bi-encoders as scorers: functions, objects, folders, ONNX files."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from ctxprune import SCORERS, Pruner, TitledScorer, TopK, Unit, prune
from ctxprune.errors import InputError, MissingExtraError, UsageError
from ctxprune.rag import Passage, PassagePruner, Passages
from ctxprune.scorers import score_batch
from ctxprune.scorers.neural.embedding import EmbeddingScorer
from ctxprune.utils.fingerprint import fingerprint

TEXT = "The lighthouse is red. Gulls nest on the roof. The lamp was lit in 1871."
TINY = Path(__file__).parent / "tiny_encoder" / "model.onnx"
WORDS = ["red", "roof", "lamp", "gulls"]
needs_library = pytest.mark.skipif(
    importlib.util.find_spec("sentence_transformers") is None, reason="sentence-transformers is not installed"
)
needs_onnx = pytest.mark.skipif(importlib.util.find_spec("onnxruntime") is None, reason="onnxruntime is not installed")


def counts(texts):
    return np.asarray([[text.lower().count(word) for word in WORDS] for text in texts], dtype=np.float32)


class Texts:
    def __init__(self, *texts: str) -> None:
        self.units = tuple(map(Unit, texts))

    def render(self, kept):
        return sorted(kept)


class Model:
    """As sentence-transformers has it, with prompts of its own for questions."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def encode(self, texts, **options):
        self.asked.append(texts)
        return counts(texts)

    def encode_query(self, texts, **options):
        return self.encode([f"query: {text}" for text in texts])

    def __call__(self, features):
        raise AssertionError("torch modules can be called, but not with texts")


def test_the_cosine_of_question_and_unit():
    scorer = EmbeddingScorer(counts)
    assert scorer.ranks_documents
    scores = scorer.score("a red lamp", Passage(TEXT))
    assert scores == pytest.approx([0.5**0.5, 0, 0.5**0.5])
    assert scores.dtype == np.float32
    assert prune("roof", Passage(TEXT), scorer=scorer, policy=TopK(1)).output == "Gulls nest on the roof."


def test_opposite_vectors_score_zero():
    assert EmbeddingScorer(lambda texts: [[1.0 if "x" in text else -1.0] for text in texts]).score(
        "x", Texts("x", "y")
    ).tolist() == [1, 0]


def test_an_object_and_its_prompts():
    model = Model()
    scores = EmbeddingScorer(model).score("lamp", Passage(TEXT))
    assert scores == pytest.approx([0, 0, 1])
    assert ["query: lamp"] in model.asked
    assert [unit.text for unit in Passage(TEXT).units] in model.asked


def test_vectors_of_a_context_are_made_once():
    model = Model()
    scorer, context = EmbeddingScorer(model), Passages([TEXT, "A red roof."])
    for query in ("lamp", "roof", "gulls"):
        scorer.score_documents(query, context)
    assert sum(TEXT in texts for texts in model.asked) == 1
    assert sum("A red roof." in texts for texts in model.asked) == 2  # as a unit and as a document


def test_documents_titles_and_ranking():
    context = Passages(["It was lit.", "", "A roof. " * 50 + "The lamp.", "Gulls"], titles=["lamp", "lamp", "", ""])
    units, documents = EmbeddingScorer(counts, window=100).score_documents("lamp", context)
    assert (units.shape, documents.shape) == ((len(context.units),), (4,))
    assert documents[0] == 1
    assert documents[1] == documents[3] == 0 < documents[2] < 1
    assert TitledScorer(EmbeddingScorer(counts)).score("lamp", context)[0] == 1
    ranked = PassagePruner(Pruner(EmbeddingScorer(counts))).rank("lamp", ["Gulls", "red lamp", "lamp"], top_k=2)
    assert [entry["corpus_id"] for entry in ranked] == [2, 1]


def test_a_batch_equals_a_loop():
    scorer, queries = EmbeddingScorer(counts), ["lamp", "red roof", "x", ""]
    contexts = [Passage(TEXT), Passage("The red roof."), Passage(""), Passage(TEXT)]
    alone = [scorer.score(*pair) for pair in zip(queries, contexts, strict=True)]
    assert all(map(np.array_equal, score_batch(scorer, queries, contexts), alone))


@pytest.mark.parametrize("question", ["", " \n", "😀", "\x00\ud800", "wo ist " * 1000, "灯台はどこですか"])
@pytest.mark.parametrize("text", ["", " \n", "\x00 \udc00", "😀😀", "\u200b", TEXT])
def test_any_question_and_text(question: str, text: str):
    model, context = Model(), Passage(text)
    scores, documents = EmbeddingScorer(model).score_documents(question, context)
    assert (scores.shape, documents.shape) == ((len(context.units),), (min(1, len(context.units)),))
    assert ((scores >= 0) & (scores <= 1)).all()
    "".join(piece for texts in model.asked for piece in texts).encode("utf-8")  # no lone surrogate went in


def test_blank_units_are_not_read():
    assert EmbeddingScorer(counts).score("lamp", Texts("", "lamp", " \n")).tolist() == [0, 1, 0]
    units, documents = EmbeddingScorer(lambda texts: 1 / 0).score_documents("", Texts("a"))
    assert (units.tolist(), documents.tolist()) == ([0], [0])


def test_vectors_of_two_lengths_are_refused():
    with pytest.raises(UsageError, match="vectors of 1 and of 2 numbers"):
        EmbeddingScorer(lambda texts: [[1.0] * (1 + ("unit" in text)) for text in texts]).score("a", Texts("unit"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({}, "model is None"), ({"model": 3}, "model is 3"), ({"model": "a", "window": 0}, "window")],
)
def test_arguments_are_checked(arguments: dict, message: str):
    with pytest.raises(UsageError, match=message):
        EmbeddingScorer(**arguments)


def test_it_is_registered_and_fingerprinted():
    assert SCORERS.get("embedding") is EmbeddingScorer
    assert fingerprint(EmbeddingScorer("a")) == fingerprint(EmbeddingScorer(Path("a")))
    assert fingerprint(EmbeddingScorer("a")) != fingerprint(EmbeddingScorer("b"))


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(MissingExtraError, match=r"pip install .*embedding"):
        EmbeddingScorer("some/bi-encoder").score("a", Passage("a"))


@needs_onnx
def test_an_onnx_file():
    """The tiny encoder gives word i of its vocabulary the i-th unit vector of four."""
    assert EmbeddingScorer(TINY).score("red", Texts("red", "green", "red green")) == pytest.approx([1, 0, 0.5**0.5])


@needs_library
@pytest.mark.filterwarnings("ignore")
def test_a_real_one_loads_and_scores(tmp_path: Path):
    import torch
    from sentence_transformers import SentenceTransformer
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    vocabulary = {word: number for number, word in enumerate(["[PAD]", "[UNK]", *WORDS, "The", "is", "was", "."])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", model_max_length=64
    ).save_pretrained(tmp_path / "plain")
    torch.manual_seed(0)
    shape = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    BertModel(BertConfig(vocab_size=len(vocabulary), max_position_embeddings=64, **shape)).save_pretrained(
        tmp_path / "plain"
    )
    model = SentenceTransformer(str(tmp_path / "plain"), device="cpu", local_files_only=True)
    model.save(str(tmp_path / "whole"))
    scorer = EmbeddingScorer(tmp_path / "whole")
    context = Passages([TEXT, "red lamp \ud800 \x00", "lamp " * 2000])
    scores, documents = scorer.score_documents("The red roof " * 700, context)
    vectors = model.encode(
        ["The red roof " * 700, *(unit.text for unit in context.units[:3])], normalize_embeddings=True
    )
    assert scores[:3] == pytest.approx(np.clip(vectors[1:] @ vectors[0], 0, 1), abs=1e-5)
    assert documents.shape == (3,)
    assert ((scores >= 0) & (scores <= 1)).all()
    assert np.allclose(EmbeddingScorer(model).score("The lamp", context), scorer.score("The lamp", context), atol=1e-5)
    with pytest.raises(InputError, match="cannot be loaded"):
        EmbeddingScorer("nobody/has-this-bi-encoder").score("a", context)
