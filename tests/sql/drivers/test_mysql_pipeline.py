"""Questions on the demo's database, answered in MariaDB as in SQLite."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pymysql
import pytest
from sqlalchemy.engine import make_url

from ctxprune.cli._demo_database import _SCHEMA, make_database
from ctxprune.cli.demo import QUESTIONS
from ctxprune.sql import Database
from ctxprune.sql.pipeline.factory import PipelineFactory, make_generators

MORE = (
    "Which customers are from Berlin?",
    "What is the average salary of employees?",
    "How many orders are there for each currency?",
    "Show the product names with a unit price above 20.",
    "What is the total quantity of order lines for each product?",
    "How many different carriers are there?",
)


@pytest.fixture
def coffee(tmp_path, mariadb_database):
    """The demo's file, and the same on the server, whose texts are compared as SQLite does: byte by byte."""
    path = tmp_path / "coffee.sqlite"
    make_database(path)
    url = make_url(mariadb_database.admin_url)
    place = {"host": url.host, "port": url.port, "user": url.username, "password": url.password}
    with (
        closing(sqlite3.connect(path)) as source,
        closing(pymysql.connect(**place, database=url.database, sql_mode="ANSI_QUOTES")) as target,
        target.cursor() as cursor,
    ):
        cursor.execute(f"ALTER DATABASE {url.database} COLLATE utf8mb4_nopad_bin")
        cursor.execute("SET foreign_key_checks = 0")
        for statement in filter(str.strip, _SCHEMA.split(";")):
            cursor.execute(statement)
        for (table,) in source.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            rows = source.execute(f'SELECT * FROM "{table}"').fetchall()
            cursor.executemany(f'INSERT INTO "{table}" VALUES ({", ".join(["%s"] * len(rows[0]))})', rows)
        target.commit()
    return path, mariadb_database.reader_url


def answers(target) -> dict[str, object]:
    with Database(target, name="coffee") as database:
        pipeline = PipelineFactory(make_generators("sketch"))(database, database.schema())
        found = {question: pipeline.ask(question) for question in (*(text for _, text in QUESTIONS), *MORE)}
    return {
        question: (answer.sql is None, sorted(repr(tuple(map(_plain, row))) for row in answer.rows or ()))
        for question, answer in found.items()
    }


def _plain(cell: object) -> object:
    return round(cell, 6) if isinstance(cell, float) else cell


def test_answers_are_those_of_sqlite(coffee):
    path, url = coffee
    assert answers(url) == answers(path)
