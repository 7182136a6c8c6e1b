"""`ctxprune prune`, in process: data on stdout, the account on stderr, exit codes."""

from __future__ import annotations

import gzip
import io
import json
import os
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
    """With BM25, whose scores can be told beforehand, unless a scorer is named."""
    chosen = () if "--scorer" in words else ("--scorer", "lexical")
    code = main(["prune", *chosen, *map(str, words)])
    out, err = capfd.readouterr()
    return code, out, err


def test_the_bundled_model_is_the_default(file, capfd) -> None:
    assert main(["prune", str(file), "-q", "Which fruit is yellow?", "--top-k", "1"]) == 0
    out, err = capfd.readouterr()
    assert out == "Bananas are yellow.\n"
    assert "mixture.v1" in err


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
    code, out, err = run(capfd, file, other, "-q", "cards", "--top-k", 1)
    assert (code, out) == (0, f"==> {other} <==\nA tower of cards.\n")
    assert f"nothing was kept of {file}\n" in err


def test_html_is_a_page_of_its_own(file, tmp_path, capfd) -> None:
    page = tmp_path / "out.html"
    code, out, _ = run(capfd, file, "-q", "<tower>", "--top-k", 1, "--html", page)
    text = page.read_text(encoding="utf-8")
    assert code == 0
    assert out
    assert text.startswith("<!DOCTYPE html>")
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
        (gzip.compress(TEXT.encode(), mtime=0), "this is a gzip file, not text"),
        (b"SQLite format 3\0\xff", "this is a SQLite file, not text"),
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
    assert ("iconv" in err) == ("UTF-8 text" in message)
    assert ("unpack it first" in err) == ("gzip" in message)


def test_a_pipe_in_the_place_of_a_file_is_read_whole(capfd) -> None:
    """Its kind was guessed from its first bytes, which nobody could read again."""
    end, start = os.pipe()
    os.write(start, TEXT.encode())
    os.close(start)
    try:
        assert run(capfd, f"/dev/fd/{end}", "-q", "tower", "--top-k", 4)[:2] == (0, TEXT)
    finally:
        os.close(end)


def test_a_share_that_rounds_to_nothing_is_told_as_such(tmp_path, capfd) -> None:
    path = tmp_path / "long.txt"
    path.write_text("The tower is tall. " + "Pears are green. " * 2000, encoding="utf-8")
    assert " tokens (<1%), " in run(capfd, path, "-q", "tower", "--top-k", 1)[2]


def test_missing_file_folder_empty_question_and_tiny_budget_are_one_line_each(file, tmp_path, capfd) -> None:
    for words, message in (
        ((tmp_path / "none", "-q", "x"), "No such file"),
        ((tmp_path, "-q", "x"), f"give other files by name, such as {tmp_path / '*.txt'}"),
        ((tmp_path / "none", "-q", "x"), "check the path"),
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


PAGE = "# Towers\n\nThe tower is tall. Pears are green.\n\n## Fruit\n\n```\nbananas = 1. # Yes. No.\n```\n\n- bananas\n"


def records(path: Path) -> Path:
    rows = [
        {"id": 7, "text": "The tower is tall. Bananas are yellow.", "meta": {"a": [1, None]}},
        {"id": "b", "text": "", "extra": True},
        {"text": "Pears are green. The tower is tall.", "id": None},
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows[:2]) + "\n" + json.dumps(rows[2]), encoding="utf-8")
    return path


def test_markdown_by_its_name_keeps_headings_and_blocks(tmp_path, capfd) -> None:
    path = tmp_path / "page.md"
    path.write_text(PAGE, encoding="utf-8")
    code, out, _ = run(capfd, path, "-q", "bananas = 1 yes", "--top-k", 3)
    assert (code, out) == (0, "# Towers\n\n…\n\n## Fruit\n\n```\nbananas = 1. # Yes. No.\n```\n")
    code, out, _ = run(capfd, path, "-q", "bananas = 1 yes", "--top-k", 1, "--no-headings")
    assert (code, out) == (0, "```\nbananas = 1. # Yes. No.\n```\n")
    code, out, _ = run(capfd, path, "-q", "yes", "--top-k", 1, "--format", "text")
    assert (code, out) == (0, "# Yes.\n")


def test_json_lines_come_out_as_json_lines(tmp_path, capfd) -> None:
    path = records(tmp_path / "a.jsonl")
    code, out, err = run(capfd, path, "-q", "tall tower", "--threshold", 0.1)
    assert code == 0
    assert [json.loads(line) for line in out.splitlines()] == [
        {"id": 7, "text": "The tower is tall.", "meta": {"a": [1, None]}},
        {"id": "b", "text": "", "extra": True},
        {"text": "The tower is tall.", "id": None},
    ]
    assert "kept 2 of 4 sentences" in err


def test_json_lines_by_field_in_order_and_without_empty_ones(tmp_path, capfd) -> None:
    path = tmp_path / "x.txt"
    path.write_text('{"body": "A pear.", "n": 1}\n{"body": "A tall tower. A tower.", "n": 2}\n', encoding="utf-8")
    words = (path, "-q", "tower", "--format", "jsonl", "--field", "body")
    code, out, _ = run(capfd, *words, "--drop-empty")
    assert (code, out) == (0, '{"body": "A tall tower. A tower.", "n": 2}\n')
    code, out, _ = run(capfd, *words, "--reorder", "--budget", 50)
    assert [json.loads(line)["n"] for line in out.splitlines()] == [2, 1]
    code, out, _ = run(capfd, *words, "--reorder", "--documents", 1)
    assert [json.loads(line) for line in out.splitlines()] == [
        {"body": "A tower.", "n": 2}, {"body": "", "n": 1}
    ]  # fmt: skip


def test_json_lines_from_stdin_with_half_a_surrogate_pair(capfd, monkeypatch) -> None:
    line = '\ufeff{"text": "A tower \\ud800. Pears.", "k": "\\ud83d\\ude00 é"}\n{"text": "é tower."}\n'
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(line.encode())))
    code, out, _ = run(capfd, "-q", "tower", "--format", "jsonl", "--threshold", 0)
    assert code == 0
    assert out == '{"text": "A tower \\ud800. Pears.", "k": "\\ud83d\\ude00 \\u00e9"}\n{"text": "é tower."}\n'


def test_json_with_json_lines_says_the_order(tmp_path, capfd) -> None:
    path = records(tmp_path / "a.ndjson")
    code, out, _ = run(capfd, path, "-q", "pears", "--json", "--documents", 1)
    document = json.loads(out)
    assert code == 0
    assert document["order"] == [2]
    assert document["output"][:2] == ["", ""]
    assert {unit["reason"] for unit in document["units"] if unit["source"] == 0} == {"document"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "line 1"),
        ("[1]", "this is a list, no JSON object"),
        ('{"text": "a"}\n{"txt": "b"}', "there is no text in the field 'text' [{}, line 2]: fields: 'txt'"),
        ('{"text": 3}', "there is no text in the field 'text'"),
        ("[" * 100_000, "line 1"),
        ("\n \n", "there is no text to prune"),
    ],
)
def test_what_is_no_json_lines_is_one_clear_line(tmp_path, capfd, content: str, message: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(content, encoding="utf-8")
    code, out, err = run(capfd, path, "-q", "x")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert message.format(path) in err
    assert "CP005" in err


def test_protect_neighbours_distinct_title_and_pronouns(tmp_path, capfd) -> None:
    path, other = tmp_path / "a.txt", tmp_path / "b.txt"
    path.write_text("Introduction\nThe tower is tall. It is old. Pears. Keep me.\n", encoding="utf-8")
    other.write_text("The tower is tall. Apples are red.\n", encoding="utf-8")
    words = ("-q", "tall tower", "--policy", "threshold")
    assert run(capfd, path, *words, "--protect", "^Keep")[1] == "The tower is tall. … Keep me.\n"
    assert run(capfd, path, *words, "--neighbours", 1, "--title")[1] == "Introduction\nThe tower is tall. It is old.\n"
    assert run(capfd, path, "-q", "old", "--top-k", 2, "--pronouns")[1] == "The tower is tall. It is old.\n"
    named = [f"==> {name} <==\nThe tower is tall.\n" for name in (path, other)]
    assert run(capfd, path, other, *words)[1] == "\n".join(named)
    assert run(capfd, path, other, *words, "--distinct")[1] == named[0]


def test_the_page_names_the_files(file, tmp_path, capfd) -> None:
    other, page = tmp_path / "<b>.txt", tmp_path / "out.html"
    other.write_text("A tower of cards.", encoding="utf-8")
    assert run(capfd, file, other, "-q", "tower", "--html", page)[0] == 0
    text = page.read_text(encoding="utf-8")
    assert "&lt;b&gt;.txt: 1 of 1 units" in text
    assert 'name="viewport"' in text
    lines = records(tmp_path / "a.jsonl")
    assert run(capfd, lines, "-q", "tower", "--html", page)[0] == 0
    assert "line 3: 1 of 2 units" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "words",
    [
        ("--protect", "("), ("--protect", "(a+)+b"), ("--neighbours", "-1"), ("--documents", "0"), ("--format", "pdf"),
        ("--field",), ("b.jsonl",),
    ],
)  # fmt: skip
def test_wrong_options_are_exit_2(file, tmp_path, capfd, words) -> None:
    (tmp_path / "b.jsonl").write_text('{"text": "a"}', encoding="utf-8")
    words = [tmp_path / word if word == "b.jsonl" else word for word in words]
    code, out, err = run(capfd, file, "-q", "x", *words)
    assert (code, out) == (2, "")
    assert "Error" in err
    assert "Traceback" not in err


def test_titles_of_json_lines_are_read(file, tmp_path, capfd) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(
        '{"name": "Eiffel Tower", "text": "Built in 1889."}\n{"name": null, "text": "Built in 1900."}\n'
        '{"text": "Built in 1910."}\n{"name": "Empire State Building", "text": "Built in 1931."}\n',
        encoding="utf-8",
    )
    words = (path, "-q", "when was the Empire State Building built", "--top-k", 1, "--drop-empty")
    for scorer, told in (("lexical", "titled.v1"), ("cascade", "cascade.v1"), ("pruner", "pruner.v1")):
        code, out, err = run(capfd, *words, "--title-field", "name", "--scorer", scorer)
        assert (code, json.loads(out)["text"]) == (0, "Built in 1931.")
        assert told in err
    assert json.loads(run(capfd, *words)[1])["text"] == "Built in 1889."
    assert run(capfd, file, "-q", "x", "--title-field", "name")[0] == 2


@pytest.mark.parametrize("kind", ["text", "html"])
def test_what_has_no_end_is_refused(tmp_path, capfd, monkeypatch, kind) -> None:
    """A device such as /dev/zero was read until there was no memory left."""
    monkeypatch.setattr("ctxprune.cli._prune_inputs._MOST_BYTES", len(TEXT.encode()))
    path = tmp_path / "text"
    for more, code in (("", 0), (" ", 1)):
        path.write_text(TEXT + more, encoding="utf-8")
        assert main(["prune", str(path), "-q", "x", "--format", kind, "--scorer", "lexical.v1"]) == code
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO((TEXT + more).encode())))
        assert main(["prune", "-", "-q", "x", "--format", kind, "--scorer", "lexical.v1"]) == code
    assert capfd.readouterr().err.count("CP005 there are more than") == 2
