"""Numbers, dates and ranges as people write them."""

from __future__ import annotations

import pytest

from ctxprune.scorers._tabular.values import numbers_in, read_value

MARCH_3 = 2004 + 2 / 12 + 2 / 372


@pytest.mark.parametrize(
    ("text", "low", "kind"),
    [
        ("1,200", 1200, "number"), ("1.2k", 1200, "number"), ("$1.2 million", 1.2e6, "number"), ("12%", 12, "percent"),
        ("(12)", -12, "number"), ("$(31.5)", -31.5, "number"), ("$  1,452.4", 1452.4, "number"), ("−5", -5, "number"),
        ("3rd", 3, "ordinal"), ("12 km", 12, "number"), ("1 (tie)", 1, "number"), ("5–3", 5, "number"),
        ("March 3, 2004", MARCH_3, "date"), ("3 March 2004", MARCH_3, "date"), ("2004-03-03", MARCH_3, "date"),
        ("03/03/2004", MARCH_3, "date"), ("2004–05", 2004, "year"), ("1990s", 1990, "year"), ("1994", 1994, "year"),
        ("2:05.5", 125.5, "time"), ("1:02:03", 3723, "time"), ("22 May", 4 / 12 + 21 / 372, "day"),
    ],
)  # fmt: skip
def test_what_a_cell_says(text, low, kind):
    value = read_value(text)
    assert value is not None
    assert value.low == pytest.approx(low)
    assert value.kind == kind


@pytest.mark.parametrize(
    "text", ["", "—", "n/a", "Mayor", "14th annual meeting of the long society of things", "x" * 99]
)
def test_other_texts_say_no_number(text):
    assert read_value(text) is None


def test_the_numbers_of_a_question():
    found = numbers_in("Which of three teams had over 1,200 people after March 3, 2004 or in the 1990s?")
    assert [(round(value.low, 3), value.kind) for value in found] == [
        (3, "number"), (1200, "number"), (round(MARCH_3, 3), "date"), (1990, "year"),
    ]  # fmt: skip
    assert found[-1].high == 2000
