"""Numbers, dates and ranges as people write them."""

from __future__ import annotations

import pytest

from ctxprune.context.grid import Grid
from ctxprune.scorers.structured.table_reading.reading import TableReading
from ctxprune.scorers.structured.table_reading.values import find_numbers, read_value

MARCH_3 = 2004 + 2 / 12 + 2 / 372


@pytest.mark.parametrize(
    ("text", "low", "kind"),
    [
        ("1,200", 1200, "number"), ("1.2k", 1200, "number"), ("$1.2 million", 1.2e6, "number"), ("12%", 12, "percent"),
        ("(12)", -12, "number"), ("$(31.5)", -31.5, "number"), ("$  1,452.4", 1452.4, "number"), ("−5", -5, "number"),
        ("3rd", 3, "ordinal"), ("12 km", 12, "number"), ("1 (tie)", 1, "number"), ("5–3", 5, "number"),
        ("March 3, 2004", MARCH_3, "date"), ("3 March 2004", MARCH_3, "date"), ("2004-03-03", MARCH_3, "date"),
        ("03/03/2004", MARCH_3, "date"), ("2004–05", 2004, "year"), ("1990s", 1990, "year"), ("1994", 1994, "year"),
        ("1.234,56", 1234.56, "number"), ("9,5", 9.5, "number"), ("€ 1.200.000", 1.2e6, "number"),
        ("1 234", 1234, "number"), ("12\u202f345 t", 12345, "number"), ("1\u2009234\u00a0567,8", 1234567.8, "number"),
        ("1'250'000", 1.25e6, "number"), ("1e-05", 1e-5, "number"), ("800 m", 800, "number"), ("2m", 2, "number"),
        ("1500 m", 1500, "number"), ("2000 km²", 2000, "number"), ("2000 people", 2000, "number"),
        ("2004 SEC title", 2004, "year"), ("USD 5", 5, "number"), ("EUR 2000", 2000, "number"),
        ("$1.2M", 1.2e6, "number"),
        ("US$ 3 bn", 3e9, "number"), ("CHF 5m", 5e6, "number"), ("5m €", 5e6, "number"), ("5 percent", 5, "percent"),
        ("5 per cent", 5, "percent"), ("2.5 pct.", 2.5, "percent"), ("FY2020", 2020, "year"), ("FY 2019", 2019, "year"),
        ("Q1 2019", 2019, "date"), ("2019-Q3", 2019.5, "date"), ("2Q 2019", 2019.25, "date"),
        ("H2 FY2018", 2018.5, "date"),
        ("2:05.5", 125.5, "time"), ("1:02:03", 3723, "time"), ("22 May", 4 / 12 + 21 / 372, "day"),
    ],
)  # fmt: skip
def test_what_a_cell_says(text, low, kind):
    value = read_value(text)
    assert value is not None
    assert value.low == pytest.approx(low)
    assert value.kind == kind


@pytest.mark.parametrize(
    "text",
    [
        "1/2",
        "2 1/2",
        "1½",
        "3/4 mile",
        "1.2.3",
        "12,34,567",
        "24/7",
        "1e999",
        "",
        "—",
        "n/a",
        "Mayor",
        "14th annual meeting of the long society of things",
        "x" * 99,
    ],
)
def test_other_texts_say_no_number(text):
    assert read_value(text) is None


@pytest.mark.parametrize(
    ("column", "values"),
    [
        (("800 m", "5 km", "10 km"), (800, 5, 10)),
        (("1500 m", "2000 m", "3000 m"), (1500, 2000, 3000)),
        (("1.234", "9,5", "2.000.000"), (1234, 9.5, 2e6)),
        (("1.234", "9.5", "2,000,000"), (1.234, 9.5, 2e6)),
        (("1,234", "8.25", "9,5", "7.5"), (1234, 8.25, None, 7.5)),
        (("3.4m", "500", "2.1m"), (3.4, 500, 2.1)),
        (("3.4m", "800k", "1.2bn"), (3.4e6, 8e5, 1.2e9)),
        (("3.4m", "$800", "$2m"), (3.4e6, 800, 2e6)),
        (("7.95m", "8.10m"), (7.95, 8.1)),
        (("5k", "800 m", "10k"), (5, 800, 10)),
        (("2B", "3B", "1B"), (2, 3, 1)),
        (("Ann", "1,5", ""), (None, 1.5, None)),
    ],
)  # fmt: skip
def test_a_column_is_read_in_one_notation(column, values):
    reading = TableReading(Grid(("x",), tuple((text,) for text in column), tuple(range(len(column)))))
    read = [None if low != low else low for low in reading.low[:, 0].tolist()]
    assert read == [value if value is None else pytest.approx(value) for value in values]


@pytest.mark.parametrize(
    ("question", "lows"),
    [
        ("over two million people in FY2020", [2e6, 2020]),
        ("between 2000 m and 3 km in Q1 2019", [2000, 3, 2019]),
        ("USD 500 and 1/2 of 10 000 votes", [500, 10000]),
        ("under $2m or 3m", [2e6, 3]),
        ("at 9,5 points", [9.5]),
    ],
)
def test_numbers_of_a_question_as_they_are_written(question, lows):
    assert [value.low for value in find_numbers(question)] == lows


def test_the_numbers_of_a_question():
    found = find_numbers("Which of three teams had over 1,200 people after March 3, 2004 or in the 1990s?")
    assert [(round(value.low, 3), value.kind) for value in found] == [
        (3, "number"), (1200, "number"), (round(MARCH_3, 3), "date"), (1990, "year"),
    ]  # fmt: skip
    assert found[-1].high == 2000
