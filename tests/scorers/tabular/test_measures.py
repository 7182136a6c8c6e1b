"""A bound is never about a key, and what something costs, weighs or earns is about columns of that; else nothing is
claimed."""

from __future__ import annotations

import json

import pytest

from ctxprune import prune
from ctxprune.context import Grid
from ctxprune.policies import TableBudget
from ctxprune.rag import JsonDocument, Table, TableOptions
from ctxprune.scorers.structured.tabular import question_demand

VISITS = Grid(
    ("visit_id", "animal_id", "visited_on", "fee", "diagnosis"),
    tuple(
        (str(n), str(n * 7 % 90), f"202{n % 5}-03-1{n % 9}", f"{20 + n * 7919 % 3800 / 10:.2f}", "otitis")
        for n in range(1, 601)
    ),
    tuple(range(600)),
)
ORDERS = Grid(
    ("order_no", "product", "qty", "unit_price", "ship_to"),
    tuple(
        (
            str(10000 + n),
            "oak stool",
            str(n * 13 % 19 + 1),
            f"{5 + n * 7919 % 1450 / 10:.2f}",
            ("Graz", "Bergen")[n % 2],
        )
        for n in range(300)
    ),
    tuple(range(300)),
)
ANIMALS = Grid(
    ("animal_id", "name", "weight_kg", "owner_id"),
    tuple((str(n), "Rex", f"{0.4 + n * 7919 % 376 / 10:.1f}", str(n % 80)) for n in range(1, 201)),
    tuple(range(200)),
)
STAFF = Grid(
    ("nr", "name", "salary", "desk"),
    tuple((str(n), "Ana", str(50_000 + n * 977 % 9000), str(n % 7)) for n in range(1, 21)),
    tuple(range(20)),
)
FILMS = Grid(
    ("no", "title", "runtime", "stars"),
    tuple((str(n), "Dawn", str(60 + n * 31 % 90), str(n % 6)) for n in range(1, 101)),
    tuple(range(100)),
)


@pytest.mark.parametrize(
    ("grid", "question", "column", "holds"),
    [
        (VISITS, "Which visits cost more than 395?", "fee", lambda value: value > 395),
        (VISITS, "Which visits cost less than 21?", "fee", lambda value: value < 21),
        (VISITS, "Which visits had a fee over 395?", "fee", lambda value: value > 395),
        (VISITS, "Which visits are over 395?", "fee", lambda value: value > 395),
        (VISITS, "visits with an id over 580", "visit_id", lambda value: value > 580),
        (VISITS, "visit 396", "visit_id", lambda value: value == 396),
        (ORDERS, "Which orders cost more than 149?", "unit_price", lambda value: value > 149),
        (ORDERS, "orders with more than 18 pieces", "qty", lambda value: value > 18),
        (ORDERS, "orders of at most 2 items", "qty", lambda value: value <= 2),
        (ORDERS, "orders with a unit price over 149", "unit_price", lambda value: value > 149),
        (ORDERS, "order number over 10290", "order_no", lambda value: value > 10290),
        (ANIMALS, "Which animals weigh more than 37?", "weight_kg", lambda value: value > 37),
        (ANIMALS, "Which animals weigh less than 1 kg?", "weight_kg", lambda value: value < 1),
        (STAFF, "Which people earn more than 58500?", "salary", lambda value: value > 58_500),
        (FILMS, "Which films last longer than 148 minutes?", "runtime", lambda value: value > 148),
    ],
)
def test_the_rows_and_the_column_that_a_bound_is_about(grid, question, column, holds) -> None:
    demand = question_demand(question, grid)
    place = grid.header.index(column)
    assert demand.rows == tuple(row for row, cells in enumerate(grid.rows) if holds(float(cells[place])))
    assert demand.rows
    assert place in demand.shown_columns
    assert demand.certain


def test_a_bound_that_every_row_fulfils_shows_its_column() -> None:
    demand = question_demand("Which people earn more than 3?", STAFF)
    assert demand.shown_columns == (2,)
    assert demand.rows == ()


@pytest.mark.parametrize(
    "question", ["Which orders weigh more than 18?", "Which orders to Bergen last longer than 18 minutes?"]
)
def test_where_no_column_measures_it_all_numbers_are_shown_and_no_row_is_decided_by_it(question: str) -> None:
    demand = question_demand(question, ORDERS)
    assert {2, 3} <= {*demand.shown_columns}
    assert 0 not in demand.shown_columns
    assert not demand.certain
    if "Bergen" not in question:
        assert demand.rows == ()


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("orders shipped to Bergen", True),  # one condition, and it is met
        ("orders shipped to Bergen with more than 3 pieces", True),
        ("orders shipped to Bergen with more than 18 kettles", False),  # which number that is is not known
        ("orders shipped to Bergen with more than 18000 pieces", False),  # none of them is what was asked for
    ],
)
def test_the_note_claims_no_need_where_a_condition_was_ignored(question: str, said: bool) -> None:
    rows = [ORDERS.header, *ORDERS.rows]
    text = "".join(",".join(row) + "\n" for row in rows)
    result = prune(question, Table(text, TableOptions(note=True)), scorer="tabular", policy=TableBudget(200))
    assert ("that the question needs" in result.output) is said
    assert (result.oversized is not None and "rows that the question asks for" in str(result.oversized)) is said


def test_records_of_json_are_read_the_same() -> None:
    records = [dict(zip(VISITS.header, map(_number, row), strict=True)) for row in VISITS.rows]
    result = prune(
        "Which visits cost more than 395?", JsonDocument(json.dumps(records)), scorer="tabular", policy=TableBudget(900)
    )
    kept = {record["visit_id"] for record in json.loads(result.output)}
    needed = {record["visit_id"] for record in records if record["fee"] > 395}
    assert needed
    assert needed <= kept


def _number(cell: str) -> float | str:
    return float(cell) if cell.replace(".", "").isdigit() else cell
