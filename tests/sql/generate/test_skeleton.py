"""Skeleton first: the query is found behind its skeleton, and a skeleton alone is none."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxprune.sql.generate.base import GENERATORS, Request
from ctxprune.sql.generate.skeleton import SkeletonGenerator, extract_after_skeleton
from ctxprune.sql.schema.schema import Column, Schema, Table

fakes = SimpleNamespace(**runpy.run_path(str(Path(__file__).parent / "chat_fakes.py")))
SCHEMA = Schema("geo", (Table("city", (Column("name", "TEXT"), Column("_", "TEXT"))),))
QUERY = "SELECT name FROM city WHERE size > 3"


@pytest.mark.parametrize(
    "text",
    [
        f"Skeleton: SELECT _ FROM _ WHERE _ > _\nSQL: {QUERY}",
        f"**Skeleton:** SELECT _ FROM _ WHERE _ > _\n**SQL:** {QUERY};",
        f"Skeleton: select _ from _\n\nSQL:\n```sql\n{QUERY}\n```",
        f"```sql\nSELECT _ FROM _ WHERE _ > _\n```\n```sql\n{QUERY};\n```",
        f"```sql\nSELECT _ FROM _;\n{QUERY};\n```",
        f"Skeleton: SELECT _ FROM _ WHERE _ > _\n{QUERY}",
        f"1. Skeleton: SELECT _ FROM _\n2. Query: {QUERY}",
        f"SQL query: {QUERY}",
        QUERY,
        f"SQL: {QUERY}\nSkeleton: SELECT _ FROM _",
        f"```sql\nSkeleton: SELECT _ FROM _\nSQL: {QUERY}\n```",
    ],
)
def test_the_query_is_found(text: str) -> None:
    found = extract_after_skeleton(text)
    assert (found.sql, found.error) == (QUERY, "")


@pytest.mark.parametrize(
    ("text", "sql"),
    [
        ("SQL: SELECT '_' FROM city", "SELECT '_' FROM city"),
        ('SQL: SELECT "_" FROM city', 'SELECT "_" FROM city'),
        ("SQL: SELECT a FROM city WHERE b LIKE '_a%'", "SELECT a FROM city WHERE b LIKE '_a%'"),
        ("SQL: SELECT _id, a_ FROM t_1", "SELECT _id, a_ FROM t_1"),
    ],
)
def test_a_low_line_in_a_value_or_name_is_no_slot(text: str, sql: str) -> None:
    assert extract_after_skeleton(text).sql == sql


def test_a_skeleton_alone_is_no_query() -> None:
    assert (
        extract_after_skeleton("Skeleton: SELECT _ FROM _ WHERE _ = _").error
        == "the model wrote a skeleton and no query"
    )
    assert "no SELECT" in extract_after_skeleton("Skeleton: none").error
    assert "empty" in extract_after_skeleton("").error


@given(st.text(max_size=200))
def test_any_text_gives_sql_or_a_reason(text: str) -> None:
    found = extract_after_skeleton("Skeleton: " + text)
    assert bool(found.sql) != bool(found.error)


def test_the_generator_asks_for_both_in_one_call() -> None:
    model = fakes.saying(f"Skeleton: SELECT _ FROM _\nSQL: {QUERY}")
    (made,) = SkeletonGenerator(model).generate(Request("q?", SCHEMA, n=1))
    assert (made.sql, made.generator, made.notes) == (QUERY, "skeleton.v1", ("prompt: skeleton",))
    assert "Skeleton: the skeleton\nSQL: the query" in model.prompts[0]
    assert len(model.prompts) == 1
    assert GENERATORS.get("skeleton") is SkeletonGenerator
