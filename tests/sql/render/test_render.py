"""Golden files of every form, and what holds for all forms."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import sqlglot

from ctxprune.errors import UnknownNameError
from ctxprune.sql.render import RENDERERS, render

sys.path.insert(0, str(Path(__file__).parent))
from golden_schemas import BAKERY, HITS, SCHEMAS

GOLDEN = Path(__file__).parent / "golden"
FORMS = [name.partition(".")[0] for name in RENDERERS.names()]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", SCHEMAS)
def test_golden(name: str, form: str):
    assert render(SCHEMAS[name], form) + "\n" == (GOLDEN / f"{name}.{form}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("form", FORMS)
def test_golden_with_hits(form: str):
    text = render(BAKERY, form, hits=HITS)
    assert text + "\n" == (GOLDEN / f"bakery_hits.{form}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["bakery", "harbour", "spaced"])
def test_ddl_is_sql_of_its_dialect(name: str):
    schema = SCHEMAS[name]
    trees = sqlglot.parse(render(schema, "ddl"), read=schema.dialect)
    assert [tree.find(sqlglot.exp.Schema).this.name for tree in trees] == [
        table.name.removeprefix(f"{table.namespace}.") for table in schema.tables
    ]


def test_unknown_form_lists_the_known_ones():
    with pytest.raises(UnknownNameError, match="mschema"):
        render(BAKERY, "xml")
