"""A cheap scorer that was taught the order of another one."""

from __future__ import annotations

import numpy as np
import pytest

from ctxprune import CascadeScorer, LexicalScorer
from ctxprune.errors import UsageError
from ctxprune.models.network import Network
from ctxprune.rag import DistilledScorer, Passages, distil_scorer
from ctxprune.scorers.base import Scorer

DOCUMENTS = [
    ["The tower was built in 1889.", "It is 330 metres tall.", "Paris has many towers and bridges."],
    ["The river flows through London.", "Its source is near Kemble.", "Boats run on the river all day."],
    ["Cats sleep for most of the day.", "Dogs bark at night.", "A cat chases mice."],
]
QUERIES = ["When was the tower built?", "Where is the source of the river?", "What do cats chase?"]


class Longest(Scorer):
    """Longer is better, whatever is asked."""

    def score(self, query, context):
        return np.asarray([len(unit.text) for unit in context.units], np.float32)


def test_it_learns_an_order_that_the_words_give() -> None:
    student = distil_scorer(LexicalScorer(), QUERIES, DOCUMENTS, decay=0.001)
    context = Passages(["Cork lies on the Lee.", "Vienna was founded by Celts.", "The Danube crosses Vienna."])
    query = "Who founded Vienna?"
    assert student.score(query, context).argmax() == LexicalScorer().score(query, context).argmax() == 1
    assert student.score(query, Passages([])).shape == (0,)
    assert student.fingerprint == distil_scorer(LexicalScorer(), QUERIES, DOCUMENTS, decay=0.001).fingerprint


def sentences(seed: int) -> list[str]:
    rng = np.random.default_rng(seed)
    words = ["river", "tower", "built", "city", "long", "bridge", "opened", "iron", "north", "water", "people", "stone"]
    return [" ".join(["The", *rng.choice(words, size)]) + "." for size in rng.permutation(np.arange(3, 25, 2))]


def test_it_learns_length_from_one_that_goes_by_it() -> None:
    student = distil_scorer(Longest(), ["anything"] * 4, [sentences(seed) for seed in range(4)])
    texts = sentences(9)
    scores = student.score("anything", Passages(texts))
    lengths = np.asarray([len(text) for text in texts])
    assert np.corrcoef(scores, lengths)[0, 1] > 0.9


def test_it_is_the_cheap_part_of_a_cascade() -> None:
    student = distil_scorer(Longest(), ["anything"] * 4, [Passages(sentences(seed)) for seed in range(4)])
    cascade = CascadeScorer(cheap=student, scorer=Longest(), windows=3, window=30)
    texts = sentences(9)
    assert cascade.score("anything", Passages(texts)).argmax() == np.argmax([len(text) for text in texts])


@pytest.mark.parametrize(
    ("queries", "passages", "options"),
    [
        ("one", DOCUMENTS, {}),
        (QUERIES, DOCUMENTS[:2], {}),
        (QUERIES, ["a text", "a text", "a text"], {}),
        ([], [], {}),
        (QUERIES, [["same"], ["same"], []], {}),
        (QUERIES, DOCUMENTS, {"decay": 0}),
    ],
)
def test_what_teaches_nothing_is_refused(queries, passages, options) -> None:
    with pytest.raises(UsageError):
        distil_scorer(Longest(), queries, passages, **options)


def test_other_scorers_and_networks_are_refused() -> None:
    with pytest.raises(UsageError, match="strong"):
        distil_scorer("lexical.v1", QUERIES, DOCUMENTS)
    with pytest.raises(UsageError, match="13 inputs"):
        DistilledScorer(Network(np.zeros(1), np.ones(1), None, None, np.zeros(1), 0.0))
