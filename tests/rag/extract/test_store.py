"""Records in SQLite: typed columns, provenance, foreign files left alone, and questions answered over them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ctxprune.errors import FormatError, InputError, UsageError
from ctxprune.rag.extract import Chunk, ExtractedValue, Extraction, Record, RecordStore, SpanExtractor
from ctxprune.sql import Database, Pipeline

TEXTS = [
    Chunk("Name: Red Kite\nPrice: 32 EUR\nMaker country: Chile\nReleased: 5 March 2004\nTags: toy, outdoor", "a.txt"),
    Chunk(
        "Name: Blue Ball\nPrice: 7\nMaker country: Peru\n\nName: Green Top\nPrice: 12.50\nMaker country: Chile", "b.txt"
    ),
]


def test_rows_types_and_provenance(tmp_path: Path, product: dict[str, Any]) -> None:
    path = tmp_path / "records.sqlite"
    store = RecordStore(path, product)
    assert store.add(SpanExtractor(product).extract(TEXTS)) == 3
    assert len(RecordStore(path, product)) == 3
    with sqlite3.connect(path) as connection:
        rows = connection.execute("SELECT name, price, released, maker_country, chunk FROM product").fetchall()
        tags = connection.execute("SELECT record_id, position, tags FROM product_tags").fetchall()
        places = connection.execute("SELECT field, chunk, start_char, end_char, text, unit FROM provenance").fetchall()
    connection.close()
    assert rows == [
        ("Red Kite", 32, "2004-03-05", "Chile", "a.txt"), ("Blue Ball", 7, None, "Peru", "b.txt"),
        ("Green Top", 12.5, None, "Chile", "b.txt"),
    ]  # fmt: skip
    assert tags == [(1, 0, "toy"), (1, 1, "outdoor")]
    by_id = {chunk.id: chunk.text for chunk in TEXTS}
    assert all(by_id[chunk][start:end] == text for _, chunk, start, end, text, _ in places)
    assert ("price", "a.txt", 22, 24, "32", "EUR") in places


@pytest.mark.parametrize(
    ("question", "rows"),
    [
        ("How many products have the maker country Chile?", ((2,),)),
        ("What is the average price of products with maker country Chile?", ((22.25,),)),
        (
            "Show the name and price of all products sorted by price",
            (("Blue Ball", 7), ("Green Top", 12.5), ("Red Kite", 32)),
        ),
    ],
)
def test_questions_are_answered_without_a_model(
    tmp_path: Path, product: dict[str, Any], question: str, rows: tuple[Any, ...]
) -> None:
    path = tmp_path / "records.sqlite"
    RecordStore(path, product).add(SpanExtractor(product).extract(TEXTS))
    with Database(path) as database:
        assert Pipeline(database).ask(question).rows == rows


def test_other_databases_are_left_alone(tmp_path: Path, product: dict[str, Any]) -> None:
    path = tmp_path / "mine.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE product (name TEXT)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(FormatError, match="did not make"):
        RecordStore(path, product)
    assert path.read_bytes() == before
    text = tmp_path / "text.sqlite"
    text.write_text("no database at all, but long enough to be looked at")
    with pytest.raises(FormatError):
        RecordStore(text, product)
    with pytest.raises(InputError):
        RecordStore(tmp_path / "none" / "x.sqlite", product)
    own = tmp_path / "own.sqlite"
    RecordStore(own, product)
    with pytest.raises(FormatError, match="another schema"):
        RecordStore(own, {"title": "Product", "properties": {"other": {"type": "string"}}})


def test_names_and_values_that_sqlite_could_not_hold(tmp_path: Path) -> None:
    names = ["Chunk", "record_id", "a b", "a-b", "A_B", 'x"; DROP TABLE y; --', "Größe", "", "select", "a.b"]
    schema = {"title": "provenance", "properties": {name: {"type": "integer"} for name in names}}
    store = RecordStore(tmp_path / "x.sqlite", schema)
    data = {names[2]: 2**70, names[3]: "text", names[4]: 4, names[6]: True, names[8]: 1.5}
    assert store.add(Extraction((Record("c", data), Record("\ud800".encode("utf-8", "replace").decode(), {})))) == 2
    with sqlite3.connect(tmp_path / "x.sqlite") as connection:
        columns = [row[1] for row in connection.execute(f'PRAGMA table_info("{store.table}")')]
        row = connection.execute(f'SELECT * FROM "{store.table}"').fetchone()
    connection.close()
    assert len(columns) == len(set(map(str.lower, columns))) == len(names) + 2
    assert row[:2] == (1, "c")
    assert row[4:7] == (None, None, 4)
    with pytest.raises(UsageError, match="1,900"):
        RecordStore(tmp_path / "y.sqlite", {"properties": {f"f{n}": {} for n in range(2_000)}})


def test_the_same_extraction_is_added_once(tmp_path: Path, product: dict[str, Any]) -> None:
    path = tmp_path / "products.sqlite"
    found = SpanExtractor(product).extract(TEXTS)
    assert RecordStore(path, product).add(found) == len(found)
    assert RecordStore(path, product).add(found) == 0
    twice = Extraction((*found.records, *found.records[:1]))  # what is twice in one extraction stays twice
    assert RecordStore(path, product).add(twice) == 1
    assert RecordStore(path, product).add(twice) == 0
    assert len(RecordStore(path, product)) == len(found) + 1
    with closing(sqlite3.connect(path)) as connection:
        (rows,) = connection.execute("SELECT count(*) FROM provenance").fetchone()
    assert rows == sum(len(record.values) for record in twice.records)


def test_other_values_or_places_are_another_record(tmp_path: Path) -> None:
    schema = {
        "title": "item",
        "properties": {"year": {"type": "integer"}, "when": {"type": "string", "format": "date"}},
    }
    store = RecordStore(tmp_path / "items.sqlite", schema)
    value = ExtractedValue("year", 1933, "1933", (0, 4), 1.0)
    one = Record("a", {"year": 1933, "when": "2020"}, (value,))  # SQLite stores "2020" as a number in a DATE column
    assert store.add(Extraction((one,))) == 1
    assert store.add(Extraction((one,))) == 0
    others = (
        replace(one, chunk="b"),
        replace(one, data={"year": 1934, "when": "2020"}),
        replace(one, data={"year": None, "when": "2020"}),
        replace(one, values=(replace(value, span=(5, 9)),)),
        replace(one, values=(replace(value, span=None),)),
        replace(one, values=()),
    )
    assert store.add(Extraction(others)) == len(others)
    assert store.add(Extraction((one, *others))) == 0


def test_a_file_of_an_earlier_version_gets_its_indexes(tmp_path: Path, product: dict[str, Any]) -> None:
    path = tmp_path / "products.sqlite"
    found = SpanExtractor(product).extract(TEXTS)
    RecordStore(path, product).add(found)
    with closing(sqlite3.connect(path)) as connection, connection:
        names = [
            name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE sql LIKE 'CREATE INDEX%'")
        ]
        for name in names:
            connection.execute(f'DROP INDEX "{name}"')
    assert len(names) == 3  # of the records, of their tags, of the evidence
    assert RecordStore(path, product).add(found) == 0


def test_records_that_differ_in_an_item_alone_are_two(tmp_path: Path, product: dict[str, Any]) -> None:
    store = RecordStore(tmp_path / "products.sqlite", product)
    records = tuple(Record("a", {"name": "Kite", "tags": tags}) for tags in (["x"], ["y"], ["x", "y"], [], ["2020"]))
    assert store.add(Extraction(records)) == len(records)
    assert store.add(Extraction(records)) == 0


def test_records_of_many_columns_are_found_again(tmp_path: Path) -> None:
    schema = {"title": "wide", "properties": {f"c{n}": {"type": "integer"} for n in range(1500)}}
    store = RecordStore(tmp_path / "wide.sqlite", schema)
    found = Extraction((Record("a", {f"c{n}": n for n in range(1500)}),))
    assert store.add(found) == 1
    assert store.add(found) == 0
