"""The reference, as a reader without a network sees it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .browser import Browser, Page


@pytest.fixture
def docs(browser: Browser, explorer: str) -> Iterator[Page]:
    """The reference, opened; it asks nothing of other places, and nothing stands in the console."""
    page = browser.page()
    page.open(f"{explorer}docs")
    page.wait("document.querySelectorAll('#operations article').length > 5")
    yield page
    faults, requests = page.faults(), page.requests()
    page.close()
    assert faults == []
    assert [url for url in requests if not url.startswith((explorer, "data:"))] == []


def test_every_endpoint_has_a_card_with_a_command(docs: Page) -> None:
    shown = docs.js("[...document.querySelectorAll('#operations h2')].map((head) => head.textContent)")
    listed = docs.js("[...document.querySelectorAll('#contents a')].map((link) => link.textContent)")
    assert shown == listed
    assert {"POST /v1/prune", "POST /v1/rerank", "POST /v1/sql/ask", "GET /readyz"} <= set(shown)
    commands = docs.js(
        "[...document.querySelectorAll('article > pre, article > details > pre')].map((p) => p.textContent)"
    )
    assert all(command.startswith("curl -s http://127.0.0.1:") for command in commands)


def test_fields_are_told_with_their_types_and_defaults(docs: Page) -> None:
    rows = docs.js(
        "[...document.querySelectorAll('#post-v1-sql-ask > .scroll tbody tr')]"
        ".map((row) => [...row.children].map((cell) => cell.textContent))"
    )
    assert ["trace", "boolean", "false", "Whether the answer holds all that happened on the way to it."] in rows
    assert [row[2] for row in rows if row[0] == "question"] == ["required"]


def test_a_narrow_window_needs_no_sideways_scrolling(docs: Page) -> None:
    docs.look(360, 700)
    assert docs.js("document.documentElement.scrollWidth <= 360")
