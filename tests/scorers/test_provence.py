"""Provence's rule with a fake model: windows, means, titles, odd input. Real checkpoints: tests/models."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from ctxprune import SCORERS, Pruner, Threshold, Unit, prune
from ctxprune.errors import InputError, UsageError
from ctxprune.models.provence import TokenModel
from ctxprune.rag import Passage, PassagePruner, Passages
from ctxprune.scorers import score_batch
from ctxprune.scorers.neural.provence import ProvenceScorer
from ctxprune.utils.fingerprint import fingerprint

TEXT = "The lighthouse is red. Gulls nest on the roof. The lamp was lit in 1871."
CLS, SEP = 1, 2


class Words:
    """Each word is a token, kept where the question has it; relevance is the share of those that are."""

    first, between, last, fingerprint = [CLS], [SEP], [SEP], "words"

    def __init__(self, limit: int = 64) -> None:
        self.limit, self.windows, self.batches = limit, [], []
        self.texts: list[str] = []
        self.ids: dict[str, int] = {}

    def encode(self, texts):
        self.texts += texts
        "".join(texts).encode("utf-8")  # no lone surrogate comes in
        return [[self.ids.setdefault(word, 10 + len(self.ids)) for word in text.strip(" .").split()] for text in texts]

    def run(self, windows):
        self.windows += windows
        self.batches.append(len(windows))
        results = []
        for window in windows:
            asked = set(window.ids[1 : window.question - 1])
            keep = np.asarray([number in asked for number in window.ids], dtype=np.float32)
            results.append((keep, float(keep[window.question :].mean())))
        return results


class Tree:
    def __init__(self, *units: Unit) -> None:
        self.units = units

    def render(self, kept):
        return sorted(kept)


def test_a_unit_scores_the_mean_of_its_tokens():
    model = Words()
    scorer = ProvenceScorer(model)
    assert isinstance(model, TokenModel)
    assert scorer.ranks_documents
    units, documents = scorer.score_documents("lamp lit 1871", Passage(TEXT))
    assert units == pytest.approx([0, 0, 3 / 6])
    assert units.dtype == np.float32
    (window,) = model.windows
    assert window.ids[0] == CLS
    assert window.ids[window.question - 1] == window.ids[-1] == SEP
    assert documents == pytest.approx([3 / (len(window.ids) - window.question)])
    assert model.texts == [
        "lamp lit 1871",
        "",
        *[(" " if at else "") + u.text for at, u in enumerate(Passage(TEXT).units)],
    ]
    assert (
        prune("lamp lit 1871", Passage(TEXT), scorer=scorer, policy=Threshold(0.1)).output
        == "The lamp was lit in 1871."
    )


def test_long_documents_are_read_in_windows_cut_between_units():
    model = Words()
    text = "One two three four five. " * 40 + "The lamp was lit."
    units, documents = ProvenceScorer(model, batch=2).score_documents("lamp", Passage(text))
    assert 4 <= len(model.windows) <= 5
    assert max(model.batches) == 2
    for window in model.windows:
        assert len(window.ids) <= model.limit
        assert {piece.end - piece.start for piece in window.pieces} <= {4, 5}
    assert units[-1] == 0.25
    assert not units[:-1].any()
    best = max(model.windows, key=lambda window: sum(number == model.ids["lamp"] for number in window.ids))
    assert documents == pytest.approx([1 / (len(best.ids) - best.question)])


def test_a_unit_longer_than_a_window_is_read_in_parts():
    model = Words()
    scores = ProvenceScorer(model).score("lamp", Tree(Unit("no " * 190 + "lamp " * 10)))
    assert scores == pytest.approx([0.05])
    assert len(model.windows) > 3


def test_a_long_question_is_clipped():
    model = Words()
    scores = ProvenceScorer(model).score("what " * 1990 + "lamp " * 10, Passage(TEXT))
    assert scores[2] > 0
    assert model.windows[0].question == 1 + model.limit // 4 + 1


def test_titles_are_read_and_documents_ranked():
    model = Words()
    context = Passages(["It was lit.", " ", "The lamp.", "Gulls."], titles=["lamp", "lamp", "", "roof"])
    units, documents = ProvenceScorer(model).score_documents("lamp", context)
    assert units.tolist() == [0, 0.5, 0]
    assert documents[0] > documents[3] == documents[1] == 0 < documents[2]
    assert [window.ids[window.question] == model.ids["lamp"] for window in model.windows].count(True) == 1
    ranked = PassagePruner(Pruner(ProvenceScorer(Words()))).rank("lamp", ["Gulls are here.", "A lamp.", "lamp"])
    assert [entry["corpus_id"] for entry in ranked] == [2, 1, 0]


def test_a_parent_is_a_title():
    context = Tree(Unit("lamp"), Unit("it was lit", parent=0), Unit("roof"), Unit("it leaks", parent=2))
    units, _ = ProvenceScorer(Words()).score_documents("lamp lit", context)
    assert units[0] == units[2] == 0  # what is kept brings its title along
    assert units[1] == pytest.approx(1 / 3)


def test_a_batch_shares_passes_and_equals_a_loop_and_threads():
    contexts = [Passage(TEXT), Passage(""), Passages([TEXT, "Apples are red."], titles=["A", "B"]), Passage(TEXT * 9)]
    queries = ["lamp", "x", "what is red", ""]
    model = Words()
    together = score_batch(ProvenceScorer(model), queries, contexts)
    assert model.batches == [3]
    scorer = ProvenceScorer(Words(), batch=1)
    alone = [scorer.score(*pair) for pair in zip(queries, contexts, strict=True)]
    assert all(map(np.array_equal, together, alone))
    with ThreadPoolExecutor(8) as pool:
        many = list(pool.map(ProvenceScorer(Words()).score, queries * 5, contexts * 5))
    assert [scores.shape for scores in many] == [scores.shape for scores in alone * 5]
    assert score_batch(scorer, [], []) == []


@pytest.mark.parametrize("question", ["", " \n", "😀", "\x00\ud800", "wo ist " * 1000, "灯台はどこですか"])
@pytest.mark.parametrize("text", ["", " \n", "\x00", "\ud800\udfff x", "😀😀", "a" * 5000, "\u200b", TEXT])
def test_any_question_and_text(question: str, text: str):
    context = Passage(text)
    units, documents = ProvenceScorer(Words()).score_documents(question, context)
    assert (units.shape, documents.shape) == ((len(context.units),), (min(1, len(context.units)),))
    assert ((units >= 0) & (units <= 1)).all()


def test_units_without_a_token_score_nothing():
    assert ProvenceScorer(Words()).score("lamp", Tree(Unit("lamp"), Unit(""), Unit(" "))).tolist() == [1, 0, 0]
    model = Words()
    assert ProvenceScorer(model).score(" ", Passage(TEXT)).tolist() == [0, 0, 0]
    assert not model.windows


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "model is None"),
        ({"model": 3}, "model is 3"),
        ({"model": Words}, "model is"),
        ({"model": "a", "batch": 0}, "batch"),
    ],
)
def test_arguments_are_checked(arguments: dict, message: str):
    with pytest.raises(UsageError, match=message):
        ProvenceScorer(**arguments)


def test_it_is_registered_and_fingerprinted():
    assert SCORERS.get("provence") is ProvenceScorer
    assert fingerprint(ProvenceScorer("a")) == fingerprint(ProvenceScorer(Path("a"), batch=2))
    assert fingerprint(ProvenceScorer("a")) != fingerprint(ProvenceScorer(Words()))


def test_a_folder_is_read_when_first_used(tmp_path: Path):
    scorer = ProvenceScorer(tmp_path)
    with pytest.raises((InputError, ImportError), match=r"config\.json|pip install"):
        scorer.score("lamp", Passage(TEXT))
