"""How the runs of a page become units: what stands above what, what is joined, which tables are data."""

import pickle
import subprocess
import sys

import pytest

from ctxprune.rag import HtmlOptions, HtmlPage, HtmlPages

SMALL = HtmlOptions(min_tokens=0)


def above(html: str, options: HtmlOptions = SMALL) -> dict[str, str | None]:
    """For the text of each unit that of its parent."""
    units = HtmlPage(html, options).units
    return {unit.text: None if unit.parent is None else units[unit.parent].text for unit in units}


def kinds(html: str, options: HtmlOptions = SMALL) -> list[str]:
    page = HtmlPage(html, options)
    return [f"{group.kind}: {unit.text}" for group, unit in zip(page.groups, page.units, strict=True)]


def test_headings_hold_up_to_the_next_of_their_level():
    assert above("<h2>a</h2>b<h3>c</h3>d<h3>e</h3>f<h2>g</h2>h<h1>i</h1>j<h4>k</h4>l") == {
        "a": None, "b": "a", "c": "a", "d": "c", "e": "a", "f": "e", "g": None, "h": "g", "i": None, "j": "i",
        "k": "i", "l": "k",
    }  # fmt: skip


def test_headings_say_nothing_beyond_their_section():
    html = "<h1>a</h1><section><h2>b</h2><p>c</section><p>d<section><h1>e</h1>f</section>g"
    assert above(html) == {"a": None, "b": "a", "c": "b", "d": "a", "e": None, "f": "e", "g": "a"}


def test_what_stands_off_the_text_has_headings_of_its_own():
    html = "<nav>a</nav><h1>b</h1>c<aside><h2>d</h2>e</aside>f<footer>g</footer>"
    assert above(html) == {"a": None, "b": None, "c": "b", "d": None, "e": "d", "f": "b", "g": None}


def test_headings_in_cells_that_only_place_things_hold_in_these():
    html = "<table><tr><td><h2>a</h2><p>b<td>c<tr><td>d<td>e</table>f"
    assert above(html) == {"a": None, "b": "a", "c": None, "d": None, "e": None, "f": None}


def test_a_heading_as_long_as_a_text_is_no_heading():
    long = "word " * 200
    assert kinds(f"<h2>{long}</h2><p>b")[-1] == "text: b"
    assert above(f"<h2>{long}</h2><p>b")["b"] is None


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("<tr><th>a<th>b<tr><td>c<td>d", ["header: a | b", "row: c | d"]),
        ("<thead><tr><td>a<td>b<tbody><tr><td>c<td>d", ["header: a | b", "row: c | d"]),
        ("<tr><td><b>a</b><td><strong>b</strong><tr><td>c<td>d", ["header: a | b", "row: c | d"]),
        ("<tr><th colspan=2>a<tr><th>b<th>c<tr><td>d<td>e", ["header: a\nb | c", "row: d | e"]),
        ("<tr><th>a<td>b<tr><th>c<td>d", ["row: a | b", "row: c | d"]),
        ("<tr><th>a<td>b", ["row: a | b"]),
        ("<tr><th>a<tr><th>b", ["header: a", "row: b"]),
        ("<tr><td>a<td>b<tr><td>c<td>d", ["row: a | b", "row: c | d"]),
        # Tables that only place things.
        ("<tr><td>a<td>b", ["text: a", "text: b"]),
        ("<tr><td>a<tr><td>b", ["text: a", "text: b"]),
        ("<tr><td><h2>a</h2>b<td>c<tr><td>d<td>e", ["heading: a", "text: b", "text: c", "text: d", "text: e"]),
        (
            "<tr><td>x<td><table><tr><th>a<th>b<tr><td>c<td>d</table><tr><td>y<td>z",
            ["text: x", "header: a | b", "row: c | d", "text: y", "text: z"],
        ),
        # A small table in a table of data is part of its cell.
        (
            "<tr><th>long enough<th>b<tr><td>so is this<td><table><tr><td>c<td>d<tr><td>e<td>f</table>",
            ["header: long enough | b", "row: so is this | c\nd\ne\nf"],
        ),
        ("<caption>x<tr><th>a<th>b<tr><td>c<td>d", ["caption: x", "header: a | b", "row: c | d"]),
        ("<tr><th>a<th>b<tr><td><ul><li>c<li>d</ul><td>e<p>f", ["header: a | b", "row: c\nd | e\nf"]),
    ],
)
def test_tables(table: str, expected: list[str]):
    assert kinds(f"<table>{table}</table>") == expected


def test_a_table_that_says_it_is_none():
    assert kinds("<table role=presentation><tr><th>a<th>b<tr><td>c<td>d</table>")[0] == "text: a"


def test_headers_of_several_levels():
    page = HtmlPage(
        "<h2>t</h2><table><caption>c</caption><tr><th rowspan=2>Year<th colspan=2>Runners<tr><th>men<th>women"
        "<tr><td>1801<td>2<td>3</table>"
    )
    assert page.grids[0].header == ("Year", "Runners / men", "Runners / women")
    assert page.grids[0].title == "t / c"
    assert page.grids[0].rows == (("1801", "2", "3"),)
    assert page.units[page.grids[0].row_units[0]].text == "1801 | 2 | 3"


def test_a_header_too_large_does_not_come_along():
    page = HtmlPage("<table><tr>" + "<th>a name" * 2000 + "<tr>" + "<td>x" * 2000 + "</table>")
    assert all(unit.parent is None for unit in page.units)
    assert page.grids[0].rows == (("x",) * 2000,)


def test_a_long_row_is_cut_between_cells_and_keeps_its_columns():
    page = HtmlPage(
        "<table><tr><th>a<th>b<th>c<tr>" + 3 * ("<td>" + "word " * 60) + "</table>", HtmlOptions(max_tokens=80)
    )
    assert [group.kind for group in page.groups] == ["header", "row", "row"]
    cell = "word " * 59 + "word"
    assert page.render([0, 2]).endswith(f"<tr><td></td><td></td><td>{cell}</td></tr></table>")


def test_terms_stay_with_what_they_mean():
    html = "<dl><dt>a<dt>b<dd>c<dd>d<dt>e<dd>f</dl>"
    assert kinds(html) == ["item: a\nb\nc\nd", "item: e\nf"]


def test_items_of_nested_lists_are_joined_with_their_neighbours():
    assert kinds("<ul><li>a<ul><li>b<li>c</ul><li>d</ul><p>e", HtmlOptions()) == ["item: a\nb\nc\nd", "text: e"]


def test_pages_have_what_their_pages_have():
    table = "<table><tr><th>a<th>b<tr><td>c<td>d</table>"
    pages = HtmlPages(["<title>x</title>" + table, HtmlPage("<p>y"), table], SMALL)
    assert pages.titles == ("x", "", "")
    assert pages.sources == (0, 0, 1, 2, 2)
    assert [grid.row_units for grid in pages.grids] == [(1,), (4,)]
    assert pages.units[4].parent == 3
    assert pages.render([4]) == ["", "", "<table><tr><td>c</td><td>d</td></tr></table>"]


def test_a_page_can_be_pickled():
    page = HtmlPage("<p>a")
    assert page.render([0]) == pickle.loads(pickle.dumps(page)).render([0]) == "<p>a</p>"


def test_without_a_parser_the_extra_is_named():
    code = (
        "import sys; sys.modules.update(turbohtml=None)\n"
        "from ctxprune.rag import HtmlPage\n"
        "try: HtmlPage('<p>').units\n"
        "except ImportError as error: print(error)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'ctxprune-middleware[html]'" in found.stdout
