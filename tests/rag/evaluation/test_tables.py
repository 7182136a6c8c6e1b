"""Cells that are left at a share: small sets of the three shapes, and what their figures count."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ctxprune.errors import InputError
from ctxprune.rag.evaluation.table_sets import TableItem, normalize_words, read_table_items
from ctxprune.rag.evaluation.tables import BASELINES, Kept, build_keeper, measure_tables, read_table

LINES = [["Year", "Driver", "Points"], ["1999", "Ana", "14"], ["2001", "Bo", "52"], ["2002", "Ana*", "40"]]
FETAQA = {"id": 1, "question": "How many points had Bo?", "title": "Races", "section": "All", "table": LINES,
          "gold_cells": [[2, 1], [2, 2], [0, 2]], "answer": "Bo had 52 points."}  # fmt: skip
WTQ = [
    {"id": "a", "question": "who was first?", "table_id": "t", "answers": ["Ana"], "all_answers_are_cells": True},
    {"id": "b", "question": "how many?", "table_id": "t", "answers": ["3"], "all_answers_are_cells": False},
]
TATQA = {
    "id": "d", "table": [["", "2019", "2018"], ["Sales", "$ 1,200", "900"], ["Costs", "(80)", "95"]],
    "questions": [
        {"id": "x", "question": "What were sales in 2019?", "answer": ["$1,200"], "answer_type": "span",
         "answer_from": "table", "derivation": ""},
        {"id": "y", "question": "When were costs higher?", "answer": ["2018"], "answer_type": "span",
         "answer_from": "table", "derivation": ""},
        {"id": "z", "question": "How did costs change?", "answer": -15, "answer_type": "arithmetic",
         "answer_from": "table", "derivation": "80-95"},
    ],
}  # fmt: skip


def write(path: Path, *rows: object) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def fetaqa(tmp_path: Path) -> list[TableItem]:
    return read_table_items(write(tmp_path / "dev.jsonl", FETAQA))


@pytest.fixture
def wikitable(tmp_path: Path) -> Path:
    write(tmp_path / "dev_tables.jsonl", {"id": "t", "title": "Races", "header": LINES[0], "rows": LINES[1:]})
    write(tmp_path / "dev_questions.jsonl", *WTQ)
    return tmp_path


@pytest.fixture
def tatqa(tmp_path: Path) -> Path:
    return write(tmp_path / "dev.jsonl", TATQA)


def keeping(rows, columns):
    return lambda item, table, share: Kept(frozenset(rows), frozenset(columns))


def test_marked_cells(fetaqa):
    (item,) = fetaqa
    assert (item.title, item.header_rows, item.gold) == ("Races / All", 1, "cells")
    assert item.needed == (((0, 2),), ((2, 1),), ((2, 2),))
    report = measure_tables(fetaqa, keeping([1], [2]))
    assert report.cell_recall == {"25": 66.67, "50": 66.67}  # the header of a kept column is kept
    assert report.answer_retention is None
    assert measure_tables(fetaqa, keeping([1], [0, 1])).cell_recall == {"25": 33.33, "50": 33.33}


def test_answers_that_any_cell_says(wikitable):
    items = read_table_items(wikitable)
    assert [item.name for item in items] == ["a"]
    assert items[0].needed == (((1, 1), (3, 1)),)
    assert measure_tables(items, keeping([2], [1])).answer_retention == {"25": 100, "50": 100}
    report = measure_tables(items, keeping([1], [1]))
    assert report.answer_retention == {"25": 0, "50": 0}
    assert report.cell_recall is None


def test_spans_may_stand_in_the_header(tatqa):
    items = read_table_items(tatqa)
    assert [item.needed for item in items] == [(((1, 1),),), (((0, 2),),)]
    report = measure_tables(items, keeping([1], [0, 2]))
    assert report.cell_recall == report.answer_retention == {"25": 50, "50": 50}
    assert read_table_items(tatqa, lookup=False)[2].needed == (((2, 1),), ((2, 2),))


@pytest.mark.parametrize("keep", [*BASELINES.values(), build_keeper("tabular")])
def test_no_share_is_exceeded(fetaqa, keep):
    (item,) = fetaqa
    for share in (0.0, 0.2, 0.5, 0.7, 1.0):
        kept = keep(item, read_table(item), share)
        assert len(kept.rows) * len(kept.columns) <= share * 9


def test_the_scorer_finds_what_is_asked(fetaqa, tatqa):
    assert measure_tables(fetaqa, build_keeper("tabular")).cell_recall["50"] == 100
    assert measure_tables(read_table_items(tatqa), build_keeper("tabular")).answer_retention["50"] == 100


def test_odd_files(tmp_path):
    with pytest.raises(InputError, match="no dev, test or all file"):
        read_table_items(tmp_path)
    with pytest.raises(InputError, match="no set of questions about tables"):
        read_table_items(write(tmp_path / "dev.jsonl", {"question": "?"}))
    with pytest.raises(InputError, match="no question about a table"):
        measure_tables([], keeping([], []))


def test_words_are_compared_without_marks():
    assert normalize_words("“Ána”—Ruiz*") == normalize_words("ana ruiz")
    assert normalize_words("12/7/1985†") == "12 7 1985"
