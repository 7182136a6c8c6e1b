"""Answers that a made-up shop showed to be wrong and sure: unknown places, and verbs read through the wrong table."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ctxprune.sql import Database, Pipeline

SCHEMA = """
CREATE TABLE customer (id INTEGER PRIMARY KEY, first_name TEXT, last_name TEXT, city TEXT);
CREATE TABLE employee (id INTEGER PRIMARY KEY, name TEXT, salary REAL);
CREATE TABLE product (id INTEGER PRIMARY KEY, name TEXT, price REAL);
CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES customer(id),
    employee_id INTEGER REFERENCES employee(id), ordered_on DATE);
CREATE TABLE order_line (order_id INTEGER REFERENCES orders(id), product_id INTEGER REFERENCES product(id),
    quantity INTEGER, PRIMARY KEY (order_id, product_id));
CREATE TABLE review (id INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES customer(id),
    product_id INTEGER REFERENCES product(id), rating INTEGER, body TEXT);
INSERT INTO customer VALUES (1, 'Anna', 'Meyer', 'Berlin'), (2, 'Bruno', 'Okafor', 'Lagos'),
    (3, 'Clara', 'Lind', 'Oslo');
INSERT INTO employee VALUES (1, 'Ida Berg', 4100), (2, 'Tom Ray', 3600), (3, 'Eve Moss', 3900);
INSERT INTO product VALUES (1, 'Dark Roast', 8.5), (2, 'Green Tea', 6), (3, 'Mug', 11), (4, 'Filter', 3);
INSERT INTO orders VALUES (1, 1, 1, '2023-01-05'), (2, 1, 2, '2023-02-07'), (3, 2, 1, '2023-03-09');
INSERT INTO order_line VALUES (1, 1, 2), (1, 2, 1), (2, 3, 4), (3, 4, 1);
INSERT INTO review VALUES (1, 1, 1, 5, 'Fine'), (2, 2, 4, 3, 'Small'), (3, 1, 2, 4, 'Good');
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    path: Path = tmp_path_factory.mktemp("honest") / "shop.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(SCHEMA)
    return Pipeline(Database(path, isolated=False))


@pytest.mark.parametrize(
    "question",
    [
        "How many employees are from France?",
        "How many products are made in China?",
        "How many employees live in Berlin?",
        "How many products did Anna Meyer buy?",
        "Which products did Anna Meyer buy?",
    ],
)
def test_what_the_schema_does_not_say_is_never_sure(shop: Pipeline, question: str) -> None:
    answer = shop.ask(question)
    assert answer.outcome != "answered", (answer.sql, answer.confidence)
    assert answer.doubts or answer.outcome == "unanswered"


@pytest.mark.parametrize("question", ["How many customers are from Oslo?", "How many products are there?"])
def test_plain_questions_are_still_answered(shop: Pipeline, question: str) -> None:
    answer = shop.ask(question)
    assert (answer.outcome, len(answer.result.rows)) == ("answered", 1), (answer.sql, answer.doubts)


@pytest.mark.parametrize("asked", ["Zo\u00e9", "Zoe\u0301"])
def test_a_value_stored_with_and_without_composed_letters_is_not_counted_without_reserve(asked: str, tmp_path) -> None:
    path: Path = tmp_path / "people.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, city TEXT)")
        rows = [("Zo\u00e9", "Nice"), ("Zoe\u0301", "Nice"), ("Paul", "Paris")]
        connection.executemany("INSERT INTO people (name, city) VALUES (?, ?)", rows)
        connection.commit()
    with Database(path, isolated=False) as database:
        answer = Pipeline(database).ask(f"How many people are named {asked}?")
        sure = Pipeline(database).ask("How many people are named Paul?")
    assert answer.rows == ((2,),) or (answer.outcome == "tentative" and "spellings" in str(answer.doubts[0]))
    assert (sure.outcome, sure.rows) == ("answered", ((1,),))
