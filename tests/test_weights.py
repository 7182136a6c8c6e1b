"""Files of weights: what is read, and what is refused."""

from __future__ import annotations

import pytest

from ctxprune.errors import FormatError
from ctxprune.models import weights
from ctxprune.storage.sealed import seal

LAYOUT, FEATURES = ("ctxprune.toy", 1), ["length"]
GOOD = {"format": "ctxprune.toy", "version": 1, "features": ["length"], "bias": 0.5}


def test_what_fits_is_read() -> None:
    with weights.reading(GOOD, LAYOUT, FEATURES) as read:
        assert read["bias"] == 0.5


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ([], "not weights of format ctxprune.toy version 1"),
        (GOOD | {"version": 2}, "not weights"),
        (GOOD | {"features": ["width"]}, "other features: train them anew"),
        ({name: value for name, value in GOOD.items() if name != "bias"}, "damaged .*bias"),
    ],
)
def test_what_does_not_fit_is_refused(data, words) -> None:
    with pytest.raises(FormatError, match=words), weights.reading(data, LAYOUT, FEATURES) as read:
        float(read["bias"])


@pytest.mark.parametrize("content", [b'{"format": ', b"\xff", b"[" * 100_000, None])
def test_a_damaged_file_is_named(content, monkeypatch, tmp_path) -> None:
    if content is not None:
        (tmp_path / "toy.json").write_bytes(content)
    monkeypatch.setattr(weights, "files", lambda package: tmp_path)
    with pytest.raises(FormatError, match=r"damaged.*toy\.json.*install the library anew"):
        weights.shipped("ctxprune", "toy.json")


def test_a_file_is_parsed_once_for_each_parser(monkeypatch, tmp_path) -> None:
    (tmp_path / "toy.json").write_bytes(seal(GOOD).encode())
    monkeypatch.setattr(weights, "files", lambda package: tmp_path)
    calls: list[str] = []

    def parse(data: dict[str, object]) -> list[object]:
        calls.append("parse")
        return [data["bias"]]

    first = weights.load_shipped(parse, "ctxprune.toy", "toy.json")
    assert first == [0.5]
    assert weights.load_shipped(parse, "ctxprune.toy", "toy.json") is first
    assert calls == ["parse"]


def test_a_failure_is_raised_at_each_call(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(weights, "files", lambda package: tmp_path)
    for _ in range(2):
        with pytest.raises(FormatError, match=r"absent\.json"):
            weights.load_shipped(list, "ctxprune.toy", "absent.json")
