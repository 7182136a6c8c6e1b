"""Rows beside a list of their names: names stay whole, rows stay whole and come with them, conditions are checked."""

from __future__ import annotations

import json
from itertools import combinations
from time import process_time

import pytest

from ctxprune import TokenBudget, as_counter, prune
from ctxprune.integrations.texts import TextsPruner
from ctxprune.policies import TableBudget, TopK
from ctxprune.rag import JsonDocument
from ctxprune.rag.jsondocument import json_lists
from ctxprune.scorers.lexical.words import LexicalScorer

NAMES = ["id", "name", "species", "kg"]
ROWS = [[n, f"n{n}", "dog" if n % 3 else "rabbit", n * 37 % 90 / 10 + 0.6] for n in range(90)]
TEXT = json.dumps({"sql": "SELECT", "columns": NAMES, "rows": ROWS, "row_count": 90, "note": "all 90 rows are shown"})
QUESTIONS = {
    "Which animals weigh less than 1 kg?": {row[0] for row in ROWS if row[3] < 1},
    "Which rabbit is the heaviest?": {max((row for row in ROWS if row[2] == "rabbit"), key=lambda row: row[3])[0]},
}


@pytest.mark.parametrize("members", [True, False])
@pytest.mark.parametrize("question", QUESTIONS)
def test_names_stay_whole_and_the_rows_that_are_needed_are_kept(question: str, members) -> None:
    document = JsonDocument(TEXT, members=members)
    assert document.kind == "table"
    result = prune(question, document, policy=TableBudget(300))
    output = json.loads(result.output)
    assert output["columns"] == NAMES
    assert all(row in ROWS for row in output["rows"])
    assert {row[0] for row in output["rows"]} >= QUESTIONS[question]
    assert len(output["rows"]) < len(ROWS)
    assert result.note == f"kept {len(output['rows'])} of 90 items of rows"


@pytest.mark.parametrize("question", QUESTIONS)
def test_texts_that_are_cut_say_how_many_rows_are_left(question: str) -> None:
    (cut,) = TextsPruner(400, LexicalScorer(), as_counter()).cut(question, (TEXT,))
    output = json.loads(cut)
    assert output["columns"] == NAMES
    assert {row[0] for row in output["rows"]} >= QUESTIONS[question]
    assert output["ctxprune_left_out"] == f"kept {len(output['rows'])} of 90 items of rows"
    assert output["note"] == "all 90 rows are shown"  # what the document says itself is not rewritten
    assert as_counter().count_many([cut])[0] <= 400


def test_the_member_hides_none_of_the_documents_own() -> None:
    document = JsonDocument('{"ctxprune_left_out": 1, "columns": ["a", "b"], "rows": [[1, 2], [3, 4]]}', note=True)
    kept = [place for place, unit in enumerate(document.units) if unit.text != "[3, 4]"]
    assert json.loads(document.render(kept)) == {
        "ctxprune_left_out": 1,
        "columns": ["a", "b"],
        "rows": [[1, 2]],
        "ctxprune_left_out_": "kept 1 of 2 items of rows",
    }
    assert document.render(range(len(document.units))) == document.data


def test_lists_of_labels_are_cut_with_the_rows() -> None:
    # As pandas writes it with orient="split", and as BigQuery and others give types beside names.
    split = {"columns": NAMES, "types": ["int", "text", "text", "real"], "index": [f"r{n}" for n in range(90)],
             "data": ROWS}  # fmt: skip
    for document in (JsonDocument(split), JsonDocument(split, members=False), JsonDocument(split, columns=True)):
        output = prune("Which animals weigh less than 1 kg?", document, policy=TableBudget(400)).output
        assert output["types"] == split["types"]
        assert output["index"] == [f"r{row[0]}" for row in output["data"]]
        assert 0 < len(output["data"]) < 90


@pytest.mark.parametrize("members", [True, False])
def test_labels_go_with_their_rows_in_long_lists_too(members) -> None:
    size = 1500  # behind 1,000 items several scalars are one unit
    split = {"index": [*range(size)], "columns": ["kg", "age"], "data": [[n * 37 % 9000 / 10, n] for n in range(size)]}
    document = JsonDocument(json.dumps(split), members=members)
    output = json.loads(prune("Which weigh less than 2 kg?", document, policy=TableBudget(400)).output)
    assert output["index"] == [age for _, age in output["data"]]
    needed = [[kg, age] for kg, age in split["data"] if kg < 2]
    assert [row for row in output["data"] if row[0] < 2] == needed


@pytest.mark.parametrize(
    "text",
    [
        '{"rows": [[1, "x"], [2, "y"], [3, "z"]], "columns": ["a", "b"]}',
        '{"a": {"columns": ["a", "b"], "rows": [[1, {"c": [1, 2]}], [2, null]]}, "b": [1, 2]}',
        '[{"header": ["a", "b"], "data": [[1, 2], [3, 4]]}, 5]',
        json.dumps({"columns": ["a", "b"], "rows": [["x" * 5000, 1], ["y", 2]]}),
    ],
)
def test_whatever_is_kept_each_row_has_as_many_cells_as_there_are_names(text: str) -> None:
    for members in (True, False):
        document = JsonDocument(text, members=members)
        closed = range(len(document.units))
        for size in range(len(document.units)):
            for chosen in combinations(closed, size):
                needed = {other for unit in chosen for other in document.units[unit].requires}
                _check_widths(json.loads(document.render({*chosen, *needed})))


def _check_widths(value) -> None:
    if isinstance(value, list):
        for item in value:
            _check_widths(item)
    elif isinstance(value, dict):
        names = value.get("columns") or value.get("header")
        for row in value.get("rows") or value.get("data") or ():
            assert names is not None
            assert len(names) == len(row)
        for item in value.values():
            _check_widths(item)


@pytest.mark.parametrize(
    "text",
    [
        '{"columns": ["a", "b"], "rows": [[1, 2], [3]]}',  # a row has another width
        '{"columns": ["a", "b", "c"], "rows": [[1, 2], [3, 4]]}',
        '{"columns": ["a", 2], "rows": [[1, 2], [3, 4]]}',
        '{"columns": ["a", "b"], "rows": [[1, 2], {"a": 3}]}',
        '{"columns": ["a", "b"], "more": {"rows": [[1, 2], [3, 4]]}}',
        '{"columns": ["a", "b"], "rows": []}',
        '{"columns": [], "rows": [[], []]}',
        "[[1, 2], [3, 4]]",
    ],
)
def test_other_lists_of_lists_are_no_tables(text: str) -> None:
    document = JsonDocument(text)
    assert document.grids == ()
    assert not any(unit.requires for unit in document.units)
    assert json_lists(text) is not None


def test_an_object_of_thousands_of_lists_is_not_compared_list_by_list() -> None:
    lists = [f'"a{n}": [[1, 2], [3, 4]], "b{n}": ["x", "y"]' for n in range(8000)]
    started = process_time()
    few = JsonDocument("{" + ", ".join(lists[:400]) + "}")
    between = process_time()
    many = JsonDocument("{" + ", ".join(lists) + "}")
    assert few.grids == many.grids == ()
    # 20 times the text takes about 20 times as long, and 400 times if each list is compared with each other.
    assert process_time() - between < 100 * max(between - started, 0.002)


def test_a_row_nested_too_deeply_is_no_row_of_a_table() -> None:
    deep = "[" * 100_000 + "]" * 100_000
    document = JsonDocument(f'{{"columns": ["a", "b"], "rows": [[1, {deep}], [2, 3]]}}', members=False)
    assert document.grids == ()


def test_budgets_hold_where_a_row_alone_is_too_long() -> None:
    text = json.dumps({"columns": ["a", "b"], "rows": [["word " * 900, 1], ["y", 2]]})
    result = prune("y", JsonDocument(text), policy=TokenBudget(60))
    assert result.tokens_after <= 60
    assert json.loads(result.output) in ({"columns": ["a", "b"], "rows": [["y", 2]]}, {"columns": ["a", "b"]}, {})


def test_one_row_can_be_chosen() -> None:
    output = prune("n42", JsonDocument(TEXT), policy=TopK(2)).output
    assert json.loads(output) == {"columns": NAMES, "rows": [ROWS[42]]}
