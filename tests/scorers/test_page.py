"""The page scorer: which table, or the text, a question is about."""

from __future__ import annotations

import gc
import json
import weakref
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from ctxprune import Pruner, TokenBudget
from ctxprune.errors import FormatError, UsageError
from ctxprune.rag import HtmlPage, Passage
from ctxprune.scorers.lexical.titled import TitledScorer
from ctxprune.scorers.structured.page import PageScorer
from ctxprune.scorers.structured.page_parts.weights import network_of


def table(name: str, header: str, rows: list[str]) -> str:
    cells = "".join(f"<tr><td>{row.replace('|', '<td>')}" for row in rows)
    return f"<h2>{name}</h2><table><tr><th>{header.replace('|', '<th>')}</tr>{cells}</table>"


LAKES = table("Lakes", "Lake|Area|Depth", ["Como|146|425", "Garda|370|346", "Iseo|65|251", "Orta|18|143"])
PEAKS = table("Peaks", "Peak|Height|First climbed", ["Eiger|3967|1858", "Ortler|3905|1804", "Piz Bernina|4049|1850"])
TEXT = "<p>The ferry across the lake is run by the town of Lecco since the railway was closed.</p>"
PAGE = HtmlPage(f"<h1>Alps</h1>{TEXT}{LAKES}{PEAKS}")


def best(question: str) -> str:
    scores = PageScorer().score(question, PAGE)
    return PAGE.units[int(np.argmax(scores))].text


@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        ("which lake has the largest area?", "Garda | 370 | 346"),
        ("when was Ortler first climbed?", "Ortler | 3905 | 1804"),
        ("who runs the ferry across the lake?", "The ferry across"),
    ],
)
def test_the_best_unit_is_in_the_part_that_is_asked(question: str, wanted: str) -> None:
    assert best(question).startswith(wanted)


def test_units_of_the_table_that_is_asked_come_before_those_of_another() -> None:
    scores = PageScorer().score("what is the height of the peak that was first climbed in 1850?", PAGE)
    rows = [[scores[unit] for unit in grid.row_units] for grid in PAGE.grids]
    assert min(rows[1]) > max(rows[0])


def test_without_tables_it_is_the_wrapped_scorer() -> None:
    text = Passage("The bridge is long. It opened in 1933. Tolls pay for it.")
    question = "when did the bridge open?"
    np.testing.assert_array_equal(PageScorer().score(question, text), TitledScorer().score(question, text))


def test_a_value_is_found_by_the_label_beside_it() -> None:
    fields = {"Fuel economy": "20 MPG", "Seats": "4", "Engine": "V8"}
    cards = "".join(f"<div><div>{value}</div><div><div>{label}</div></div></div>" for label, value in fields.items())
    page = HtmlPage(f"<body>{TEXT}{cards}")
    scores = dict(
        zip((unit.text for unit in page.units), PageScorer().score("what is the fuel economy?", page), strict=True)
    )
    assert scores["20 MPG"] > 0.9 * scores["Fuel economy"] > 0
    assert scores["V8"] < 0.2 * scores["20 MPG"]


def test_a_page_is_not_kept_alive() -> None:
    scorer, page = PageScorer(), HtmlPage(TEXT + LAKES)
    scorer.score("how deep is lake Iseo?", page)
    alive = weakref.ref(page)
    del page
    gc.collect()
    assert alive() is None


def test_a_budget_keeps_the_answer() -> None:
    scores = PageScorer().score("how deep is lake Iseo?", PAGE)
    assert scores.dtype == np.float32
    assert ((scores >= 0) & (scores <= 1)).all()
    kept = Pruner("page.v1", TokenBudget(110)).prune("how deep is lake Iseo?", PAGE)
    assert "251" in kept.output
    assert "Eiger" not in kept.output


@pytest.mark.parametrize("name", ["scorer", "tables"])
def test_what_is_no_scorer_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match=name):
        PageScorer(**{name: "lexical"})


@pytest.mark.parametrize("change", [{"format": "other"}, {"version": 1}, {"features": []}, {"network": {}}])
def test_other_weights_are_refused(change: dict) -> None:
    data = json.loads(
        files("ctxprune.scorers.structured.page_parts").joinpath("weights.json").read_text(encoding="utf-8")
    )
    network_of(data)
    with pytest.raises(FormatError):
        network_of(data | change)


SECTIONS = HtmlPage(
    "<h1>Town guide</h1><h2>The lighthouse</h2><p>It was lit first in 1871, by oil, which came by ship.</p>"
    "<h2>The church</h2><p>The church can be seen from the lighthouse. It was consecrated in 1764 by a bishop.</p>"
    "<h2>Opening times</h2>"
)


@pytest.mark.parametrize("question", ["the lighthouse", "lighthouse oil"])
def test_a_heading_comes_after_what_stands_under_it(question: str) -> None:
    scores = dict(zip((unit.text[:14] for unit in SECTIONS.units), PageScorer().score(question, SECTIONS), strict=True))
    assert scores["It was lit fir"] == max(scores.values())
    assert 0 < scores["The lighthouse"] < scores["The church can"]


def test_a_heading_with_nothing_under_it_is_a_block_like_others() -> None:
    scores = PageScorer().score("opening times", SECTIONS)
    assert SECTIONS.units[int(scores.argmax())].text == "Opening times"


def test_on_no_set_left_out_are_the_weights_of_blocks_worse_than_bm25() -> None:
    recorded = Path(__file__).parents[2] / "benchmarks" / "results" / "page_text_weights.json"
    if not recorded.exists():
        pytest.skip("the results of benchmarks are not here")
    figures = json.loads(recorded.read_text(encoding="utf-8"))["figures"]
    for name, found in figures.items():
        if name != "weights":
            for other in ("lexical.v1", "titled.v1"):
                assert found[other]["ours_before"] > -1.96 * found[other]["standard_error"], (name, other)
    assert len(figures) == 9
