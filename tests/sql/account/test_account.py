"""Which words of a question a query answers: golden cases, invariants, hostile input, and gold queries of Spider."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
import sqlglot

from ctxprune.errors import InputError
from ctxprune.sql import Schema, ValueIndex
from ctxprune.sql.account import Accountant, Part, Prepared, Reading, Span, account, describe
from ctxprune.sql.account.reading import KINDS

Build = Callable[..., Accountant]
_WORDS = """how many employees orders unpaid cancelled April 2022 top 5 most per department not 160k 'IT' Paris , ?
    highest salary average than more between and the of who never 20 % last 30 days inactive é 🔥 order by name"""
_QUERY = "SELECT COUNT(*) FROM employee WHERE salary > 5 AND is_active = 1"


def _cases(name: str = "cases.txt") -> Iterator[tuple[str, str, list[str], list[str]]]:
    text = (Path(__file__).parent / name).read_text(encoding="utf-8")
    for block in text.split("\n\n"):
        lines = [line for line in block.splitlines() if not line.startswith("#")]
        told = {name: value.split(" | ") for name, _, value in (line.partition(": ") for line in lines[2:])}
        yield lines[0][2:], lines[1][2:], told.get("unused", []), told.get("extra", [])


@pytest.mark.parametrize(("question", "sql", "unused", "extra"), list(_cases()))
def test_golden_cases(accountant: Build, question: str, sql: str, unused: list[str], extra: list[str]) -> None:
    reading = accountant(question).read(sql)
    assert [span.text for span in reading.unused] == unused, describe(reading)
    assert [part.text for part in reading.extra] == extra, describe(reading)


@pytest.mark.parametrize(("question", "sql", "unused"), [case[:3] for case in _cases("objections.txt")])
def test_what_is_only_named_is_left_over(hotel: Build, question: str, sql: str, unused: list[str]) -> None:
    reading = hotel(question).read(sql)
    assert [span.text for span in reading.unused] == unused, describe(reading)


def _check(question: str, reading: Reading) -> None:
    assert 0.0 <= reading.coverage <= 1.0
    for span in reading.spans:
        assert 0 <= span.start < span.end <= len(question)
        assert question[span.start : span.end] == span.text
        assert all(part.kind in KINDS and part.text for part in span.parts)
    assert all(one.end <= other.start for one, other in pairwise(reading.spans))
    assert all(part.kind in KINDS for part in reading.extra)
    assert (reading.coverage == 1.0) == (not reading.unused)
    json.dumps(reading.to_dict())


_HOSTILE = [
    "", " ", "?", "\n\t", "👩‍💻🔥", "employees " * 5000, "HOW MANY EMPLOYEES", "howmanyemployees", "a" * 50_000,
    "Quel est le salaire moyen des employés ?", "有多少员工?", "SELECT * FROM employee; DROP TABLE employee",
    "between 2030 and 2020", "31 February 2022", "1e400 99999999999999999999999999", "'unclosed \"quote", "\x00\ud800",
    "%" * 300, "not not not no never", "the of and in", "2022-02-31 and 0000-00-00",
    "ｅｍｐｌｏｙｅｅ", "İstanbul ŁÓDŹ ﬁ",
    "top top first last 5 5", "e\u0301mploye\u0301", "how", "how many", "at least", "or more", "last", "per",
]  # fmt: skip


@pytest.mark.parametrize("question", _HOSTILE)
def test_hostile_questions(accountant: Build, question: str) -> None:
    one = accountant(question)
    for sql in (_QUERY, "SELECT 1", "SELECT name FROM employee ORDER BY birth_date LIMIT 3"):
        _check(question, one.read(sql))


def test_the_rest_of_a_long_question_is_left_over(accountant: Build) -> None:
    question = "How many employees are there? " + "employees " * 400 + "in Paris"
    reading = accountant(question).read("SELECT COUNT(*) FROM employee")
    assert reading.unused[-1].end == len(question)
    assert reading.unused[-1].text.endswith("in Paris")


def test_random_questions_keep_the_invariants(accountant: Build) -> None:
    words = _WORDS.split()
    queries = [sql for _, sql, _, _ in _cases()]
    random_ = random.Random(3)
    for _ in range(150):
        question = " ".join(random_.choices(words, k=random_.randrange(12)))
        reading = accountant(question).read(random_.choice(queries))
        _check(question, reading)


@pytest.mark.parametrize(
    "sql",
    ["", ";", "SELEC name", "SELECT (", "DELETE FROM employee", "SELECT 1; SELECT 2", "x" * 60_000, "(" * 5000],
    ids=["empty", "semicolon", "misspelt", "open", "delete", "two", "long", "deep"],
)
def test_what_is_no_query_is_told(accountant: Build, sql: str) -> None:
    with pytest.raises(InputError):
        accountant("How many employees?").read(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT nothing FROM nowhere",
        "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 5) SELECT n FROM t",
        "SELECT a.name FROM (SELECT name FROM (SELECT name FROM employee)) a",
        "SELECT CASE WHEN salary > 5 THEN 'high' ELSE 'low' END, SUM(salary) OVER (PARTITION BY gender) FROM employee",
        "SELECT name FROM employee UNION SELECT first_name FROM customer EXCEPT SELECT name FROM product",
        "SELECT * FROM employee, department WHERE employee.department_id = department.id",
        'SELECT "name" FROM "employee" WHERE "gender" = "F"',
        "SELECT e.x FROM employee e JOIN employee e ON e.id = e.id ORDER BY 7 LIMIT 5 OFFSET 2",
        "VALUES (1), (2)",
    ],
)
def test_unusual_queries_are_read(accountant: Build, sql: str) -> None:
    question = "How many employees have a high salary?"
    try:
        reading = accountant(question).read(sql)
    except InputError:
        assert not sql.startswith(("SELECT", "WITH"))
    else:
        _check(question, reading)


def test_names_are_followed_through_aliases_and_sub_queries(accountant: Build) -> None:
    sql = "WITH t AS (SELECT salary AS pay, gender AS g FROM employee) SELECT AVG(t.pay) FROM t WHERE t.g = 'F'"
    reading = accountant("average salary of female employees").read(sql)
    assert not reading.unused
    assert any(part.text == "employee.salary" for span in reading.spans for part in span.parts)


def test_evidence_explains_its_words_where_the_query_follows_it(accountant: Build) -> None:
    evidence = "loaded employee means salary > 4711"
    one = accountant("How many loaded employees are there?", evidence)
    assert not one.read("SELECT COUNT(*) FROM employee WHERE salary > 4711").unused
    assert [span.text for span in one.read("SELECT COUNT(*) FROM employee").unused] == ["loaded"]


def test_the_function_does_as_the_class(company: tuple[Schema, ValueIndex]) -> None:
    schema, index = company
    question = "How many unpaid invoices are there?"
    hits, ranges = index.lookup(question), index.ranges(question)
    sql = "SELECT COUNT(*) FROM invoice WHERE is_paid = 0"
    reading = account(question, sql, schema, hits=hits, ranges=ranges)
    assert reading == Accountant(question, Prepared.of(schema), hits, ranges).read(sql)
    assert not reading.unused


def test_description_and_data_of_a_reading() -> None:
    parts = (Part("aggregate", "AVG(employee.salary)"), Part("column", "employee.salary"))
    spans = (
        Span(0, 14, "average salary", parts, True),
        Span(15, 21, "in the", (), False),
        Span(22, 35, "IT department", (), True),
    )
    reading = Reading(spans, (Part("limit", "LIMIT 1"),))
    told = "'average salary' → AVG(employee.salary); not used: 'IT department'; not asked for: LIMIT 1"
    assert describe(reading) == told
    assert reading.coverage == 0.5
    assert reading.to_dict()["unused"] == ["IT department"]
    assert Reading((), ()).coverage == 1.0
    assert describe(Reading((), ())) == ""


def test_cost_of_a_reading(accountant: Build) -> None:
    cases = list(_cases())
    start = time.process_time()
    for question, sql, _, _ in cases:
        accountant(question).read(sql)
    # With the look-up of values; about 3 ms each where it was written.
    assert (time.process_time() - start) / len(cases) < 0.05


def test_time_grows_with_the_query(accountant: Build) -> None:
    one = accountant("How many employees are there?")

    def spend(conditions: int) -> float:
        sql = "SELECT COUNT(*) FROM employee WHERE " + " AND ".join(["name = 'Bob'"] * conditions)
        times = []
        for _ in range(3):  # the best of three: a collection of garbage within one would count as its time
            start = time.process_time()
            one.read(sql)
            times.append(time.process_time() - start)
        return min(times)

    spend(10)
    # Eight times the conditions; the square would be 64 times the time.
    assert spend(960) < 24 * max(spend(120), 0.005)


@pytest.mark.data
def test_a_dropped_condition_is_seen(shared: Path) -> None:
    from ctxprune.sql.evaluation.datasets import load

    bench = load(shared / "data" / "nl2sql" / "spider", split="train")
    seen: list[bool] = []
    for item in random.Random(2).sample(bench.items, 300):
        tree = sqlglot.parse_one(item.gold, read="sqlite")
        if tree.args.get("where") is None or tree.args.get("group") is not None:
            continue
        one = Accountant(item.question, bench.schemas[item.db_id])
        whole = one.read(item.gold)
        tree.set("where", None)
        seen.append(one.read(tree.sql("sqlite")).coverage < whole.coverage)
    assert len(seen) > 50
    assert sum(seen) >= 0.9 * len(seen)


@pytest.mark.data
def test_gold_queries_leave_few_words_unused(shared: Path) -> None:
    from ctxprune.sql.evaluation.datasets import load

    bench = load(shared / "data" / "nl2sql" / "spider", split="train")
    items = random.Random(1).sample([item for item in bench.items if item.db_id in bench.schemas], 200)
    clean, explained_by_others = 0, 0
    for item, other in zip(items, items[1:] + items[:1], strict=True):
        prepared = Prepared.of(bench.schemas[item.db_id])
        clean += not Accountant(item.question, prepared).read(item.gold).unused
        if other.db_id == item.db_id:
            continue
        explained_by_others += not Accountant(other.question, prepared).read(item.gold).unused
    assert clean >= 160
    assert explained_by_others <= 10
