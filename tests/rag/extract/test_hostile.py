"""Answers, texts and files that once broke extraction: each gives a record, a problem or a failure."""

from __future__ import annotations

import shutil
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

from ctxprune.errors import FormatError, InputError
from ctxprune.rag.extract import (
    CaseMemory,
    Chunk,
    ExtractedValue,
    Extraction,
    ExtractOptions,
    Extractor,
    Record,
    RecordStore,
    SpanExtractor,
    as_record_schema,
    build_review_table,
    compile_line_pattern,
)  # fmt: skip
from ctxprune.rag.extract.evidence import Places, Source, walk_leaves

PRODUCT = {"title": "P", "properties": {"name": {"type": "string"}, "price": {"type": "number"}}, "required": ["name"]}
OFFER: dict[str, Any] = {
    "properties": {
        "id": {"type": "integer"},
        "price": {"type": "number", "maximum": 800},
        "released": {"type": "string", "format": "date"},
        "at": {"type": "string", "format": "date-time"},
        "rating": {"type": "integer", "enum": [1, 2, 3]},
        "ok": {"type": "boolean"},
    }
}


@pytest.mark.parametrize(
    "answer",
    ['[{"name":"A","price":1' + "0" * 400 + "}]", *('[{"name":' + "[" * n + "]" * n + "}]" for n in (250, 300, 900))],
    ids=["long number", "250", "300", "900"],
)
def test_an_answer_that_is_too_much_fails_alone(scripted: Any, answer: str) -> None:
    pytest.importorskip("jsonschema_rs")
    options = ExtractOptions(retries=0)
    model = scripted('[{"name": "A"}]', answer, '[{"name": "A"}]')
    done = Extractor(PRODUCT, model, options=options, cases=CaseMemory()).extract(["Name: A"] * 3)
    assert [record.data for record in done] == [{"name": "A"}] * 2
    assert [failure.chunk for failure in done.failures] == ["1"]


@pytest.mark.parametrize("answer", ['{"name":"A"}\n{"name":"B"}', '```json\n{"name":"A"}\n```\n```\n{"name":"B"}\n```'])
def test_several_values_are_all_read(scripted: Any, answer: str) -> None:
    pytest.importorskip("jsonschema_rs")
    done = Extractor(PRODUCT, scripted(answer)).extract("Name: A\nName: B")
    assert [record.data["name"] for record in done] == ["A", "B"]


def test_a_record_that_is_dropped_is_told(scripted: Any) -> None:
    pytest.importorskip("jsonschema_rs")
    options = ExtractOptions(unsupported="drop")
    done = Extractor(PRODUCT, scripted('[{"name":"Ghost"}]'), options=options).extract("Name: A")
    assert done.failures[0].reason == "0.name: does not stand in the text"
    (record,) = Extractor(PRODUCT, scripted('[{"name":"A"},{"name":"Ghost"}]'), options=options).extract("Name: A")
    assert record.problems == ("1.name: does not stand in the text",)


@pytest.mark.parametrize("workers", [1, 3])
def test_progress_counts_the_chunks(scripted: Any, workers: int) -> None:
    pytest.importorskip("jsonschema_rs")
    seen: list[tuple[int, int]] = []
    options = ExtractOptions(workers=workers)
    extractor = Extractor(PRODUCT, scripted("[]"), options=options)
    extractor.extract(["Name: A", "", "Name: C"], progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_a_cut_answer_is_asked_again_and_no_good_example(scripted: Any) -> None:
    pytest.importorskip("jsonschema_rs")
    cases, model = CaseMemory(), scripted('[{"name": "A", "pri')
    done = Extractor(PRODUCT, model, cases=cases).extract("Name: A\nPrice: 3")
    assert (len(model.sent), done.records[0].data) == (2, {"name": "A"})
    assert all("ends in the middle" in case.problem for case in cases.select("P", "Name", 9))


def test_evidence_of_a_name_in_each_line_takes_no_square_of_them() -> None:
    text = "name a\n" * 4_000
    source = Source(text, [(0, len(text))])
    near = Places([(at, at + 4) for at in range(0, len(text), 7)])
    start = time.process_time()
    assert source.find("a", None, near) == (5, 6)
    assert time.process_time() - start < 2
    slow = [(3, 20), (5, 6), (40, 44)]
    for span in ((0, 1), (21, 22), (30, 31), (50, 60), (4, 5)):
        wanted = min(max(begin - span[1], span[0] - end, 0) for begin, end in slow)
        assert Places(slow).distance(span) == wanted


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("Id: 9007199254740993", {"id": 9007199254740993}),
        ("Id: 9 007 199 254 740 993", {"id": 9007199254740993}),
        ("Price: 1e999", None),
        ("Price: " + "9" * 390, None),
        ("Released: 31 February 2026", None),
        ("At: 2024-03-01 77:88", None),
        ("Rating: 2", {"rating": 2}),
    ],
    ids=lambda value: str(value)[:30],
)
def test_values_are_exact_and_possible(text: str, data: dict[str, Any] | None) -> None:
    assert [record.data for record in SpanExtractor(OFFER).extract(text)] == ([] if data is None else [data])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("Price: 900 or 950 EUR", "price: the text also says '950'"),
        ("Price: 3-4", "price: the text also says '4'"),
        ("Ok: yes and no", "ok: the text also says 'no'"),
        ("Price: 900", "price: 900 is greater than the maximum of 800"),
        ("Id: 2.5", 'id: 2.5 is not of type "integer"'),
    ],
)
def test_what_breaks_the_schema_or_is_said_twice_is_told(text: str, problem: str) -> None:
    pytest.importorskip("jsonschema_rs")
    (record,) = SpanExtractor(OFFER).extract(text)
    assert problem in record.problems
    (fine,) = SpanExtractor(OFFER).extract("Price: 3 EUR\nRating: 1")
    assert fine.problems == ()


def test_a_table_whose_cells_are_not_closed() -> None:
    schema = {"properties": {"address": {"type": "string"}, "rent": {"type": "number"}}}
    text = "<table><tr><th>Address<th>Rent<tr><td>1 A<script>alert(1)</script><td>90<tr><td colspan=2>n/a"
    assert [record.data for record in SpanExtractor(schema).extract(text)] == [{"address": "1 A", "rent": 90}]


def test_members_of_patterns_and_parts_stay(scripted: Any) -> None:
    pytest.importorskip("jsonschema_rs")
    schema = {
        "properties": {"name": {"type": "string"}},
        "patternProperties": {"^x_": {"type": "string"}},
        "allOf": [{"properties": {"price": {"type": "number"}}}, {"required": ["price"]}],
    }
    (record,) = Extractor(schema, scripted('[{"name":"A","x_a":"A","price":3,"zz":1}]')).extract("name: A\nprice: 3")
    assert record.data == {"name": "A", "x_a": "A", "price": 3}
    assert record.problems == ("zz: no field of the schema",)


def test_names_with_digits_and_dots() -> None:
    assert [*walk_leaves({"sales": {"2024": 3}, "tags": ["a"]})] == [
        ("sales.2024", "sales.2024", 3), ("tags.0", "tags", "a"),
    ]  # fmt: skip
    schema = {"properties": {"a": {"type": "string", "title": "Colour"}, "a.b": {"type": "string", "title": "Weight"}}}
    (record,) = SpanExtractor(schema).extract("Colour: red\nWeight: heavy")
    assert record.data == {"a": "red", "a.b": "heavy"}


def test_review_rows_are_of_their_paper() -> None:
    table = build_review_table([Chunk("Name: A\nPrice: 1", "1"), "Name: B\nPrice: 2"], schema=PRODUCT)
    assert table.papers == ("1", "1#2")
    assert [cells["name"][0].value for cells in table.cells] == ["A", "B"]


def test_databases_of_others_keep_their_bytes(tmp_path: Path) -> None:
    view = tmp_path / "view.sqlite"
    connection = sqlite3.connect(view)
    connection.executescript("CREATE VIEW v AS SELECT 1; PRAGMA user_version = 7; PRAGMA journal_mode = delete;")
    connection.close()
    other = sqlite3.connect(tmp_path / "log.sqlite")
    other.executescript("PRAGMA journal_mode = wal; CREATE TABLE t (a); INSERT INTO t VALUES (1);")
    for suffix in ("", "-wal", "-shm"):
        shutil.copy(tmp_path / f"log.sqlite{suffix}", tmp_path / f"copy.sqlite{suffix}")
    other.close()
    for path in (view, tmp_path / "copy.sqlite"):
        before = {entry.name: entry.read_bytes() for entry in tmp_path.iterdir()}
        with pytest.raises(FormatError, match="did not make"):
            RecordStore(path, PRODUCT)
        assert {entry.name: entry.read_bytes() for entry in tmp_path.iterdir()} == before


def test_odd_names_and_values_are_stored(tmp_path: Path) -> None:
    schema: dict[str, Any] = {
        "title": "SQLite bug",
        "properties": {
            "position": {"type": "array", "items": {"type": "string"}},
            "day": {"type": "string", "format": "date"},
            "count": {"type": "integer"},
        },
    }
    path = tmp_path / "records.sqlite"
    data = {"day": "soon", "count": 3.5, "position": ["\ud800"]}
    value = ExtractedValue("day", "\ud800", "\ud800", (0, 1), 1.0)
    store = RecordStore(path, schema)
    assert store.add(Extraction((Record("\ud800", data, (value,)),))) == 1
    connection = sqlite3.connect(path)
    assert connection.execute(f'SELECT chunk, day, count FROM "{store.table}"').fetchall() == [("?", None, None)]
    connection.close()
    schema["properties"]["count"] = {"type": "string"}
    with pytest.raises(FormatError, match="another schema"):
        RecordStore(path, schema)
    with pytest.raises(InputError):
        RecordStore("a\0b", schema)


def test_broken_schemas_cases_and_expressions(tmp_path: Path) -> None:
    broken = {"a": {"anyOf": 5}, "b": {"$ref": "#/$defs/a%20b"}}
    schema = as_record_schema({"properties": broken, "$defs": {"a b": {"properties": {"x": {"type": "string"}}}}})
    assert [field.path for field in schema.fields] == ["a", "b.x"]
    for entry in ('"cases": null', '"size": "x"'):
        path = tmp_path / "cases.json"
        path.write_text(f'{{"format": "ctxprune.extraction-cases", "version": 1, {entry}}}', encoding="utf-8")
        with pytest.raises(FormatError):
            CaseMemory.load(path)
    with pytest.raises(InputError):
        compile_line_pattern("[a--b]+")
