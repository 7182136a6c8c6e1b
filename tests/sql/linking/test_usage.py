"""What a draft of a query speaks of, right or wrong."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxprune.sql.linking.usage import QueryUsage, query_usage
from ctxprune.sql.schema.schema import Column, ColumnRef, Schema, Table


def names(usage: QueryUsage) -> set[str]:
    return {f"{ref.table}.{ref.column}" for ref in usage.columns}


@pytest.mark.parametrize(
    ("sql", "tables", "columns"),
    [
        ("SELECT title FROM book", "book", "book.title"),
        ("select B.TITLE from BOOK b", "book", "book.title"),
        ("SELECT count(*) FROM book", "book", ""),
        ("SELECT * FROM author", "author", "author.author_id author.name author.birthCountry"),
        # wrong names: almost right, then wrong altogether
        ("SELECT titel FROM book", "book", "book.title"),
        ("SELECT T1.titles FROM books AS T1", "book", "book.title"),
        ("SELECT birth_country FROM authors", "author", "author.birthCountry"),
        ("SELECT nonsense, title FROM book", "book", "book.title"),
        ("SELECT nonsense FROM nowhere", "", ""),
        # a column of the other table
        ("SELECT T1.name FROM wrote AS T1 JOIN author AS T2 ON T1.author_id = T2.author_id", "author wrote",
         "author.name wrote.author_id author.author_id"),
        # an alias of a sub-query, a CTE, a made name
        ("WITH x AS (SELECT title AS t FROM book) SELECT t, gone FROM x, member", "book member", "book.title"),
        ("SELECT m.full_name FROM (SELECT full_name, oops FROM member) AS m", "member", "member.full_name"),
        # text in double quotes
        ('SELECT title FROM book WHERE gone = 1 AND title = "Emma"', "book", "book.title"),
        # several statements, a fragment, no query
        ("SELECT title FROM book; SELECT name FROM author", "book", "book.title"),
        ("SELECT title FROM", "", ""),
        ("DROP TABLE book", "", ""),
        ("", "", ""),
    ],
)  # fmt: skip
def test_names(sql: str, tables: str, columns: str, library: Schema):
    usage = query_usage(sql, library)
    assert usage.tables == set(tables.split())
    assert names(usage) == set(columns.split())
    assert usage.empty == (not tables)


def test_outputs_literals_and_unknown_names(library: Schema):
    usage = query_usage("SELECT title, max(pub_yr), oops FROM book WHERE title = 'Emma' AND pub_yr > 1800", library)
    assert usage.outputs == {ColumnRef("book", "title")}
    assert usage.literals == ("Emma",)
    assert usage.unknown == 1
    assert query_usage("SELECT title AS t FROM book", library).outputs == {ColumnRef("book", "title")}


def test_two_names_that_are_equally_near_mean_neither():
    schema = Schema("s", (Table("t", (Column("amount_1"), Column("amount_2"))),))
    assert query_usage("SELECT amount_3 FROM t", schema).columns == frozenset()
    assert query_usage("SELECT amount1 FROM t", schema).columns == {ColumnRef("t", "amount_1")}


def test_united(library: Schema):
    one, other = (query_usage(sql, library) for sql in ("SELECT title FROM book", "SELECT name, x FROM author"))
    both = QueryUsage.united([one, other])
    assert both.tables == {"book", "author"}
    assert names(both) == {"book.title", "author.name"}
    assert both.unknown == 1
    assert QueryUsage.united([]).empty


def test_what_is_too_long_is_not_read(library: Schema):
    assert query_usage("SELECT title FROM book WHERE title = '" + "x" * 20_000 + "'", library).empty
    deep = "SELECT title FROM book WHERE " + "(" * 3000 + "1" + ")" * 3000
    assert query_usage(deep, library) in (QueryUsage(), query_usage("SELECT title FROM book", library))


@settings(max_examples=80, deadline=None)
@given(st.text(alphabet="SELECTFROMWHERE title book,.*()'\"`;=1", max_size=60))
def test_any_text_is_read_without_an_error(text: str):
    schema = Schema("s", (Table("book", (Column("title"), Column("year"))),))
    usage = query_usage(text, schema)
    assert usage.columns <= set(schema.refs())
    assert usage.outputs <= usage.columns
