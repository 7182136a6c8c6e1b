"""Tests of what links a label with its value in talk and stories."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxprune.rag.extract import SpanExtractor
from ctxprune.rag.extract.links import cut_next_value, find_given, match_link
from ctxprune.rag.extract.schema import as_record_schema
from ctxprune.rag.extract.validation import RecordChecker

SCHEMA: dict[str, Any] = {
    "title": "Item",
    "type": "object",
    "properties": {
        "price": {"type": "number"},
        "owner": {"type": "string"},
        "birth_date": {"type": "string", "format": "date"},
        "country": {"type": "string"},
    },
}
READ = [
    ("As for the price, it is 3.", {"price": 3}),
    ("What is the price? It is 3. And the owner? Acme.", {"price": 3, "owner": "Acme"}),
    ("Do you know the price? Yes, 3.", {"price": 3}),
    ("The owner, if I remember correctly, is Jo Black.", {"owner": "Jo Black"}),
    ("The owner of this one should be Jo Black, I think.", {"owner": "Jo Black"}),
    ("We've got 3 for the price. They put Jo Black down as the owner.", {"price": 3, "owner": "Jo Black"}),
    ("Jo Black being its owner, it has 3 as its price.", {"price": 3, "owner": "Jo Black"}),
    ("Its country was Peru, Jo Black being its owner.", {"country": "Peru", "owner": "Jo Black"}),
    ("The country, Chile, exports a lot.", {"country": "Chile"}),
    ("She was born on March 5, 2004.", {"birth_date": "2004-03-05"}),
    ("It costs 3 EUR.", {"price": 3}),
    ("The owner is A. When it comes to the price, we have 3.", {"owner": "A", "price": 3}),
]
# What looks like a link and is none.
REFUSED = [
    "Released in the country, it was a success.",
    "Somebody asked for the owner.",
    "Which was the owner?",
]


@pytest.mark.parametrize(("text", "data"), READ, ids=[text for text, _ in READ])
def test_reads_talk(text: str, data: dict[str, Any]) -> None:
    (record,) = SpanExtractor(SCHEMA).extract(text)
    assert record.data == data
    assert all(value.text == text[slice(*value.span)] for value in record.values if value.span)


@pytest.mark.parametrize("text", REFUSED)
def test_reads_nothing_into_other_sentences(text: str) -> None:
    assert not SpanExtractor(SCHEMA).extract(text).records


def test_a_value_ends_where_the_next_one_begins() -> None:
    assert cut_next_value("M, Schultz being its ") == "M"
    assert cut_next_value("Jo and the ") == "Jo and the "
    assert cut_next_value("Schultz being its ") == ""


def test_what_is_given_is_no_pronoun() -> None:
    assert find_given("It has Jo Black", "as") == (7, 15, 0.8)
    assert find_given("it", "is") is None
    assert find_given("", "for") is None


@pytest.mark.parametrize(
    ("said", "day"),
    [
        ("5 March 2004", "2004-03-05"),
        (" March 5, 2004", "2004-03-05"),
        ("2004-03-05", "2004-03-05"),
        ("March 2004", "March 2004"),
        ("31 February 2004", "31 February 2004"),
        ("on 5 March 2004", "on 5 March 2004"),
        (20040305, 20040305),
        ("x" * 10_000, "x" * 10_000),
    ],
)
def test_a_whole_day_in_words_is_written_as_the_format_asks(said: Any, day: Any) -> None:
    assert RecordChecker(as_record_schema(SCHEMA)).shape({"birth_date": said}).data == {"birth_date": day}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(["the price", "owner", "?", ",", ".", " is", " as", " it is", "\n", "3", "A", " for "]))
)
def test_links_and_values_stay_inside_the_text(parts: list[str]) -> None:
    text = " ".join(parts)
    link = match_link(text, 0, min(3, len(text)), len(text))
    assert link is None or 0 <= link[0] <= len(text)
    for record in SpanExtractor(SCHEMA).extract(text):
        assert all(value.span and value.text == text[slice(*value.span)] for value in record.values)
