"""`ctxprune prune`, in process: data on stdout, the account on stderr, exit codes."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from ctxprune import POLICIES
from ctxprune.cli import main
from ctxprune.cli.prune import PolicyName

TEXT = "The tower is in Paris. Bananas are yellow.\n\nThe tower is 330 m tall. Pears are green.\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a text.txt"
    path.write_bytes(TEXT.encode())
    return path


def run(capfd: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    code = main(["prune", *map(str, words)])
    out, err = capfd.readouterr()
    return code, out, err


def test_pruned_text_on_stdout_and_the_account_on_one_line_of_stderr(file, capfd) -> None:
    code, out, err = run(capfd, file, "-q", "How tall is the tower?", "--top-k", 2)
    assert (code, out) == (0, "The tower is in Paris. … The tower is 330 m tall.\n")
    assert err.startswith("ctxprune: kept 2 of 4 sentences, ")
    assert err.endswith(", lexical.v1, top_k.v1\n")
    assert err.count("\n") == 1


def test_stdin_is_read_without_files_and_for_a_dash(capfd, monkeypatch) -> None:
    for words in ((), ("-",)):
        stdin = io.TextIOWrapper(io.BytesIO(TEXT.encode()))
        monkeypatch.setattr(sys, "stdin", stdin)
        code, out, _ = run(capfd, *words, "-q", "bananas", "--policy", "adaptive")
        assert (code, out) == (0, "Bananas are yellow.\n")


def test_nothing_dropped_is_printed_byte_for_byte(tmp_path, capfdbinary) -> None:
    path = tmp_path / "w.txt"
    path.write_bytes("  Één.\r\n\r\nTwee.\t\n".encode())
    assert main(["prune", str(path), "-q", "x", "--threshold", "0"]) == 0
    assert capfdbinary.readouterr().out == path.read_bytes()


def test_json_is_one_document_with_spans(file, capfd) -> None:
    code, out, err = run(capfd, file, "-q", "tall tower", "--budget", 12, "--json")
    document = json.loads(out)
    assert code == 0
    assert document["files"] == [str(file)]
    assert document["tokens_after"] <= 12 < document["tokens_before"]
    assert document["policy"] == "token_budget.v1"
    for unit in document["units"]:
        assert TEXT[slice(*unit["span"])] == unit["text"]
    assert "kept" in err


def test_several_files_stay_apart(file, tmp_path, capfd) -> None:
    other = tmp_path / "b.txt"
    other.write_text("A tower of cards.", encoding="utf-8")
    code, out, _ = run(capfd, file, other, "-q", "tower", "--json", "--policy", "adaptive")
    document = json.loads(out)
    assert code == 0
    assert document["files"] == [str(file), str(other)]
    assert len(document["output"]) == 2
    assert {unit["source"] for unit in document["units"]} == {0, 1}
    code, out, _ = run(capfd, file, other, "-q", "cards", "--top-k", 1)
    assert (code, out) == (0, "A tower of cards.\n")


def test_html_is_a_page_of_its_own(file, tmp_path, capfd) -> None:
    page = tmp_path / "out.html"
    code, out, _ = run(capfd, file, "-q", "<tower>", "--top-k", 1, "--html", page)
    text = page.read_text(encoding="utf-8")
    assert code == 0
    assert out
    assert text.startswith("<!doctype html>")
    assert "&lt;tower&gt;" in text
    assert text.count("<del ") == 3


def test_the_page_never_replaces_the_text(file, capfd) -> None:
    code, out, err = run(capfd, file, "-q", "tower", "--html", file)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "CP005 this file is read, so it is not written" in err
    assert file.read_text(encoding="utf-8") == TEXT


@pytest.mark.parametrize(
    ("words", "policy"),
    [
        ((), "adaptive.v1"),
        (("--threshold", "0.1"), "threshold.v1"),
        (("--policy", "threshold"), "threshold.v1"),
        (("--policy", "adaptive", "--threshold", "0.9"), "adaptive.v1"),
        (("--budget", "30", "--threshold", "0.1"), "token_budget.v1"),
        (("--policy", "top_k", "--top-k", "1"), "top_k.v1"),
        (("--policy", "largest_gap"), "largest_gap.v1"),
    ],
)
def test_the_number_given_implies_the_policy(file, capfd, words, policy: str) -> None:
    code, out, _ = run(capfd, file, "-q", "tower", "--json", *words)
    assert code == 0
    assert json.loads(out)["policy"] == policy


def test_every_registered_policy_has_its_word() -> None:
    assert {f"{name.value}.v1" for name in PolicyName} == set(POLICIES.names())


@pytest.mark.parametrize("scorer", ["lexical", "lexical.v1", "fusion", "chargram"])
def test_scorers_by_name(file, capfd, scorer: str) -> None:
    code, out, _ = run(capfd, file, "-q", "banana", "--scorer", scorer, "--top-k", 1)
    assert (code, out) == (0, "Bananas are yellow.\n")


def test_on_empty(file, capfd) -> None:
    words = ("-q", "tall", "--threshold", 9)
    assert run(capfd, file, *words)[1] == "The tower is 330 m tall.\n"
    assert run(capfd, file, *words, "--on-empty", "keep_all")[1] == TEXT
    assert run(capfd, file, *words, "--on-empty", "drop")[:2] == (0, "")
    assert run(capfd, file, "-q", "zebra", "--on-empty", "drop")[:2] == (0, "")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"caf\xe9", r"CP005 this is not UTF-8 text (byte 3 is 0xe9)"),
        ("x".encode("utf-16"), "CP005 this is not UTF-8 text (byte 0 is 0xff)"),
        (b"", "CP005 there is no text to prune"),
        (b" \n\t", "CP005 there is no text to prune"),
    ],
)
def test_what_is_no_text_is_one_clear_line(tmp_path, capfd, content: bytes, message: str) -> None:
    path = tmp_path / "x"
    path.write_bytes(content)
    code, out, err = run(capfd, path, "-q", "x")
    assert (code, out) == (1, "")
    assert message in err
    assert str(path) in err
    assert err.count("\n") == 1


def test_missing_file_folder_empty_question_and_tiny_budget_are_one_line_each(file, tmp_path, capfd) -> None:
    for words, message in (
        ((tmp_path / "none", "-q", "x"), "No such file"),
        ((tmp_path, "-q", "x"), "this is a folder"),
        ((file, "-q", " "), "the query is ' '"),
        ((file, "-q", "x", "--budget", "1"), "no unit fits into the 1 tokens"),
        (
            (file, "-q", "x", "--html", tmp_path / "no" / "such" / "folder"),
            "CP005 the file cannot be written (No such file",
        ),
        ((file, "-q", "x", "--threshold", "nan"), "minimum is nan"),
    ):
        code, out, err = run(capfd, *words)
        assert (code, out, err.count("\n")) == (1, "", 1), err
        assert message in err


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("-q",),
        ("-q", "x", "--nope"),
        ("-q", "x", "--policy", "best"),
        ("-q", "x", "--policy", "top_k"),
        ("-q", "x", "--policy", "token_budget"),
        ("-q", "x", "--policy", "adaptive", "--budget", "3"),
        ("-q", "x", "--top-k", "1", "--budget", "3"),
        ("-q", "x", "--top-k", "1", "--threshold", "3"),
        ("-q", "x", "--policy", "largest_gap", "--threshold", "3"),
        ("-q", "x", "--top-k", "0"),
        ("-q", "x", "--budget", "-1"),
        ("-q", "x", "--scorer", "nope"),
    ],
)
def test_wrong_usage_is_exit_2_without_a_traceback(file, capfd, words) -> None:
    code, out, err = run(capfd, file, *words)
    assert (code, out) == (2, "")
    assert "Error" in err
    assert "Traceback" not in err


def test_a_terminal_is_not_waited_for(capfd, monkeypatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Terminal())
    code, _, err = run(capfd, "-q", "x")
    assert code == 2
    assert "pipe text in" in err
