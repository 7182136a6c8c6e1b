"""Bounds on days give exactly the rows that Python's calendar gives, in every form in which days are stored."""

import sqlite3
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxprune.sql.generate.phrases.conditions import read_conditions
from ctxprune.sql.generate.sketch.view import SchemaView
from ctxprune.sql.schema.schema import Column, ForeignKey, Schema, Table

TODAY = date(2024, 5, 17)
FORMS = {
    "date": ("DATE", lambda day: day.isoformat()),
    "timestamp": ("TIMESTAMP", lambda day: f"{day.isoformat()} 23:59:59"),
    "iso with T": ("TEXT", lambda day: f"{day.isoformat()}T08:00:00"),
    "day first": ("TEXT", lambda day: day.strftime("%d/%m/%Y")),
    "month first": ("TEXT", lambda day: day.strftime("%m/%d/%Y")),
    "dotted": ("TEXT", lambda day: day.strftime("%d.%m.%Y")),
    "digits": ("TEXT", lambda day: day.strftime("%Y%m%d")),
    "number": ("INTEGER", lambda day: int(day.strftime("%Y%m%d"))),
    "slashes": ("TEXT", lambda day: day.strftime("%Y/%m/%d")),
    "seconds": ("INTEGER", lambda day: int(datetime(day.year, day.month, day.day, 12, tzinfo=UTC).timestamp())),
    "milliseconds": ("INTEGER", lambda day: 1000 * int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())),
}
# Days beyond the 12th, so that stored texts tell days from months.
SEEN = (date(2021, 1, 31), date(2023, 12, 25), date(2022, 6, 13))
PHRASES = {
    "in {y}": lambda one, y, m: one.year == y,
    "in {month} {y}": lambda one, y, m: (one.year, one.month) == (y, m),
    "since {month} {y}": lambda one, y, m: (one.year, one.month) >= (y, m),
    "before {month} {y}": lambda one, y, m: (one.year, one.month) < (y, m),
    "after {y}": lambda one, y, m: one.year > y,
    "not in {y}": lambda one, y, m: one.year != y,
    "in the {q} quarter of {y}": lambda one, y, m: (one.year, (one.month + 2) // 3) == (y, (m + 2) // 3),
    "in {y} or {next}": lambda one, y, m: one.year in (y, y + 1),
    "on {month} 15, {y}": lambda one, y, m: one == date(y, m, 15),
}


def _rows(form, days, question):
    declared, write = FORMS[form]
    column = Column("placed_at", declared, examples=tuple(map(write, SEEN)))
    view = SchemaView.of(Schema("s", (Table("orders", (Column("id", "INTEGER", primary_key=True), column)),)))
    [clause] = read_conditions(question, view, today=TODAY)
    with sqlite3.connect(":memory:") as connection:
        connection.execute(f"CREATE TABLE orders (id INTEGER PRIMARY KEY, placed_at {declared})")
        connection.executemany("INSERT INTO orders (placed_at) VALUES (?)", [(write(day),) for day in days])
        sql = f"SELECT id FROM orders WHERE {clause.options[0].test.sql('sqlite')} ORDER BY id"
        found = [days[row[0] - 1] for row in connection.execute(sql)]
    connection.close()
    return found


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("phrase", PHRASES)
@given(
    year=st.integers(2020, 2023),
    month=st.integers(1, 12),
    others=st.lists(st.dates(date(2019, 1, 1), date(2025, 12, 31)), max_size=8),
)
@settings(max_examples=4, deadline=None)
def test_a_window_gives_the_rows_of_the_calendar(form, phrase, year, month, others):
    edge = date(year, month, 1)
    days = [
        edge,
        edge - timedelta(1),
        date(year, 1, 1),
        date(year, 12, 31),
        date(year + 1, 1, 1),
        date(year, month, 15),
    ]
    days += others
    quarter = ("first", "2nd", "third", "4th")[(month - 1) // 3]
    said = phrase.format(y=year, month=edge.strftime("%B"), q=quarter, next=year + 1)
    wanted = [day for day in days if PHRASES[phrase](day, year, month)]
    assert _rows(form, days, f"orders placed {said}") == wanted


@given(born=st.dates(date(1930, 1, 1), date(2020, 1, 1)), age=st.integers(5, 80))
@settings(max_examples=80, deadline=None)
def test_ages_are_counted_in_birthdays(born, age):
    column = Column("birth_date", "DATE", examples=("1990-01-31",))
    view = SchemaView.of(Schema("s", (Table("member", (Column("id", "INTEGER", primary_key=True), column)),)))
    years = TODAY.year - born.year - ((TODAY.month, TODAY.day) < (born.month, born.day))
    said = {
        f"members older than {age}": years > age,
        f"members younger than {age}": years < age,
        f"members at least {age} years old": years >= age,
        f"members aged {age} to {age + 5}": age <= years <= age + 5,
    }
    for question, wanted in said.items():
        [clause] = read_conditions(question, view, today=TODAY)
        test = clause.options[0].test.sql("sqlite").replace("member.birth_date", f"'{born.isoformat()}'")
        with sqlite3.connect(":memory:") as connection:
            assert connection.execute(f"SELECT {test}").fetchone() == (int(wanted),), question
        connection.close()


def test_absences_leave_nulls_and_other_years_alone():
    key = Column("id", "INTEGER", primary_key=True)
    tables = (
        Table("customer", (key, Column("name", "TEXT"))),
        Table("purchase", (key, Column("customer_id", "INTEGER"), Column("bought_on", "DATE"))),
    )
    view = SchemaView.of(Schema("s", tables, (ForeignKey("purchase", ("customer_id",), "customer", ("id",)),)))
    with sqlite3.connect(":memory:") as connection:
        connection.execute("CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT)")
        connection.execute("CREATE TABLE purchase (id INTEGER PRIMARY KEY, customer_id INTEGER, bought_on DATE)")
        connection.executemany("INSERT INTO customer VALUES (?, ?)", [(1, "a"), (2, "b"), (3, "c")])
        rows = [(1, "2022-05-01"), (2, "2023-12-31"), (None, "2023-01-01")]
        connection.executemany("INSERT INTO purchase (customer_id, bought_on) VALUES (?, ?)", rows)
        for question, wanted in {
            "customers who have not made any purchases": [3],
            "customers without purchases in 2023": [1, 3],
            "customers who have never made a purchase before 2023": [2, 3],
        }.items():
            [clause] = read_conditions(question, view, today=TODAY)
            sql = f"SELECT id FROM customer WHERE {clause.options[0].test.sql('sqlite')}"
            assert [row[0] for row in connection.execute(sql)] == wanted, question
    connection.close()


@pytest.mark.parametrize("dialect", ["sqlite", "postgres", "mysql", "duckdb"])
def test_weekdays_are_written_for_the_dialect(dialect):
    table = Table("visit", (Column("id", "INTEGER", primary_key=True), Column("visit_date", "DATE")))
    [clause] = read_conditions("visits on weekends", SchemaView.of(Schema("s", (table,), (), dialect)), today=TODAY)
    text = clause.options[0].test.sql(dialect)
    assert {"sqlite": "STRFTIME('%w'", "mysql": "DAYOFWEEK", "postgres": "DOW", "duckdb": "DAYOFWEEK"}[dialect] in text
