"""The sketch generator's query shape: writing it in four dialects, reading it back, joining its tables."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest
import sqlglot

from ctxprune.errors import GenerationError, InputError
from ctxprune.sql.generate.sketch.gold import parse_query
from ctxprune.sql.generate.sketch.joins import JoinPaths
from ctxprune.sql.generate.sketch.query import Condition, Item, Query
from ctxprune.sql.generate.sketch.sql import SqlWriter
from ctxprune.sql.generate.sketch.templates import Template, read_template
from ctxprune.sql.schema.schema import Column, ColumnRef, ForeignKey, Schema, Table

_SCHEMAS = runpy.run_path(str(Path(__file__).parent / "sketch_schemas.py"))
awkward = _SCHEMAS["awkward"]
zoo = _SCHEMAS["zoo"]

QUERIES = [
    "SELECT name FROM keeper",
    "SELECT COUNT(*) FROM animal WHERE species = 'lion'",
    "SELECT name, weight FROM animal WHERE weight > 10 AND birth_year <= 2000",
    "SELECT T1.name FROM keeper AS T1 JOIN animal AS T2 ON T1.keeper_id = T2.keeper_id WHERE T2.species = 'it''s'",
    "SELECT species, COUNT(*) FROM animal GROUP BY species HAVING COUNT(*) >= 2",
    "SELECT name FROM animal ORDER BY weight DESC LIMIT 1",
    "SELECT name FROM animal ORDER BY weight ASC LIMIT 3",
    "SELECT COUNT(DISTINCT species) FROM animal",
    "SELECT DISTINCT species FROM animal WHERE weight BETWEEN 1.5 AND 20",
    "SELECT name FROM keeper WHERE NOT keeper_id IN (SELECT keeper_id FROM animal)",
    "SELECT name FROM animal WHERE weight > (SELECT AVG(weight) FROM animal)",
    "SELECT home_town FROM keeper WHERE salary > 10 INTERSECT SELECT home_town FROM keeper WHERE salary < 5",
    "SELECT name FROM keeper WHERE NOT name LIKE '%a%'",
    "SELECT MAX(weight), MIN(weight) FROM animal WHERE NOT keeper_id IS NULL",
    "SELECT name FROM animal WHERE weight < -3",
    "SELECT * FROM feeding",
]


@pytest.mark.parametrize("sql", QUERIES)
def test_what_is_read_is_written_again(sql: str) -> None:
    schema = zoo()
    query = parse_query(sql, schema)
    written = SqlWriter(JoinPaths(schema), "sqlite").write(query)
    assert written.replace(" ASC", "") == sql.replace(" ASC", "")
    assert parse_query(written, schema) == query
    template = read_template(query)
    assert Template.from_json(template.to_json()) == template


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT name FROM nowhere",
        "SELECT nothing FROM keeper",
        "SELECT salary + 1 FROM keeper",
        "SELECT name FROM (SELECT name FROM keeper)",
        "SELECT a.name FROM keeper AS a JOIN keeper AS b ON a.keeper_id = b.keeper_id",
        "SELECT name FROM keeper WHERE salary > 1 AND (name = 'a' OR name = 'b')",
        "DELETE FROM keeper",
        "SELECT FROM WHERE",
    ],
)
def test_what_lies_outside_the_shape_is_an_error(sql: str) -> None:
    with pytest.raises(InputError):
        parse_query(sql, zoo())


@pytest.mark.parametrize("dialect", ["sqlite", "postgres", "mysql", "duckdb"])
def test_awkward_names_and_literals_are_quoted(dialect: str) -> None:
    schema = awkward(dialect)
    best, group = ColumnRef("order", 'the "best" name'), ColumnRef("order", "group")
    query = Query(
        select=(Item(best), Item(ColumnRef("Customer Base", "it's name"))),
        tables=("order", "Customer Base"),
        where=(
            Condition(Item(group), "=", "x'; DROP TABLE order; --"),
            Condition(Item(ColumnRef("order", "unit.price")), ">", 3),
        ),
        order=(Item(ColumnRef("order", "größe")),),
    )
    text = SqlWriter(JoinPaths(schema), dialect).write(query)
    (tree,) = sqlglot.parse(text, read=dialect)
    assert tree is not None
    names = {column.name for column in tree.find_all(sqlglot.exp.Column)}
    assert names == {'the "best" name', "it's name", "group", "unit.price", "größe", "customer id"}
    assert {table.name for table in tree.find_all(sqlglot.exp.Table)} == {"order", "Customer Base"}
    (literal,) = [node for node in tree.find_all(sqlglot.exp.Literal) if node.is_string]
    assert literal.this == "x'; DROP TABLE order; --"
    assert "NULLS" not in text


def test_mixed_case_is_quoted_where_the_database_folds_it() -> None:
    schema = Schema("m", (Table("People", (Column("FirstName", "TEXT"),)),), dialect="postgres")
    query = Query((Item(ColumnRef("People", "FirstName")),), ("People",))
    assert SqlWriter(JoinPaths(schema), "postgres").write(query) == 'SELECT "FirstName" FROM "People"'
    assert SqlWriter(JoinPaths(schema), "sqlite").write(query) == "SELECT FirstName FROM People"


def test_joins_go_over_tables_between() -> None:
    graph = JoinPaths(zoo())
    path = graph.connect(("keeper", "feeding"))
    assert path is not None
    assert [(edge.table, edge.other) for edge in path] == [("keeper", "feeding")]
    assert graph.connect(("keeper",)) == []


def test_the_named_key_is_taken_of_several() -> None:
    schema = zoo()
    query = Query(
        (Item(ColumnRef("keeper", "name")),), ("keeper", "feeding"), via=(ColumnRef("feeding", "checker_id"),)
    )
    text = SqlWriter(JoinPaths(schema), "sqlite").write(query)
    assert text.endswith("ON T1.keeper_id = T2.checker_id")


def test_composite_keys_join_on_all_columns() -> None:
    a = Table("a", (Column("x"), Column("y"), Column("v")))
    b = Table("b", (Column("x"), Column("y")))
    schema = Schema("c", (a, b), (ForeignKey("a", ("x", "y"), "b", ("x", "y")),))
    query = Query((Item(ColumnRef("a", "v")),), ("a", "b"))
    assert SqlWriter(JoinPaths(schema), "sqlite").write(query).endswith("ON T1.x = T2.x AND T1.y = T2.y")


def test_tables_without_a_path_are_an_error() -> None:
    schema = Schema("d", (Table("a", (Column("u"),)), Table("b", (Column("v"),))))
    with pytest.raises(GenerationError, match="no join path"):
        SqlWriter(JoinPaths(schema), "sqlite").write(Query((Item(ColumnRef("a", "u")),), ("a", "b")))
