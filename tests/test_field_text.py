"""The builder of our own field set: equal bytes for a seed, evidence that is unique, parts without common products."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import pytest

from benchmarks.data.field_text import build
from benchmarks.data.field_text.generated import add_json, add_logs, add_tables
from benchmarks.data.field_text.options import help_lines, html_sentence, man_sentence, text_sentence
from benchmarks.data.field_text.sources import Rows, first_sentence
from benchmarks.data.field_text.wording import SYNONYMS, ask, keywords, overlap, reword
from ctxprune.rag.evaluation.field_set import read_field_items

HELP = """Usage: quern [OPTION]...
  -b, --by=COLUMN      make groups of equal
                       values of a column
      --grid
             round times down to a grid
  -q                   no long name here
Other text
"""
MAN = """OPTIONS
       -b, --by column
              Rows that share a value belong together, e.g. a town.  May be given
              several times.

       --grid n
              Short.  Times are rounded to a multiple of n minutes, so that
              neighbours meet.
"""


def make(folder: Path, part: str) -> list[dict]:
    rows = Rows(folder)
    for add in (add_tables, add_json, add_logs):
        add(rows, part, 2, Random(part))
    rows.write(folder / "items.jsonl", part)
    return rows.rows


def test_a_seed_gives_equal_bytes_and_sound_evidence(tmp_path: Path) -> None:
    written = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        for part in ("dev", "test"):
            make(tmp_path / name, part)
        written.append((tmp_path / name / "items.jsonl").read_bytes())
    assert written[0] == written[1]
    items = read_field_items(tmp_path / "one")
    assert {item.group for item in items} == {"csv", "json", "log"}
    assert len(items) > 60
    for item in items:
        text = item.file.read_text(encoding="utf-8")
        assert all(text.count(string) == 1 for string in item.evidence)


def test_parts_have_columns_events_and_products_of_their_own(tmp_path: Path) -> None:
    questions = {}
    for part in ("dev", "test"):
        (tmp_path / part).mkdir()
        rows = make(tmp_path / part, part)
        questions[part] = {row["question"] for row in rows if row["group"] == "log"}
        headers = {path.read_text(encoding="utf-8").split("\n")[0] for path in (tmp_path / part).rglob("*.csv")}
        questions[part] |= headers
    assert not questions["dev"] & questions["test"]
    assert not {*build.MANUALS["dev"]} & {*build.MANUALS["test"]}
    assert not {*build.PACKAGES["dev"]} & {*build.PACKAGES["test"]}


def test_no_product_of_the_shared_set(shared: Path) -> None:
    source = shared / "data" / "rag" / "field" / "SOURCE.txt"
    if not source.exists():
        pytest.skip("the field set is not here")
    text = source.read_text(encoding="utf-8").lower()
    for part in ("dev", "test"):
        for name in (*build.MANUALS[part], *build.PACKAGES[part]):
            assert f"package: {name.replace('_', '-')}" not in text


def test_help_and_manual() -> None:
    described = help_lines(HELP)
    assert described == {"by": "make groups of equal values of a column", "grid": "round times down to a grid"}
    assert man_sentence(MAN, "by") == "Rows that share a value belong together, e.g. a town."
    assert man_sentence(MAN, "grid").startswith("Short.  Times are rounded")
    assert man_sentence(MAN, "gri") == ""
    page = (
        "<dl><dt>-b</dt><dt><code>--by</code></dt><dd><p>Rows that <i>share</i> a value belong together.</p></dd></dl>"
    )
    assert html_sentence(page, "by") == "Rows that share a value belong together."
    assert text_sentence("--by=<column>::\n\tRows that share a value\n\tbelong together. More.\n", "by") == (
        "Rows that share a value\n\tbelong together."
    )


def test_a_repeated_sentence_is_no_evidence(tmp_path: Path) -> None:
    rows = Rows(tmp_path)
    file = rows.add_document("a.txt", "It is so. It is so. It is not.", "here")
    assert not rows.add(file, "text", "docs", "a", "is it?", ["It is so."])
    assert rows.add(file, "text", "docs", "a", "is it?", ["It is not."])
    assert not rows.add(file, "text", "docs", "a", "is it?", ["It is not."])
    rows.write(tmp_path / "items.jsonl", "dev")
    assert json.loads((tmp_path / "items.jsonl").read_text())["split"] == "dev"


def test_wording() -> None:
    assert first_sentence("  It ends here, after a while. Not there.") == "It ends here, after a while."
    assert SYNONYMS["rename"] == ["change the name of"]
    assert reword("delete files", Random(1), share=1.0) in {f"{a} document" for a in SYNONYMS["delete"]}
    assert set(keywords("the folder is deleted on exit", Random(2), most=2).split()) <= {
        "folder", "directory", "remove", "erase", "deleted", "quit", "stop", "exit"}  # fmt: skip
    assert overlap("delete the file", "files are deleted") == 1
    assert overlap("delete the file", "nothing of that") == 0
    assert "quern" in ask("Group rows (all of them).", "quern", Random(3))
