"""Questions on a library: evidence, references of a table to itself, measures over lines, pairs of columns."""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from pathlib import Path

import pytest

from ctxprune.sql.database.database import Database
from ctxprune.sql.generate.base import Request
from ctxprune.sql.generate.phrases import PhraseGenerator
from ctxprune.sql.generate.phrases.roles import with_roles
from ctxprune.sql.schema.schema import Column, ForeignKey, Schema, Table
from ctxprune.sql.values import ValueIndex

SCRIPT = """
CREATE TABLE staff (staff_id INTEGER PRIMARY KEY, name TEXT, salary REAL, hired_on DATE,
  supervisor_id INTEGER REFERENCES staff (staff_id));
CREATE TABLE genres (genre_id INTEGER PRIMARY KEY, name TEXT, parent_id INTEGER REFERENCES genres (genre_id));
CREATE TABLE books (book_id INTEGER PRIMARY KEY, title TEXT, genre_id INTEGER REFERENCES genres (genre_id),
  list_price REAL, sale_price REAL, copies_sold INTEGER, copies_lent INTEGER);
CREATE TABLE readers (reader_id INTEGER PRIMARY KEY, name TEXT, city TEXT, level TEXT, joined_on DATE);
CREATE TABLE loans (loan_id INTEGER PRIMARY KEY, book_id INTEGER REFERENCES books (book_id),
  reader_id INTEGER REFERENCES readers (reader_id), lent_on DATE, due_on DATE, returned_on DATE);
CREATE TABLE orders (order_id INTEGER PRIMARY KEY, reader_id INTEGER REFERENCES readers (reader_id), ordered_on DATE,
  status TEXT);
CREATE TABLE order_lines (line_id INTEGER PRIMARY KEY, order_id INTEGER REFERENCES orders (order_id),
  book_id INTEGER REFERENCES books (book_id), quantity INTEGER, price REAL, discount REAL);
CREATE TABLE fees (fee_id INTEGER PRIMARY KEY, reader_id INTEGER REFERENCES readers (reader_id), total REAL, paid REAL);
INSERT INTO staff VALUES (1, 'Gil Kane', 90, '2010-01-01', NULL), (2, 'Hal Lane', 70, '2012-01-01', 1),
  (3, 'Ida Moss', 75, '2015-01-01', 2), (4, 'Jim Nash', 50, '2016-01-01', 2), (5, 'Kim Orr', 40, '2018-01-01', 3),
  (6, 'Lou Park', 45, '2019-01-01', 2);
INSERT INTO genres VALUES (1, 'Fiction', NULL), (2, 'Crime', 1), (3, 'Romance', 1), (4, 'Science', NULL);
INSERT INTO books VALUES (1, 'Night Train', 2, 20, 15, 5, 9), (2, 'Two Hearts', 3, 12, 14, 7, 3),
  (3, 'Cold Case', 2, 18, 19, 2, 8), (4, 'Atoms', 4, 30, 20, 6, 4);
INSERT INTO readers VALUES (1, 'Ann Lee', 'Bern', 'gold', '2020-05-01'),
  (2, 'Bob Ray', 'Basel', 'silver', '2021-03-01'), (3, 'Cleo Fox', 'Bern', 'gold', '2022-02-02'),
  (4, 'Dan Poe', 'Zug', 'bronze', '2022-08-08');
INSERT INTO loans VALUES (1, 1, 1, '2022-01-01', '2022-01-15', '2022-01-20'),
  (2, 2, 1, '2022-02-01', '2022-02-15', '2022-02-10'), (3, 3, 2, '2022-02-01', '2022-02-15', '2022-03-01'),
  (4, 4, 3, '2022-03-01', '2022-03-15', NULL), (5, 2, 3, '2022-04-01', '2022-04-15', '2022-04-15');
INSERT INTO orders VALUES (1, 1, '2022-01-05', 'shipped'), (2, 1, '2022-02-06', 'returned'),
  (3, 2, '2022-02-07', 'cancelled'), (4, 3, '2022-03-08', 'shipped'), (5, 3, '2022-03-09', 'shipped');
INSERT INTO order_lines VALUES (1, 1, 1, 2, 20, 0), (2, 1, 4, 1, 30, 0.1), (3, 2, 2, 3, 12, 0), (4, 3, 3, 1, 18, 0.5),
  (5, 4, 2, 4, 12, 0), (6, 5, 1, 1, 20, 0.25), (7, 5, 3, 2, 18, 0);
INSERT INTO fees VALUES (1, 1, 40, 10), (2, 1, 15, 15), (3, 2, 8, 0), (4, 3, 20, 5);
"""
TEXT = (Path(__file__).parent / "library.sql").read_text(encoding="utf-8")
PAIRS = re.findall(r"^-- (.+?)(?: given: (.+))?\n((?:SELECT|WITH)[^;]*;)", TEXT, re.MULTILINE)


class Library:
    def __init__(self, path):
        with sqlite3.connect(path) as connection:
            connection.executescript(SCRIPT)
        connection.close()
        self.database = Database(path, isolated=False)
        self.schema = self.database.schema()
        self.values = ValueIndex.build(self.database)
        self.generator = PhraseGenerator()

    def ask(self, question, evidence=""):
        hits, ranges = self.values.lookup(question, evidence), self.values.ranges(question, evidence)
        request = Request(question, self.schema, hits=hits, ranges=ranges, evidence=evidence, n=8)
        return [one.sql for one in self.generator.generate(request)]

    def rows(self, sql):
        return Counter(
            tuple(round(cell, 6) if isinstance(cell, float) else cell for cell in row)
            for row in self.database.execute(sql).rows
        )


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    library = Library(tmp_path_factory.mktemp("library") / "library.sqlite")
    yield library
    library.database.close()


def test_file_is_read_whole():
    assert len(PAIRS) == TEXT.count(";\n")


@pytest.mark.parametrize(("question", "evidence", "expected"), PAIRS, ids=[question for question, *_ in PAIRS])
def test_first_candidate_gives_the_expected_rows(library, question, evidence, expected):
    candidates = library.ask(question, evidence)
    assert candidates, "no candidate"
    assert library.rows(candidates[0]) == library.rows(expected), candidates[0]


@pytest.mark.parametrize(
    "evidence",
    [
        "markup = load_extension('x')",
        "markup = (SELECT MAX(name) FROM sqlite_master)",
        "markup = " + "(" * 140 + "list_price" + ")" * 140,
        "markup = list_price -",
        "markup means '; DROP TABLE books; --",
        "markup: sale_price IN (SELECT price FROM order_lines)",
    ],
)
def test_hostile_evidence_adds_no_sql_of_its_own(library, evidence):
    for sql in library.ask("What is the average markup of books?", evidence):
        assert not re.search(r"load_extension|sqlite_master|DROP|order_lines", sql), sql
        library.database.execute(sql)


def test_condition_of_an_unused_term_is_not_added(library):
    with_term = library.ask("How many readers live in Bern?", "VIP means level = 'gold'")
    assert with_term == library.ask("How many readers live in Bern?")


def test_reference_that_only_its_name_tells_is_found(tmp_path):
    with sqlite3.connect(tmp_path / "firm.sqlite") as connection:
        connection.executescript(
            "CREATE TABLE Employee (EmployeeId INTEGER PRIMARY KEY, LastName TEXT, ReportsTo INTEGER);"
            "INSERT INTO Employee VALUES (1, 'Adams', NULL), (2, 'Edwards', 1), (3, 'Peacock', 2);"
        )
    connection.close()
    with Database(tmp_path / "firm.sqlite", isolated=False) as database:
        values = ValueIndex.build(database)
        question = "Who does Peacock report to?"
        request = Request(question, database.schema(), hits=values.lookup(question), n=4)
        first = PhraseGenerator().generate(request)[0].sql
        assert [tuple(row) for row in database.execute(first).rows] == [("Edwards",)], first


def test_schema_without_references_to_itself_gets_no_copies():
    plain = Schema("plain", (Table("a", (Column("a_id", "INT", primary_key=True), Column("manager", "TEXT"))),))
    whole, roles = with_roles(plain)
    assert whole is plain
    assert not roles.by_name


def test_copies_of_one_schema_are_bounded():
    key = Column("id", "INT", primary_key=True)
    columns = (key, *(Column(f"helper{chr(97 + n)}_id", "INT") for n in range(20)))
    keys = tuple(ForeignKey("a", (column.name,), "a", ("id",)) for column in columns[1:])
    whole, roles = with_roles(Schema("many", (Table("a", columns),), keys))
    assert len(roles.by_name) == 8
    assert len(whole.tables) == 9
