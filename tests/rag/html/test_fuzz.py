"""Some of the inputs of tests/fuzz/fuzz_html.py; and what is enormous in one way."""

from __future__ import annotations

import importlib
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest

from ctxprune.rag import HtmlPage

FOLDER = Path(__file__).resolve().parents[2] / "fuzz"


def load(name: str) -> ModuleType:
    sys.path.insert(0, str(FOLDER))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(FOLDER))


def test_made_pages():
    made = load("fuzz_html")
    figures = load("fuzz_runner").fuzz("html", made.page, made.check, count=150, limit=10.0)
    assert figures["failed"] == 0, figures["first_failures"]
    assert figures["over_limit"] == 0, figures["first_over_limit"]


ENORMOUS = {
    "nested elements": "<div>" * 100_000 + "x",
    "nested lists": "<ul><li>a" * 20_000,
    "nested tables": "<table><tr><td>" * 20_000 + "x",
    "nested hidden elements": "<span hidden>a" * 50_000 + "</span>" * 50_000,
    "end tags of nothing": "<div>" * 600 + "</section></p></li></h1></td>" * 10_000,
    "references": "&amp;" * 300_000,
    "equal attributes": "<p " + "a=1 " * 100_000 + ">x",
    "one long attribute": f"<img alt='{'x' * 2_000_000}'>",
    "10,000 columns": "<table><tr>" + "<th>h" * 10_000 + "<tr>" + "<td>x" * 10_000,
    "colspan of a billion": "<table>" + "<tr><td colspan=1000000000>a<td>b" * 1000,
    "rowspan to the end": "<table>" + "<tr><td rowspan=0>a<td>b" * 2000,
    "ragged rows": "<table>" + "".join("<tr>" + "<td>x" * (row % 50) for row in range(1500)),
    "one word": "x" * 2_000_000,
    "one letter with its marks": "a" + "\u0300" * 300_000,
    "white space": "a" + " " * 2_000_000 + "b",
    "options": "<select>" + "<option>x" * 50_000,
    "angle brackets": "<" * 500_000,
    "unfinished tags": "<a " * 200_000,
    "unfinished comments": "<!--" * 200_000,
    "lines": "<br>x" * 50_000,
}


@pytest.mark.parametrize("name", ENORMOUS)
def test_what_is_enormous_is_read_and_written_in_two_seconds(name: str):
    start = time.process_time()
    page = HtmlPage(ENORMOUS[name])
    kept = range(len(page.units))
    written = page.render(kept)
    assert time.process_time() - start < 2, "too slow"
    load("fuzz_html").well_formed(written)
    assert all(unit.span and unit.span[0] < unit.span[1] <= len(page.source) for unit in page.units)
