"""Words that a query explains and the question speaks against: other rows, other units, other routes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ctxprune.sql import Column, Database, Pipeline, Schema, Table
from ctxprune.sql.account import Accountant
from ctxprune.sql.trust.outcome import ANSWERED, TENTATIVE

SCHEMA = """
CREATE TABLE boat_class (class_id INTEGER PRIMARY KEY, class_name TEXT, max_crew INTEGER);
CREATE TABLE harbour (harbour_id INTEGER PRIMARY KEY, harbour_name TEXT, annual_tonnage INTEGER);
CREATE TABLE skipper (skipper_id INTEGER PRIMARY KEY, skipper_name TEXT, age INTEGER);
CREATE TABLE boat (boat_id INTEGER PRIMARY KEY, boat_name TEXT, class_id INTEGER REFERENCES boat_class(class_id),
    skipper_id INTEGER REFERENCES skipper(skipper_id), length_m REAL,
    home_harbour_id INTEGER REFERENCES harbour(harbour_id));
CREATE TABLE trip (trip_id INTEGER PRIMARY KEY, boat_id INTEGER REFERENCES boat(boat_id),
    to_harbour_id INTEGER REFERENCES harbour(harbour_id), started DATE, cargo TEXT, hours_taken REAL);
CREATE TABLE part (part_id INTEGER PRIMARY KEY, label TEXT, whole_id INTEGER REFERENCES part(part_id));
INSERT INTO boat_class VALUES (1, 'ferry', 8), (2, 'trawler', 5), (3, 'barge', 3);
INSERT INTO harbour VALUES (1, 'Hull', 700), (2, 'Bergen', 900), (3, 'Oslo', 600);
INSERT INTO skipper VALUES (1, 'Mary Stone', 43), (2, 'Rui Lopes', 61);
INSERT INTO boat VALUES (1, 'Eider', 2, 1, 30, 1), (2, 'Fulmar', 2, 1, 35, 2), (3, 'Gannet', 1, 2, 90, 1),
    (4, 'Heron', 3, 2, 20, 1);
INSERT INTO trip VALUES (1, 1, 2, '2023-01-02', 'herring', 5), (2, 3, 2, '2023-01-09', 'pilgrims', 30),
    (3, 4, 3, '2023-02-01', 'gravel', 48);
INSERT INTO part VALUES (1, 'engine', NULL), (2, 'piston', 1), (3, 'valve', 1);
"""
DISTINCT = "SELECT COUNT(DISTINCT skipper.skipper_id) FROM boat_class JOIN boat ON boat_class.class_id = boat.class_id "
DISTINCT += "JOIN skipper ON boat.skipper_id = skipper.skipper_id WHERE skipper.skipper_name = 'Mary Stone' "
DISTINCT += "AND boat_class.class_name = 'trawler'"
HOME = "FROM boat JOIN harbour ON boat.home_harbour_id = harbour.harbour_id WHERE harbour.harbour_name = 'Hull'"
TRIPS = "SELECT COUNT(*) FROM trip JOIN boat ON trip.boat_id = boat.boat_id WHERE "


@pytest.fixture(scope="module")
def boats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    path: Path = tmp_path_factory.mktemp("contested") / "boats.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(SCHEMA)
    with Database(path, isolated=False) as database:
        yield Pipeline(database)


@pytest.mark.parametrize(
    ("question", "sql", "why"),
    [
        ("How many trawlers does skipper Mary Stone have?", DISTINCT, "rows of skipper are counted"),
        ("How many skippers command a trawler?", DISTINCT, ""),
        ("How many boats visit Hull?", f"SELECT COUNT(*) {HOME}", "read as boat.home_harbour_id; rows of trip"),
        ("How many boats have Hull as home harbour?", f"SELECT COUNT(*) {HOME}", ""),
        ("How many boats carry cargo and visit their home harbour?", f"SELECT COUNT(*) {HOME}", ""),
        ("How many trips took longer than 5 days?", f"{TRIPS}boat.length_m > 5", "'days' is no unit of boat.length_m"),
        ("How many boats are longer than 5 meters?", "SELECT COUNT(*) FROM boat WHERE length_m > 5", ""),
        ("How many trips took more than 5 days?", "SELECT COUNT(*) FROM trip WHERE hours_taken > 5", ""),
        ("How many boats are longer than 5?", "SELECT COUNT(*) FROM boat WHERE length_m > 5", ""),
        (
            "How many pilgrims did Gannet carry?",
            f"{TRIPS}trip.cargo = 'pilgrims' AND boat.boat_name = 'Gannet'",
            "'pilgrims' is asked for, and rows of boat or trip are counted",
        ),
        ("How many pilgrims are there?", "SELECT COUNT(*) FROM trip WHERE cargo = 'pilgrims'", ""),
        (
            "Which boat carries most?",
            "SELECT boat_name FROM boat JOIN skipper ON boat.skipper_id = skipper.skipper_id",
            "",
        ),
        ("", f"SELECT COUNT(*) {HOME}", ""),
        ("how many", f"SELECT COUNT(*) {HOME}", ""),
        ("number of 5", "SELECT COUNT(*) FROM trip WHERE hours_taken > 5", ""),
    ],
)
def test_what_the_question_speaks_against(boats: Pipeline, question: str, sql: str, why: str) -> None:
    reading = Accountant(question, boats.schema).read(sql)
    assert why in "; ".join(one.why for one in reading.contested)
    assert bool(why) == bool(reading.contested)
    for one in reading.contested:
        assert question[one.start : one.end] == one.text
    assert len(reading.to_dict()["contested"]) == len(reading.contested)


@pytest.mark.parametrize(
    "question",
    [
        "How many trawlers does skipper Mary Stone have?",
        "How many trawlers have Hull as home harbour?",
        "How many trips took longer than 5 days?",
        "Total tonnage carried by Eider?",
        "How many pilgrims did Gannet carry?",
        "How many boats visit Hull?",
        "How many engines are there?",
        "How many trips were recently started?",
    ],
)
def test_such_answers_are_never_sure(boats: Pipeline, question: str) -> None:
    answer = boats.ask(question)
    assert answer.outcome != ANSWERED, (answer.sql, answer.confidence)
    assert answer.doubts or answer.refused


@pytest.mark.parametrize(("question", "count"), [("How many boats are there?", 4), ("How many skippers are there?", 2)])
def test_plain_counts_stay_sure(boats: Pipeline, question: str, count: int) -> None:
    answer = boats.ask(question)
    assert (answer.outcome, answer.rows) == (ANSWERED, ((count,),))


def test_a_part_of_itself_is_doubted(boats: Pipeline) -> None:
    answer = boats.ask("How many engines are there?")
    assert answer.outcome == TENTATIVE
    assert "rows of part itself" in str(answer.doubts[0])


@pytest.mark.parametrize("question", ["Which boats are big?", "Which boats are long?", "Which skippers are old?"])
def test_adjectives_without_a_border_are_doubted_rather_than_refused(boats: Pipeline, question: str) -> None:
    answer = boats.ask(question)
    assert answer.outcome == TENTATIVE, answer.reason
    assert any("needs a border" in str(one) for one in answer.doubts)
    assert answer.rows


def test_what_else_is_missing_beside_an_adjective_is_still_refused(boats: Pipeline) -> None:
    answer = boats.ask("Which big unicorns are there?")
    assert answer.refused, (answer.sql, answer.doubts)


def test_a_column_whose_name_has_no_word_has_no_unit() -> None:
    schema = Schema("odd", (Table("trip", (Column("\U0001f525", "REAL"),)),))
    reading = Accountant("How many trips took longer than 5 days?", schema).read(
        'SELECT COUNT(*) FROM trip WHERE "\U0001f525" > 5'
    )
    assert not reading.contested
