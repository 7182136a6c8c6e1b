"""Proposed schemas, their diffs, cells of tables, review tables, log scripts."""

from __future__ import annotations

import time
from typing import Any

import pytest

from ctxprune.errors import InputError, ModelError, UsageError
from ctxprune.rag.extract import (
    Chunk,
    build_review_table,
    compile_line_pattern,
    learn_log_script,
    list_cells,
    propose_schema,
    refine_schema,
)

TEXTS = [
    "Name: Red Kite\nPrice: 32 EUR\nReleased: 5 March 2004",
    "Name: Ball\nPrice: 3\nColour: red",
    "| Name | Price |\n|--|--|\n| Top | 4.5 |",
]


def test_a_draft_without_a_model_is_a_diff_to_review() -> None:
    draft = propose_schema(TEXTS, name="toy")
    assert str(draft.diff()) == (
        "schema Toy: 4 changes\n"
        "+ name: string  # Name  (in 3 of 3 texts)\n"
        "+ price: number  # Price  (in 3 of 3 texts)\n"
        "+ released: date  # Released  (in 1 of 3 texts)\n"
        "+ colour: string  # Colour  (in 1 of 3 texts)"
    )
    assert str(draft.diff(draft)) == "schema Toy: no changes"
    assert propose_schema(["", " "]).fields == propose_schema([]).fields == propose_schema("no label").fields == ()


def test_feedback_refines_and_the_reviewer_chooses(scripted: Any) -> None:
    draft = propose_schema(TEXTS, name="toy")
    model = scripted(
        '[{"name": "name", "type": "str"}, {"name": "price", "type": "integer"}, {"name": "maker"}, {"name": "!"}]'
    )
    refined = refine_schema(draft, "drop colour; add the maker", TEXTS, model)
    assert "Reviewer: drop colour" in model.sent[0][1].content
    assert "price: number  # Price" in model.sent[0][1].content
    diff = refined.diff(draft)
    assert str(diff).splitlines()[1:] == [
        "- released: date  # Released",
        "- colour: string  # Colour",
        "~ name: string  # Name  ->  name: string  (in 3 of 3 texts)",
        "~ price: number  # Price  ->  price: integer  (in 3 of 3 texts)",
        "+ maker: string  (in 0 of 3 texts)",
    ]
    assert refined.notes == ("no name of a field: '!'",)
    assert refined.feedback == ("drop colour; add the maker",)
    chosen = draft.apply(diff, ["colour", "maker"])
    assert list(chosen.to_schema()["properties"]) == ["name", "price", "released", "maker"]
    assert draft.apply(diff).to_schema() == refined.to_schema()
    with pytest.raises(UsageError, match="no change"):
        draft.apply(diff, ["nothing"])
    with pytest.raises(UsageError, match="feedback"):
        refine_schema(draft, " ", TEXTS, model)


@pytest.mark.parametrize("answer", ["", "no", '{"a": 1}', "[]", "[1]", '[{"name": 3}]', "x" * 300_000])
def test_answers_without_a_field_are_refused(scripted: Any, answer: str) -> None:
    with pytest.raises(InputError):
        propose_schema(TEXTS, scripted(answer))


def test_a_model_that_fails_is_an_error(scripted: Any) -> None:
    with pytest.raises(ModelError):
        propose_schema(TEXTS, scripted(ModelError("down")))
    with pytest.raises(UsageError):
        propose_schema(TEXTS, most=0)


def test_cells_know_their_header_row_and_caption() -> None:
    text = "Table 1: Results\n| Model | BLEU | F1 |\n|---|---|---|\n| A | 1.0 | 2 |\n| B | | 4 |\n\nText.\n"
    cells = list_cells(text)
    assert [cell.to_text() for cell in cells[1:3]] == ["Table 1: Results; A; BLEU: 1.0", "Table 1: Results; A; F1: 2"]
    assert [(cell.row, cell.text) for cell in cells] == [(0, "A"), (0, "1.0"), (0, "2"), (1, "B"), (1, "4")]
    assert all(cell.text == text[slice(*cell.span)] for cell in cells)
    html = "<table><caption>Cap</caption><tr><th>x</th><th>y</th></tr><tr><td>a</td><td>3</td></tr></table>"
    assert [cell.to_text() for cell in list_cells(html)] == ["Cap; x: a", "Cap; a; y: 3"]
    assert list_cells("no table") == list_cells("") == []
    with pytest.raises(UsageError):
        list_cells(None)


def test_a_review_table_with_and_without_a_model(scripted: Any) -> None:
    papers = [Chunk("Dataset: MNIST\nAccuracy: 99.1 %", "p1"), Chunk("Dataset: CIFAR\nAccuracy: 91.5 %", "p2")]
    table = build_review_table(papers)
    assert table.to_markdown() == (
        "| paper | dataset | accuracy |\n| --- | --- | --- |\n| p1 | MNIST | 99.1 % |\n| p2 | CIFAR | 91.5 % |"
    )
    assert table.filled == 1
    assert table.cells[0]["dataset"][0].span == (9, 14)
    pytest.importorskip("jsonschema_rs")
    columns = '[{"name": "dataset"}, {"name": "accuracy", "type": "number"}]'
    model = scripted(columns, '[{"dataset": "MNIST", "accuracy": 99.1}]', '[{"dataset": "CIFAR-100"}]')
    table = build_review_table(papers, model, caption="Datasets and accuracies")
    assert "Datasets and accuracies" in model.sent[0][1].content
    assert table.to_markdown().splitlines()[2:] == ["| p1 | MNIST | 99.1 |", "| p2 | CIFAR-100 ? |  |"]
    assert build_review_table([]).columns == ()


LOG = "\n".join(
    [
        f"2024-01-{n % 28 + 1:02d} 10:00:{n:02d} INFO user u{n} logged in from 10.0.0.{n} port {2000 + n}"
        for n in range(20)
    ]
    + [f"2024-01-01 10:00:{n:02d} ERROR disk /dev/sd{n} full at {n}%" for n in range(12)]
)


def test_a_log_script_from_templates() -> None:
    script = learn_log_script(LOG)
    assert [(rule.source, rule.checked) for rule in script.rules] == [("template", 1.0), ("template", 1.0)]
    found = script.parse(LOG)
    assert len(found) == 32
    assert found.records[-1].data == {"value": "2024-01-01", "value_2": "10:00:11", "disk": "/dev/sd11", "at": "11"}
    line = LOG.split("\n")[0]
    assert all(value.text == line[slice(*value.span)] for value in found.records[0].values)
    assert script.parse("something else\n").records == ()
    assert learn_log_script("").rules == ()


def test_an_expression_of_a_model_is_checked_on_lines_it_did_not_see(scripted: Any) -> None:
    good = (
        r"```regex" + "\n" + r"^(?P<day>\S+) (?P<clock>\S+) ERROR disk (?P<disk>\S+) full at (?P<share>\d+)%$" + "\n```"
    )
    script = learn_log_script(LOG, scripted(r"(?P<day>\S+) INFO", good))
    assert [(rule.source, rule.note) for rule in script.rules] == [
        ("template", "it misses 20 of 20 lines"), ("model", ""),
    ]  # fmt: skip
    assert script.rules[1].fields == ("day", "clock", "disk", "share")
    narrow = r"(?P<day>\S+) (?P<clock>\S+) ERROR disk (?P<disk>\S+) full at (?P<share>\d)%"
    rule = learn_log_script(LOG, scripted("no", narrow)).rules[1]
    assert rule.source == "template"
    assert rule.note == "it misses 2 of 12 lines"


@pytest.mark.parametrize(
    "pattern",
    ["(a+)+b", r"(?P<a>\S+|x)", r"(?P<a>(?P<b>x))", r"(?=x)", r"(?P<a>a)(?P=a)", "", "x" * 700, "(?P<a>", "[z-a]",
     r"\1", "__import__('os')", r"(?P<a>\d+)(?P<a>\d+)", None],
)  # fmt: skip
def test_other_expressions_are_refused(pattern: Any) -> None:
    with pytest.raises(InputError):
        compile_line_pattern(pattern)


def test_time_of_an_expression_grows_with_the_line_alone() -> None:
    pattern = compile_line_pattern(r"(?P<a>\w*)(?P<b>\w*)(?P<c>\w*)(?P<d>\w*)(?P<e>.*)(?P<f>.*)X")
    start = time.process_time()
    assert pattern.fullmatch("a" * 200_000) is None
    assert time.process_time() - start < 2
