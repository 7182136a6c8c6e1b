"""What a memory may hold: keys from JSON Schemas, dataclasses and Pydantic models."""

from __future__ import annotations

import dataclasses
import json
import threading
from typing import Any

import pytest

from ctxprune.errors import CtxpruneError, InputError, UsageError
from ctxprune.rag.memory import MemorySchema

STORY = {
    "$defs": {
        "Place": {"type": "object", "properties": {"name": {"type": "string"}, "sort": {"enum": ["town", "sea"]}}},
        "Names": {"type": "array", "items": {"$ref": "#/$defs/Name"}},
        "Name": {"type": "string", "minLength": 2},
        "Person": {"type": "object", "properties": {"name": {"type": "string"}, "friend": {"$ref": "#/$defs/Person"}}},
    },
    "type": "object",
    "properties": {
        "title": {"type": "string", "description": "what it\nis called"},
        "setting": {"$ref": "#/$defs/Place"},
        "people": {"$ref": "#/$defs/Names", "description": "who is there"},
        "hero": {"$ref": "#/$defs/Person"},
        "traits": {"type": "object", "additionalProperties": {"$ref": "#/$defs/Name"}},
        "a/b~c": {"type": ["string", "null"]},
        "any": True,
        "never": False,
    },
}


def test_keys_of_a_hierarchy() -> None:
    schema = MemorySchema(STORY)
    assert [(key.path, key.form) for key in schema.keys] == [
        ("/title", "value"),
        ("/setting/name", "value"),
        ("/setting/sort", "value"),
        ("/people", "list"),
        ("/hero/name", "value"),
        ("/hero/friend", "value"),  # an object that contains itself
        ("/traits", "map"),
        ("/a~1b~0c", "value"),
        ("/any", "value"),
        ("/never", "value"),
    ]
    assert schema.to_text().split("\n")[:4] == [
        "/title (string): what it is called",
        "/setting/name (string)",
        "/setting/sort (one of town, sea)",
        "/people/- (string): who is there",
    ]
    assert MemorySchema(json.dumps(STORY)) == schema
    assert MemorySchema(schema) == schema


@pytest.mark.parametrize(
    ("path", "value", "fits"),
    [
        ("/people/-", "Ann", True),
        ("/people/-", "A", False),
        ("/people/3", ["Ann"], False),
        ("/hero/friend", {"name": "x", "friend": {"name": "y"}}, True),
        ("/hero/friend", {"friend": {"name": 3}}, False),
        ("/traits/Ann", "tall", True),
        ("/traits/Ann", 3, False),
        ("/a~1b~0c", None, True),
        ("/any", {"x": [1]}, True),
        ("/never", "x", False),
        ("/setting/sort", "moon", False),
    ],
)
def test_values_are_validated(path: str, value: Any, fits: bool) -> None:
    key, _ = MemorySchema(STORY).find(path)
    assert key.accepts(value) is fits


def test_lists_of_plain_texts_need_no_validator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctxprune.rag.memory.schema.build_validator", None)
    schema = MemorySchema({"properties": {"a": {"type": "array", "items": {"type": "string", "title": "A"}}, "b": {}}})
    assert schema.keys[0].accepts("x")
    assert not schema.keys[0].accepts(3)
    assert schema.keys[1].accepts({"any": 1})


def test_dataclasses_and_models() -> None:
    pydantic = pytest.importorskip("pydantic")

    @dataclasses.dataclass
    class Place:
        name: str

    @dataclasses.dataclass
    class Story:
        people: list[str]
        place: Place
        ages: dict[str, int]
        end: str | None = None

    Story.__annotations__ = {"people": list[str], "place": Place, "ages": dict[str, int], "end": str | None}
    for field in dataclasses.fields(Story):
        field.type = Story.__annotations__[field.name]
    keys = [("/people", "list"), ("/place/name", "value"), ("/ages", "map"), ("/end", "value")]
    assert [(key.path, key.form) for key in MemorySchema(Story).keys] == keys
    model = pydantic.create_model("Story", people=(list[str], ...), ages=(dict[str, int], ...))
    assert [(key.path, key.form) for key in MemorySchema(model).keys] == [keys[0], keys[2]]
    assert not MemorySchema(model).find("/ages/Ann")[0].accepts("old")


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        ({}, UsageError, "no properties"),
        ({"properties": {}}, UsageError, "no properties"),
        ({"properties": {f"p{i}": {} for i in range(1001)}}, UsageError, "more than 1000"),
        ({"type": "array", "items": {}}, UsageError, "no properties"),
        ({"properties": {"a\nb": {}}}, UsageError, "not printable"),
        (True, UsageError, "is a bool"),
        ([1], UsageError, "is a list"),
        ("[1]", UsageError, "is a list"),
        ("{", InputError, "no JSON"),
        ("", InputError, "no JSON"),
        (None, UsageError, "NoneType"),
        (object(), InputError, "object"),
        (object, UsageError, "no properties"),
        (threading.Thread, UsageError, "no JSON Schema"),
        ({"properties": {"a": {"$ref": "#/$defs/b"}}}, InputError, "leads nowhere"),
        ({"properties": {"a": {"$ref": "http://x/y"}}}, InputError, "leads nowhere"),
        ({"$defs": {"a": {"$ref": "#/$defs/a"}}, "properties": {"a": {"$ref": "#/$defs/a"}}}, InputError, "nowhere"),
        ('{"a":' * 300 + "1" + "}" * 300, InputError, "nested"),
    ],
)
def test_bad_schemas(source: object, error: type[CtxpruneError], message: str) -> None:
    with pytest.raises(error, match=message):
        MemorySchema(source)


def test_deep_hierarchies_end_in_one_value() -> None:
    inner: dict[str, Any] = {"type": "string"}
    for _ in range(50):
        inner = {"type": "object", "properties": {"a": inner}}
    (key,) = MemorySchema(inner).keys
    assert key.path == "/a" * 8
    assert key.form == "value"


def test_a_schema_that_is_none_is_said_when_a_value_comes() -> None:
    schema = MemorySchema({"properties": {"a": {"type": "strange"}}})
    with pytest.raises(InputError, match="no JSON schema"):
        schema.keys[0].accepts("x")
