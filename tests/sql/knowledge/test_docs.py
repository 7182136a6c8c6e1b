"""docs/tasks/teach_terms.md: its Python prints what it shows, its commands run, and its kinds are all there are."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from doc_pages import blocks, page, run

from ctxprune.cli import main
from ctxprune.sql.knowledge import QUESTION_KINDS, question_kind
from ctxprune.sql.knowledge.question_kinds import find_question_kinds

PAGE = "tasks/teach_terms"
ROWS = re.findall(r"^\| (\S+) \| ([a-z ]*?) ?\| (.+) \|$", page(PAGE), re.MULTILINE)


def test_its_python_prints_what_it_shows(capsys: pytest.CaptureFixture[str]) -> None:
    run(PAGE)
    assert capsys.readouterr().out == blocks(PAGE, "text")[0]


def test_its_commands_run(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(shop.parent / "config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(shop.parent / "cache"))
    monkeypatch.chdir(shop.parent)
    commands = [shlex.split(line)[1:] for block in blocks(PAGE, "console") for line in block.splitlines()]
    assert [words[:2] for words in commands] == [["sql", "learn"], ["sql", "ask"], *[["sql", "learn"]] * 2]
    for words in (words for words in commands if words[1] == "learn"):
        assert main(words) == 0


def test_its_table_names_the_kinds_in_order() -> None:
    rows = [row for row in ROWS if row[0] in QUESTION_KINDS]
    assert [kind for kind, _, _ in rows] == list(QUESTION_KINDS)
    for kind, schema, cues in rows:
        first = find_question_kinds(cues.partition(", ")[0].replace("…", "sold"))
        assert (kind, schema) in [(found.name, found.schema) for found in first]


def test_its_limits_are_so() -> None:
    assert question_kind("27 children, 12 are boys: how many are girls?").name == "count"
    assert question_kind("Who owns shares of a company?").name == "share"
