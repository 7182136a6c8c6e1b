"""`ctxprune extract`: records on stdout, the account on stderr, a database with provenance."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from ctxprune.cli import main
from ctxprune.errors import ModelError
from ctxprune.llm.base import ChatAnswer, ChatModel

SCHEMA = {
    "title": "product",
    "type": "object",
    "properties": {"name": {"type": "string"}, "price": {"type": "number"}, "country": {"type": "string"}},
}
TEXT = "Name: Red Kite\nPrice: 32 EUR\nCountry: Chile\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "schema.json").write_text(json.dumps(SCHEMA), encoding="utf-8")
    (tmp_path / "a.txt").write_text(TEXT, encoding="utf-8")
    (tmp_path / "b.html").write_text("<p>Name: Ball</p><p>Price: 3</p>", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_records_and_account(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["extract", "a.txt", "b.html", "--schema", "schema.json"]) == 0
    shown = capsys.readouterr()
    assert [json.loads(line) for line in shown.out.splitlines()] == [
        {"name": "Red Kite", "price": 32, "country": "Chile"}, {"name": "Ball", "price": 3},
    ]  # fmt: skip
    assert shown.err == "ctxprune: 2 records, 5 values\n"
    assert main(["extract", "a.txt", "--schema", "schema.json", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["format"] == "ctxprune.extraction"
    assert document["records"][0]["chunk"] == "a.txt"
    assert document["records"][0]["values"][1] == {
        "path": "price", "value": 32, "text": "32", "span": [22, 24], "score": 1.0, "unit": "EUR",
    }  # fmt: skip


def test_a_database_is_made_and_asked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["extract", "a.txt", "b.html", "--schema", "schema.json", "--database", "products.sqlite"]
    assert main(words) == 0
    assert capsys.readouterr().err.endswith("; 2 added to products.sqlite\n")
    assert main(words) == 0  # the same once more, as by a shell's history
    assert capsys.readouterr().err.endswith("; 0 added to products.sqlite, 2 there already\n")
    assert main(["sql", "ask", "products.sqlite", "How many products have the country Chile?", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == [[1]]
    (folder / "other.sqlite").write_bytes(b"SQLite format 3\x00")
    assert main([*words[:-1], "other.sqlite"]) == 1


def test_json_lines_and_stdin(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [{"id": "x", "body": TEXT}, {"body": "Name: Top"}]
    (folder / "c.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    assert main(["extract", "c.jsonl", "--schema", "schema.json", "--field", "body", "--json"]) == 0
    assert [record["chunk"] for record in json.loads(capsys.readouterr().out)["records"]] == ["x", "line 2"]
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(TEXT.encode()), encoding="utf-8"))
    assert main(["extract", "--schema", "schema.json"]) == 0
    assert json.loads(capsys.readouterr().out)["name"] == "Red Kite"


class Scripted(ChatModel):
    fingerprint = "scripted"
    answer: str | Exception = '[{"name": "Red Kite", "price": 5}]'

    def complete(self, messages: Any, sampling: Any) -> list[ChatAnswer]:
        if isinstance(self.answer, Exception):
            raise self.answer
        return [ChatAnswer(self.answer)]


def test_a_chat_model(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("jsonschema_rs")
    model = Scripted()
    monkeypatch.setattr("ctxprune.llm.chat_models.open_chat_model", lambda spec: model)
    words = ["extract", "a.txt", "--schema", "schema.json", "--model", "m.gguf"]
    assert main([*words, "--cache", "cache.sqlite"]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out) == {"name": "Red Kite", "price": 5}
    assert "1 of them not in the text; prompts of " in shown.err
    assert main([*words, "--unsupported", "drop", "--full"]) == 0
    assert json.loads(capsys.readouterr().out) == {"name": "Red Kite"}
    model.answer = ModelError("it is down")
    assert main(words) == 1
    assert "a.txt: the model failed (it is down)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["a.txt"], 2),
        (["a.txt", "--schema", "none.json"], 1),
        (["a.txt", "--schema", "a.txt"], 1),
        (["none.txt", "--schema", "schema.json"], 1),
        (["a.txt", "--schema", "schema.json", "--full"], 2),
        (["a.txt", "--schema", "schema.json", "--model", "none.gguf"], 1),
        (["a.txt", "--schema", "schema.json", "--model", "none.gguf", "--unsupported", "keep"], 1),
    ],
)
def test_wrong_words(folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int) -> None:
    assert main(["extract", *words]) == code
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "Traceback" not in shown.err
