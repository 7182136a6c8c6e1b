"""Which columns numbers and days of a question may be compared with."""

from __future__ import annotations

from itertools import pairwise

import pytest

from ctxprune.errors import FormatError
from ctxprune.sql.pipeline.steps import RetrieveValues, State
from ctxprune.sql.schema.schema import ColumnRef
from ctxprune.sql.values import ValueIndex
from ctxprune.sql.values.column_ranges import measure_ranges, plain_number, read_ranges
from ctxprune.sql.values.lazy import LazyIndex

SCRIPT = """
    CREATE TABLE boat (id INTEGER PRIMARY KEY, name TEXT, length REAL, crew INTEGER, built INTEGER, launched TEXT,
        checked TEXT, code INTEGER, price TEXT, note TEXT, void INTEGER, mixed);
    INSERT INTO boat VALUES
        (1, 'Gull', 7.5, 2, 1987, '1987-05-01', '2020-01-05 10:00:00', 20200105, '$1,200.50', 'a', NULL, 1),
        (2, 'Tern', 12.0, 6, 1999, '1999-12-31', '2021-07-01 11:30:00', 20210701, '900', 'b', NULL, 'x'),
        (3, 'Swan', 31.25, 6, 2014, '2014-08-20', '2021-07-09 08:00:00', 20210709, '15', 'c', NULL, 'y'),
        (4, 'Crow', 9.0, 3, 2003, '2003-02-11', '2022-03-04 12:00:00', 20220304, '20', '4', NULL, 'z');
    CREATE VIEW fleet AS SELECT * FROM boat;
"""


@pytest.fixture
def boats(database):
    return database(SCRIPT)


def held(boats, exclude=()):
    return {one.column: one for one in read_ranges(measure_ranges(boats, boats.schema(), exclude))}


def test_what_columns_hold(boats):
    found = held(boats)
    assert set(found) == {"id", "length", "crew", "built", "launched", "checked", "code", "price"}
    assert (found["length"].low, found["length"].high, found["length"].whole) == (7.5, 31.25, False)
    assert (found["crew"].values, found["crew"].count, found["crew"].whole) == ((2, 3, 6), 4, True)
    assert found["id"].numbers_rows
    assert not found["crew"].numbers_rows
    assert (found["launched"].form, found["launched"].low, found["launched"].text) == ("%Y-%m-%d", 19870501, True)
    assert (found["checked"].form, found["checked"].timed) == ("%Y-%m-%d", True)
    assert (found["code"].form, found["code"].text) == ("%Y%m%d", False)
    assert (found["price"].high, found["price"].text, found["price"].form) == (1200.5, True, "")


def test_excluded_columns_are_not_measured(boats):
    assert "length" not in held(boats, [ColumnRef("boat", "length")])
    built = ValueIndex.build(boats, exclude=[ColumnRef("BOAT", "Length")])
    assert not [hit for hit in built.ranges("a length of 9") if hit.ref.column == "length"]


def test_a_range_says_whether_it_holds_the_number(boats):
    found = {number: ValueIndex.build(boats).ranges(f"boats with a crew of {number}") for number in (6, 9000)}
    crew = {number: [hit.inside for hit in hits if hit.ref.column == "crew"] for number, hits in found.items()}
    assert crew == {6: [True], 9000: [False]}


@pytest.mark.parametrize("lookup", [LazyIndex, lambda database, schema: ValueIndex.build(database, schema=schema)])
def test_generators_are_told_the_ranges_but_those_of_private_columns(boats, lookup):
    schema = boats.schema()
    state = State("boats launched in 1990 with a crew of 6", schema)
    values = lookup(boats, schema)
    told = {hit.ref.column for hit in RetrieveValues(values).run(state).ranges}
    assert {"launched", "crew"} <= told
    private = (ColumnRef("boat", "crew"),)
    left = {hit.ref.column for hit in RetrieveValues(values, private).run(state).ranges}
    assert "crew" not in left
    assert left >= told - {"crew"}  # others may take the place that it had


def test_many_distinct_numbers_keep_only_their_ends(database):
    made = database("CREATE TABLE t (n INTEGER)", ("INSERT INTO t VALUES (?)", [(k,) for k in range(5, 505)]))
    (one,) = read_ranges(measure_ranges(made, made.schema()))
    assert (one.low, one.high, one.count, one.values) == (5, 504, 500, ())


def test_extreme_numbers_are_safe(database):
    made = database(
        "CREATE TABLE t (n REAL)", ("INSERT INTO t VALUES (?)", [(9e999,), (-9e999,), (2**62,), (1e299,), (None,)])
    )
    (one,) = read_ranges(measure_ranges(made, made.schema()))
    assert (one.low, one.high, one.count) == (float(2**62), 1e299, 2)
    assert ValueIndex.build(made).ranges("n of 7")[0].why == "outside 4.61168601843e+18 to 1e+299"


def test_a_column_that_cannot_be_computed_spares_the_others(database):
    made = database(
        f"CREATE TABLE t (n INTEGER, doc TEXT); INSERT INTO t VALUES ({-(2**63)}, 'no json'), (7, 'none');"
        "ALTER TABLE t ADD COLUMN size AS (json_extract(doc, '$.size'));"
    )
    (one,) = read_ranges(measure_ranges(made, made.schema()))
    assert (one.column, one.low, one.high) == ("n", -float(2**63), 7)


def test_days_are_told_as_days(database):
    rows = [(f"{year}-{month:02}-17", year * 100 + month) for year in range(2001, 2020) for month in range(1, 13)]
    made = database("CREATE TABLE t (day TEXT, period INTEGER)", ("INSERT INTO t VALUES (?, ?)", rows))
    whys = {hit.ref.column: hit.why for hit in ValueIndex.build(made).ranges("day and period of March 2005")}
    assert whys["day"] == "within 2001-01-17 to 2019-12-17"
    assert whys.get("period") in {None, "within 2001-01 to 2019-12"}


FOUND = [
    ("boats with a crew of 6", "crew", "6", "6", "one of 3 stored"),
    ("boats with a crew of six", "crew", "6", "6", "one of 3 stored"),
    ("boats of a length over 8.25", "length", "8.25", "8.25", "within 7.5 to 31.25"),
    ("boats built in 1999", "built", "1999", "1999", "one of 4 stored"),
    ("boats launched in 1999", "launched", "'1999-01-01'", "'1999-12-31'", "one of 4 stored"),
    ("boats launched on Aug 20, 2014", "launched", "'2014-08-20'", "'2014-08-20'", "one of 4 stored"),
    ("boats checked in July 2021", "checked", "'2021-07-01'", "'2021-07-31 23:59:59'", "one of 4 stored"),
    ("boats checked on 2021-07-09", "checked", "'2021-07-09'", "'2021-07-09 23:59:59'", "one of 4 stored"),
    ("code of 5 January 2020", "code", "20200105", "20200105", "one of 4 stored"),
    ("boats with a price of 1,200.5", "price", "'1200.5'", "'1200.5'", "one of 4 stored"),
]


@pytest.mark.parametrize(("question", "column", "low", "high", "why"), FOUND, ids=[row[0] for row in FOUND])
def test_found(boats, question, column, low, high, why):
    hits = ValueIndex.build(boats).ranges(question)
    hit = hits[0]
    assert (hit.ref, hit.low, hit.high, hit.why) == (ColumnRef("boat", column), low, high, why)
    assert all(a.likelihood >= b.likelihood for a, b in pairwise(hits))
    assert hit.text == (column in {"launched", "checked", "price"})


def test_spans_point_into_question_and_evidence(boats):
    question, evidence = "old boats", "old means built before 1990"
    (hit, *_) = ValueIndex.build(boats).ranges(question, evidence)
    assert f"{question}\n{evidence}"[slice(*hit.span)] == "1990"


@pytest.mark.parametrize("question", ["", "who?", "A340", "\0", "the " * 9000, "9" * 400])
def test_no_number_no_hit(boats, question):
    assert ValueIndex.build(boats).ranges(question) == []


def test_at_most_five_columns_for_a_number(database):
    columns = ", ".join(f"size_{k} INTEGER" for k in range(30))
    made = database(f"CREATE TABLE t ({columns}); INSERT INTO t VALUES ({', '.join(['7'] * 30)});")
    assert len(ValueIndex.build(made).ranges("size of 7")) == 5


def test_ranges_are_saved_and_damage_is_told(boats, tmp_path):
    built = ValueIndex.build(boats)
    built.save(tmp_path / "index")
    opened = ValueIndex.open(tmp_path / "index")
    assert opened.ranges("a crew of 6") == built.ranges("a crew of 6") != []
    with pytest.raises(FormatError):
        read_ranges([{"table": "t"}])
    with pytest.raises(FormatError):
        read_ranges([3])


@pytest.mark.parametrize(
    ("text", "number"),
    [("5", 5), (" -1,200.50 ", -1200.5), ("$3", 3), ("7%", 7), ("1e3", 1000), ("nan", None), ("inf", None),
     ("", None), ("-", None), ("1-2", None), ("٣", None), ("1e999", None)],
)  # fmt: skip
def test_plain_numbers(text, number):
    assert plain_number(text) == number
