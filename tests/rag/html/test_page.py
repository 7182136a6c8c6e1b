"""Pages as contexts: units, parents, spans, and what render gives back."""

import pytest

from ctxprune.errors import UsageError
from ctxprune.rag import HtmlOptions, HtmlPage, HtmlPages

SMALL = HtmlOptions(min_tokens=0)
PAGE = """<!doctype html><title>Rivers &amp; lakes</title>
<body>bare<div>in a box <b>and bold</b><p>first<p>second<br>line</div>
<h1>Rivers</h1><h2>Long ones</h2>
<table><caption>Lengths</caption><tr><th>River<th>Length<th>Note
<tr><td rowspan=2>Elbe<td>1,094 km<td><tr><td>1,112 km<td>older source</table>
<ul><li>one<li>two<ul><li>inner</ul></ul><pre>
 if a &lt; b:
     pass
</pre><h2>Others</h2><p>last</body>"""


def texts(page: HtmlPage) -> list[str]:
    return [unit.text for unit in page.units]


def test_the_units_of_a_page() -> None:
    page = HtmlPage(PAGE, SMALL)
    assert page.title == "Rivers & lakes"
    assert texts(page) == [
        "bare",
        "in a box and bold",
        "first",
        "second\nline",
        "Rivers",
        "Long ones",
        "Lengths",
        "River | Length | Note",
        "Elbe | 1,094 km",
        "Elbe | 1,112 km | older source",
        "one",
        "two",
        "inner",
        " if a < b:\n     pass",
        "Others",
        "last",
    ]


def test_headings_captions_and_header_rows_are_parents() -> None:
    page = HtmlPage(PAGE, SMALL)
    above = {unit.text: None if unit.parent is None else page.units[unit.parent].text for unit in page.units}
    assert above["bare"] is None
    assert above["Long ones"] == above["Others"] == "Rivers"
    assert above["Lengths"] == above["one"] == "Long ones"
    assert above["River | Length | Note"] == "Lengths"
    assert above["Elbe | 1,094 km"] == "River | Length | Note"
    assert above["last"] == "Others"


def test_spans_are_the_elements_in_the_source() -> None:
    page = HtmlPage(PAGE, SMALL)
    found = [page.source[slice(*unit.span)] for unit in page.units if unit.span]
    assert found[:4] == ["bare", "in a box <b>and bold", "<p>first", "<p>second<br>line"]
    assert found[4] == "<h1>Rivers</h1>"
    assert found[9] == "<tr><td>1,112 km<td>older source"
    assert found[13] == "<pre>\n if a &lt; b:\n     pass\n</pre>"


def test_render_closes_what_it_opens_and_leaves_the_rest_out() -> None:
    page = HtmlPage(PAGE, SMALL)
    chosen = [index for index, text in enumerate(texts(page)) if "1,112" in text or text in ("inner", "Others")]
    assert page.render(chosen) == (
        "<table><tr><td>Elbe</td><td>1,112 km</td><td>older source</td></tr></table>"
        "<ul><li>inner</li></ul><h2>Others</h2>"
    )
    assert page.render([]) == ""


@pytest.mark.parametrize("value", [None, 3, ["<p>"]])
def test_what_is_no_page(value: object) -> None:
    with pytest.raises(UsageError, match="html is"):
        HtmlPage(value)  # type: ignore[arg-type]


def test_pages_render_as_a_list() -> None:
    pages = HtmlPages([PAGE, "<p>x</p>", b"", "<title>T</title>y"], SMALL)
    assert pages.titles == ("Rivers & lakes", "", "", "T")
    assert pages.sources[-2:] == (1, 3)
    assert pages.render([len(pages.units) - 1]) == ["", "", "", "<p>y</p>"]
    assert [grid.header for grid in pages.grids] == [("River", "Length", "Note")]
