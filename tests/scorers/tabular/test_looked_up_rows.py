"""Rows that a question can be answered from, by conditions and orders that the table itself can check."""

from __future__ import annotations

import pytest

from ctxprune import prune
from ctxprune.context.grid import Grid
from ctxprune.policies import TableBudget
from ctxprune.rag import Table, TableOptions
from ctxprune.scorers.structured.tabular import question_demand

STAFF = """name,department,salary,city,hired
Ana Ruiz,IT,52000,Lima,2019-03-01
Bo Lind,Sales,61000,Oslo,2017-11-15
Cem Kaya,IT,48000,Izmir,2021-06-30
Dee Fox,HR,57000,Oslo,2015-01-10
Eva Novak,Sales,75000,Brno,2012-09-01
Finn Olsen,IT,66000,Oslo,2018-04-23
"""


@pytest.mark.parametrize("budget", [12, 20, 30, 45, 60])
def test_the_column_of_a_condition_stays_with_its_rows(budget: int) -> None:
    result = prune("Who works in IT?", Table(STAFF), policy=TableBudget(budget))
    header, *rows = result.output.splitlines()
    assert header.split(",")[:2] == ["name", "department"]
    assert result.tokens_after <= budget
    found = [row for row in rows if row.split(",")[1] == "IT"]
    assert found
    assert len(found) == len(rows) or len(found) == 3


@pytest.mark.parametrize(
    ("question", "row"),
    [
        ("Who earns the most?", "Eva Novak,Sales,75000,Brno,2012-09-01"),
        ("Who earns the second most?", "Finn Olsen,IT,66000,Oslo,2018-04-23"),
        ("Who was hired first?", "Eva Novak,Sales,75000,Brno,2012-09-01"),
        ("the lowest paid person in Oslo", "Dee Fox,HR,57000,Oslo,2015-01-10"),
        ("Whose pay exceeds 70,000?", "Eva Novak,Sales,75000,Brno,2012-09-01"),
        ("Who in HR works in Oslo?", "Dee Fox,HR,57000,Oslo,2015-01-10"),
    ],
)
def test_the_row_of_the_answer_stays_whole(question: str, row: str) -> None:
    assert row in prune(question, Table(STAFF), policy=TableBudget(60)).output


def test_a_note_claims_nothing_about_how_good_rows_are() -> None:
    note = prune("Who works in IT?", Table(STAFF, TableOptions(note=True)), policy=TableBudget(90)).note
    assert note.startswith("(kept ")
    assert "best" not in note


GRID = Grid(
    ("Peak_name", "ht", "lat", "Cntry", "first_climbed", "open", "huts", "Class"),
    (
        ("Ardon", "4100", "46.1", "CH", "1865-07-14", "yes", "3", "AssocTop"),
        ("Belvo", "3900", "45.2", "FR", "1870-01-02", "no", "0", "Top"),
        ("Cresta", "4807", "45.8", "FR", "1786-08-08", "yes", "5", "Top"),
        ("Dente Blanc", "2900", "47.3", "USA", "1901-05-05", "no", "0", "AssocTop"),
        ("Ercole Nero", "3100", "44.0", "CH", "1865-09-01", "yes", "1", "Top"),
        ("Fior", "3600", "45.9", "FR", "1866-08-02", "yes", "2", "Top"),
    ),
    (8, 9, 10, 11, 12, 13),
    tuple(range(8)),
)


@pytest.mark.parametrize(
    ("question", "rows"),
    [
        ("Which peak is the highest?", (2,)),
        ("Which peak lies furthest north?", (3,)),
        ("What is the southernmost peak?", (4,)),
        ("Which peak was climbed first?", (2,)),
        ("the tallest peak that is not in FR", (0,)),
        ("Which peaks are not in the United States of America?", (0, 1, 2, 4, 5)),
        ("peaks without huts", (1, 3)),
        ("Which peaks were climbed in July 1865?", (0,)),
        ("What do we know of the Nero?", (4,)),
        ("the oldest climb", (2,)),
        ("Which peaks are taller than 4,000?", (0, 2)),
        ("the top 2 peaks by ht", (0, 2)),
        ("Which are the three southernmost peaks?", (1, 2, 4)),
        ("the two lowest peaks in FR", (1, 5)),
        ("heights over four thousand", (0, 2)),
        ("peaks that do not have a height above 3,500", (3, 4)),
        ("peaks that don't have a height above 3,500", (3, 4)),
        ("Which associate top peaks are there?", (0, 3)),
        ("Which peaks are higher than Belvo?", ()),
    ],
)
def test_rows_by_conditions_and_orders(question: str, rows: tuple[int, ...]) -> None:
    assert question_demand(question, GRID).rows == rows


def test_whole_rows_where_enough_have_room_and_more_rows_where_they_have_not() -> None:
    text = "id,code,remark\n" + "".join(f"{n},c{n},remark number {n} of many words\n" for n in range(40))
    for budget, complete in ((400, True), (60, False)):
        header = prune("code", Table(text), policy=TableBudget(budget)).output.splitlines()[0]
        assert (header == "id,code,remark") is complete
    assert "remark" not in prune("code", Table(text), policy=TableBudget(400, enough_rows=None)).output


def test_all_required_rows_without_some_columns_rather_than_most_of_them_whole() -> None:
    rows = [f"P{n},Person {n},{'Legal' if n % 4 == 0 else 'Sales'},Town{n},{50000 + n}" for n in range(24)]
    text = "\n".join(["id,name,department,town,salary", *rows]) + "\n"
    for budget in (60, 90, 120):
        lines = prune("Who works in Legal?", Table(text), policy=TableBudget(budget)).output.splitlines()
        assert sum("Legal" in line for line in lines) == 6
        assert "department" in lines[0]


def test_a_clear_best_row_comes_whole_and_not_with_many_others_in_parts() -> None:
    text = "id,name,remark\n" + "".join(f"{n},Name{n},remark {n} of some more words\n" for n in range(40))
    output = prune("What is said of Name17?", Table(text), policy=TableBudget(40)).output
    assert "17,Name17,remark 17 of some more words\n" in output


@pytest.mark.parametrize(
    ("question", "found"), [("Who works in HR?", True), ("Who is hr?", False), ("Who works in HD?", False)]
)
def test_initials_in_capitals_name_a_cell_of_several_words(question: str, found: bool) -> None:
    cells = ("Human Resources", "IT", "Sales", "Human Resources", "Sales", "IT")
    rows = tuple((f"Person {n}", cell) for n, cell in enumerate(cells))
    demand = question_demand(question, Grid(("name", "department"), rows, tuple(range(2, 8)), (0, 1)))
    assert (demand.rows == (0, 3)) is found


@pytest.mark.parametrize(
    ("question", "column", "most"),
    [
        ("Which lake is the deepest?", "depth", True),
        ("the snowiest place", "snowfall", True),
        ("Which board is the thinnest?", "thickness", False),
        ("Which street is the least noisy?", "noise", False),
        ("the most prestigious prize", "prestige", True),
        ("Which soil is the most fertile?", "fertility", True),
        ("longest serving member", "minutes", True),
        ("the youngest member", "born", True),
        ("the safest town", "accidents", False),
    ],
)
def test_superlatives_order_by_what_they_measure(question: str, column: str, most: bool) -> None:
    rows = tuple((f"n{n}", str(5 + 7 * n % 11), str(20 - n)) for n in range(6))
    demand = question_demand(question, Grid(("name", "code", column), rows, tuple(range(3, 9)), (0, 1, 2)))
    assert demand.extreme_rows == ((0,) if most else (5,))
