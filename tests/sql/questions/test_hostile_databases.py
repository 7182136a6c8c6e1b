"""Databases that mislead: reserved words as names, empty tables, NULL columns, columns of the same meaning."""

from __future__ import annotations

import pytest

from .fields import ANSWERED, describe

RESERVED = """
CREATE TABLE "group" ("select" INTEGER PRIMARY KEY, "from" TEXT, "order" INTEGER, "where" DATE);
INSERT INTO "group" VALUES (1, 'Berlin', 30, '2023-01-05'), (2, 'Paris', 10, '2022-03-01'), (3, 'Paris', 20, NULL);
CREATE TABLE "table" ("index" INTEGER PRIMARY KEY, "select" INTEGER REFERENCES "group"("select"), "limit" REAL);
INSERT INTO "table" VALUES (1, 1, 2.5), (2, 1, 7.5), (3, 2, 5.0);
"""
EMPTY = """
CREATE TABLE contract (contract_id INTEGER PRIMARY KEY, title TEXT, signed_on DATE, fee REAL, active INTEGER);
CREATE TABLE partner (partner_id INTEGER PRIMARY KEY, partner_name TEXT, contract_id INTEGER REFERENCES contract);
INSERT INTO partner VALUES (1, 'Aldo', NULL), (2, 'Bea', NULL);
"""
NULLS = """
CREATE TABLE machine (machine_id INTEGER PRIMARY KEY, label TEXT, weight REAL, bought_on DATE, retired CHAR(1));
INSERT INTO machine VALUES (1, 'Lathe', NULL, NULL, NULL), (2, 'Press', NULL, NULL, NULL), (3, 'Saw', NULL, NULL, NULL);
"""
TWINS = """
CREATE TABLE person (person_id INTEGER PRIMARY KEY, first_name TEXT, home_city TEXT, work_city TEXT, birth_city TEXT,
    net_salary REAL, gross_salary REAL, entry_date DATE, start_date DATE);
INSERT INTO person VALUES
    (1, 'Ada', 'Berlin', 'Paris', 'Rome', 10, 20, '2020-01-01', '2021-01-01'),
    (2, 'Ben', 'Paris', 'Berlin', 'Berlin', 30, 35, '2021-05-01', '2020-02-01'),
    (3, 'Cem', 'Rome', 'Berlin', 'Paris', 25, 50, '2022-05-01', '2019-02-01'),
    (4, 'Dia', 'Berlin', 'Berlin', 'Berlin', 12, 30, '2019-05-01', '2022-02-01');
"""


@pytest.mark.parametrize(
    ("question", "gold"),
    [
        ("How many groups are there?", 'SELECT COUNT(*) FROM "group"'),
        ("How many tables are there?", 'SELECT COUNT(*) FROM "table"'),
        ("What is the average limit?", 'SELECT AVG("limit") FROM "table"'),
        ("Which select has the highest order?", 'SELECT "select" FROM "group" ORDER BY "order" DESC LIMIT 1'),
        ("How many groups are from Paris?", 'SELECT COUNT(*) FROM "group" WHERE "from" = \'Paris\''),
        ("sum of order per from", 'SELECT "from", SUM("order") FROM "group" GROUP BY "from"'),
        ("total limit of each group", 'SELECT "select", SUM("limit") FROM "table" GROUP BY "select"'),
    ],
)
def test_names_that_are_reserved_words(small, question: str, gold: str):
    small(RESERVED).check_honest(question, (gold,))


@pytest.mark.parametrize(
    ("question", "golds"),
    [
        ("How many contracts are there?", ("SELECT 0",)),
        ("What is the total fee of all contracts?", ("SELECT NULL", "SELECT 0")),
        ("Which contract was signed most recently?", ("SELECT title FROM contract",)),
        ("Which contracts are active?", ("SELECT title FROM contract",)),
        ("What share of the contracts is active?", ("SELECT NULL",)),
        ("Which partners have no contract?", ("SELECT partner_name FROM partner",)),
        ("How many contracts does Aldo have?", ("SELECT 0",)),
    ],
)
def test_tables_without_rows(small, question: str, golds: tuple[str, ...]):
    small(EMPTY).check_honest(question, golds)


@pytest.mark.parametrize(
    ("question", "golds"),
    [
        ("What is the heaviest machine?", ()),
        ("Which machine was bought first?", ()),
        ("average weight of the machines", ("SELECT NULL",)),
        ("Which machines are retired?", ("SELECT label FROM machine WHERE 0",)),
        ("How many machines are not retired?", ()),
        ("Which machines have no weight?", ("SELECT label FROM machine",)),
        ("machines bought since 2020", ("SELECT label FROM machine WHERE 0",)),
    ],
)
def test_columns_that_are_all_null(small, question: str, golds: tuple[str, ...]):
    small(NULLS).check_honest(question, golds)


@pytest.mark.parametrize(
    "question",
    [
        "How many persons are in Berlin?",
        "Who has the highest salary?",
        "Which city has the most persons?",
        "What is the total salary?",
        "Who came first?",
    ],
)
def test_two_columns_of_one_meaning_leave_no_certainty(small, question: str):
    answer = small(TWINS).check_honest(question)
    assert answer.outcome != ANSWERED, describe(answer)


@pytest.mark.parametrize(
    ("question", "gold"),
    [
        ("How many persons have Rome as home city?", "SELECT COUNT(*) FROM person WHERE home_city = 'Rome'"),
        ("Who has the highest gross salary?", "SELECT first_name FROM person ORDER BY gross_salary DESC LIMIT 1"),
        ("average net salary", "SELECT AVG(net_salary) FROM person"),
    ],
)
def test_the_word_that_tells_columns_apart_is_heeded(small, question: str, gold: str):
    small(TWINS).check_honest(question, (gold,))


def test_a_database_of_one_empty_column(small):
    for script in ("CREATE TABLE thing (thing TEXT);", 'CREATE TABLE "  " (" " TEXT);'):
        small(script).check_honest("What is the average price of a product?")
