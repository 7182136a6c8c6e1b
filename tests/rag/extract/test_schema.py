"""Record schemas in all their forms, and as Python classes."""

from __future__ import annotations

import enum
import json
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

import pytest

from ctxprune.errors import InputError, UsageError
from ctxprune.rag.extract import RecordField, as_record_schema, write_classes
from ctxprune.rag.extract.class_text import class_name


class Colour(enum.Enum):
    red = "red"
    blue = "blue"


@dataclass
class Maker:
    """Who makes it."""

    name: str
    founded: date | None = None


@dataclass
class Toy:
    name: str = field(metadata={"description": "what it is called"})
    price: float | None
    maker: Maker
    colour: Colour = Colour.red
    size: Literal["s", "m"] = "s"
    tags: list[str] = field(default_factory=list)


CLASSES = '''\
class Maker:
    """Who makes it."""
    name: str
    founded: date | None

class Toy:
    name: str  # what it is called
    price: float | None
    maker: Maker  # Who makes it.
    colour: Literal["red", "blue"] | None
    size: Literal["s", "m"] | None
    tags: list[str] | None'''


def test_a_dataclass_as_fields_and_as_classes() -> None:
    schema = as_record_schema(Toy)
    assert [entry.path for entry in schema.fields] == [
        "name", "price", "maker.name", "maker.founded", "colour", "size", "tags",
    ]  # fmt: skip
    assert schema.find_field("maker.founded") == RecordField("maker.founded", "date")
    assert schema.find_field("colour").choices == ("red", "blue")
    assert schema.find_field("tags").many
    assert schema.find_field("nothing") is None
    assert write_classes(schema) == CLASSES


def test_kept_fields_alone_are_written() -> None:
    assert write_classes(as_record_schema(Toy), ["price", "maker.name"]) == (
        'class Maker:\n    """Who makes it."""\n    name: str\n\n'
        "class Toy:\n    price: float | None\n    maker: Maker  # Who makes it."
    )
    assert write_classes(as_record_schema(Toy), []) == "class Toy:\n    pass"


def test_pydantic_is_read_as_its_json_schema() -> None:
    pydantic = pytest.importorskip("pydantic")
    inner = pydantic.create_model("Inner", day=(date, ...))
    model = pydantic.create_model("Outer", name=(str, ...), inner=(inner | None, None), many=(list[inner], []))
    schema = as_record_schema(model)
    found = [(entry.path, entry.kind, entry.required) for entry in schema.fields]
    assert found == [("name", "string", True), ("inner.day", "date", False), ("many", "object", False)]
    assert write_classes(schema).endswith("    name: str\n    inner: Inner | None\n    many: list[Inner] | None")


def test_recursive_definitions_end() -> None:
    node = {"type": "object", "properties": {"name": {"type": "string"}, "next": {"$ref": "#/$defs/node"}}}
    schema = as_record_schema({"$ref": "#/$defs/node", "$defs": {"node": node}})
    assert [entry.path for entry in schema.fields] == ["name", "next.name"]
    assert write_classes(schema).count("class ") <= 3
    circle = {"type": "object", "properties": {"a": {"$ref": "#/$defs/x"}}, "$defs": {"x": {"$ref": "#/$defs/x"}}}
    assert [entry.path for entry in as_record_schema(circle).fields] == ["a"]


def test_an_array_of_records_and_a_text() -> None:
    items = {"type": "array", "items": {"type": "object", "title": "Row", "properties": {"a": {"type": "integer"}}}}
    for given in (items, json.dumps(items)):
        assert as_record_schema(given).fields == (RecordField("a", "integer"),)
    assert as_record_schema(items).name == "Row"


def test_five_hundred_fields() -> None:
    schema = as_record_schema({"properties": {f"field_{n}": {"type": "number"} for n in range(500)}})
    assert len(schema.fields) == 500
    assert len(write_classes(schema).splitlines()) == 501


@pytest.mark.parametrize(
    "given",
    [{}, {"type": "string"}, {"properties": {}}, {"properties": []}, 3, None, [], "[]", Colour, {"items": 4}],
    ids=repr,
)
def test_what_has_no_fields_is_refused(given: object) -> None:
    with pytest.raises(UsageError):
        as_record_schema(given)


def test_what_is_too_large_or_broken_is_refused() -> None:
    with pytest.raises(InputError, match="5,000"):
        as_record_schema({"properties": {f"f{n}": {} for n in range(5_001)}})
    with pytest.raises(InputError, match="no JSON"):
        as_record_schema("{")

    @dataclass
    class Bad:
        a: object

    with pytest.raises(UsageError, match="no form in JSON"):
        as_record_schema(Bad)


@pytest.mark.parametrize(
    ("title", "name"), [("order item", "OrderItem"), ("", "Record"), ("3 d", "Record3D"), ("a'b\n c", "ABC")]
)
def test_names_of_classes(title: str, name: str) -> None:
    assert class_name(title) == name
