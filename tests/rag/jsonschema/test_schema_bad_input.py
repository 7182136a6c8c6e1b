"""JSON schemas that are none, and those that are deep, endless, large or looping."""

from __future__ import annotations

import time
from typing import Any

import pytest

from ctxprune.errors import InputError, UsageError
from ctxprune.rag import JsonSchema


@pytest.mark.parametrize("schema", [True, False, {}, {"properties": {}}, "true", "{}", {"type": "string"}])
def test_nothing_to_prune(schema: Any) -> None:
    context = JsonSchema(schema)
    assert context.units == ()
    assert context.render([]) == schema


NESTED = ("{" * 100_000, '{"a":' * 100_000, "[" * 300 + "]" * 300)


@pytest.mark.parametrize("source", ["", "[1]", "nope", "1", "NaN", '{"a": NaN}', '{"a": 1e999}', *NESTED])
def test_texts_that_are_no_schema(source: str) -> None:
    with pytest.raises((InputError, UsageError)):
        JsonSchema(source)


@pytest.mark.parametrize("source", [None, 5, [], {1: {}}, {"a": float("nan")}, {"a": object()}, {"a": {b"x": 1}}])
def test_values_that_are_no_schema(source: Any) -> None:
    with pytest.raises((InputError, UsageError)):
        JsonSchema(source)


def test_deep_endless_and_growing_values() -> None:
    deep: dict[str, Any] = {}
    for _ in range(100_000):
        deep = {"properties": {"a": deep}}
    with pytest.raises(InputError, match="deeper than 200 levels"):
        JsonSchema(deep)
    while deep:  # freed by hand: Python's own way is recursive
        deep = deep["properties"].pop("a")
    endless: dict[str, Any] = {}
    endless["properties"] = {"a": endless}
    with pytest.raises(InputError, match="deeper"):
        JsonSchema(endless)
    growing: dict[str, Any] = {"properties": {"x": {}}}
    for _ in range(60):
        growing = {"properties": {"a": growing, "b": growing}}
    with pytest.raises(InputError, match="more than 1,000,000 values"):
        JsonSchema(growing)


def chain(length: int, names: str) -> dict[str, Any]:
    """Definitions each of which refers to the next one, by each of the names."""
    parts = {f"d{i}": {"properties": {name: {"$ref": f"#/$defs/d{i + 1}"} for name in names}} for i in range(length)}
    return {"$ref": "#/$defs/d0", "$defs": parts}


LARGE = {
    "wide": {"properties": {f"p{i}": {"enum": list(range(10))} for i in range(10_000)}},
    "long enum": {"properties": {"a": {"enum": [f"value {i}" for i in range(100_000)]}}},
    "chain": chain(3000, "n"),
    "doubling": chain(100, "ab"),
    "itself": {"$ref": "#"},
    "branches": {"oneOf": [{"properties": {"a": {"minimum": i}}} for i in range(2000)]},
    "tags": {"oneOf": [{"properties": {f"k{i}": {"const": i}}, "required": [f"k{i}"]} for i in range(15_000)]},
    "one definition": {
        "properties": {f"p{i}": {"$ref": "#/$defs/D"} for i in range(2000)},
        "$defs": {"D": {"anyOf": [{"type": "string", "const": str(i)} for i in range(2000)]}},
    },
    "definitions in a row": {
        "properties": {f"p{i}": {"$ref": f"#/$defs/d{i}"} for i in range(2000)},
        "$defs": {f"d{i}": {"$ref": f"#/$defs/d{i + 1}"} for i in range(2000)},
    },
    "loop": {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}},
}


@pytest.mark.parametrize("name", LARGE)
def test_large_and_looping_schemas_take_no_time(name: str) -> None:
    start = time.process_time()
    context = JsonSchema(LARGE[name])
    context.render(range(len(context.units) // 2))
    context.project({"a": {"b": [1]}}, [0])
    assert len(context.cost_texts()) == len(context.units)
    assert time.process_time() - start < 5  # the square of the size would take minutes
