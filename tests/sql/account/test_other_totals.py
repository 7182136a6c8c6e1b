"""Words for totals, rows of yes and periods, where the query adds up or counts something else; names in short forms."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from ctxprune.sql import Database, ValueIndex
from ctxprune.sql.account import Accountant, Prepared
from ctxprune.sql.values.column_samples import column_samples

SCHEMA = """
CREATE TABLE item_mst (item_cd TEXT PRIMARY KEY, item_nm TEXT, unit_cost REAL, vegan TEXT, bldg TEXT, bed_cnt INTEGER);
CREATE TABLE pass (pass_no TEXT PRIMARY KEY, starts_on DATE, ends_on DATE);
CREATE TABLE bill (bill_id INTEGER PRIMARY KEY, bill_dt DATE, gross_amt REAL);
INSERT INTO item_mst VALUES ('A1', 'Tofu', 2.5, 'Y', 'North', 40), ('B2', 'Ham', 4.0, 'N', 'South', 75),
    ('C3', 'Nuts', 1.5, 'Y', 'North', 30);
INSERT INTO pass VALUES ('P1', '2022-01-01', '2022-12-31'), ('P2', '2023-01-01', '2023-06-30');
INSERT INTO bill VALUES (1, '2024-03-01', 10.5), (2, '2024-03-09', 20.0), (3, '2024-04-02', 7.0);
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], list[str]]:
    """The words of a question that a query leaves over."""
    path: Path = tmp_path_factory.mktemp("totals") / "shop.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(SCHEMA)
    with Database(path, isolated=False) as database:
        schema, index = database.schema(), ValueIndex.build(database)
        samples = column_samples(database, schema)
    prepared = Prepared.of(schema)

    def unused(question: str, sql: str) -> list[str]:
        accountant = Accountant(question, prepared, index.lookup(question), index.ranges(question), samples=samples)
        return [span.text.casefold() for span in accountant.read(sql).unused]

    return unused


LEFT = [
    ("How much did we spend on tofu in total?", "SELECT SUM(unit_cost) FROM item_mst WHERE item_nm = 'Tofu'", "spend"),
    ("How many vegan items are there?", "SELECT COUNT(DISTINCT vegan) FROM item_mst", "vegan"),
    ("Buildings with at least 70 beds altogether", "SELECT bldg FROM item_mst WHERE bed_cnt >= 70", "altogether"),
    ("Total billed in 2024", "SELECT COUNT(*) FROM bill WHERE bill_dt LIKE '2024%'", "total"),
    ("Which passes could be used in 2022?", "SELECT pass_no FROM pass WHERE starts_on LIKE '2022%'", "2022"),
]
USED = [
    ("What is the average cost of an item?", "SELECT AVG(unit_cost) FROM item_mst"),
    ("How many vegan items are there?", "SELECT COUNT(*) FROM item_mst WHERE vegan = 'Y'"),
    (
        "Buildings with at least 70 beds altogether",
        "SELECT bldg FROM item_mst GROUP BY bldg HAVING SUM(bed_cnt) >= 70",
    ),
    ("Total number of bills in 2024", "SELECT COUNT(*) FROM bill WHERE bill_dt LIKE '2024%'"),
    ("Which passes start in 2022?", "SELECT pass_no FROM pass WHERE starts_on LIKE '2022%'"),
    ("Which item is the cheapest?", "SELECT item_nm FROM item_mst ORDER BY unit_cost LIMIT 1"),
]


@pytest.mark.parametrize(("question", "sql", "word"), LEFT)
def test_words_that_ask_for_another_total_are_left_over(
    shop: Callable[[str, str], list[str]], question: str, sql: str, word: str
) -> None:
    assert any(word in text.split() for text in shop(question, sql)), shop(question, sql)


@pytest.mark.parametrize(("question", "sql"), USED)
def test_queries_that_give_what_is_asked_leave_nothing(
    shop: Callable[[str, str], list[str]], question: str, sql: str
) -> None:
    assert shop(question, sql) == []
