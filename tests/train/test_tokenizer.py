"""The bundled tokenizer: its card tells the truth, and its script makes the same bytes from the same data."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from importlib.resources import files
from pathlib import Path

import pytest

from ctxprune.errors import InputError
from ctxprune.train import tokenizer as script

MODELS = files("ctxprune") / "models"


def test_the_card_names_the_bundled_file_and_every_training_set() -> None:
    card = (MODELS / "TOKENIZER.md").read_text(encoding="utf-8")
    model = (MODELS / "tokenizer.json").read_bytes()
    assert hashlib.sha256(model).hexdigest() in card
    assert len(model) <= 1_000_000
    assert len(json.loads(model)["model"]["vocab"]) == script.VOCABULARY
    for name, licence in script._SETS.items():
        assert f"- {name}: {licence}" in card


@pytest.mark.data
def test_the_card_fits_the_data_and_the_licences_there(shared: Path) -> None:
    card = (MODELS / "TOKENIZER.md").read_text(encoding="utf-8")
    index = (shared / "data" / "rag" / "INDEX.md").read_text(encoding="utf-8")
    for name in script._SETS:
        if name.startswith("rag/"):
            line = next(line for line in index.splitlines() if line.startswith(f"| {name.split('/')[1]} |"))
            assert "training allowed" in line
    digest = hashlib.sha256()
    for text in script.corpus(shared / "data"):
        digest.update(text.encode("utf-8", "replace"))
    assert digest.hexdigest() in card


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The layout of the real data with a few records of our own."""
    records = {
        "jsonl.gz": {"id": "never read", "question": "Who built it?", "sentences": ["An engineer did. ", "In 1889."]},
        "json": {"question": "How many?", "query": "SELECT COUNT(*) FROM tower", "db_id": "towers"},
    }
    for name in script._SETS:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith(".gz"):
            with gzip.open(path, "wt", encoding="utf-8") as file:
                file.write(json.dumps({**records["jsonl.gz"], "table": [["name", "year"], ["Eiffel", "1889"]]}) + "\n")
        else:
            path.write_text(json.dumps([records["json"]]), encoding="utf-8")
    spider = tmp_path / "nl2sql" / "spider"
    schemas = [
        {"db_id": name, "table_names_original": [f"t_{name}"], "column_names_original": [[-1, "*"], [0, f"c_{name}"]]}
        for name in ("towers", "unasked")
    ]
    (spider / "tables.json").write_text(json.dumps(schemas), encoding="utf-8")
    (spider / "database" / "towers").mkdir(parents=True)
    (spider / "database" / "towers" / "schema.sql").write_text("CREATE TABLE tower (name TEXT);", encoding="utf-8")
    return tmp_path


def test_the_corpus_holds_prose_tables_sql_and_ddl_of_asked_databases_only(data: Path) -> None:
    text = "\n".join(script.corpus(data))
    for part in (
        "An engineer did. In 1889.",
        '[["name", "year"], ["Eiffel", "1889"]]',
        "SELECT COUNT(*)",
        "CREATE TABLE",
    ):
        assert part in text
    assert "c_towers" in text
    assert "unasked" not in text
    assert "never read" not in text


def test_the_same_data_give_the_same_bytes(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert script.main(["--data", str(data), "--out", str(tmp_path / "a")]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert script.train(data, tmp_path / "b") == facts
    first, second = ((tmp_path / name / "tokenizer.json").read_bytes() for name in "ab")
    assert first == second
    card = (tmp_path / "a" / "TOKENIZER.md").read_text(encoding="utf-8")
    assert re.search(rf"training text: \d+ characters, sha256 {facts['corpus_sha256']}", card)


def test_a_missing_set_is_named(data: Path, tmp_path: Path) -> None:
    (data / "rag" / "pubmedqa" / "all.jsonl.gz").unlink()
    with pytest.raises(InputError, match="pubmedqa"):
        script.train(data, tmp_path / "out")
