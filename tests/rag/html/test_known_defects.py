"""What is known to go wrong in HtmlRAG's cleaning and block tree, and does not here. One test each, in its order."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from ctxprune import Pruner, TokenBudget
from ctxprune.rag import HtmlOptions, HtmlPage

SMALL = HtmlOptions(min_tokens=0)
FOLDER = Path(__file__).resolve().parents[2] / "fuzz"


def texts(html: str, options: HtmlOptions = SMALL) -> list[str]:
    return [unit.text for unit in HtmlPage(html, options).units]


def well_formed(html: str) -> None:
    sys.path.insert(0, str(FOLDER))
    try:
        importlib.import_module("fuzz_html").well_formed(html)
    finally:
        sys.path.remove(str(FOLDER))


def test_1_cells_are_apart_in_the_text_that_is_scored():
    assert texts("<table><tr><td>1801</td><td>8,893</td></tr><tr><td>1811</td><td>9,1</td></tr></table>") == [
        "1801 | 8,893",
        "1811 | 9,1",
    ]
    # in a table that only places things, too
    assert texts("<table><tr><td>1801</td><td>8,893</td></tr></table>") == ["1801", "8,893"]
    assert texts("<tr><td>1801</td><td>8,893</td></tr>") == ["1801", "8,893"]


def test_2_line_breaks_alternative_texts_and_values_are_text():
    assert texts("<p>Main St<br>Paris</p>") == ["Main St\nParis"]
    assert texts('<p>see<img src=x alt="a map">here <input value="Bob"></p>') == ["see a map here Bob"]
    assert HtmlPage("<p>Main St<br/>Paris<img alt='x'></p>").render([0]) == "<p>Main St<br>Paris x</p>"


def test_3_empty_cells_hold_their_place_and_spans_are_honoured():
    html = (
        "<table><tr><th>Year<th>Men<th>Women<tr><td>1801<td><td>4<tr><td rowspan=2>1811<td>5<td>6<tr><td>7<td>"
        "<tr><td>all<td colspan=2>22</table>"
    )
    page = HtmlPage(html, SMALL)
    assert page.grids[0].header == ("Year", "Men", "Women")
    assert page.grids[0].rows == (("1801", "", "4"), ("1811", "5", "6"), ("1811", "7", ""), ("all", "22", "22"))
    header = "<tr><th>Year</th><th>Men</th><th>Women</th></tr>"
    assert page.render([0, 1]) == f"<table>{header}<tr><td>1801</td><td></td><td>4</td></tr></table>"
    assert page.render([0, 3]) == f"<table>{header}<tr><td>1811</td><td>7</td><td></td></tr></table>"
    both = '<tr><td rowspan="2">1811</td><td>5</td><td>6</td></tr><tr><td>7</td><td></td></tr>'
    assert page.render([0, 2, 3]) == f"<table>{header}{both}</table>"
    assert page.render([0, 4]) == f'<table>{header}<tr><td>all</td><td colspan="2">22</td></tr></table>'


def test_4_bare_text_beside_elements_is_scored_kept_and_dropped_like_all_other():
    html = "<div>before<p>one</p>between<p>two</p>after</div>"
    page = HtmlPage(html, SMALL)
    assert [unit.text for unit in page.units] == ["before", "one", "between", "two", "after"]
    assert page.render([2]) == "<p>between</p>"
    assert page.render([1, 3]) == "<p>one</p><p>two</p>"


def test_5_a_short_page_is_pruned_too_and_the_last_block_can_go():
    page = HtmlPage("<h1>Tea</h1><p>Green tea is not fermented.</p><p>Black tea is.</p>", SMALL)
    pruned = Pruner("lexical.v1", TokenBudget(30)).prune("Which tea is not fermented?", page)
    assert pruned.output == "<h1>Tea</h1><p>Green tea is not fermented.</p>"
    assert page.render([]) == ""


def test_6_cells_items_and_headings_stay_what_they_are_around_a_single_child():
    html = "<ul><li><p>an item</p></li></ul><h2><div>a title</div></h2><table><tr><th><b>x</b><td><p>a cell</p></table>"
    page = HtmlPage(html, SMALL)
    everything = page.render(range(len(page.units)))
    assert everything == ("<ul><li>an item</li></ul><h2>a title</h2><table><tr><th>x</th><td>a cell</td></tr></table>")


@pytest.mark.parametrize("first", [0, 1, 2])
def test_7_all_that_is_dropped_is_gone(first: int):
    page = HtmlPage("".join(f"<div>block {number}</div>" for number in range(9)), SMALL)
    kept = range(first, 9, 3)
    assert page.render(kept) == "".join(f"<p>block {number}</p>" for number in kept)


def test_8_each_block_says_what_tells_boilerplate():
    html = (
        '<nav><a href="/">Home</a> <a href="/about">About us</a></nav><main><p>A long text with <a href="/x">a link</a>'
        " in it, and more words after it.</p></main><div role=contentinfo>Terms of use</div>"
    )
    page = HtmlPage(html, SMALL)
    menu, text, end = page.blocks
    assert (menu.landmark, text.landmark, end.landmark) == ("nav", "main", "footer")
    assert menu.link_density > 0.9
    assert text.link_density < 0.2
    assert end.link_density == 0
    assert 0 <= menu.position < text.position < end.position < 1
    assert text.length == len(page.units[1].text)


def test_9_what_comes_out_is_well_formed_at_every_budget():
    html = (
        "<h1>Tea<p>Green <b>tea</p><ul><li>one<li>two<ul><li>three</ul></ul><table><tr><th>x<th>y<tr><td rowspan=2>1"
        "<td>2<tr><td>3</table><blockquote>said<p>more</blockquote><dl><dt>t<dd>d</dl><pre>code\n  x</pre>"
    )
    page = HtmlPage(html, SMALL)
    for budget in range(0, 160, 3):
        pruner = Pruner("lexical.v1", TokenBudget(budget), on_empty="drop")
        pruned = pruner.prune("three green teas", page)
        well_formed(pruned.output)
        assert pruned.tokens_after <= budget


def test_10_tokens_are_counted_by_block_and_the_page_a_few_times_only():
    class Counter:
        name = "characters"
        calls = 0

        def count(self, text: str) -> int:
            self.calls += 1
            return len(text)

        def count_many(self, texts):
            return [len(text) for text in texts]

    counter = Counter()
    page = HtmlPage("".join(f"<p>block {number} of many</p>" for number in range(2000)), SMALL)
    pruned = Pruner("lexical.v1", TokenBudget(2000), counter=counter).prune("block 17", page)
    assert "<p>block 17 of many</p>" in pruned.output
    assert len(pruned.output) <= 2000
    assert counter.calls <= 12
