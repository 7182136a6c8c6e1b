"""The bundled model as a scorer: what it finds, what it does with odd input, that nothing depends on the batch."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from ctxprune import SCORERS, TokenBudget, TopK, Unit, prune
from ctxprune.context import ContextSubset
from ctxprune.errors import UsageError
from ctxprune.rag import Passage, PassageOptions, Passages
from ctxprune.scorers import score_batch
from ctxprune.scorers.neural.pruner import PrunerScorer
from ctxprune.utils.fingerprint import fingerprint

TEXT = (
    "The lighthouse stands on a rock in the bay. Its lamp was lit for the first time in 1871. "
    "Gulls nest on the roof of the old store. The keeper's daughter planted apple trees behind it. "
    "Visitors come by boat from the village on Sundays."
)


def test_it_is_registered_and_says_which_weights_it_has():
    assert SCORERS.get("pruner") is PrunerScorer
    assert PrunerScorer().ranks_documents
    assert fingerprint(PrunerScorer()) == fingerprint(PrunerScorer(threads=2))


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        ("When did the light begin to shine?", "lit for the first time"),
        ("Who grew fruit?", "apple trees"),
        ("How do tourists reach the place?", "by boat"),
    ],
)
def test_it_finds_what_shares_no_word_with_the_question(question: str, sentence: str):
    result = prune(question, Passage(TEXT), scorer="pruner", policy=TopK(1))
    assert sentence in result.output


def test_relevance_of_documents_and_titles():
    texts = ["It opened in 1902.", "It opened in 1871.", ""]
    context = Passages(texts, titles=["Central Station", "Red Rock Lighthouse", "Nothing"])
    units, documents = PrunerScorer().score_documents("When did Red Rock Lighthouse open?", context)
    assert (units.shape, units.dtype, documents.shape) == ((2,), np.float32, (2,))
    assert units[1] > units[0]
    assert documents[1] > documents[0]
    assert ((units >= 0) & (units <= 1)).all()


class Tree:
    def __init__(self, *units: Unit, kind: str = "passage") -> None:
        self.units, self.kind = units, kind

    def render(self, kept):
        return sorted(kept)


def test_headings_come_along_and_are_not_kept_alone():
    text = (
        "# Tea\n\nIt is a drink.\n\n## Brewing\n\nSteep the green tea for two minutes.\n\n## Storage\n\nKeep it dry.\n"
    )
    passage = Passage(text, options=PassageOptions(markdown=True, headings=True))
    kept = prune("How long should green tea steep?", passage, policy=TokenBudget(25)).kept
    assert [unit.index for unit in kept] == [0, 1, 2, 3]  # not the three headings, which would fit as well


def test_a_part_knows_how_many_units_there_were():
    context = Passages(["It rains. Cows eat grass.", "The gate is blue. It is old."])
    part = ContextSubset(context, np.asarray([2, 3]))
    features = PrunerScorer().features("Which colour is the gate?", part)
    assert features.units["fewness"].tolist() == [-np.log(4)] * 2
    assert features.documents["fewness"].tolist() == [-np.log(2)]


def test_columns_of_tables():
    schema = Tree(
        Unit("singer"), Unit("singer age", parent=0), Unit("singer name", parent=0),
        Unit("stadium"), Unit("stadium capacity", parent=3), kind="schema")  # fmt: skip
    scores, documents = PrunerScorer().score_documents("How old is each singer?", schema)
    assert scores[1] == max(scores[[1, 2, 4]])
    assert scores[0] > scores[3]
    assert documents.shape == (1,)
    assert documents[0] == max(scores[0], scores[3])


@pytest.mark.parametrize(
    "question", ["", " \n", "😀", "\x00\ud800", "wo ist " * 2000, "أين المنارة؟", "灯台はどこですか"]
)
def test_any_question(question: str):
    scores = PrunerScorer().score(question, Passage(TEXT))
    assert scores.shape == (5,)
    assert np.isfinite(scores).all()


@pytest.mark.parametrize(
    "text", ["", " \n\t ", "\x00", "\ud800\udfff", "😀😀", "a" * 5000, "שלום עולם. מה שלומך?", "\u200b"]
)
def test_any_text(text: str):
    context = Passage(text)
    scores = PrunerScorer().score("Where is it?", context)
    assert scores.shape == (len(context.units),)
    assert np.isfinite(scores).all()


def test_units_without_a_token_score_nothing():
    scores = PrunerScorer().score("Where is it?", Tree(Unit("It is here."), Unit("")))
    assert scores[1] == 0 < scores[0]


def test_a_batch_equals_a_loop_and_threads_change_nothing():
    contexts = [Passage(TEXT), Passage(TEXT[:120]), Passages([TEXT, "Apples are red."], titles=["A", "B"])]
    questions = ["Who planted trees?", "When?", "What is red?"]
    alone = [PrunerScorer().score(*pair) for pair in zip(questions, contexts, strict=True)]
    for threads in (1, 2):
        scorer = PrunerScorer(threads=threads)
        assert all(map(np.array_equal, alone, score_batch(scorer, questions, contexts)))
        with ThreadPoolExecutor(20) as pool:
            many = list(pool.map(scorer.score, questions * 7, contexts * 7))
        assert all(map(np.array_equal, alone * 7, many))


@pytest.mark.parametrize(("arguments", "message"), [({"threads": 0}, "threads is 0"), ({"model": 3}, "model is a int")])
def test_arguments_are_checked(arguments: dict, message: str):
    with pytest.raises(UsageError, match=message):
        PrunerScorer(**arguments)


def test_another_folder(tmp_path: Path):
    with pytest.raises(ValueError, match="manifest cannot be read"):
        PrunerScorer(model=tmp_path).score("a", Passage("a"))


@pytest.mark.parametrize("scorer", [PrunerScorer(), SCORERS.get("cascade")()], ids=["pruner", "cascade"])
def test_a_batch_of_documents_is_scored_as_one_by_one(scorer, monkeypatch: pytest.MonkeyPatch):
    """Bit for bit: whoever shares a run with others gets what they would get alone."""
    contexts = [
        Passages([TEXT, "", TEXT[:30]]),
        Passage(TEXT),
        Passages([]),
        Passages(["# Boats\n\n" + TEXT], titles=["The bay"], options=PassageOptions(markdown=True, headings=True)),
        Passages([TEXT] * 200),
        Passage(TEXT),
    ]
    queries = ["Who grew fruit?", "Where are gulls?", "Who?", "How do tourists come?", "When?", "Where are gulls?"]
    alone = [scorer.score_documents(query, context) for query, context in zip(queries, contexts, strict=True)]
    runs = []
    model = PrunerScorer().loaded
    monkeypatch.setattr(model, "run", lambda window, run=model.run: runs.append(window.ids) or run(window))
    together = scorer.score_documents_batch(queries[:4] + queries[5:], contexts[:4] + contexts[5:])
    for one, both in zip(alone[:4] + alone[5:], together, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(one, both, strict=True))
    assert len(runs) == len({tuple(ids) for ids in runs})  # what two ask is computed once
    large = scorer.score_documents_batch(queries[3:], contexts[3:])[1]
    assert all(np.array_equal(a, b) for a, b in zip(alone[4], large, strict=True))
