"""SQL in plain words: what is said, what is left out, and that spelling does not matter."""

from __future__ import annotations

import pytest
import sqlglot

from ctxprune.errors import InputError
from ctxprune.sql.trust.cross_encoder.words import describe_query, describe_sql

CASES = [
    (
        "SELECT name FROM city WHERE country = 'Spain' ORDER BY population DESC LIMIT 5",
        "city: show name where country is 'Spain' sorted by population, largest first, only the first 5",
    ),
    ("SELECT COUNT(*) FROM singer", "singer: show number of rows"),
    ("SELECT COUNT(DISTINCT homeTown) FROM t", "t: show number of different home town"),
    (
        "SELECT T2.name FROM orders AS T1 JOIN customer_info AS T2 ON T1.customer_id = T2.id WHERE T1.total >= 10",
        "customer info, orders: show customer info.name where orders.total is at least 10",
    ),
    (
        "SELECT dept, AVG(pay) FROM staff GROUP BY dept HAVING COUNT(*) > 2",
        "staff: show dept, average pay for each dept having number of rows is more than 2",
    ),
    (
        "SELECT a FROM t WHERE d < '2022-07-01' AND d >= '2022-04-01'",
        "t: show a where d is from April to June 2022",
    ),
    ("SELECT a FROM t WHERE d >= '2021-01-01' AND d <= '2021-12-31'", "t: show a where d is in 2021"),
    ("SELECT a FROM t WHERE d >= '2024-02-01' AND d < '2024-03-01'", "t: show a where d is in February 2024"),
    (
        "SELECT a FROM t WHERE d >= '2024-02-30' AND d < '2024-03-01'",
        "t: show a where d is at least '2024-02-30' and d is less than '2024-03-01'",
    ),
    ("SELECT a FROM t WHERE strftime('%Y', d) = '2020'", "t: show a where year of d is '2020'"),
    ("SELECT a FROM t WHERE b IS NULL OR NOT c IS NULL", "t: show a where (b is missing or c is given)"),
    (
        "SELECT a FROM t WHERE b LIKE '%x%' AND c LIKE 'y%' AND d LIKE '%z'",
        "t: show a where b contains 'x' and c starts with 'y' and d ends with 'z'",
    ),
    (
        "SELECT name FROM t WHERE id NOT IN (SELECT t_id FROM u)",
        "t: show name where id is not among (u: show t id)",
    ),
    (
        "SELECT a FROM t EXCEPT SELECT a FROM u WHERE b BETWEEN 1 AND 2",
        "t: show a, but not: u: show a where b is between 1 and 2",
    ),
    (
        "SELECT e.name, m.name FROM emp e JOIN emp m ON e.boss = m.id",
        "emp, emp 2: show emp.name, emp 2.name",
    ),
    (
        "SELECT c.name FROM c LEFT JOIN o ON o.c_id = c.id AND o.open = 1",
        "c, o: show c.name with or without o matched by o.open is 1",
    ),
    ("SELECT a, SUM(p * q) AS s FROM t GROUP BY 1 ORDER BY s", None),
    ("SELECT * FROM t LIMIT 3 OFFSET 6", "t: show everything, only the first 3, after the first 6"),
    (
        "SELECT 100.0 * SUM(CASE WHEN paid = 1 THEN 1 ELSE 0 END) / COUNT(*) FROM t",
        "t: show 100.0 times total (1 if paid is 1, else 0) divided by number of rows",
    ),
    ("WITH x AS (SELECT a FROM t) SELECT a FROM x", "let x be (t: show a); x: show a"),
]


@pytest.mark.parametrize(("sql", "words"), CASES)
def test_the_words_of_a_query(sql: str, words: str | None) -> None:
    expected = words or "t: show a, total p times q for each a sorted by total p times q, smallest first"
    assert describe_sql(sql) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            "SELECT a.x FROM a JOIN b ON a.id = b.a_id WHERE b.y = 1",
            "SELECT T2.x FROM b AS T1, a AS T2 WHERE T1.a_id = T2.id AND T1.y = 1",
        ),
        ("SELECT x FROM a WHERE CAST(y AS INT) = 1", 'SELECT "x" FROM "a" WHERE (y) = 1'),
        ('SELECT x FROM a WHERE y = "Rome"', "SELECT x FROM a WHERE y = 'Rome'"),
        ("SELECT x AS z FROM a ORDER BY z", "SELECT x FROM a ORDER BY x"),
    ],
)
def test_two_spellings_read_the_same(one: str, other: str) -> None:
    assert describe_sql(one) == describe_sql(other)


def test_the_tree_stays_as_it_is() -> None:
    tree = sqlglot.parse_one("SELECT T1.a FROM t AS T1 WHERE T1.b = 1 ORDER BY 1", read="sqlite")
    before = tree.sql()
    describe_query(tree)
    assert tree.sql() == before


@pytest.mark.parametrize(
    "sql",
    ["", "SELECT", "DELETE FROM t", "VALUES (1)", "SELECT 1" + " + 1" * 3000, "SELECT 1" + " UNION SELECT 1" * 3000],
)
def test_what_is_no_query_of_a_sane_size_is_refused(sql: str) -> None:
    with pytest.raises(InputError):
        describe_sql(sql)


def test_long_conjunctions_and_lists_are_no_problem() -> None:
    words = describe_sql("SELECT a FROM t WHERE " + " AND ".join(f"b <> {n}" for n in range(2000)))
    assert words.endswith("and b is not 1999")
    assert "and 88 more" in describe_sql(f"SELECT a FROM t WHERE b IN ({', '.join(map(str, range(100)))})")
    assert len(describe_sql(f"SELECT a FROM t WHERE b = '{'x' * 5000}'")) < 100
