"""Typed values, labels, and the search for evidence, beside slow references."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxprune.rag.extract import RecordField
from ctxprune.rag.extract.evidence import Source, list_leaves
from ctxprune.rag.extract.labels import LabelMatcher, compare_words
from ctxprune.rag.extract.values import find_typed, read_as


@pytest.mark.parametrize(
    ("kind", "text", "value", "said"),
    [
        ("number", "about $1,200.50 each", 1200.5, "$1,200.50"),
        ("number", "(12)", -12, None),
        ("number", "3 million", 3_000_000, "3 million"),
        ("integer", "0012", 12, "0012"),
        ("integer", "1999", 1999, "1999"),
        ("number", "-4.5e3", -4500, "-4.5e3"),
        ("date", "on 5 March 2004.", "2004-03-05", "5 March 2004"),
        ("date", "Mar 5th, 2004", "2004-03-05", "Mar 5th, 2004"),
        ("date", "31.12.1999", "1999-12-31", "31.12.1999"),
        ("date", "March 2004", "2004-03", "March 2004"),
        ("date", "2004", "2004", "2004"),
        ("datetime", "2018-03-24 00:14:45", "2018-03-24T00:14:45", "2018-03-24 00:14:45"),
        ("datetime", "5 March 2004 at 3:07 pm", "2004-03-05T15:07:00", "5 March 2004 at 3:07 pm"),
        ("email", "write to Jo.B+x@mail.example.org!", "Jo.B+x@mail.example.org", "Jo.B+x@mail.example.org"),
        ("url", "see https://example.org/a?b=c.", "https://example.org/a?b=c", "https://example.org/a?b=c"),
        ("boolean", "Yes", True, "Yes"),
        ("boolean", "false", False, "false"),
        ("string", '  "Red  Kite" ', "Red Kite", "Red  Kite"),
    ],
)
def test_values_of_each_kind(kind: str, text: str, value: Any, said: str | None) -> None:
    found = read_as(text, RecordField("x", kind))
    assert found is not None
    assert found.value == value
    assert type(found.value) is type(value)
    if said is not None:
        assert text[found.start : found.end] == said


@pytest.mark.parametrize(
    ("kind", "text"),
    [("number", "on request"), ("date", "soon"), ("email", "a@b"), ("boolean", "maybe"), ("string", " \t"),
     ("number", "the owner of the house has 3"), ("integer", "")],
)  # fmt: skip
def test_what_is_of_another_kind_is_none(kind: str, text: str) -> None:
    assert read_as(text, RecordField("x", kind)) is None


def test_the_longest_choice_counts() -> None:
    field = RecordField("x", "enum", choices=("in stock", "in stock soon", "a.b", ""))
    found = find_typed("IN STOCK SOON, in stock, axb, a.b", 0, 40, field)
    assert [one.value for one in found] == ["in stock soon", "in stock", "a.b"]


@pytest.mark.parametrize(
    ("one", "other", "score"),
    [("name", "name", 1), ("mt", "mount", 0.85), ("nm", "name", 0), ("mgr", "manager", 0.85),
     ("pop", "population", 0.85), ("id", "idea", 0), ("cat", "car", 0), ("a", "any", 0),
     ("cntr", "country", 0.85), ("", "x", 0)],
)  # fmt: skip
def test_abbreviations(one: str, other: str, score: float) -> None:
    assert compare_words(one, other) == compare_words(other, one) == score


def test_labels_of_fields() -> None:
    fields = [RecordField("cust_nm"), RecordField("song_release_year", "integer"), RecordField("maker.name")]
    matcher = LabelMatcher(fields)
    best = {label: matcher.match(label)[:1] for label in ("Customer name", "CustomerName", "SRY", "Maker", "weather")}
    assert best == {
        "Customer name": [(0, 1.0)], "CustomerName": [(0, 1.0)], "SRY": [(1, 0.76)], "Maker": [(2, 0.85)],
        "weather": [],
    }  # fmt: skip
    assert matcher.match("") == matcher.match("...") == matcher.match("w " * 50) == []


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet="aB é\n3.,", max_size=40), st.data())
def test_a_text_of_the_source_is_found_in_it(text: str, data: st.DataObject) -> None:
    words = text.split()
    if not words:
        assert Source(text, [(0, len(text))]).find("a", None) is None
        return
    first = data.draw(st.integers(0, len(words) - 1))
    wanted = " ".join(words[first : data.draw(st.integers(first + 1, len(words)))])
    span = Source(text, [(0, len(text))]).find(wanted.swapcase(), None)
    assert span is not None
    assert " ".join(text[slice(*span)].split()).casefold() == wanted.casefold()


def test_evidence_is_in_the_kept_part_and_near_its_label() -> None:
    text = "Lot 5: price 5 EUR on March 5, 2004. Total 1,200 and x12."
    source = Source(text, [(0, len(text))])
    price = RecordField("price", "number")
    assert source.find(5, price) == (4, 5)
    assert source.find(5, price, [(7, 12)]) == (13, 14)
    assert source.find(1200, price) is not None
    assert source.find(12, price) is None
    assert text[slice(*source.find("2004-03-05", RecordField("d", "date")))] == "March 5, 2004"
    assert source.find("2004-03-06", RecordField("d", "date")) is None
    for nothing in (None, "", {}, [], "absent", 7.5, True):
        assert source.find(nothing, price) is None
    yes = Source("Open: yes. " + "Closed " * 20 + "no", [(0, 200)])
    assert yes.find(True, None, [(0, 4)]) == (6, 9)
    assert yes.find(True, None) is yes.find(False, None, [(0, 4)]) is None
    assert Source(text, [(0, 6)]).find("Total", None) is None
    assert Source("", []).find("a", None) is None
    assert list(list_leaves({"a": [1, {"b": "x"}], "c": {}})) == [("a.0", 1), ("a.1.b", "x")]
