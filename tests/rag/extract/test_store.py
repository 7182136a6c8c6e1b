"""Records in SQLite: typed columns, provenance, foreign files left alone, and questions answered over them."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from ctxprune.errors import FormatError, InputError, UsageError
from ctxprune.rag.extract import Chunk, Extraction, Record, RecordStore, SpanExtractor
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
