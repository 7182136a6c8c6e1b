"""Two references to one table, rows that have others, and conditions on both kinds of rows."""

from __future__ import annotations

import sqlite3

import pytest

from ctxprune.sql.database.database import Database
from ctxprune.sql.generate.base import Request
from ctxprune.sql.generate.phrases import PhraseGenerator
from ctxprune.sql.values import ValueIndex
from ctxprune.sql.values.column_samples import column_samples

SCRIPT = """
CREATE TABLE stations (station_id INTEGER PRIMARY KEY, city TEXT, platforms INTEGER);
CREATE TABLE travellers (traveller_id INTEGER PRIMARY KEY, name TEXT, city TEXT);
CREATE TABLE trains (train_id INTEGER PRIMARY KEY, origin_id INTEGER REFERENCES stations (station_id),
  destination_id INTEGER REFERENCES stations (station_id), distance REAL);
CREATE TABLE tickets (ticket_id INTEGER PRIMARY KEY, traveller_id INTEGER REFERENCES travellers (traveller_id),
  train_id INTEGER REFERENCES trains (train_id), class TEXT, refunded_at TIMESTAMP, paid TEXT);
CREATE TABLE complaints (complaint_id INTEGER PRIMARY KEY, ticket_id INTEGER REFERENCES tickets (ticket_id), text TEXT);
INSERT INTO stations VALUES (1, 'Basel', 4), (2, 'Milan', 9), (3, 'Lyon', 6);
INSERT INTO travellers VALUES (1, 'Ann Lee', 'Basel'), (2, 'Bob Ray', 'Milan'), (3, 'Cleo Fox', 'Basel');
INSERT INTO trains VALUES (1, 1, 2, 300), (2, 2, 1, 300), (3, 1, 3, 400), (4, 1, 2, 310);
INSERT INTO tickets VALUES (1, 1, 1, 'comfort', NULL, 'yes'), (2, 1, 2, 'economy', '2022-01-01 10:00:00', 'yes'),
  (3, 2, 3, 'economy', NULL, 'no'), (4, 3, 4, 'comfort', NULL, 'yes'),
  (5, 3, 1, 'comfort', '2022-02-02 08:00:00', 'no');
INSERT INTO complaints VALUES (1, 1, 'late'), (2, 1, 'dirty'), (3, 4, 'late');
"""
QUESTIONS = [
    ("How many trains leave from Basel?", "SELECT COUNT(*) FROM trains WHERE origin_id = 1"),
    ("How many trains go to Milan?", "SELECT COUNT(*) FROM trains WHERE destination_id = 2"),
    (
        "How many trains run from Basel to Milan?",
        "SELECT COUNT(*) FROM trains WHERE origin_id = 1 AND destination_id = 2",
    ),
    ("Which travellers bought both comfort and economy class?", "SELECT name FROM travellers WHERE traveller_id = 1"),
    ("What percentage of tickets have a complaint?", "SELECT 40.0"),
    ("What share of the tickets has no complaint?", "SELECT 0.6"),
    (
        "What is the refund rate of tickets by class?",
        "SELECT class, AVG(refunded_at IS NOT NULL) FROM tickets GROUP BY 1",
    ),
    ("How many unpaid tickets are there?", "SELECT COUNT(*) FROM tickets WHERE paid = 'no'"),
    ("How many travellers never bought a ticket?", "SELECT 0"),
]


@pytest.fixture(scope="module")
def railway(tmp_path_factory):
    path = tmp_path_factory.mktemp("railway") / "railway.sqlite"
    with sqlite3.connect(path) as connection:
        connection.executescript(SCRIPT)
    connection.close()
    database = Database(path, isolated=False)
    yield database, ValueIndex.build(database)
    database.close()


@pytest.mark.parametrize(("question", "expected"), QUESTIONS, ids=[question for question, _ in QUESTIONS])
def test_first_candidate_gives_the_expected_rows(railway, question, expected):
    database, values = railway
    schema = database.schema()
    hits, ranges = values.lookup(question, ""), values.ranges(question, "")
    samples = column_samples(database, schema)
    request = Request(question, schema, hits=hits, ranges=ranges, n=8, samples=samples)
    candidates = PhraseGenerator().generate(request)
    assert candidates, "no candidate"
    rows = [sorted(map(str, database.execute(sql).rows)) for sql in (candidates[0].sql, expected)]
    assert rows[0] == rows[1], candidates[0].sql
