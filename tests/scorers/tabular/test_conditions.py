"""What a question is about comes with the rows, and rows that fulfil its conditions come first, under every policy."""

from __future__ import annotations

import csv
import io

import pytest

from ctxprune import Adaptive, TokenBudget, prune
from ctxprune.context import JoinedContext
from ctxprune.errors import BudgetError
from ctxprune.policies import CellShare, TableBudget
from ctxprune.rag import Table, TableOptions
from ctxprune.scorers.structured.table_reading.question_form import question_form

PEOPLE = ("Ana Ruiz", "Bo Lind", "Cem Kaya", "Dee Fox", "Eva Novak")
STATES = ("sent", "open", "returned", "sent", "cancelled", "sent", "open")
HEADER = ("sale_id", "buyer", "town", "sale_date", "price", "rebate", "state", "remarks")
SALES = [
    (str(500 + n), PEOPLE[n % 5], ("Lima", "Oslo", "Izmir")[n % 3], f"{2020 + n // 15}-{1 + n % 12:02}-15",
     f"${(n * 7919) % 9000 + 100:,}.50", f"{(n % 4) * 5}%", STATES[n % 7], "gift" if n % 6 == 0 else "")
    for n in range(60)
]  # fmt: skip


def written(header, rows) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    return text.getvalue()


CSV = written(HEADER, SALES)


def price(row) -> float:
    return float(row[4].strip("$").replace(",", ""))


CONDITIONS = {
    "How many sales were cancelled?": ("state", lambda row: row[6] == "cancelled"),
    "sales of Eva Novak": ("buyer", lambda row: row[1] == "Eva Novak"),
    "sales over $8,000": ("price", lambda row: price(row) > 8000),
    "sales under 700 dollars": ("price", lambda row: price(row) < 700),
    "sales made after 2023-06-15": ("sale_date", lambda row: row[3] > "2023-06-15"),
    "What was sold between 2021-01-01 and 2021-03-31?": ("sale_date", lambda row: "2021-01" <= row[3] < "2021-04"),
    "Which buyers got a 15% rebate?": ("rebate", lambda row: row[5] == "15%"),
    "sales to Oslo that were returned": ("state", lambda row: row[2] == "Oslo" and row[6] == "returned"),
    "Which sales were made in March 2022?": ("sale_date", lambda row: row[3].startswith("2022-03")),
}


def read(text: str) -> tuple[list[str], list[tuple[str, ...]]]:
    """Names of the columns, and the whole of each row by its key."""
    header, *rows = csv.reader(line for line in io.StringIO(text) if not line.startswith("#"))
    whole = {row[0]: row for row in SALES}
    return header, [whole[row[0]] for row in rows]


@pytest.mark.parametrize("policy", [TableBudget(120), TableBudget(400), CellShare(0.1), Adaptive(), TokenBudget(700)])
@pytest.mark.parametrize("question", CONDITIONS)
def test_the_column_comes_along_and_no_other_row_before_all_that_fulfil_a_condition(question: str, policy) -> None:
    column, holds = CONDITIONS[question]
    header, rows = read(prune(question, Table(CSV), scorer="tabular", policy=policy).output)
    assert column in header
    fulfilling = [row for row in SALES if holds(row)]
    kept = [row for row in rows if holds(row)]
    assert kept
    assert kept == rows or len(kept) == len(fulfilling)


@pytest.mark.parametrize("policy", [TableBudget(60), TableBudget(300), Adaptive()])
@pytest.mark.parametrize(
    ("question", "column", "best"),
    [
        ("Which sale has the highest price?", "price", max(SALES, key=price)),
        ("Which sale has the lowest price?", "price", min(SALES, key=price)),
    ],
)
def test_an_extreme_comes_with_the_column_it_is_in(question, column, best, policy) -> None:
    header, rows = read(prune(question, Table(CSV), scorer="tabular", policy=policy).output)
    assert column in header
    assert best in rows


LANDS = """land,gdp_usd,growth,population,founded
Ardia,"$4,400,000,000,000",-0.3%,"84,400,000",3 October 1990
Belmar,"$811,000,000,000",0.2%,"36,600,000",11 November 1918
Corvia,"$590,000,000,000",-0.2%,"10,500,000",6 June 1523
Dorn,"$510,000,000,000",2.5%,"9,100,000",26 October 1955
Elland,"$3,000,000,000,000",0.7%,"68,100,000",4 October 1958
"""


@pytest.mark.parametrize(
    ("question", "columns", "lands"),
    [
        ("Which lands have a GDP over $2 trillion?", {"gdp_usd"}, {"Ardia", "Elland"}),
        ("lands with negative growth", {"growth"}, {"Ardia", "Corvia"}),
        ("growth of 2.5 percent", {"growth"}, {"Dorn"}),
        ("Which lands were founded before 1900?", {"founded"}, {"Corvia"}),
        ("How many lands have more than 50,000,000 people?", {"population"}, {"Ardia", "Elland"}),
        ("Which land has the smallest population?", {"population"}, {"Dorn"}),
        ("difference in population between Ardia and Dorn", {"population"}, {"Ardia", "Dorn"}),
    ],
)
def test_values_of_all_kinds(question, columns, lands) -> None:
    for policy in (TableBudget(70), TableBudget(110), Adaptive()):
        output = prune(question, Table(LANDS), scorer="tabular", policy=policy).output
        header, *rows = csv.reader(io.StringIO(output))
        assert columns <= {*header}
        assert lands <= {row[0] for row in rows}


@pytest.mark.parametrize("question", ["What is the total price of all sales?", "average price"])
def test_without_a_budget_a_total_has_all_rows(question) -> None:
    header, rows = read(prune(question, Table(CSV), scorer="tabular").output)
    assert "price" in header
    assert rows == SALES


def test_a_total_that_does_not_fit_is_said_or_refused() -> None:
    question = "What is the total price of all sales?"
    some = prune(question, Table(CSV, TableOptions(note=True)), scorer="tabular", policy=TableBudget(300))
    header, rows = read(some.output)
    assert header == ["sale_id", "price"]
    assert f"kept {len(rows)} of 60 rows, {60 - len(rows)} more that the question needs did not fit" in some.note
    assert some.output.startswith(f"# {some.note}\n")
    with pytest.raises(BudgetError, match="the 60 rows that the question needs together do not fit"):
        prune(question, Table(CSV), scorer="tabular", policy=TableBudget(300, strict=True))


def test_a_better_row_that_did_not_fit_is_mentioned() -> None:
    table = Table("| Fruit | Price |\n|---|---|\n| Apple of the old garden, red and green | 1 |\n| Pear | 2 |\n")
    found = prune("price of apple of the old garden, red and green", table, scorer="tabular", policy=TableBudget(24))
    assert "Apple" not in found.output
    assert "1 more that the question needs did not fit" in found.note


@pytest.mark.parametrize("budget", [60, 200, 500, 1000])
def test_several_tables_share_one_budget(budget: int) -> None:
    joined = JoinedContext([Table(CSV), Table(CSV)])
    result = prune("How many sales were cancelled?", joined, scorer="tabular", policy=TableBudget(budget))
    assert result.tokens_after <= budget
    if budget == 1000:
        for text in result.output:
            header, rows = read(text)
            assert header[:2] == ["sale_id", "state"] or "state" in header
            assert {row[0] for row in SALES if row[6] == "cancelled"} <= {row[0] for row in rows}


def test_bounds_are_as_strict_as_they_are_said() -> None:
    def bound(question: str) -> tuple[float, float]:
        (condition,) = question_form(question).conditions
        return condition.low, condition.high

    assert bound("before 1990")[1] == 1990
    assert bound("until 1990")[1] == 1991
    assert bound("after 1990")[0] == 1991
    assert bound("since 1990")[0] == 1990
    assert bound("more than 5")[0] > 5 == bound("at least 5")[0]
    assert bound("less than 5")[1] < 5 == bound("at most 5")[1]
    assert bound("between 5 and 9") == (5, 9)
    assert [(e.low, e.sign) for e in question_form("the third of order 1017 at 15 percent").equal] == [
        (1017, ""), (15, "%"),
    ]  # fmt: skip
