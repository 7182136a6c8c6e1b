"""Days, months, quarters and years in questions, on columns in several forms."""

from datetime import date, timedelta

import pytest
import sqlglot
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxprune.sql.generate.phrases.conditions import read_all, read_conditions
from ctxprune.sql.generate.phrases.conditions.windows import find_windows
from ctxprune.sql.generate.sketch.view import SchemaView
from ctxprune.sql.schema.schema import Column, Schema, Table

TODAY = date(2024, 5, 17)


def _view(stored, declared="DATE", name="joined_on"):
    column = Column(name, declared, examples=tuple(stored))
    key = Column("id", "INTEGER", primary_key=True, examples=(1, 2))
    return SchemaView.of(Schema("club", (Table("member", (key, column)),)))


ISO = _view(["2022-03-04", "2023-11-30"])


def _best(question, view=ISO):
    clauses = read_conditions(question, view, today=TODAY)
    assert len(clauses) == 1, clauses
    return clauses[0].options[0].test.sql("sqlite").replace("member.joined_on", "c")


@pytest.mark.parametrize(
    ("phrase", "low", "high"),
    [
        ("in 2023", "2023-01-01", "2024-01-01"),
        ("in the year 2023", "2023-01-01", "2024-01-01"),
        ("in December 2023", "2023-12-01", "2024-01-01"),
        ("in the 1st quarter of 2023", "2023-01-01", "2023-04-01"),
        ("in Q4 2023", "2023-10-01", "2024-01-01"),
        ("in the second half of 2021", "2021-07-01", "2022-01-01"),
        ("between April and June 2022", "2022-04-01", "2022-07-01"),
        ("from November to February 2023", "2022-11-01", "2023-03-01"),
        ("from Jan 1, 2023 to Mar 31, 2023 (inclusive)", "2023-01-01", "2023-04-01"),
        ("between 2023-06-01 inclusive and 2023-06-08 exclusive", "2023-06-01", "2023-06-08"),
        ("on 2023-04-01", "2023-04-01", "2023-04-02"),
        ("on the 5th of March 2022", "2022-03-05", "2022-03-06"),
        ("in the 1990s", "1990-01-01", "2000-01-01"),
        ("from 2019 to 2021", "2019-01-01", "2022-01-01"),
        ("in 2019 or 2020", "2019-01-01", "2021-01-01"),
        ("since March 2022", "2022-03-01", None),
        ("on or after Apr 1, 2023", "2023-04-01", None),
        ("from 2020 onwards", "2020-01-01", None),
        ("in 2020 or later", "2020-01-01", None),
        ("after 2020", "2021-01-01", None),
        ("before 2020", None, "2020-01-01"),
        ("until 2020", None, "2021-01-01"),
        ("no later than June 2020", None, "2020-07-01"),
        ("in the last 30 days", "2024-04-17", "2024-05-18"),
        ("this year", "2024-01-01", "2025-01-01"),
        ("yesterday", "2024-05-16", "2024-05-17"),
        ("last month", "2024-04-01", "2024-05-01"),
        ("in the last quarter", "2024-01-01", "2024-04-01"),
    ],
)
def test_periods_become_half_open_bounds(phrase, low, high):
    tests = [f"c >= '{low}'"] * (low is not None) + [f"c < '{high}'"] * (high is not None)
    assert _best(f"Which members joined {phrase}?") == " AND ".join(tests)


@pytest.mark.parametrize(
    ("stored", "declared", "sql"),
    [
        (["2022-03-04 10:00:00"], "TIMESTAMP", "c >= '2023-02-01' AND c < '2023-03-01'"),
        (["20220304", "20231231"], "TEXT", "c >= '20230201' AND c < '20230301'"),
        ([20220304, 20231231], "DATE", "c >= 20230201 AND c < 20230301"),
        (["2022-03", "2023-12"], "TEXT", "c >= '2023-02' AND c < '2023-03'"),
        ([1650000000, 1690000000], "TIMESTAMP", "c >= 1675209600 AND c < 1677628800"),
    ],
)
def test_bounds_are_written_as_the_column_stores_days(stored, declared, sql):
    assert _best("members who joined in February 2023", _view(stored, declared)) == sql


def test_texts_that_do_not_sort_are_rearranged():
    view = _view(["04/03/2022", "30/11/2023"], "TEXT")
    option = read_conditions("members who joined after March 2023", view, today=TODAY)[0].options[0]
    assert "rearranged" in option.note
    assert option.test.sql("sqlite") == (
        "SUBSTRING(member.joined_on, 7, 4) || '-' || SUBSTRING(member.joined_on, 4, 2) || '-' || "
        "SUBSTRING(member.joined_on, 1, 2) >= '2023-04-01'"
    )


def test_a_year_column_takes_whole_years_alone():
    view = _view([1999, 2004], "INTEGER", "join_year")
    assert _best("members who joined in 2003", view).endswith("join_year = 2003")
    found = read_all("members who joined in March 2003", view, today=TODAY)
    assert found.clauses == ()
    assert found.problems == ("the column holds no days",)


@pytest.mark.parametrize(
    ("phrase", "problem"),
    [("on 31 February 2023", "no day 2023-02-31"), ("between 2030 and 2020", "ends before it begins")],
)
def test_impossible_days_are_a_problem_and_no_condition(phrase, problem):
    found = read_all(f"members who joined {phrase}", ISO, today=TODAY)
    assert found.clauses == ()
    assert problem in found.problems[0]


def test_a_bare_number_is_no_year_where_nothing_says_so():
    [clause] = read_conditions("members with more than 2000 points", _view([], "INTEGER", "points"), today=TODAY)
    assert [option.kind for option in clause.options] == ["comparison"]


@given(st.dates(date(1900, 1, 1), date(2100, 12, 31)), st.dates(date(1900, 1, 1), date(2100, 12, 31)))
@settings(max_examples=150, deadline=None)
def test_a_range_of_days_holds_exactly_these(one, other):
    low, high = sorted((one, other))
    [window] = find_windows(f"between {low.isoformat()} and {high.isoformat()}", TODAY)
    assert window.days == ((low, high + timedelta(1)),)


@given(st.integers(1900, 2100), st.integers(1, 12), st.dates(date(1899, 12, 1), date(2101, 1, 31)))
@settings(max_examples=150, deadline=None)
def test_a_month_holds_a_day_just_where_the_calendar_does(year, month, day):
    [window] = find_windows(f"in {date(year, month, 1):%B %Y}".lower(), TODAY)
    [(low, high)] = window.days
    assert (low <= day < high) == ((day.year, day.month) == (year, month))


@given(st.dates(date(1000, 2, 1), date(9000, 1, 1)), st.sampled_from(["day", "week", "month", "quarter", "year"]))
@settings(max_examples=150, deadline=None)
def test_this_unit_holds_today_and_the_last_one_ends_where_it_begins(today, unit):
    [this] = find_windows(f"this {unit}", today)
    [last] = find_windows(f"last {unit}", today)
    assert this.days[0][0] <= today < this.days[0][1]
    assert last.days[0][1] == this.days[0][0]


@pytest.mark.parametrize("dialect", ["sqlite", "postgres", "mysql", "duckdb"])
def test_tests_parse_in_every_dialect(dialect):
    schema = Schema("s", (Table("order", (Column("Order Date", "DATE"), Column("select", "TIMESTAMP"))),), (), dialect)
    for question in ("orders in 2023", "orders in March", "orders not in 2023", "orders on 03/04/2022"):
        for clause in read_conditions(question, SchemaView.of(schema), today=TODAY):
            for option in clause.options:
                sqlglot.parse_one(f"SELECT 1 FROM t WHERE {option.test.sql(dialect)}", dialect=dialect)
