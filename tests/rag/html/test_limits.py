"""A page of very many small parts is refused before they are made; the limits leave room for any real page."""

from __future__ import annotations

import pytest

from ctxprune.errors import InputError
from ctxprune.rag.html import HtmlPage
from ctxprune.rag.html.limits import Limits


@pytest.mark.parametrize(
    ("piece", "times", "noun"),
    [
        ("<table>a", 20_001, "20,000 tables"),
        ("<h1>a river</h1>", 100_001, "100,000 units"),
        ("<p>a", 100_001, "100,000 elements"),
        ("a<br>", 100_001, "200,000 texts and marks"),
        ("<tr><td>a", 50_001, "100,000 elements"),
    ],
)
def test_too_many_parts_are_refused(piece: str, times: int, noun: str) -> None:
    source = ("<table>" if piece.startswith("<tr") else "") + piece * times
    with pytest.raises(InputError, match="the page has more than") as raised:
        HtmlPage(source).units  # noqa: B018  # made when asked for
    assert raised.value.what.endswith(noun)
    assert raised.value.where.startswith("character ")
    assert "plain text" in raised.value.hint


@pytest.mark.parametrize("piece", ["<table><tr><th>a<tr><td>b</table>", "<h1>ab</h1>", "<p>a", "a<br>"])
def test_pages_within_the_limits_are_read(piece: str) -> None:
    assert HtmlPage(piece * 19_999).units


def test_limits_grow_with_the_page() -> None:
    assert Limits.of(0) == Limits(tables=20_000, elements=100_000, pieces=200_000, units=100_000)
    assert Limits.of(5_000_000) == Limits(tables=50_000, elements=312_500, pieces=500_000, units=156_250)
