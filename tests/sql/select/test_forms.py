"""What a statement's form says, and what it leaves out."""

from __future__ import annotations

import pytest

from ctxprune.sql.select.forms import HEADS, read_form


@pytest.mark.parametrize(
    ("sql", "facts"),
    [
        ("SELECT count(*) FROM loaf", {"items": 0, "plain": 0, "rows_counted": 1, "tables": 0, "order": 0}),
        ("SELECT * FROM loaf", {"items": 4}),
        ("SELECT a, b FROM loaf ORDER BY c DESC LIMIT 1", {"items": 1, "plain": 2, "order": 2, "limit": 1}),
        ("SELECT a FROM loaf ORDER BY c LIMIT 3", {"order": 1, "limit": 2}),
        ("SELECT a FROM loaf WHERE c = (SELECT max(c) FROM loaf)", {"extreme": 1, "nested": 1, "limit": 0}),
        ("SELECT a FROM loaf INTERSECT SELECT a FROM sale", {"compound": 1, "nested": 0, "tables": 1}),
        ("SELECT a FROM loaf EXCEPT SELECT a FROM sale", {"compound": 3}),
        ("SELECT a FROM loaf WHERE a NOT IN (SELECT a FROM sale)", {"not_in": 1, "nested": 1}),
        ("SELECT x.a FROM loaf x LEFT JOIN sale y ON x.a = y.a", {"outer": 1, "tables": 1, "conditions": 0}),
        ("SELECT a FROM loaf GROUP BY a HAVING count(*) > 2", {"group": 1, "having": 1, "compared": 1, "strict": 1}),
        ("SELECT count(DISTINCT a) FROM loaf WHERE b > 1 OR c LIKE 'x%'", {"distinct_counted": 1, "or": 1, "like": 1}),
    ],
)
def test_facts(sql: str, facts: dict[str, int]) -> None:
    form = read_form(sql)
    assert form is not None
    assert {name: form.facts[name] for name in facts} == facts
    assert set(form.facts) == set(HEADS)
    assert all(0 <= value < HEADS[name] for name, value in form.facts.items())


def test_a_skeleton_has_no_names_and_no_literals() -> None:
    first = read_form("SELECT t.kind FROM loaf AS t WHERE t.price > 3")
    second = read_form("select NAME from bakery where size > 77;")
    assert first is not None
    assert second is not None
    assert first.skeleton == second.skeleton
    assert "loaf" not in first.skeleton


@pytest.mark.parametrize("text", ["", "   ", "SELECT FROM WHERE", "DROP TABLE loaf", "the answer is 3", "SELECT (((("])
def test_what_is_no_select_has_no_form(text: str) -> None:
    assert read_form(text) is None


def test_a_common_table_expression_is_no_stored_table() -> None:
    form = read_form("WITH x AS (SELECT a FROM loaf) SELECT a FROM x")
    assert form is not None
    assert form.tables == {"loaf"}
