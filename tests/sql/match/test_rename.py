"""Queries rewritten for another schema: exact texts, the same results, split tables, and what is refused."""

from __future__ import annotations

import runpy
import sqlite3
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxprune.sql.match.mapping import Part, SchemaMapping, TablePlace
from ctxprune.sql.match.query_rewriter import RenameError, _ScopePlan
from ctxprune.sql.match.rename import rename_query
from ctxprune.sql.schema.schema import Column, ColumnRef, ForeignKey, Schema, Table

examples = SimpleNamespace(**runpy.run_path(str(Path(__file__).parent / "match_examples.py")))
NAMES, mapping_of, rows_of = examples.NAMES, examples.mapping_of, examples.rows_of
old_schema, new_schema = examples.old_schema, examples.new_schema
BLOCKS = [
    tuple(block.splitlines()[-2:])
    for block in (Path(__file__).parent / "rename_cases.txt").read_text(encoding="utf-8").strip().split("\n\n")[1:]
]


@pytest.fixture(scope="module")
def mapping() -> SchemaMapping:
    return mapping_of(old_schema(), new_schema(), NAMES)


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("shops")
    return examples.old_database(folder), examples.new_database(folder)


@pytest.mark.parametrize(("old", "new"), BLOCKS)
def test_a_query_becomes(old: str, new: str, mapping: SchemaMapping, paths: tuple[Path, Path]) -> None:
    if new.startswith("!"):
        with pytest.raises(RenameError, match=new[1:].strip()):
            rename_query(old, mapping)
        return
    found = rename_query(old, mapping)
    assert found.sql == new
    assert rows_of(paths[0], old) == rows_of(paths[1], found.sql)
    assert found.confidence == 0.99


COLUMNS = {"customer": ["customer_id", "first_name", "last_name", "city", "status"], "orders": ["order_id", "amount"]}


@st.composite
def queries(draw: st.DrawFn) -> str:
    table = draw(st.sampled_from(sorted(COLUMNS)))
    names = draw(st.lists(st.sampled_from(COLUMNS[table]), min_size=1, max_size=3, unique=True))
    where, order = draw(st.sampled_from(COLUMNS[table])), draw(st.sampled_from(COLUMNS[table]))
    form = draw(st.integers(0, 3))
    plain = f"SELECT {', '.join(names)} FROM {table} WHERE {where} > 'C'"
    if form == 0:
        return f"{plain} ORDER BY {order}, {', '.join(names)}"
    if form == 1:
        return f"SELECT q.{names[0]} FROM ({plain}) AS q ORDER BY 1"
    if form == 2:
        return f"WITH q AS ({plain}) SELECT {names[0]}, COUNT(*) FROM q GROUP BY {names[0]} ORDER BY 1"
    return f"SELECT {names[0]} FROM {table} EXCEPT SELECT {names[0]} FROM {table} WHERE {where} < 'D' ORDER BY 1"


@settings(max_examples=40, deadline=None)
@given(sql=queries())
def test_any_query_gives_the_same_rows(sql: str, mapping: SchemaMapping, paths: tuple[Path, Path]) -> None:
    assert rows_of(paths[0], sql) == rows_of(paths[1], rename_query(sql, mapping).sql)


def test_a_column_without_a_sure_partner_is_refused_with_its_reason(mapping: SchemaMapping) -> None:
    ref = ColumnRef("customer", "city")
    columns = {old: match for old, match in mapping.columns.items() if old != ref}
    doubts = {ref: "its best match tbl_client.town has a confidence of 0.61 only"}
    less = replace(mapping, columns=columns, doubts=doubts)
    with pytest.raises(RenameError, match=r"customer\.city: its best match tbl_client\.town has a confidence of 0\.61"):
        rename_query("SELECT city FROM customer", less)
    with pytest.raises(RenameError, match="city"):
        rename_query("SELECT * FROM customer", less)
    assert rename_query("SELECT first_name FROM customer", less).sql == "SELECT given_name FROM tbl_client"


def test_a_table_without_a_place_is_refused(mapping: SchemaMapping) -> None:
    less = replace(mapping, places={**mapping.places, "orders": TablePlace("", reason="rows come several times")})
    with pytest.raises(RenameError, match="rows come several times"):
        rename_query("SELECT COUNT(*) FROM orders", less)


def test_columns_that_differ_in_case_alone_are_refused() -> None:
    source = Schema("s", (Table("t", (Column("a"), Column("A"))),), dialect="postgres")
    twins = mapping_of(source, source, {("t", "a"): ("t", "a"), ("t", "A"): ("t", "A")})
    with pytest.raises(RenameError, match="differ in case alone"):
        rename_query('SELECT "A" FROM t', twins)


def test_exchanged_names_do_not_meet(mapping: SchemaMapping) -> None:
    target = old_schema()
    names = {tuple(ref): tuple(ref) for ref in target.refs()}
    names["customer", "first_name"], names["customer", "last_name"] = (
        ("customer", "last_name"), ("customer", "first_name"),
    )  # fmt: skip
    swapped = mapping_of(old_schema(), target, names)
    found = rename_query("SELECT first_name FROM customer WHERE last_name = 'Ito' ORDER BY first_name", swapped)
    assert found.sql == "SELECT last_name FROM customer WHERE first_name = 'Ito' ORDER BY last_name"


def split_schema() -> Schema:
    main = Table("client", (Column("client_key", primary_key=True), Column("given_name"), Column("family_name")))
    more = Table("client_details", (Column("client_id", primary_key=True), Column("town"), Column("sts")))
    key = ForeignKey("client_details", ("client_id",), "client", ("client_key",))
    purchase = new_schema().table("tbl_purchase")
    return Schema("shop", (main, more, purchase), (key,))


def split_mapping() -> SchemaMapping:
    names = NAMES | {
        ("customer", "customer_id"): ("client", "client_key"), ("customer", "first_name"): ("client", "given_name"),
        ("customer", "last_name"): ("client", "family_name"), ("customer", "city"): ("client_details", "town"),
        ("customer", "status"): ("client_details", "sts"),
    }  # fmt: skip
    parts = {"customer": (Part("client_details", "client_id", "client_key"),)}
    return mapping_of(old_schema(), split_schema(), names, parts=parts, places={"customer": "client"})


def test_a_split_table_is_joined_only_where_both_parts_are_read() -> None:
    mapping = split_mapping()
    assert rename_query("SELECT first_name FROM customer", mapping).sql == "SELECT given_name FROM client"
    assert rename_query("SELECT COUNT(*) FROM customer", mapping).sql == "SELECT COUNT(*) FROM client"
    both = rename_query("SELECT c.first_name FROM customer AS c WHERE c.city = 'Oslo'", mapping).sql
    assert both == (
        "SELECT c.given_name FROM (SELECT client.given_name, client_details.town FROM client "
        "LEFT JOIN client_details ON client_details.client_id = client.client_key) AS c WHERE c.town = 'Oslo'"
    )


def test_two_tables_that_became_one_keep_their_own_names() -> None:
    target = Schema("shop", (Table("all", tuple(Column(name) for name in ("k", "a", "b", "c"))),))
    source = Schema("shop", (Table("one", (Column("k"), Column("a"))), Table("two", (Column("k"), Column("b")))))
    names = {
        ("one", "k"): ("all", "k"), ("one", "a"): ("all", "a"), ("two", "k"): ("all", "k"), ("two", "b"): ("all", "b"),
    }  # fmt: skip
    found = rename_query("SELECT one.a, two.b FROM one JOIN two ON one.k = two.k", mapping_of(source, target, names))
    assert found.sql == 'SELECT one.a, two.b FROM "all" AS one JOIN "all" AS two ON one.k = two.k'


@pytest.mark.parametrize("sql", ["", "   ", None, 3, "SELECT", "SELECT 1; SELECT 2", "SELECT (" * 300, "x" * 200_000])
def test_broken_queries_are_refused(sql: object, mapping: SchemaMapping) -> None:
    with pytest.raises(RenameError):
        rename_query(sql, mapping)  # type: ignore[arg-type]


KEYWORDS = (
    "abort add all and as begin by case cast check collate column commit constraint create cross current default "
    "deferrable delete desc distinct do drop each else end escape except exists explain filter first for foreign from "
    "full group groups having if in index indexed inner insert intersect into is join key last left like limit match "
    "natural no not nothing notnull null nulls of offset on or order outer over partition plan pragma primary query "
    "raise range references regexp rename replace returning right row rows select set table temp then ties to "
    "transaction trigger union unique update using vacuum values view virtual when where window with without"
)


@pytest.mark.parametrize("word", KEYWORDS.split())
def test_new_names_that_are_keywords_are_quoted(word: str) -> None:
    for table, column in ((word, "c"), ("t", word)):
        source = Schema("s", (Table("old", (Column("oc"),)),))
        target = Schema("s", (Table(table, (Column(column),)),))
        found = rename_query(
            "SELECT oc FROM old WHERE oc = 'v' ORDER BY oc",
            mapping_of(source, target, {("old", "oc"): (table, column)}),
        )
        base = sqlite3.connect(":memory:")
        base.executescript(f'CREATE TABLE "{table}" ("{column}" TEXT); INSERT INTO "{table}" VALUES (\'v\')')
        assert base.execute(found.sql).fetchall() == [("v",)]
        base.close()


def test_queries_that_read_each_other_twice_take_linear_time(mapping: SchemaMapping) -> None:
    steps = [f"c{i} AS (SELECT x.* FROM c{i - 1} AS x JOIN c{i - 1} AS y ON 1 = 1)" for i in range(1, 10)]
    sql = f"WITH c0 AS (SELECT * FROM customer), {', '.join(steps)} SELECT customer_id FROM c9 LIMIT 1"
    calls = 0
    find = _ScopePlan._find_outputs

    def count(plan: _ScopePlan, scope: object) -> set[str]:
        nonlocal calls
        calls += 1
        return find(plan, scope)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_ScopePlan, "_find_outputs", count)
        rename_query(sql, mapping)
    assert calls < 60


def test_a_query_of_too_many_words_is_refused_at_once(mapping: SchemaMapping) -> None:
    with pytest.raises(RenameError, match="tokens, over"):
        rename_query("SELECT city FROM customer WHERE " + " OR ".join(["city = 'x'"] * 1_000), mapping)
