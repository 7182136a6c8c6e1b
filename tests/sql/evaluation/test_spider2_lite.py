"""Spider 2.0-lite: tables as pandas types them, wanted columns, several references."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ctxprune.errors import InputError
from ctxprune.sql.evaluation.spider2_lite import match_any, match_table, read_table, score_folder, table_of


def table(text: str, folder: Path):
    path = folder / "table.csv"
    path.write_text(text, encoding="utf-8")
    return read_table(path)


@pytest.mark.parametrize(
    ("text", "kind", "cells"),
    [
        ("x\n1\n-2\n", "int", (1, -2)),
        ("x,y\n1,a\n,b\n", "float", (1.0, None)),
        ("x\n1.5\n1e3\n", "float", (1.5, 1000.0)),
        ("x\n1\n2 apples\n", "text", ("1", "2 apples")),
        ("x\ntrue\nFalse\n", "bool", (True, False)),
        ("x\nNULL\nn/a\n", "float", (None, None)),
        ("x\nNone\nb\n", "text", (None, "b")),
        ('x\n"a,\nb"\n', "text", ("a,\nb",)),
        ("x\n\n1\n", "int", (1,)),
        ("x,y\n1\n", "int", (1,)),
        ("x\n", "text", ()),
    ],
)
def test_columns(tmp_path: Path, text: str, kind: str, cells):
    found = table(text, tmp_path)
    assert (found.kinds[0], found.columns[0]) == (kind, cells)


def test_damaged_tables(tmp_path: Path):
    for text in ("", "\n\n", "a\n1,2\n"):
        with pytest.raises(InputError):
            table(text, tmp_path)
    with pytest.raises(InputError):
        read_table(tmp_path / "nowhere.csv")


@pytest.mark.parametrize(
    ("predicted", "gold", "settings", "right"),
    [
        ([[1, "a"], [2, "b"]], [["a"], ["b"]], {}, True),  # more columns do no harm
        ([["a"], ["b"]], [[1, "a"], [2, "b"]], {}, False),
        ([["a"], ["b"]], [[1, "a"], [2, "b"]], {"wanted": [1]}, True),
        ([["b"], ["a"]], [["a"], ["b"]], {}, False),
        ([["b"], ["a"]], [["a"], ["b"]], {"ignore_order": True}, True),
        ([[1, 2], [2, 1]], [[1, 1], [2, 2]], {"ignore_order": True}, True),  # each column for itself
        ([[1.004]], [[1.0]], {}, True),
        ([[1.02]], [[1.0]], {}, False),
        ([[1e6 + 1]], [[1e6]], {}, False),
        ([[None]], [[0]], {}, True),
        ([["1"]], [["x"]], {}, False),
        ([[1]], [[1, 7]], {"wanted": 0}, False),  # 0 passes for "nothing wanted", that is, all
        ([[7]], [[1, 7]], {"wanted": 1}, True),
        ([[1]], [[1], [1]], {}, False),
    ],
)
def test_one_reference(predicted, gold, settings, right: bool):
    left, other = (table_of(rows, len(rows[0])) for rows in (predicted, gold))
    assert match_table(left, other, **settings) is right


def test_several_references():
    one, two = table_of([[1, "a"]], 2), table_of([[2, "a"]], 2)
    assert match_any(table_of([[2, "a"]], 2), [one, two])
    assert match_any(table_of([["a"]], 1), [one, two], wanted=[[1], [1]])
    assert match_any(table_of([["a"]], 1), [one, two], wanted=[1])
    assert not match_any(table_of([["a"]], 1), [one, two], wanted=[[0], [0]])
    assert (
        match_any(table_of([[1]], 1), [one], wanted=[0]) is False
    )  # a plain list beside one reference: its 0 is "all"
    for wanted in ([[0]], 3, [[5], [5]]):
        with pytest.raises(InputError):
            match_any(table_of([["z"]], 1), [one, two], wanted=wanted)


def test_a_folder(tmp_path: Path):
    gold, results = tmp_path / "gold", tmp_path / "results"
    (gold / "exec_result").mkdir(parents=True)
    results.mkdir()
    settings = [
        {"instance_id": "local1", "condition_cols": [], "ignore_order": False},
        {"instance_id": "local2", "condition_cols": [[0], [1]], "ignore_order": True},
        {"instance_id": "local3", "condition_cols": []},
        {"instance_id": "local4", "condition_cols": []},
    ]
    (gold / "spider2lite_eval.jsonl").write_text("\n".join(map(json.dumps, settings)), encoding="utf-8")
    for name, text in (
        ("local1", "a\n1\n"),
        ("local2_a", "a\n9\n"),
        ("local2_b", "x,y\nq,1\nr,2\n"),
        ("local3", "a\n1\n"),
    ):
        (gold / "exec_result" / f"{name}.csv").write_text(text, encoding="utf-8")
    for name, text in (
        ("local1", "z\n1.0\n"),
        ("local2", "n\n2\n1\n"),
        ("local3", ""),
        ("local4", "a\n1\n"),
        ("other", "a\n"),
    ):
        (results / f"{name}.csv").write_text(text, encoding="utf-8")
    assert score_folder(gold, results) == {"local1": True, "local2": True, "local3": False, "local4": False}


@pytest.mark.data
def test_published_references_equal_themselves(shared: Path):
    gold = shared / "data" / "nl2sql" / "spider2_lite" / "evaluation_suite" / "gold"
    for path in sorted((gold / "exec_result").glob("*.csv"))[:40]:
        found = read_table(path)
        assert match_table(found, found, ignore_order=True)
        assert match_table(found, found)
