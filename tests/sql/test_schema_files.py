"""Readers of the Spider and BIRD layouts, on small files of our own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ctxprune.errors import InputError
from ctxprune.sql.schema.files import schemas_from_bird, schemas_from_spider
from ctxprune.sql.schema.schema import ForeignKey

ZOO: dict[str, Any] = {
    "db_id": "zoo",
    "table_names_original": ["Animal", "feeding_log"],
    "table_names": ["animal", "meals given"],
    "column_names_original": [
        [-1, "*"],
        [0, "animal_id"],
        [0, "nm"],
        [0, "IsTame"],
        [1, "animal"],
        [1, "day"],
        [1, "kg fed"],
    ],
    "column_names": [
        [-1, "*"],
        [0, "Animal ID"],
        [0, "given  name"],
        [0, "is tame"],
        [1, "animal"],
        [1, "day"],
        [1, "kg fed"],
    ],
    "column_types": ["text", "number", "text", "boolean", "number", "time", "others"],
    "primary_keys": [1, [4, 5]],
    "foreign_keys": [[4, 1], [4, 1]],
}


def write(path: Path, *entries: Any) -> Path:
    path.write_text(json.dumps(list(entries)), encoding="utf-8")
    return path


def test_spider_layout(tmp_path):
    schemas = schemas_from_spider(write(tmp_path / "tables.json", ZOO, {**ZOO, "db_id": "other"}))
    assert list(schemas) == ["zoo", "other"]
    zoo = schemas["zoo"]
    assert [(table.name, table.comment) for table in zoo.tables] == [("Animal", ""), ("feeding_log", "meals given")]
    assert [(c.name, c.type, c.comment, c.primary_key) for table in zoo.tables for c in table.columns] == [
        ("animal_id", "number", "", True),
        ("nm", "text", "given name", False),
        ("IsTame", "boolean", "", False),
        ("animal", "number", "", True),
        ("day", "time", "", True),
        ("kg fed", "others", "", False),
    ]
    assert zoo.foreign_keys == (ForeignKey("feeding_log", ("animal",), "Animal", ("animal_id",)),)


def test_kaggledbqa_additions(tmp_path):
    entry = {
        **ZOO,
        "column_names_manually_normalized_alternative": [*ZOO["column_names"][:6], [1, "kilograms"]],
        "column_descriptions": ["*", "", " what it is called ", "", "", "", "weight of food"],
        "value_enums": {"istame": {"Y": "yes", "N": "no"}, "unknown": {"a": "b"}},
    }
    zoo = schemas_from_spider(write(tmp_path / "t.json", entry))["zoo"]
    assert zoo.table("animal").column("nm").description == "what it is called"
    assert zoo.table("animal").column("istame").description == "values: Y = yes; N = no"
    assert zoo.table("feeding_log").column("kg fed").comment == "kilograms"
    assert schemas_from_spider(write(tmp_path / "t.json", {**ZOO, "value_enums": ""}))["zoo"].n_columns == 6


def test_optional_parts_may_be_absent(tmp_path):
    bare = {key: ZOO[key] for key in ("db_id", "table_names_original", "column_names_original")}
    zoo = schemas_from_spider(write(tmp_path / "t.json", bare))["zoo"]
    assert {column.type for table in zoo.tables for column in table.columns} == {""}
    assert zoo.foreign_keys == ()
    (tmp_path / "one.json").write_text("\ufeff" + json.dumps(bare), encoding="utf-8")
    assert list(schemas_from_spider(tmp_path / "one.json")) == ["zoo"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"table_names_original": None}, "table_names_original"),
        ({"table_names_original": [1]}, "not a list of strings"),
        ({"table_names": ["one"]}, "1 items where 2"),
        ({"column_names_original": "x"}, "not a list"),
        ({"column_names_original": [[0]]}, "not .table number, name"),
        ({"column_names_original": [[5, "a"]]}, "no table number 5"),
        ({"column_types": ["text"]}, "1 items where 7"),
        ({"primary_keys": [0]}, "no column number 0"),
        ({"primary_keys": [[1, 99]]}, "no column number 99"),
        ({"primary_keys": ["x"]}, "no column number 'x'"),
        ({"foreign_keys": [[1, True]]}, "no column number True"),
        ({"foreign_keys": [[1]]}, "not a pair"),
        ({"value_enums": [1]}, "value_enums"),
    ],
)
def test_a_malformed_database_names_file_and_db_id(tmp_path, change, words):
    path = write(tmp_path / "tables.json", {**ZOO, "db_id": "fine"}, {**ZOO, **change})
    with pytest.raises(InputError, match=words) as caught:
        schemas_from_spider(path)
    assert "tables.json" in caught.value.where
    assert "'zoo'" in caught.value.where


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not JSON"),
        (b"[{", "not JSON"),
        (b"\xff\xfe[]", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"7", "not hold a list"),
        (b'{"a": 1}', "not hold a list"),
        (b"[7]", "no db_id"),
        (b'[{"db_id": ""}]', "no db_id"),
    ],
)
def test_a_malformed_file(tmp_path, content, words):
    path = tmp_path / "tables.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=words) as caught:
        schemas_from_spider(path)
    assert str(path) in caught.value.where


def test_a_missing_file_a_folder_and_a_double(tmp_path):
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(InputError, match="cannot be read"):
            schemas_from_spider(path)
    with pytest.raises(InputError, match="twice"):
        schemas_from_spider(write(tmp_path / "t.json", ZOO, ZOO))


HEAD = "original_column_name,column_name,column_description,data_format,value_description\n"


def describe(folder: Path, name: str, content: bytes) -> None:
    target = folder / "zoo" / "database_description"
    target.mkdir(parents=True, exist_ok=True)
    (target / name).write_bytes(content)


def test_bird_descriptions_in_their_encodings(tmp_path):
    path = write(tmp_path / "dev_tables.json", ZOO)
    folder = tmp_path / "databases"
    describe(folder, "animal.csv", ("\ufeff" + HEAD + 'nm ,x,its name,text,"two\nlines, quoted"\n').encode())
    describe(
        folder,
        "feeding_log.csv",
        (HEAD + "KG FED,,poids donné – net,real,\nday,,same,text,same\n\n,,,,\nx\n").encode("cp1252"),
    )
    describe(folder, "stranger.csv", b"no such table")
    for given in (None, folder):
        zoo = schemas_from_bird(path, given)["zoo"]
        assert zoo.table("animal").column("nm").description == "its name\ntwo\nlines, quoted"
        assert zoo.table("feeding_log").column("kg fed").description == "poids donné – net"
        assert zoo.table("feeding_log").column("day").description == "same"
        assert zoo.table("animal").column("istame").description == ""
        assert zoo.table("feeding_log").primary_key == ("animal", "day")


def test_bird_meanings_fill_what_no_file_describes(tmp_path):
    path = write(tmp_path / "dev_tables.json", ZOO)
    describe(tmp_path / "dev_databases", "animal.csv", (HEAD + "nm,,from the file,,\n").encode())
    meanings = tmp_path / "column_meaning.json"
    meanings.write_text(
        json.dumps({"zoo|Animal|nm": "#other", "zoo|feeding_log|kg fed": "# 'How much.'", "x|y|z": "w"})
    )
    zoo = schemas_from_bird(path, meanings=meanings)["zoo"]
    assert zoo.table("animal").column("nm").description == "from the file"
    assert zoo.table("feeding_log").column("kg fed").description == "How much."


def test_bird_without_any_description(tmp_path):
    assert schemas_from_bird(write(tmp_path / "dev_tables.json", ZOO))["zoo"].n_columns == 6


def test_bird_errors(tmp_path):
    path = write(tmp_path / "dev_tables.json", ZOO)
    with pytest.raises(InputError, match="does not exist"):
        schemas_from_bird(path, tmp_path / "nowhere")
    describe(tmp_path / "databases", "animal.csv", b"a,b\n1,2\n")
    with pytest.raises(InputError, match=r"no column 'original_column_name'.*animal\.csv"):
        schemas_from_bird(path)
    for data in ([], {"ab": "c"}, {"a|b|c": 1}):
        (tmp_path / "m.json").write_text(json.dumps(data))
        with pytest.raises(InputError, match=r"m\.json"):
            schemas_from_bird(path, tmp_path, meanings=tmp_path / "m.json")


@pytest.mark.data
def test_the_real_files(shared):
    root = shared / "data" / "nl2sql"
    spider = schemas_from_spider(root / "spider" / "tables.json")
    assert (len(spider), sum(schema.n_columns for schema in spider.values())) == (85, 2355)
    assert list(schemas_from_spider(root / "spider_dk" / "tables_new.json")) == ["new_concert_singer"]
    kaggle = schemas_from_spider(root / "kaggledbqa" / "KaggleDBQA_tables.json")
    assert (
        "BWR = Boiling Water Reactor"
        in kaggle["GeoNuclearData"].table("nuclear_power_plants").column("ReactorType").description
    )
    bird = schemas_from_bird(root / "bird_dev" / "dev_tables.json")
    assert bird["debit_card_specializing"].table("yearmonth").primary_key == ("CustomerID", "Date")
    assert all(column.description for table in bird["superhero"].tables for column in table.columns)
    assert len(bird["superhero"].foreign_keys) == 11


@pytest.mark.data
def test_the_real_databases_agree_with_their_schema_files(shared):
    from ctxprune.sql.database.database import Database

    root = shared / "data" / "nl2sql" / "spider"
    schemas = schemas_from_spider(root / "tables.json")
    differing = []
    for name in ("concert_singer", "car_1", "flight_2", "dorm_1"):
        with Database(root / "database" / name / f"{name}.sqlite") as database:
            real, noted = database.schema(), schemas[name]
        if {
            ref
            for ref in real.enriched(noted).refs()
            if ref.table not in noted or ref.column not in noted.table(ref.table)
        }:
            differing.append(name)
    assert differing == []
