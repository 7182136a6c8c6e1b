"""What constrained decoding has in common, and what a schema asks beyond it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ctxprune import TopK, prune
from ctxprune.errors import InputError, UsageError
from ctxprune.rag import Tools
from ctxprune.rag.jsonschema import check_compliance

COVERED = {
    "title": "Order", "type": "object", "required": ["id"],
    "properties": {
        "id": {"type": "integer", "minimum": 1, "maximum": 9, "description": "Its number"},
        "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "minItems": 1, "maxItems": 3},
        "code": {"anyOf": [{"type": "string", "pattern": "^\\(?=[A-Z]+$"}, {"const": None}]},
        "next": {"$ref": "#/$defs/next"},
    },
    "$defs": {"next": {"type": "string"}, "unused": {"not": {}}},
}  # fmt: skip


def test_the_common_core() -> None:
    found = check_compliance(COVERED)
    assert found.is_covered
    assert found.covered == {
        "$ref": 1, "anyOf": 1, "const": 1, "enum": 1, "items": 1, "maxItems": 1, "maximum": 1, "minItems": 1,
        "minimum": 1, "pattern": 1, "properties": 1, "required": 1, "type": 5,
    }  # fmt: skip
    assert found == check_compliance(json.dumps(COVERED))
    assert found.to_dict()["beyond"] == []


@pytest.mark.parametrize(
    ("schema", "beyond"),
    [
        ({"oneOf": [{}]}, ("/: oneOf",)),
        ({"properties": {"a/b": {"minLength": 1}}}, ("/properties/a~1b: minLength",)),
        ({"pattern": "^(?!a)"}, ("/: pattern (look-around)",)),
        ({"pattern": "(?<=a)b"}, ("/: pattern (look-around)",)),
        ({"items": [{}]}, ("/: items (a list)",)),
        ({"$ref": "https://a.example/b"}, ("/: $ref (outside the document)",)),
        ({"additionalProperties": False}, ("/: additionalProperties",)),
        ({"properties": {"a": False}, "items": False}, ("/properties/a: false", "/items: false")),
        ({"anyOf": [{}, False]}, ("/anyOf/1: false",)),
        ({"pattern": "\\\\(?=a)"}, ("/: pattern (look-around)",)),
        ({"pattern": "[(?=a)]\\(?=a"}, ()),
        ({"$ref": "#/nowhere"}, ("/: $ref (to nothing)",)),
        ({"$ref": "#/$defs/no", "$defs": {"no": False}}, ("/: $ref (to false)",)),
        ({"$ref": "#/$defs/yes", "$defs": {"yes": True}}, ()),
        ({"$ref": "#here", "$defs": {"a": {"$anchor": "here"}}}, ()),
        (False, ("/: false",)),
        (True, ()),
        ({}, ()),
        ({"$ref": "#"}, ()),
    ],
)
def test_what_is_beyond(schema: Any, beyond: tuple[str, ...]) -> None:
    assert check_compliance(schema).beyond == beyond


def test_of_tools_before_and_after_pruning() -> None:
    tools = [
        {"name": "search", "description": "Search orders", "parameters": {"type": "object", "properties": {"q": {}}}},
        {"name": "book", "description": "Book a room", "input_schema": {"type": "object", "minProperties": 1}},
        {"type": "web_search"},
    ]
    assert check_compliance(tools).beyond == ("book: /: minProperties",)
    assert check_compliance({"result": {"tools": tools}}).beyond == ("book: /: minProperties",)
    pruned = prune("search the orders", Tools(tools[:2]), scorer="lexical.v1", policy=TopK(1))
    assert check_compliance(pruned.output).is_covered


@pytest.mark.parametrize(
    ("source", "error"), [("{", InputError), (5, UsageError), (None, UsageError), ("5", UsageError)]
)
def test_bad_input(source: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        check_compliance(source)


def test_deep_and_cyclic_input() -> None:
    cyclic: dict[str, Any] = {}
    cyclic["properties"] = {"a": cyclic}
    with pytest.raises(InputError):
        check_compliance(cyclic)
    assert check_compliance({"properties": 5, "items": 5, "$ref": 5}).beyond == ("/: $ref (outside the document)",)
