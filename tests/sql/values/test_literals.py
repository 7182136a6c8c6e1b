"""Numbers and days of a question, and how columns write days."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxprune.sql.values.dates import FORMS, DateForm, detect, valid
from ctxprune.sql.values.literals import mentions, other_spellings
from ctxprune.sql.values.spans import Question

NAMED = [
    ("born on Oct 23, 2010", [("date", (2010, 10, 23), "Oct 23, 2010")]),
    ("the 3rd of March 1999", [("date", (1999, 3, 3), "3rd of March 1999")]),
    ("on 2012-08-20", [("date", (2012, 8, 20), "2012-08-20")]),
    ("at 2012-08-20 10:15:00", [("date", (2012, 8, 20), "2012-08-20")]),
    ("on 3/4/2012", [("date", (2012, 3, 4), "3/4/2012"), ("date", (2012, 4, 3), "3/4/2012")]),
    ("on 23/4/2012", [("date", (2012, 4, 23), "23/4/2012")]),
    ("on 31/2/2012", [("number", (0, 0, 0), "31"), ("number", (0, 0, 0), "2"), ("year", (2012, 0, 0), "2012")]),
    ("in May 2013", [("month", (2013, 5, 0), "May 2013")]),
    ("in 2013", [("year", (2013, 0, 0), "2013")]),
    ("in the 1990s", [("year", (1990, 0, 0), "1990s")]),
    ("March is a month, may I?", []),
]


@pytest.mark.parametrize(("text", "wanted"), NAMED, ids=[text for text, _ in NAMED])
def test_days(text, wanted):
    question = Question.parse(text)
    assert [(m.kind, m.day, question.surface(m.first, m.last)) for m in mentions(question)] == wanted


NUMBERS = [
    ("more than 1,234.5 apples", [1234.5]),
    ("over $3k and 2.5 million", [3000, 2_500_000]),
    ("five hundred or twenty", [500, 20]),
    ("between 5 and 10", [5, 10]),
    ("range 5-10", [5, 10]),
    ("x=-3, y>-0.5", [-3, -0.5]),
    ("100% of 12.", [100, 12]),
    ("course ACCT-211 of A340 at 12:30", []),
    ("nothing at all", []),
    ("", []),
]


@pytest.mark.parametrize(("text", "wanted"), NUMBERS, ids=[text for text, _ in NUMBERS])
def test_numbers(text, wanted):
    assert [mention.number for mention in mentions(Question.parse(text))] == wanted


def test_a_number_of_eight_digits_may_be_a_day():
    found = mentions(Question.parse("on 20120820"))
    assert {(mention.kind, mention.number, mention.day) for mention in found} == {
        ("number", 20120820, (0, 0, 0)), ("date", 20120820, (2012, 8, 20)),
    }  # fmt: skip


def test_other_spellings_of_a_day_and_a_number():
    terms = {term for _i, _j, term, way in other_spellings(Question.parse("Oct 23, 2010")) if way == "respelt"}
    assert terms >= {"2010 10 23", "20101023", "10 23 2010", "23 10 2010", "2010 10 23 00 00 00"}
    terms = {term for _i, _j, term, _way in other_spellings(Question.parse("at 8:11:01 on 2013/10/20"))}
    assert terms >= {"2013 10 20 08 11 01", "2013 10 20 8 11 01", "10 20 2013 08 11 01"}
    assert other_spellings(Question.parse("of 0.5 or")) == []


@pytest.mark.parametrize(
    ("text", "span", "term", "way"),
    [
        ("of 1,200", (1, 3), "1200", "respelt"),
        ("of 1200", (1, 2), "1 200", "respelt"),
        ("store 7", (1, 2), "007", "respelt"),
        ("student 299", (0, 2), "student299", "respelt"),
        ("at 1 am", (1, 3), "1am", "respelt"),
        ("of 200mmHg", (1, 2), "mmhg", "respelt"),
        ("of 200mmHg", (1, 2), "200 mmhg", "respelt"),
        ("the Quarter Final", (1, 3), "qf", "initials"),
        ("the Bank of England", (1, 4), "be", "initials"),
    ],
)
def test_words_written_otherwise(text, span, term, way):
    assert (*span, term, way) in other_spellings(Question.parse(text))


def test_initials_are_of_names_not_of_common_words():
    ways = [way for *_rest, way in other_spellings(Question.parse("how many of the names are there in each list"))]
    assert "initials" not in ways


@given(day=st.dates(datetime.date(1000, 1, 1), datetime.date(2999, 12, 31)), pattern=st.sampled_from(FORMS))
def test_a_form_reads_what_it_writes(day, pattern):
    form = DateForm(pattern)
    text = form.write((day.year, day.month, day.day))
    assert form.read(text) == (day.year, day.month, 0 if form.monthly else day.day)
    assert form.bounds((day.year, day.month, day.day)) == (text, text)


@given(a=st.dates(datetime.date(1000, 1, 1)), b=st.dates(datetime.date(1000, 1, 1)))
def test_forms_that_sort_do(a, b):
    for form in map(DateForm, FORMS):
        if form.sorts and not form.monthly and max(a.year, b.year) < 3000:
            assert (form.write((a.year, a.month, a.day)) < form.write((b.year, b.month, b.day))) == (a < b)


DETECTED = [
    (["2012-08-20", "1999-12-31"], "%Y-%m-%d", False),
    (["20120820", "19991231"], "%Y%m%d", False),
    (["2012-08-20 10:00:00", "1999-12-31 23:59:59"], "%Y-%m-%d", True),
    (["2012-08-20T10:00:00Z"], "%Y-%m-%d", True),
    (["12/31/2012", "01/02/2012"], "%m/%d/%Y", False),
    (["31/12/2012", "01/02/2012"], "%d/%m/%Y", False),
    (["8/20/2012", "1/2/2012"], "%k/%e/%Y", False),
    (["20-Aug-2012", "1-Sep-2013"], "%e-%b-%Y", False),
    (["Aug 20, 2012"], "%b %e, %Y", False),
    (["201208", "199912"], "%Y%m", False),
    (["201213"], None, False),
    (["apple", "2012-08-20"], None, False),
    (["1234", "5"], None, False),
    ([], None, False),
]


@pytest.mark.parametrize(("texts", "pattern", "timed"), DETECTED, ids=[str(texts[:1]) for texts, *_ in DETECTED])
def test_detected_forms(texts, pattern, timed):
    form = detect(texts)
    assert (form.pattern if form else None) == pattern
    assert form is None or form.timed == timed


def test_bounds_of_a_year_a_month_and_a_day_with_times():
    plain, timed, compact, free = (
        DateForm("%Y-%m-%d"), DateForm("%Y-%m-%d", timed=True, glue="T"), DateForm("%Y%m%d"), DateForm("%m/%d/%Y"),
    )  # fmt: skip
    assert plain.bounds((2012, 0, 0)) == ("2012-01-01", "2012-12-31")
    assert plain.bounds((2012, 2, 0)) == ("2012-02-01", "2012-02-29")
    assert timed.bounds((2012, 2, 3)) == ("2012-02-03", "2012-02-03T23:59:59")
    assert compact.bounds((2012, 0, 0)) == ("20120101", "20121231")
    assert free.bounds((2012, 0, 0)) == ("", "")
    assert free.bounds((2012, 2, 3)) == ("02/03/2012", "02/03/2012")
    assert DateForm("%Y-%m").bounds((2012, 0, 0)) == ("2012-01", "2012-12")


def test_there_are_days_that_do_not_exist():
    assert valid((2012, 2, 29))
    assert not valid((2013, 2, 29))
    assert not valid((999, 1, 1))
    assert not valid((2012, 13, 1))
    assert valid((2012, 12, 0), whole_month=True)


@given(st.text(alphabet="0123456789-/.,: amyjunefirst", max_size=60))
def test_any_text_is_safe(text):
    question = Question.parse(text)
    for mention in mentions(question):
        assert 0 <= mention.first < mention.last <= len(question.words)
    for first, last, term, way in other_spellings(question):
        assert term
        assert way in {"respelt", "initials"}
        assert 0 <= first < last <= len(question.words)
