"""`ctxprune sql match` and `ctxprune sql migrate`: output, files, exit codes, and inputs that are wrong."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest

from ctxprune.cli import main
from ctxprune.sql.knowledge import KnowledgeFile, Note, Pair

examples = SimpleNamespace(**runpy.run_path(str(Path(__file__).parent / "match_examples.py")))
HEADER = {"format": "ctxprune.knowledge", "version": 1, "database": "old"}


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    code = main([str(word) for word in words])
    said = capsys.readouterr()
    return code, said.out, said.err


@pytest.fixture
def paths(tmp_path: Path) -> tuple[Path, Path]:
    return examples.old_database(tmp_path), examples.new_database(tmp_path)


@pytest.fixture
def knowledge(tmp_path: Path) -> Path:
    lines = [
        HEADER,
        {"kind": "pair", "question": "Who is in Graz?", "sql": "SELECT first_name FROM customer WHERE city = 'Graz'"},
        {"kind": "note", "column": "customer.status", "note": "A is active"},
    ]
    path = tmp_path / "shop.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def test_match_prints_a_table(paths: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "sql", "match", *paths)
    assert code == 0
    assert "tbl_client.town" in out
    assert "only in B: tbl_purchase.source_system" in out
    assert "9 of 9 and 10 columns match" in err


def test_match_as_json_and_without_values(paths: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    before = [path.read_bytes() for path in paths]
    code, out, _ = run(capsys, "sql", "match", *paths, "--json", "--no-values")
    document = json.loads(out)
    assert code == 0
    assert {"matches", "tables", "unmatched_source", "unmatched_target", "notes", "source", "target"} <= set(document)
    assert [path.read_bytes() for path in paths] == before


def test_match_takes_schema_files(tmp_path: Path, paths: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    schema = tmp_path / "old.sql"
    schema.write_text(examples.OLD_TABLES, encoding="utf-8")
    code, out, _ = run(capsys, "sql", "match", schema, paths[0], "--json")
    assert code == 0
    assert len(json.loads(out)["matches"]) == 9


def test_migrate_carries_all(
    tmp_path: Path, paths: tuple[Path, Path], knowledge: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    questions = tmp_path / "questions.csv"
    questions.write_text("question,sql\nHow many?,SELECT COUNT(*) FROM orders\n", encoding="utf-8")
    out = tmp_path / "migrated"
    code, said, err = run(
        capsys, "sql", "migrate", *paths, "--knowledge", knowledge, "--questions", questions, "--out", out
    )
    assert (code, said) == (0, "")
    assert "shop.jsonl: 2 of 2 carried, 0 left" in err
    assert KnowledgeFile(out / "shop.jsonl").read() == (
        Pair("Who is in Graz?", "SELECT given_name FROM tbl_client WHERE town = 'Graz'"),
        Note("tbl_client.sts", "A is active"),
    )
    assert json.loads((out / "questions.jsonl").read_text()) == {
        "question": "How many?", "sql": "SELECT COUNT(*) FROM tbl_purchase",
    }  # fmt: skip
    assert json.loads((out / "report.json").read_text())["files"][0]["written"] == "shop.jsonl"


def test_what_is_left_is_reported_and_exits_1(
    tmp_path: Path, paths: tuple[Path, Path], knowledge: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with knowledge.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"kind": "note", "column": "customer.shoe", "note": "size"}) + "\n")
    out = tmp_path / "migrated"
    code, said, err = run(capsys, "sql", "migrate", *paths, "--knowledge", knowledge, "--out", out, "--json")
    assert code == 1
    (left,) = json.loads(said)["files"][0]["left"]
    assert "no column 'customer.shoe'" in left["reason"]
    assert "left: customer.shoe" in err
    assert len(KnowledgeFile(out / "shop.jsonl").read()) == 2


def test_inputs_are_never_overwritten(
    tmp_path: Path, paths: tuple[Path, Path], knowledge: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = knowledge.read_bytes()
    code, _, err = run(capsys, "sql", "migrate", *paths, "--knowledge", knowledge, "--out", tmp_path, "--overwrite")
    assert code == 1
    assert "this file is read, so it is not written" in err
    assert knowledge.read_bytes() == before


def test_wrong_use(tmp_path: Path, paths: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "migrated"
    assert run(capsys, "sql", "migrate", *paths, "--out", out)[0] == 2
    code, _, err = run(capsys, "sql", "migrate", *paths, "--knowledge", tmp_path / "absent", "--out", out)
    assert (code, "cannot be read" in err) == (1, True)
    broken = tmp_path / "calibration.json"
    broken.write_text("{}", encoding="utf-8")
    code, _, err = run(capsys, "sql", "migrate", *paths, "--calibration", broken, "--out", out)
    assert (code, "this is not a calibration" in err) == (1, True)
    code, _, err = run(capsys, "sql", "match", paths[0], tmp_path / "absent.sqlite")
    assert code == 1
    assert "Traceback" not in err
    assert not (out / "report.json").exists()


def test_no_two_inputs_are_written_to_one_file(
    tmp_path: Path, paths: tuple[Path, Path], knowledge: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    questions = []
    for name in ("dev.csv", "dev.json", "SHOP.csv"):
        (tmp_path / name).write_text("question,sql\nHow many?,SELECT COUNT(*) FROM orders\n", encoding="utf-8")
        questions.append(tmp_path / name)
    out = tmp_path / "migrated"
    two = ("--questions", questions[0], "--questions", questions[1])
    code, _, err = run(capsys, "sql", "migrate", *paths, *two, "--out", out)
    assert (code, "would be written to dev.jsonl" in " ".join(err.split())) == (2, True)
    mixed = ("--knowledge", knowledge, "--questions", questions[2])
    assert run(capsys, "sql", "migrate", *paths, *mixed, "--out", out)[0] == 2
    assert not out.exists()


def test_files_of_the_folder_are_replaced_only_when_asked(
    tmp_path: Path, paths: tuple[Path, Path], knowledge: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "migrated"
    out.mkdir()
    (out / "shop.jsonl").write_text("precious", encoding="utf-8")
    words = ("sql", "migrate", *paths, "--knowledge", knowledge, "--out", out)
    code, _, err = run(capsys, *words)
    assert (code, "this file is there already" in err) == (1, True)
    assert (out / "shop.jsonl").read_text(encoding="utf-8") == "precious"
    assert run(capsys, *words, "--overwrite", "--rows", 100)[0] == 0
    assert len(KnowledgeFile(out / "shop.jsonl").read()) == 2
