"""Keys between tables, bridges, and keys that only names suggest."""

from __future__ import annotations

from ctxprune.sql.schema.joins import JoinGraph, inferred_keys
from ctxprune.sql.schema.schema import Column, ColumnRef, ForeignKey, Schema, Table


def shaped(*keys: str, tables: str = "abcdef") -> Schema:
    """Tables of one column each; "ab" is a key from a to b."""
    made = tuple(Table(name, (Column(f"c_{name}", "INT"),)) for name in tables)
    return Schema("s", made, tuple(ForeignKey(k[0], (f"c_{k[0]}",), k[1], (f"c_{k[1]}",)) for k in keys))


def test_neighbours_are_listed_once_and_a_key_to_itself_counts_for_nothing():
    graph = JoinGraph(shaped("ab", "ab", "ba", "aa"))
    assert graph.neighbours("A") == ["b"]
    assert graph.neighbours("f") == []


def test_bridges_take_the_shortest_path():
    graph = JoinGraph(shaped("ab", "bc", "ad", "de", "ec"))
    assert graph.bridges(["a", "c"]) == ["b"]
    assert graph.bridges(["C", "A"]) == ["b"]
    assert graph.bridges(["c", "e", "a"]) in (["b"], ["d"])
    assert graph.bridges(["a"]) == []
    assert graph.bridges([]) == []


def test_bridges_leave_alone_what_is_too_far_or_not_connected():
    graph = JoinGraph(shaped("ab", "bc", "cd", "de"))
    assert graph.bridges(["a", "e"]) == []
    assert graph.bridges(["a", "e"], longest=4) == ["b", "c", "d"]
    assert graph.bridges(["a", "f", "c"]) == ["b"]


def test_between_gives_each_key_once():
    schema = shaped("ab", "bc", "cb", "cd")
    keys = JoinGraph(schema).between(["a", "B", "c"])
    assert [(key.table, key.ref_table) for key in keys] == [("a", "b"), ("b", "c"), ("c", "b")]


def test_ends_are_spelled_as_in_the_schema(library: Schema):
    graph = JoinGraph(library)
    key = ForeignKey("WROTE", ("Book_ID",), "BOOK", ("BOOK_ID", "missing"))
    assert graph.ends(key) == [ColumnRef("wrote", "book_id"), ColumnRef("book", "book_id")]


def test_keys_are_inferred_from_names(library: Schema):
    found = {(k.table, k.columns[0], k.ref_table, k.ref_columns[0]) for k in inferred_keys(library)}
    assert found == {
        ("loan", "member_id", "member", "id"),
        ("loan", "book_id", "wrote", "book_id"),
        ("weather", "zip_code", "member", "zip_code"),
    }
    assert all(key.inferred for key in inferred_keys(library))


def test_declared_keys_and_generic_names_leave_nothing_to_infer():
    tables = tuple(Table(name, (Column("id", "INT", primary_key=True), Column("name", "TEXT"))) for name in "xy")
    assert inferred_keys(Schema("s", tables)) == ()
    same = tuple(Table(name, (Column("zip_code", "TEXT"),)) for name in "xy")
    declared = ForeignKey("x", ("zip_code",), "y", ("zip_code",))
    assert inferred_keys(Schema("s", same, (declared,))) == ()


def test_a_name_that_very_many_tables_share_is_no_key():
    tables = tuple(Table(f"t{i}", (Column("batch_code", "TEXT"),)) for i in range(50))
    assert inferred_keys(Schema("s", tables)) == ()


def test_declared_paths_come_before_inferred_ones(library: Schema):
    graph = JoinGraph(library)
    assert graph.bridges(["author", "book"]) == ["wrote"]
    assert graph.bridges(["author", "weather"]) == []
    assert graph.bridges(["book", "weather"]) == ["loan", "member"]


def test_an_unknown_table_in_a_key_is_passed_over():
    table = Table("t", (Column("c", "INT"),))
    graph = JoinGraph(Schema("s", (table,), (ForeignKey("t", ("c",), "gone", ("c",)),)))
    assert graph.neighbours("t") == []
