"""docs/notebook_pages.py: the Markdown that the site makes of a notebook."""

from __future__ import annotations

import base64
import json
import runpy
from types import SimpleNamespace

import pytest
from doc_pages import DOCS

pages = SimpleNamespace(**runpy.run_path(str(DOCS / "notebook_pages.py")))
PNG = base64.b64encode(b"picture").decode()


def page(*cells: dict) -> tuple[str, dict[str, bytes]]:
    return pages.to_page("story", {"cells": [{"cell_type": "markdown", "source": ["# Story\n", "Text"]}, *cells]})


def code(source: str, *outputs: dict, **metadata: object) -> dict:
    return {"cell_type": "code", "id": "c1", "source": source, "outputs": list(outputs), "metadata": metadata}


def test_text_code_and_what_it_printed() -> None:
    text, pictures = page(code("print(1)", {"output_type": "stream", "name": "stdout", "text": ["1\n"]}))
    assert text == (
        '# Story\nText\n\n<p><a href="../story.ipynb" download>Download this notebook</a></p>\n\n'
        "```python\nprint(1)\n```\n\n``` {.text .output}\n1\n```\n"
    )
    assert pictures == {}


def test_a_picture_becomes_a_file_with_its_words() -> None:
    picture = {"output_type": "display_data", "data": {"image/png": PNG, "text/plain": "<Figure>"}}
    text, pictures = page(code("plot()", picture, alt="A curve"))
    assert pictures == {"story-c1-0.png": b"picture"}
    assert "![A curve](story-c1-0.png)" in text
    assert "<Figure>" not in text


def test_html_has_no_empty_lines_at_which_it_would_end() -> None:
    text, _ = page(code("show()", {"output_type": "execute_result", "data": {"text/html": "<b>a\n\n \nb</b>"}}))
    assert "<b>a\nb</b>" in text


@pytest.mark.parametrize("marks", ["```", "`````"])
def test_code_cannot_end_its_block(marks: str) -> None:
    text, _ = page(code(f"x = '''{marks}'''"))
    assert f"{marks}`python\n" in text
    assert f"\n{marks}`\n" in text


def test_a_cell_without_output_or_text() -> None:
    text, pictures = page(code(""), {"cell_type": "raw", "source": "x"}, code("1", {"output_type": "execute_result"}))
    assert "```python\n\n```" in text
    assert pictures == {}


def test_every_notebook_becomes_a_page() -> None:
    paths = sorted((DOCS / "notebooks").glob("*.ipynb"))
    assert len(paths) == 6
    for path in paths:
        text, pictures = pages.to_page(path.stem, json.loads(path.read_text(encoding="utf-8")))
        assert text.startswith("# ")
        assert all(content.startswith(b"\x89PNG") for content in pictures.values())
        assert all(f"({name})" in text for name in pictures)
