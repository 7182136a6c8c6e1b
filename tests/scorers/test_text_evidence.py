"""What the words of a page say for each of its blocks."""

from __future__ import annotations

import numpy as np
import pytest

from ctxprune.rag import HtmlPage
from ctxprune.scorers.structured.page import PageScorer
from ctxprune.scorers.structured.page_parts.text_evidence import EVIDENCE, TextEvidence

PAGE = HtmlPage(
    "<h1>Harbour handbook</h1><h2>Lighthouse</h2>"
    "<p>It burns oil of whales, which the keeper brings up each evening before the lamp is lit for the ships.</p>"
    "<h2>Ferry</h2><p>The ferry leaves at noon and comes back in the afternoon, unless there is a storm at sea.</p>"
    "<pre>harbourMaster.setLampColour(red)</pre>"
)
PLACES = {name: place for place, name in enumerate(EVIDENCE)}


def read(question: str, page: HtmlPage = PAGE) -> np.ndarray:
    return TextEvidence(page).features(question)


def place_of(text: str) -> int:
    [place] = [place for place, unit in enumerate(PAGE.units) if text in unit.text]
    return place


def best(question: str, name: str = "weighted") -> str:
    return PAGE.units[int(np.argmax(read(question)[:, PLACES[name]]))].text


@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        ("when does the ferry leave?", "The ferry leaves"),
        ("what is burnt in the lighthouse?", "It burns oil"),
        ("setLampColour", "harbourMaster"),
        ("lamp colour", "harbourMaster"),
        ("aftrnoon", "The ferry leaves"),
        ("which boat travels at midday?", "The ferry leaves"),
    ],
)
def test_the_block_that_is_asked_for_is_the_best(question: str, wanted: str) -> None:
    scores = PageScorer().score(question, PAGE)
    assert PAGE.units[int(scores.argmax())].text.startswith(wanted)


def test_a_heading_counts_for_what_stands_under_it_and_less_than_the_word_itself() -> None:
    found = read("lighthouse")[:, PLACES["weighted"]]
    under, heading, other = (found[place_of(text)] for text in ("It burns", "Lighthouse", "The ferry"))
    assert heading > under > 0
    assert under > other
    assert read("lighthouse oil")[place_of("It burns"), PLACES["held"]] == pytest.approx(1)


def test_a_misspelt_word_counts_less_than_the_word() -> None:
    weighted = PLACES["weighted"]
    right, wrong = (read(word)[place_of("The ferry"), weighted] for word in ("afternoon", "aftrnoon"))
    assert 0 < wrong < right


def test_rare_words_outweigh_common_ones() -> None:
    one, other = (read("before ferry")[place_of(text), PLACES["held"]] for text in ("It burns", "The ferry"))
    assert other > one


def test_a_block_is_told_what_stood_before_it() -> None:
    page = HtmlPage("<p>The keeper of the lamp lives here alone, and has done so for some time.</p><pre>x y z</pre>")
    found = TextEvidence(page).features("keeper lamp")
    assert found[1, PLACES["before"]] == pytest.approx(found[0, PLACES["weighted"]])


@pytest.mark.parametrize("question", ["", "the of and", "qwxyz", "\ud800", "¿¡"])
@pytest.mark.parametrize("source", ["", "<p>", "<p>the of and</p>", "<p>\x00</p><h1></h1>", "<h1>a b</h1><p>c d</p>"])
def test_questions_and_pages_without_words(question: str, source: str) -> None:
    page = HtmlPage(source)
    found = TextEvidence(page).features(question)
    assert found.shape == (len(page.units), len(EVIDENCE))
    assert np.isfinite(found).all()
    assert np.isfinite(PageScorer().score(question, page)).all()


def test_a_question_none_of_whose_words_are_there_scores_nothing() -> None:
    assert not PageScorer().score("qwxyzzy", PAGE).any()
