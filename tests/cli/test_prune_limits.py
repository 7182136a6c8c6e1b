"""`ctxprune prune` on what is hard to prune: budgets of nothing, units without borders, questions that say nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ctxprune.cli import main

Prune = Callable[..., tuple[int, str, str]]
GUIDE = "# Town\n\n## The mill\n\nIt was turned by the tide.\n\n## The church\n\nIt was consecrated in 1764.\n"


@pytest.fixture
def prune(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Prune:
    """Writes a text to a file of that name and runs `ctxprune prune` on it."""

    def run(name: str, text: str, question: str, *words: str) -> tuple[int, str, str]:
        file = tmp_path / name
        file.write_text(text, encoding="utf-8")
        code = main(["prune", str(file), "-q", question, *words])
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return run


@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.json", "a.log", "a.html"])
def test_a_budget_of_one_token_names_one_that_would_do(prune: Prune, name: str) -> None:
    text = {"a.json": json.dumps({"town": {"mill": "turned by the tide"}}), "a.html": "<p>Turned by the tide.</p>"}
    code, out, err = prune(name, text.get(name, "It was turned by the tide."), "mill", "--budget", "1")
    assert (code, out) == (1, "")
    assert "no unit fits into the 1 tokens" in err
    enough = err.split("a budget of ")[1].split()[0]
    code, out, _ = prune(name, text.get(name, "It was turned by the tide."), "mill", "--budget", enough)
    assert code == 0
    assert "tide" in out


@pytest.mark.parametrize("question", ["what is the", "¿Cuándo se consagró la iglesia?", "鐘", "the of and"])
@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.json"])
def test_questions_that_share_no_word_with_the_text_still_get_an_answer(prune: Prune, question: str, name: str) -> None:
    text = json.dumps({"town": ["mill", "church"], "year": 1764, "tide": {"high": 3, "low": 1}})
    code, out, _ = prune(name, text if name == "a.json" else GUIDE, question, "--budget", "25")
    assert code == 0
    assert out.strip()


def test_what_did_not_fit_is_said_on_stderr_and_in_json(prune: Prune) -> None:
    text = f"The bell of the church {'rings and ' * 60}is old. Bread is baked at five."
    code, out, err = prune("a.txt", text, "bell of the church", "--scorer", "lexical", "--budget", "30")
    assert code == 0
    assert "bell" in out
    assert "Bread" not in out
    assert "is kept in part: 3 of its 20 parts; a budget of" in err
    _, out, _ = prune("a.txt", text, "bell of the church", "--scorer", "lexical", "--budget", "30", "--json")
    oversized = json.loads(out)["oversized"]
    assert oversized["budget"] > 30
    assert oversized["parts"] > oversized["kept"] > 0


STAFF = "name,department\nAna,IT\nBo,HR\nCy,IT\nDee,Sales\n"


def test_matching_rows_that_do_not_fit_are_counted_with_the_budget_that_holds_them(prune: Prune) -> None:
    _, out, err = prune("staff.csv", STAFF, "Who works in IT?", "--budget", "12")
    assert ("Ana" in out) != ("Cy" in out)
    assert "1 of the 2 rows that the question asks for fit" in err
    assert "kept 1 of 4 rows and 2 of 2 columns" in err
    enough = err.split("a budget of ")[1].split()[0]
    _, out, err = prune("staff.csv", STAFF, "Who works in IT?", "--budget", enough)
    assert "Ana" in out
    assert "Cy" in out
    assert "a budget of" not in err


def test_missing_rows_are_in_the_report(prune: Prune) -> None:
    _, out, _ = prune("staff.csv", STAFF, "Who works in IT?", "--budget", "12", "--json")
    missing = json.loads(out)["oversized"]
    assert (missing["kept"], missing["rows"]) == (1, 2)


@pytest.mark.parametrize("question", ["Who is the pilot?", "sheep"])
def test_a_row_with_a_cell_too_large_for_the_budget_is_named_with_what_holds_it(prune: Prune, question: str) -> None:
    filler = "sheep in the hills; " * 40
    text = f"id,remark\n1,{filler}the pilot is Ana; {filler}\n2,short\n3,small\n"
    _, out, err = prune("notes.csv", text, question, "--budget", "40")
    assert "pilot" not in out
    assert "did not fit" in err
    enough = err.split("a budget of ")[1].split()[0].replace(",", "")
    _, out, err = prune("notes.csv", text, question, "--budget", enough)
    assert "the pilot is Ana" in out
    assert "a budget of" not in err


def test_hints_name_the_options_of_the_command(prune: Prune) -> None:
    _, _, err = prune("a.txt", "The bell of the church is old and rings at five.", "bell", "--budget", "1")
    assert "raise --budget, or give --on-empty drop to get nothing" in err
    assert "on_empty" not in err


def test_a_small_table_is_written_to_a_file(prune: Prune, tmp_path: Path) -> None:
    target = tmp_path / "kept.csv"
    table = "car,seats\nT1,36\nT2,72\n"
    code, out, err = prune("a.csv", table, "How many seats has T2?", "--budget", "12", "-o", str(target))
    assert (code, out) == (0, "")
    assert "T2,72" in target.read_text(encoding="utf-8")
    assert "of the 2 rows of the file" in err
    code, _, err = prune("a.txt", "The bell is old.", "bell", "-o", str(target))
    assert code == 2
    assert "> FILE" in err


def test_kinds_that_do_not_go_together_and_missing_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, text in (("a.csv", "a,b\n1,2\n"), ("a.html", "<p>Hello</p>")):
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert main(["prune", str(tmp_path / "a.csv"), str(tmp_path / "a.html"), "-q", "x"]) == 2
    assert "in a call of their own" in " ".join(capsys.readouterr().err.split())
    assert main(["prune", str(tmp_path / "none.txt"), "-q", "x"]) == 1
    assert "check the path; - stands for stdin" in capsys.readouterr().err
