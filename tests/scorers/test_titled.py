"""Titles and ancestors are read with each unit; documents count beside sentences."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxprune import DocumentFusion, LexicalScorer, Pruner, TitledScorer, TokenBudget, TopK, Unit, prune
from ctxprune.errors import UsageError
from ctxprune.rag import PassageOptions, PassagePruner, Passages
from ctxprune.scorers.base import score_documents

TEXTS = ["Built in 1889. Made of iron.", "Built in 1931. Made of steel.", ""]
TITLES = ["Eiffel Tower", "Empire State Building", "Nothing"]


class Reading:
    """Scores the length of each unit, and remembers what it read."""

    def __init__(self) -> None:
        self.read: list[list[str]] = []

    def score(self, query, context):
        self.read.append([unit.text for unit in context.units])
        return np.asarray([len(unit.text) for unit in context.units], dtype=np.float32)


def test_units_are_read_under_their_title_and_headings() -> None:
    passages = Passages(["# A\none. two.\n## B\nthree."], options=PassageOptions(headings=True), titles=["T"])
    scorer = Reading()
    TitledScorer(scorer).score("q", passages)
    assert scorer.read == [["T\n# A", "T\n# A\none.", "T\n# A\ntwo.", "T\n# A\n## B", "T\n# A\n## B\nthree."]]


def test_a_title_decides_between_alike_sentences() -> None:
    passages = Passages(TEXTS, titles=TITLES)
    assert prune("when was the Empire State Building built?", passages, scorer="titled", policy=TopK(1)).output == [
        "", "Built in 1931.", ""
    ]  # fmt: skip
    plain = Passages(TEXTS)
    assert TitledScorer().score("built iron", plain) == pytest.approx(LexicalScorer().score("built iron", plain))
    ranked = PassagePruner(Pruner(TitledScorer())).rank("empire", passages)
    assert ranked[0]["corpus_id"] == 1


def test_titles_are_checked() -> None:
    for titles, message in (
        (["a"], "1 titles do not match 3"),
        ("abc", "titles is a str"),
        ([1, 2, 3], "3 titles do not"),
    ):
        with pytest.raises(UsageError, match=message):
            Passages(TEXTS, titles=titles)
    with pytest.raises(UsageError, match="titles is a NoneType"):
        Passages(TEXTS, titles=None)
    with pytest.raises(UsageError, match="scorer is None"):
        TitledScorer(None)


def test_long_chains_and_circles_of_parents_end() -> None:
    class Tree:
        units = tuple(Unit(str(i), parent=(i + 1) % 50) for i in range(50))

        def render(self, kept):
            return tuple(kept)

    scorer = Reading()
    TitledScorer(scorer).score("q", Tree())
    assert all(len(text.split("\n")) <= 9 for text in scorer.read[0])
    assert scorer.read[0][0].endswith("\n1\n0")


def test_documents_count_beside_their_sentences() -> None:
    texts = ["The tower is tall. It has a lift.", "A lift is a machine. It goes up."]
    passages = Passages(texts)
    lexical = LexicalScorer().score("lift of the tall tower", passages)
    fused = DocumentFusion().score("lift of the tall tower", passages)
    assert fused[1] - fused[2] > lexical[1] - lexical[2]
    assert prune("lift of the tall tower", passages, scorer="documents", policy=TokenBudget(12)).output[0] == texts[0]
    assert DocumentFusion(weight=0).score("lift", passages) == pytest.approx(LexicalScorer().score("lift", passages))
    assert DocumentFusion().score_documents("lift", passages)[1] == pytest.approx(
        LexicalScorer().score_documents("lift", passages)[1]
    )


@given(st.lists(st.floats(-9, 9, width=32), max_size=9), st.floats(0, 3))
def test_one_document_keeps_its_order(values, weight: float) -> None:
    class Row:
        units = tuple(Unit(str(value)) for value in values)

        def render(self, kept):
            return tuple(kept)

    class Given:
        def score(self, query, context):
            return np.asarray(values, dtype=np.float32)

    scores = DocumentFusion(Given(), weight).score("q", Row())
    order = np.argsort(np.asarray(values, dtype=np.float32), kind="stable")
    assert (np.diff(scores[order]) >= 0).all()


@pytest.mark.parametrize("scorer", [LexicalScorer(), TitledScorer(), DocumentFusion(), TitledScorer(Reading())])
def test_documents_are_scored_in_the_same_pass(scorer) -> None:
    assert scorer.ranks_documents
    passages = Passages(TEXTS, titles=TITLES)
    units, documents = score_documents(scorer, "iron tower", passages)
    assert units == pytest.approx(scorer.score("iron tower", passages))
    assert documents.shape == (2,)
    assert documents[0] >= documents[1] or isinstance(getattr(scorer, "scorer", None), Reading)


@pytest.mark.parametrize(
    ("arguments", "message"), [({"weight": -1}, "weight is -1"), ({"scorer": LexicalScorer}, "scorer is")]
)
def test_arguments_are_checked(arguments, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        DocumentFusion(**arguments)
