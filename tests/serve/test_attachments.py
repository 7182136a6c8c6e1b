"""Data URLs are left out of a JSON text as it arrives, however it is cut into parts."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from typing import Any

import pytest

from ctxprune.serve.attachments import AttachmentFilter

URL = "data:image/png;base64," + "QUJD" * 200


MARK = "left out"


def filtered(body: bytes, most: int, rng: random.Random) -> bytes:
    """What is kept of a body that comes in parts of up to `most` bytes."""
    parts = AttachmentFilter()
    parts.mark = MARK
    kept = b""
    while body:
        size = rng.randint(1, most)
        kept += parts.feed(body[:size])
        body = body[size:]
    return kept + parts.finish()


def expected(value: Any, name: str = "") -> Any:
    """The same of a parsed text."""
    if isinstance(value, dict):
        return {key: expected(part, key) for key, part in value.items()}
    if isinstance(value, list):
        return [expected(part) for part in value]
    if isinstance(value, str) and value.startswith("data:image/png;base64,"):
        return "data:image/png;base64," + MARK
    return MARK if name == "data" and isinstance(value, str) else value


def documents() -> Iterator[Any]:
    rng = random.Random(23)
    for _ in range(20):
        text = f'see "{URL}" and \\ "data:image/png;base64,AA"' + "\\" * rng.randint(0, 5)
        yield {
            "texts": [text, URL, "x" * rng.randint(0, 600), '"data": "none"', "data: no URL"],
            "images": [URL, "https://images.example/a.png", URL],
            "messages": [
                {"content": [{"type": "image_url", "image_url": {"url": URL}}]},
                {"content": [{"type": "image", "source": {"type": "base64", "data": "QQ" * rng.randint(0, 500)}}]},
                {"content": 'data:image/png;base64,AA says "what?" \\'},
                {"data": 'a"b\\c', "more": {"data": ["kept"]}},
            ],
        }


@pytest.mark.parametrize("most", [3, 300, 100_000])
@pytest.mark.parametrize("indent", [None, 1])
def test_what_stays_is_the_same_in_whatever_parts_it_comes(most: int, indent: int | None) -> None:
    rng = random.Random(most)
    for document in documents():
        body = json.dumps(document, ensure_ascii=rng.random() < 0.5, indent=indent).encode()
        assert json.loads(filtered(body, most, rng)) == expected(document)


def test_a_body_without_any_stays_as_it_is() -> None:
    body = json.dumps({"texts": [f'said "{URL}"', "data", "é" * 1000]}).encode()
    assert filtered(body, 50, random.Random(0)) == body


@pytest.mark.parametrize(
    "body", [b'{"a": "data:x/y;base64,AAAA', b'"data":"', b'{"a": "data:x/y;base64,AA\\', b"\xff" * 9]
)
def test_what_is_no_json_ends_too(body: bytes) -> None:
    assert len(filtered(body, 3, random.Random(0))) <= len(body) + len(MARK)


@pytest.mark.parametrize("unit", [b"QUJD", b"\\n\\n", b'\\"\\"', b'"data:', b'"data" : ', b"\\\\\\\\"])
def test_the_time_grows_with_the_bytes(unit: bytes) -> None:
    body = b'{"images": ["data:image/png;base64,' + unit * 200_000
    parts, start = AttachmentFilter(), time.process_time()
    for at in range(0, len(body), 65_536):
        parts.feed(body[at : at + 65_536])
    assert time.process_time() - start < 1  # 0.02 seconds


def test_each_filter_has_a_mark_of_its_own() -> None:
    assert len({AttachmentFilter().mark for _ in range(100)}) == 100
