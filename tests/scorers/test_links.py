"""The second pass of the mixture: names that lead from one document to another."""

from __future__ import annotations

import numpy as np
import pytest

from ctxprune.context.base import Unit
from ctxprune.rag import Passage, Passages
from ctxprune.scorers.combined.mixture import MixtureScorer
from ctxprune.scorers.combined.mixture_parts.links import LINKS, Names, link_features
from ctxprune.scorers.combined.mixture_parts.matches import read_vocabulary

QUERY = "When was the university founded that the coach of the Harbour Rams works for?"
TEXTS = [
    "The Harbour Rams are a team. It plays for Kelmar Institute.",
    "Kelmar Institute is a school in the north. It was founded in 1838.",
    "Dorvath is a town. It was founded in 1710.",
]
TITLES = ["Harbour Rams", "Kelmar Institute (school)", "Dorvath"]


def links(texts: list[str], titles: list[str], logits: list[float], query: str = QUERY) -> dict[str, list[float]]:
    context = Passages(texts, titles=titles)
    vocabulary = read_vocabulary([unit.text for unit in context.units])
    rows = link_features(query, Names(context), vocabulary, np.asarray(logits))
    return {name: rows[:, place].round(6).tolist() for place, name in enumerate(LINKS)}


def test_a_document_that_the_best_unit_names_is_linked() -> None:
    found = links(TEXTS, TITLES, [0.0, 0.0, -4.0, -4.0, -4.0, -4.0])
    # Neither the remark in brackets, nor what the question names itself, nor a document's own mention counts.
    assert found["named"] == [0.0, 0.0, 1.0, 1.0, 0.0, 0.0]
    assert found["asked"] == [1.0, 1.0, 0.0, 0.0, 0.0, 0.0]
    assert found["opening"] == [0.0, 0.0, 1.0, 0.0, 0.0, 0.0]


def test_a_mention_counts_as_much_as_the_unit_that_makes_it() -> None:
    found = links(TEXTS, TITLES, [0.0, -4.0, -8.0, -8.0, -8.0, -8.0])
    assert found["named"][2] == pytest.approx(np.exp(-1), abs=1e-6)


def test_without_titles_the_subject_of_the_first_sentence_names() -> None:
    found = links(TEXTS, [], [0.0, 0.0, -4.0, -4.0, -4.0, -4.0])
    assert found["named"][2] == 1.0
    assert found["named"][4] == 0.0
    story = Passages(["Once upon a time there was a king. He slept.", "The old man went away, and it was dark."])
    assert Names(story).names == [{}, {}]


def test_a_pronoun_follows_the_sentence_before_it_in_its_document() -> None:
    found = links(TEXTS, TITLES, [-9.0, -9.0, 0.0, -2.0, -3.0, -4.0])
    assert found["follows"][3] == 1.0
    assert found["follows"][4] == 0.0
    assert found["follows"][5] == pytest.approx(np.exp(-3), abs=1e-6)


def test_the_second_pass_lifts_the_linked_document() -> None:
    scorer = MixtureScorer()
    context = Passages(TEXTS, titles=TITLES)
    renamed = Passages(TEXTS, titles=["Harbour Rams", "Dorvath", "Kelmar Institute"])
    linked, other = scorer.score(QUERY, context), scorer.score(QUERY, renamed)
    # The same texts: what differs is which of the last two documents the first one names.
    assert linked[3] > linked[5]
    assert linked[3] / linked[5] > other[3] / other[5]


def test_one_document_has_no_second_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[str] = []
    monkeypatch.setattr(MixtureScorer, "link_features", lambda *_: called.append("links"))
    MixtureScorer().score(QUERY, Passage("\n\n".join(TEXTS)))
    assert called == []


@pytest.mark.parametrize("title", ["", "()", "(only a remark)", "\ud800", "a" * 10_000, "the of"])
def test_odd_titles_and_texts(title: str) -> None:
    context = Passages(["", "?!", "A" * 5000, "Kelmar " * 2000], titles=[title] * 4)
    scores = MixtureScorer().score(QUERY, context)
    assert np.isfinite(scores).all()


def test_parents_are_no_evidence_that_could_name_others() -> None:
    class Headed:
        units = (Unit("Kelmar Institute"), Unit("It is old.", parent=0), Unit("Kelmar is a town."), Unit("So is Rams."))
        sources = (0, 0, 1, 2)
        titles = ("Rams", "Kelmar", "Dorvath")
        kind = "passage"

        def render(self, kept):
            return sorted(kept)

    context = Headed()
    scorer = MixtureScorer()
    vocabulary = read_vocabulary([unit.text for unit in context.units])
    rows = scorer.link_features("town", context, vocabulary, np.array([9.0, -5.0, 0.0, -5.0]))
    assert rows[2, LINKS.index("named")] == 0.0
