"""Cross-encoders as scorers: objects, functions, folders; with fakes, and with the library where it is installed."""

from __future__ import annotations

import importlib.util
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from ctxprune import SCORERS, Pruner, TitledScorer, TopK, Unit, prune
from ctxprune.errors import InputError, MissingExtraError, UsageError
from ctxprune.rag import Passage, PassagePruner, Passages
from ctxprune.scorers import score_batch
from ctxprune.scorers.neural.cross_encoder import CrossEncoderScorer, load_cross_encoder
from ctxprune.utils.fingerprint import fingerprint

TEXT = "The lighthouse is red. Gulls nest on the roof. The lamp was lit in 1871."
needs_library = pytest.mark.skipif(
    importlib.util.find_spec("sentence_transformers") is None, reason="sentence-transformers is not installed"
)


def overlap(pairs):
    """Share of the question's words in the text."""
    asked = [(set(query.lower().split()), set(text.lower().split())) for query, text in pairs]
    return np.asarray([len(query & text) / len(query) for query, text in asked])


class Logits:
    """As sentence-transformers has it: the activation is an argument, and its default squashes."""

    def __init__(self, columns: int = 0) -> None:
        self.columns, self.calls = columns, []

    def predict(self, sentences, show_progress_bar=True, activation_fn=None):
        assert not show_progress_bar
        self.calls.append(list(sentences))
        logits = overlap(sentences) * 4 - 2
        if self.columns:
            logits = np.stack([logits] * self.columns, axis=1)
        return np.tanh(logits) if activation_fn is None else activation_fn(logits)


class Texts:
    def __init__(self, *texts: str) -> None:
        self.units = tuple(map(Unit, texts))

    def render(self, kept):
        return sorted(kept)


def test_a_unit_is_read_with_the_question():
    scorer = CrossEncoderScorer(overlap)
    assert scorer.ranks_documents
    assert scorer.score("lamp lit", Passage(TEXT)).tolist() == [0, 0, 1]
    assert prune("the lamp", Passage(TEXT), scorer=scorer, policy=TopK(1)).output == "The lamp was lit in 1871."


def test_an_object_is_asked_for_logits():
    model = Logits()
    scores = CrossEncoderScorer(model).score("lamp lit", Passage(TEXT))
    assert scores == pytest.approx([1 / (1 + np.exp(2))] * 2 + [1 / (1 + np.exp(-2))])
    assert scores.dtype == np.float32
    assert np.array_equal(CrossEncoderScorer(Logits(1)).score("lamp lit", Passage(TEXT)), scores)
    with pytest.raises(UsageError, match="3 numbers a pair"):
        CrossEncoderScorer(Logits(3)).score("lamp lit", Passage(TEXT))


def test_a_batch_is_one_call_and_equals_a_loop():
    model = Logits()
    scorer = CrossEncoderScorer(model)
    contexts = [Passage(TEXT), Passage(""), Passage("The lamp."), Texts("", "roof")]
    queries = ["lamp lit", "roof", "lamp the", "the roof"]
    together = score_batch(scorer, queries, contexts)
    assert len(model.calls) == 1
    alone = [scorer.score(*pair) for pair in zip(queries, contexts, strict=True)]
    assert all(map(np.array_equal, together, alone))
    assert score_batch(scorer, [], []) == []


def test_documents_are_read_whole_or_in_windows():
    model = Logits()
    texts = ["It was lit in 1871.", " ", "A roof. " * 30 + "The lamp was lit in 1871.", "Nothing"]
    context = Passages(texts, titles=["lamp", "lamp", "", ""])
    units, documents = CrossEncoderScorer(model, window=100).score_documents("lamp lit", context)
    assert (units.shape, documents.shape) == ((len(context.units),), (4,))
    assert documents[0] == documents[2] > documents[3] > documents[1] == 0
    (read,) = model.calls
    windows = [text for _, text in read[len(context.units) :]]
    assert windows[0] == "lamp It was lit in 1871."
    assert len(windows) == 5
    assert all(len(window) <= 100 for window in windows)


def test_ranking_is_that_of_the_model():
    texts = ["Gulls nest on the roof.", "The lamp was lit in 1871. It was seen from afar.", "The red lamp."]
    ranked = PassagePruner(Pruner(CrossEncoderScorer(overlap))).rank("the red lamp.", texts)
    expected = overlap([("the red lamp.", text) for text in texts])
    assert [entry["corpus_id"] for entry in ranked] == np.argsort(-expected, kind="stable").tolist()
    assert [entry["score"] for entry in ranked] == pytest.approx(sorted(expected, reverse=True))


def test_titles_by_wrapping():
    scorer = TitledScorer(CrossEncoderScorer(overlap))
    assert scorer.score("lamp lit", Passages(["It was lit"], titles=["lamp"])).tolist() == [1]


@pytest.mark.parametrize("question", ["", " \n", "😀", "\x00\ud800", "wo ist " * 1000, "灯台はどこですか"])
def test_any_question(question: str):
    scores = CrossEncoderScorer(Logits()).score(question, Passage(TEXT))
    assert scores.shape == (3,)
    assert ((scores >= 0) & (scores <= 1)).all()
    assert scores.any() == bool(question.strip())


@pytest.mark.parametrize("text", ["", " \n", "\x00", "\ud800\udfff", "😀😀", "a" * 5000, "\u200b"])
def test_any_text(text: str):
    model = Logits()
    context = Passage(text)
    scores, documents = CrossEncoderScorer(model).score_documents("Where?", context)
    assert scores.shape == (len(context.units),)
    assert documents.shape == (min(1, len(context.units)),)
    "".join(part for pairs in model.calls for pair in pairs for part in pair).encode("utf-8")  # no lone surrogate


def test_blank_units_are_not_read():
    assert CrossEncoderScorer(overlap).score("a", Texts("", "a", " \n")).tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    ("answer", "message"),
    [([1.0], "shape"), ([[1.0]] * 3, "shape"), ([0.5, 2.0, 0], "outside 0 to 1"), ([0, 0, float("nan")], "outside")],
)
def test_other_answers_are_refused(answer: list, message: str):
    with pytest.raises(UsageError, match=message):
        CrossEncoderScorer(lambda pairs: answer).score("a", Passage(TEXT))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "model is None"),
        ({"model": 3}, "model is 3"),
        ({"model": Logits}, "model is"),
        ({"window": 0}, "window is"),
    ],
)
def test_arguments_are_checked(arguments: dict, message: str):
    with pytest.raises(UsageError, match=message):
        CrossEncoderScorer(**({"model": overlap} if "window" in arguments else {}), **arguments)


def test_it_is_registered_but_needs_a_model():
    assert SCORERS.get("cross_encoder") is CrossEncoderScorer
    with pytest.raises(UsageError, match="model is None"):
        Pruner("cross_encoder")


def test_fingerprints_tell_models_apart():
    assert fingerprint(CrossEncoderScorer("a")) == fingerprint(CrossEncoderScorer(Path("a")))
    assert fingerprint(CrossEncoderScorer("a")) != fingerprint(CrossEncoderScorer("b"))
    assert fingerprint(CrossEncoderScorer(overlap)) == fingerprint(CrossEncoderScorer(overlap))
    with pytest.raises(UsageError, match="cannot be fingerprinted"):
        fingerprint(CrossEncoderScorer(lambda pairs: 0))


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(MissingExtraError, match=r"pip install .*embedding"):
        CrossEncoderScorer("some/cross-encoder").score("a", Passage("a"))


def test_nothing_is_downloaded_unasked(monkeypatch: pytest.MonkeyPatch):
    asked = []

    class Library:
        class CrossEncoder:
            def __init__(self, name, **options):
                asked.append((name, options))
                raise OSError("no such model\nin the cache")

    monkeypatch.setitem(sys.modules, "sentence_transformers", Library)
    with pytest.raises(InputError, match=r"\(no such model\).*or allow downloading"):
        CrossEncoderScorer("some/other").score("a", Passage("a"))
    with pytest.raises(InputError, match="cannot be loaded"):
        load_cross_encoder("some/other", download=True)
    assert [options["local_files_only"] for _, options in asked] == [True, False]


def test_an_encoder_without_a_head_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "sentence_transformers", object())
    (tmp_path / "config.json").write_text(json.dumps({"architectures": ["BertModel"]}), encoding="utf-8")
    with pytest.raises(InputError, match="without a head that ranks"):
        load_cross_encoder(tmp_path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random cross-encoder of two layers, saved with an activation that is not the logistic one."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

    place = tmp_path_factory.mktemp("cross")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *TEXT.lower().replace(".", " .").split()]
    vocabulary = {word: number for number, word in enumerate(dict.fromkeys(words))}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]",
        model_max_length=64,
    ).save_pretrained(place)  # fmt: skip
    torch.manual_seed(0)
    shape = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    config = BertConfig(vocab_size=len(vocabulary), max_position_embeddings=64, num_labels=1, **shape)
    config.sentence_transformers = {"activation_fn": "torch.nn.modules.linear.Identity"}
    BertForSequenceClassification(config).save_pretrained(place)
    return place


@needs_library
@pytest.mark.filterwarnings("ignore")
def test_a_real_one_loads_and_scores(folder: Path):
    scorer = CrossEncoderScorer(folder)
    context = Passage(TEXT)
    scores, documents = scorer.score_documents("When was the lamp lit?", context)
    assert scores.shape == (3,)
    assert len(set(scores.tolist())) == 3
    from sentence_transformers import CrossEncoder

    model = CrossEncoder(str(folder), device="cpu", local_files_only=True)
    logits = model.predict([("When was the lamp lit?", unit.text) for unit in context.units])
    assert scores == pytest.approx(1 / (1 + np.exp(-logits)), abs=1e-5)  # it was saved to give logits
    assert np.array_equal(CrossEncoderScorer(model).score("When was the lamp lit?", context), scores)
    whole = model.rank("When was the lamp lit?", [TEXT])
    assert documents == pytest.approx([1 / (1 + np.exp(-whole[0]["score"]))], abs=1e-5)


@needs_library
@pytest.mark.filterwarnings("ignore")
def test_a_real_batch_equals_a_loop_and_threads(folder: Path):
    scorer = CrossEncoderScorer(str(folder))
    contexts = [Passage(TEXT), Passage("The roof."), Passage(TEXT * 20), Passage("\x00 \ud800 red"), Passage("")]
    queries = ["lamp", "red " * 2000, "the roof is red", "\ud800", "x"]
    together = score_batch(scorer, queries, contexts)
    alone = [scorer.score(*pair) for pair in zip(queries, contexts, strict=True)]
    with ThreadPoolExecutor(8) as pool:
        threads = list(pool.map(scorer.score, queries * 3, contexts * 3))
    for one, other in zip(together * 4, alone + threads, strict=True):
        assert one == pytest.approx(other, abs=1e-5)


@needs_library
@pytest.mark.filterwarnings("ignore")
def test_a_real_name_that_is_not_here(tmp_path: Path):
    for name in ("nobody/has-this-cross-encoder", str(tmp_path)):
        with pytest.raises(InputError, match="cannot be loaded"):
            load_cross_encoder(name)


def test_a_folder_without_weights_is_said_to_have_none(tmp_path: Path):
    (tmp_path / "config.json").write_text('{"architectures": ["BertForSequenceClassification"]}', encoding="utf-8")
    with pytest.raises(InputError, match="the folder has no weights") as caught:
        load_cross_encoder(tmp_path)
    assert "download" not in str(caught.value)


def test_a_shrunk_folder_without_its_graph_says_how_to_get_one(tmp_path: Path):
    (tmp_path / "config.json").write_text('{"model_type": "ctxprune-shrunk"}', encoding="utf-8")
    with pytest.raises(InputError, match=r"differ in size, which sentence-transformers cannot read.*--resume --onnx"):
        load_cross_encoder(tmp_path)
