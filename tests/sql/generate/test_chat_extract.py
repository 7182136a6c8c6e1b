"""SQL out of what models write: every form is a case in extract_cases.txt."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxprune.sql.generate.extract import extract_sql

CASES = [
    (block.partition("\n")[0], *block.partition("\n")[2].split("---\n", 1))
    for block in (Path(__file__).parent / "extract_cases.txt").read_text(encoding="utf-8").split("=== ")[1:]
]


@pytest.mark.parametrize(("raw", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_case(raw: str, expected: str) -> None:
    found = extract_sql(raw.removesuffix("\n"))
    if expected.startswith("! "):
        assert found.sql == ""
        assert expected.strip()[2:] in found.error
    else:
        assert (found.sql, found.error) == (expected.removesuffix("\n"), "")


@given(st.text(max_size=300))
def test_any_text_gives_sql_or_a_reason(text: str) -> None:
    found = extract_sql(text)
    assert bool(found.sql) != bool(found.error)
    assert found.sql == found.sql.strip()


@given(
    st.sampled_from(
        ["SELECT a FROM t", "SELECT count(*) FROM t WHERE b = 'x;y'", "WITH c AS (SELECT 1) SELECT * FROM c"]
    ),
    st.sampled_from(
        ["{}", "```sql\n{}\n```", "```\n{};\n```", "SQL: {}", "<think>hm</think>\n{};", "Here you go:\n{}\n\nDone."]
    ),
)
def test_wrapping_does_not_change_the_statement(sql: str, wrapping: str) -> None:
    assert extract_sql(wrapping.format(sql)).sql == sql


@pytest.mark.parametrize(
    "text",
    [
        "SELECT " + "a, " * 50_000,
        "SELECT " + "(" * 50_000,
        "`" * 50_000,
        "<think>" * 10_000,
        "SELECT '" + "x" * 90_000,
        "\n" * 90_000,
    ],
)
def test_long_output_is_read_quickly(text: str) -> None:
    start = time.process_time()
    extract_sql(text)
    assert time.process_time() - start < 2.0
