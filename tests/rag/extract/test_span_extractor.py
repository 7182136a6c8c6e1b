"""Extraction without a model: golden records, spans that are slices, hostile texts."""

from __future__ import annotations

import asyncio
import json
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxprune.errors import UsageError
from ctxprune.rag.extract import Chunk, SpanExtractor
from ctxprune.rag.extract.layout import mask_markup

CASES = json.loads((Path(__file__).parent / "spans.json").read_text(encoding="utf-8"))
PRODUCT = json.loads((Path(__file__).parent / "product.json").read_text(encoding="utf-8"))
PIECES = ["Name", "price", ":", " ", "\n", "|", "3", "5 March 2004", "<td>", "</td>", "<tr>", "a@b.com", ",", "is", "é",
          "\x00", "the", "=", '"', "\t", "sold out", "(", ")", "&amp;", "-", "\u2028", "İ", "```"]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["title"])
def test_golden_records(case: dict[str, Any], product: dict[str, Any]) -> None:
    found = SpanExtractor(product).extract(case["text"])
    assert [record.data for record in found] == case["records"]
    for record in found:
        assert all(value.text == case["text"][slice(*value.span)] for value in record.values)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
def test_values_are_slices_and_stand_apart(text: str) -> None:
    found = SpanExtractor(PRODUCT).extract([text])
    assert found == SpanExtractor(PRODUCT).extract([text])
    for record in found:
        spans = sorted(value.span for value in record.values)
        assert all(start < end for start, end in spans)
        assert all(before[1] <= after[0] for before, after in pairwise(spans))
        assert all(value.text == text[slice(*value.span)] for value in record.values)
        assert all(0.5 <= value.score <= 1 for value in record.values)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from([*PIECES, "<!--", "-->", "<script>", "</script>", "<dt>", "</dt>"]), max_size=30))
def test_the_view_has_the_length_of_the_text(pieces: list[str]) -> None:
    text = "".join(pieces)
    view = mask_markup(text)
    assert len(view) == len(text)
    assert all(here in (there, " ", "\n", "|", ":") for here, there in zip(view, text, strict=True))


def test_units_and_currencies() -> None:
    schema = {"properties": {"price": {"type": "number"}, "weight": {"type": "number"}, "share": {"type": "number"}}}
    (record,) = SpanExtractor(schema).extract("Price: $1,200\nWeight: 3.5 kg\nShare: 12 %").records
    assert record.data == {"price": 1200, "weight": 3.5, "share": 12}
    assert [value.unit for value in record.values] == ["USD", "kg", "%"]


def test_labels_that_differ_in_a_small_word() -> None:
    schema = {"properties": {"date_from": {"type": "string"}, "date_to": {"type": "string"}}}
    (record,) = SpanExtractor(schema).extract("Date to: b\nDate from: a").records
    assert record.data == {"date_from": "a", "date_to": "b"}


def test_chunks_in_every_form() -> None:
    schema = {"properties": {"name": {"type": "string"}}}

    class Document:
        page_content, id = "Name: c", None

    found = SpanExtractor(schema).extract(["Name: a", Chunk("Name: b", "b.txt"), Document()])
    assert [(record.chunk, record.data["name"]) for record in found] == [("0", "a"), ("b.txt", "b"), ("2", "c")]
    assert SpanExtractor(schema).extract([]).records == ()
    for bad in (3, None, {"a": 1}, [b"x"], [None], b"x"):
        with pytest.raises(UsageError):
            SpanExtractor(schema).extract(bad)
    with pytest.raises(UsageError, match="least"):
        SpanExtractor(schema, least=2)


def test_async_gives_the_same(product: dict[str, Any]) -> None:
    texts = [case["text"] for case in CASES]
    extractor = SpanExtractor(product)
    assert asyncio.run(extractor.aextract(texts)) == extractor.extract(texts)
    assert extractor.extract(texts).to_dict()["format"] == "ctxprune.extraction"


@pytest.mark.parametrize(
    "piece",
    ["name: ", "<tr", "<!--", "|", "a: b, ", "the name is ", "(", "1", ",", "price ", "\x00", "<td>x", "`", "name | "],
)
def test_time_grows_with_the_text(piece: str, product: dict[str, Any]) -> None:
    """Twelve times the text may take forty times as long, so that noise does not fail the test; a square takes 144."""
    extractor = SpanExtractor(product)

    def measure(size: int) -> float:
        text = piece * (size // len(piece))
        start = time.process_time()
        extractor.extract(text)
        return time.process_time() - start

    assert measure(36_000) < 40 * measure(3_000) + 0.3


@pytest.mark.parametrize(
    "text", ["the price is {} EUR.", "The price of what we sold was {} in all.", "{} was the price."]
)
@pytest.mark.parametrize("sign", ["", "-", "+", "$", "-$"])
def test_long_numbers_in_prose_keep_their_sign_and_their_digits(text: str, sign: str) -> None:
    extractor = SpanExtractor({"properties": {"price": {"type": "number"}}})
    for digits in (1, 25, 26, *range(48, 62), 100, 200):
        (record,) = extractor.extract([text.format(sign + "7" * digits)]).records
        assert record.data == {"price": int("7" * digits) * (-1 if sign.startswith("-") else 1)}, digits
        assert record.values[0].text.lstrip("+-$") == "7" * digits


def test_a_number_that_no_float_holds_is_no_value() -> None:
    extractor = SpanExtractor({"properties": {"price": {"type": "number"}}})
    for digits in (309, 400, 5000):
        assert extractor.extract([f"the price is -{'7' * digits} EUR."]).records == ()


def test_progress_is_told_chunk_by_chunk(product: dict[str, Any]) -> None:
    told: list[tuple[int, int]] = []
    SpanExtractor(product).extract(["", "price: 3", "x"], progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]
