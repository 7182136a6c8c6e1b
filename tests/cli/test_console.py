"""JSON on any stdout."""

from __future__ import annotations

import io
import json
import sys

import pytest

from ctxprune.cli._console import emit

DOCUMENT = {"text": "São \u20ac \udc80 😀", "blob": b"\x00\xff", "number": float("nan"), "row": (1, None, 2.5)}


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "cp1252"])
def test_a_document_is_valid_json_in_every_encoding(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
    emit(DOCUMENT)
    sys.stdout.flush()
    read = json.loads(raw.getvalue().decode(encoding))
    assert read == {"text": DOCUMENT["text"], "blob": "00ff", "number": "nan", "row": [1, None, 2.5]}


def test_letters_stay_letters_where_they_can(capsys: pytest.CaptureFixture[str]) -> None:
    emit({"city": "São Paulo"})
    assert capsys.readouterr().out == '{"city": "São Paulo"}\n'
