"""Blocks of pages that are too large for a budget: cut at their own borders, and without their headings."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxprune import Pruner, TokenBudget
from ctxprune.errors import BudgetError
from ctxprune.rag import HtmlOptions, HtmlPage
from ctxprune.rag.html import HtmlPages
from ctxprune.rag.html.options import HtmlOutput
from ctxprune.scorers.lexical import LexicalScorer

SENTENCES = (
    "The harbour master writes down the name of each ship. In winter the pilot boat waits behind the mole. "
    "Whoever comes after dark must sound the horn twice. The lamps on the quay are lit at four. "
    "Nobody may tie up beside the crane."
)
FORMS = pytest.mark.parametrize("output", ["html", "markdown", "text"])


def prune(source: str, question: str, budget: int, output: HtmlOutput = "html") -> str:
    pruned = Pruner(LexicalScorer(), TokenBudget(budget)).prune(question, HtmlPage(source, HtmlOptions(output=output)))
    assert pruned.tokens_after <= budget
    return pruned.output


@FORMS
def test_a_paragraph_is_cut_at_its_sentences(output: HtmlOutput) -> None:
    kept = prune(f"<p>{SENTENCES}</p><p>Bread is sold at six.</p>", "sound the horn twice", 30, output)
    assert "Whoever comes after dark must sound the horn twice." in kept
    assert len(kept) < len(SENTENCES) * 0.7
    assert "Bread" not in kept


@FORMS
def test_a_list_is_cut_at_its_items(output: HtmlOutput) -> None:
    items = "".join(f"<li>lamp {number} burns oil" for number in range(12))
    kept = prune(f"<ul>{items}<li>the horn is blown twice</ul>", "horn blown twice", 30, output)
    assert "the horn is blown twice" in kept
    assert kept.count("burns oil") < 6


@FORMS
def test_a_row_is_cut_at_its_cells(output: HtmlOutput) -> None:
    cells = "".join(f"<td>{number} barrels of whale oil are in the cellar of the house" for number in range(9))
    page = f"<table><tr>{'<td>first' * 10}<tr>{cells}<td>horn and lamp</table>"
    kept = prune(page, "horn lamp", 120, output)
    assert "horn and lamp" in kept
    assert kept.count("barrels") < 8


@FORMS
def test_code_is_cut_at_its_lines(output: HtmlOutput) -> None:
    code = "\n".join(f"    light(lamp_{number}, oil)" for number in range(40))
    kept = prune(f"<pre>def start():\n{code}\n    blow(horn)</pre>", "blow horn", 40, output)
    assert "    blow(horn)" in kept
    assert "lamp_3," not in kept


@FORMS
@pytest.mark.parametrize("budget", range(14, 45, 2))
def test_no_heading_is_kept_in_the_place_of_what_stands_under_it(output: HtmlOutput, budget: int) -> None:
    source = (
        "<h1>The very long name of an island handbook</h1><h2>Sounds of the night</h2><p>The horn is blown twice.</p>"
    )
    assert "The horn is blown twice." in prune(source, "horn blown twice", budget, output)


def test_of_its_headings_the_nearest_is_the_last_to_go() -> None:
    source = (
        "<h1>The very long name of an island handbook</h1><h2>Sounds of the night</h2><p>The horn is blown twice.</p>"
    )
    kept = prune(source, "horn blown twice", 32, "html")
    assert "Sounds of the night" in kept
    assert "island handbook" not in kept


def test_all_headings_stay_where_they_fit() -> None:
    source = "<h1>Handbook</h1><h2>Night</h2><p>The horn is blown twice.</p><p>Bread is sold at six.</p>"
    assert prune(source, "horn blown twice", 60).startswith("<h1>Handbook</h1><h2>Night</h2><p>The horn")


def test_parts_of_several_pages_stay_in_their_page() -> None:
    pages = HtmlPages(["<p>Bread is sold at six.</p>", f"<h1>Harbour</h1><p>{SENTENCES}</p>"])
    pruned = Pruner(LexicalScorer(), TokenBudget(30)).prune("sound the horn twice", pages)
    first, second = pruned.output
    assert first == ""
    assert "horn twice" in second
    assert pruned.oversized is not None
    assert pruned.oversized.parts > 1


def test_a_block_without_borders_is_named() -> None:
    page = HtmlPage(
        "<p>oil</p><p>bread</p><h1>lamp and horn and lamp and horn and lamp</h1>", HtmlOptions(min_tokens=0)
    )
    pruned = Pruner(LexicalScorer(), TokenBudget(12)).prune("lamp", page)
    assert pruned.oversized is not None
    assert pruned.oversized.parts == 1
    enough = Pruner(LexicalScorer(), TokenBudget(pruned.oversized.budget)).prune("lamp", page)
    assert "lamp and horn" in enough.output


WORDS = st.lists(
    st.lists(st.sampled_from(("harbour", "lamp", "rope;", "pilot.", "&amp;", "<b>bread</b>", "x<br>y")), max_size=60),
    min_size=1,
    max_size=6,
)


@given(WORDS, st.integers(4, 120), st.sampled_from(["p", "li", "pre", "h2", "td"]))
def test_parts_hold_all_of_the_text_in_order(blocks: list[list[str]], size: int, tag: str) -> None:
    page = HtmlPage("".join(f"<{tag}>{' '.join(words)}</{tag}>" for words in blocks))
    split = page.split_units(dict.fromkeys(range(len(page.units)), size))
    if split is None:
        return
    assert list(split.origins) == sorted(split.origins)
    for index, unit in enumerate(page.units):
        parts = [part.text for part, origin in zip(split.context.units, split.origins, strict=True) if origin == index]
        assert "".join("".join(parts).split()).replace("|", "") == "".join(unit.text.split()).replace("|", "")
    everything = range(len(split.context.units))
    assert split.context.render(everything) == page.render(range(len(page.units)))


@given(WORDS, st.integers(1, 90))
def test_budgets_hold(blocks: list[list[str]], budget: int) -> None:
    source = "".join(f"<h2>{' '.join(words[:3])}</h2><p>{' '.join(words)}.</p>" for words in blocks)
    page = HtmlPage(source)
    try:
        pruned = Pruner(LexicalScorer(), TokenBudget(budget)).prune("lamp of the pilot", page)
    except BudgetError:
        return
    assert pruned.tokens_after <= budget
    assert np.isfinite([unit.score for unit in pruned.units]).all()
