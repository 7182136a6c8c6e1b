"""The stylesheet and the parts of pages."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxprune.utils.page import (
    render_bar,
    render_details,
    render_document,
    render_facts,
    render_table,
    stylesheet,
    whole_stylesheet,
)

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("colours", "base", "units", "report", "chart")
HOSTILE = '"><script>alert(1)</script></title></style>\x00\ud800'


class Page(HTMLParser):
    """Elements with their attributes; fails where they do not nest."""

    VOID = frozenset({"meta", "rect", "path", "br"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def test_the_stylesheet_is_the_only_one_in_the_tree() -> None:
    sources = [
        path for folder in ("ctxprune", "sql", "rag", "benchmarks/report") for path in (ROOT / folder).rglob("*")
    ]
    texts = {
        path.relative_to(ROOT).as_posix(): _text(path) for path in sources if path.suffix in {".py", ".html", ".js"}
    }
    found = {name.replace("ctxprune/sql/", "sql/"): text for name, text in texts.items() if "<style>" in text}
    # A page, the fragment of a notebook and an SVG picture: each takes parts of it.
    assert sorted(found) == ["ctxprune/pruning/report.py", "ctxprune/utils/page.py", "sql/evaluation/trust/chart.py"]
    for text in found.values():
        assert re.findall(r"<style>\{(\w+)", text) in (["style"], ["stylesheet"])
        assert "stylesheet(" in text
    assert [name for name, text in texts.items() if re.search(r"<\w+[^<>]* style=[\"']", text)] == []
    styles = [path.name for path in sources if path.suffix == ".css"]
    assert sorted(set(styles)) == ["database.css", "docs.css", "layout.css", "style.css", "text.css"]


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def test_colours_are_said_once() -> None:
    explorer = ROOT / "ctxprune" / "serve" / "page"
    for path in explorer.glob("*.css"):
        assert re.findall(r"#[0-9a-fA-F]{3,8}\b(?=[^{]*[;}])", path.read_text(encoding="utf-8")) == [], path.name
    light, dark = re.findall(r"\.ctxprune \{\n((?:\s+--[^}]*)+)", whole_stylesheet())[:2]
    names = [set(re.findall(r"(--[\w-]+): #", colours)) for colours in (light, dark)]
    assert names[0] == names[1]
    used = set(re.findall(r"var\((--[\w-]+)\)", whole_stylesheet()))
    assert used <= names[0] | {"--mono"}


@pytest.mark.parametrize("part", PARTS)
def test_parts_are_small_and_touch_nothing_else(part: str) -> None:
    text = stylesheet(part)
    assert 200 < len(text) < 6000
    assert "/*" not in text
    assert text.count("{") == text.count("}")
    rules = re.findall(r"(?:^|[{}])([^{}@]+)\{", text)
    assert rules
    for rule in rules:
        for selector in re.split(r",(?![^(]*\))", rule):
            assert re.search(r"\.(ctxprune|report|chart)\b", selector), selector


def test_a_part_that_is_not_there() -> None:
    with pytest.raises(KeyError, match="nothing"):
        stylesheet("nothing")


def test_a_document_lets_nothing_run_and_nothing_load() -> None:
    text = render_document(HOSTILE, "<p>body</p>", kind=HOSTILE, about=HOSTILE)
    page = Page(text)
    assert page.all("html") == [{"lang": "en"}]
    assert [len(page.all(tag)) for tag in ("title", "style", "h1", "main", "script")] == [1, 1, 1, 1, 0]
    policy = next(meta["content"] for meta in page.all("meta") if meta.get("http-equiv"))
    style = text.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    text.encode("utf-8")


@pytest.mark.parametrize("heading", ["", "  ", None])
def test_a_heading_is_never_blank(heading: str | None) -> None:
    assert "<h1>a &amp; b</h1>" in render_document("a & b", "", heading=heading)
    assert "<h1>Report</h1>" in render_document(" ", "", heading=heading)


def test_a_table_names_its_rows_and_columns() -> None:
    page = Page(render_table(("name", "<n>"), [("a", 1), ("b", 2)], label=HOSTILE, kinds=("", "number")))
    assert [cell["scope"] for cell in page.all("th")] == ["col", "col", "row", "row"]
    (region,) = page.all("div")
    assert region == {"class": "scroll", "role": "region", "aria-label": HOSTILE.replace("\x00\ud800", "\ufffd\ufffd"),
                      "tabindex": "0"}  # fmt: skip
    assert page.all("table") == [{"class": "grid compact"}]
    assert Page(render_table(("a", "b"), [], label="none", kinds=("", "prose"))).all("table") == [{"class": "grid"}]


def test_rows_of_another_length_are_a_fault() -> None:
    with pytest.raises(ValueError, match="longer"):
        render_table(("a", "b"), [("only one",)], label="x")


@given(share=st.floats(), low=st.floats(0, 1), high=st.floats(0, 1))
def test_a_bar_stays_in_its_place(share: float, low: float, high: float) -> None:
    page = Page(render_bar(share, "s0", interval=(low, high)))
    (rect,) = page.all("rect")
    assert 0 <= float(rect["width"] or "") <= 100
    assert page.all("svg")[0]["aria-hidden"] == "true"
    assert "style" not in {name for _, attributes in page.elements for name in attributes}


def test_small_parts() -> None:
    assert render_facts([("a<", "<b>1</b>"), ("gone", "")]) == (
        '<dl class="facts"><div><dt>a&lt;</dt><dd><b>1</b></dd></div></dl>'
    )
    assert render_details("a<", "<p>b</p>") == "<details><summary>a&lt;</summary><p>b</p></details>"
