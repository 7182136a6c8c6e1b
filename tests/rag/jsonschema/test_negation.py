"""Schemas with negation and with keywords about whole objects and arrays: decided, and never wrongly."""

from __future__ import annotations

import json
import time
from random import Random
from typing import Any

import pytest

from ctxprune.rag.jsonschema import witness

jsonschema_rs = pytest.importorskip("jsonschema_rs")

OBJECT, ARRAY = {"type": "object"}, {"type": "array"}
# Each schema has instances, and its negation joined with it has none.
NEGATED: dict[str, Any] = {
    "type": {"type": ["string", "integer"]},
    "number": {"type": "number"},
    "enum": {"enum": [1, "a", [2], None]},
    "const": {"const": {"a": 1}},
    "minimum": {"minimum": 3},
    "exclusiveMaximum": {"exclusiveMaximum": 3, "type": "integer"},
    "multipleOf": {"multipleOf": 0.5},
    "multiples": {"allOf": [{"multipleOf": 6}, {"not": {"multipleOf": 4}}], "type": "integer"},
    "minLength": {"minLength": 2},
    "maxLength": {"type": "string", "maxLength": 2},
    "pattern": {"pattern": "^a+$"},
    "required": {"required": ["a", "b"]},
    "properties": {"properties": {"a": {"type": "string"}, "b": {"minimum": 1}}},
    "patternProperties": {"patternProperties": {"^x": {"type": "string"}}},
    "additionalProperties": {"properties": {"a": {}}, "additionalProperties": {"type": "null"}},
    "closed": {"type": "object", "properties": {"a": {}}, "additionalProperties": False},
    "propertyNames": {"propertyNames": {"maxLength": 2, "pattern": "^[a-c]"}},
    "minProperties": {"minProperties": 2},
    "maxProperties": {"type": "object", "maxProperties": 1},
    "dependentRequired": {"dependentRequired": {"a": ["b"]}},
    "dependentSchemas": {"dependentSchemas": {"a": {"required": ["c"]}}},
    "items": {"items": {"type": "integer"}},
    "prefixItems": {"prefixItems": [{"type": "integer"}, {"type": "string"}], "items": False},
    "contains": {"contains": {"const": 1}},
    "minContains": {"contains": {"const": 1}, "minContains": 2, "maxContains": 3},
    "minItems": {"minItems": 2},
    "allOf": {"allOf": [{"minimum": 1}, {"maxLength": 1}]},
    "anyOf": {"anyOf": [{"type": "string"}, {"minimum": 5}]},
    "oneOf": {"oneOf": [{"minimum": 5}, {"multipleOf": 2}]},
    "not": {"not": {"not": {"type": "string"}}},
    "if": {"if": {"type": "string"}, "then": {"minLength": 2}, "else": {"type": "null"}},
    "recursive": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}},
}


@pytest.mark.parametrize("name", NEGATED)
def test_a_schema_and_its_negation(name: str) -> None:
    schema = NEGATED[name]
    definitions = {"$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}}}
    for wanted in (schema, {"not": schema}):
        whole = {**definitions, **wanted}
        found = witness(whole, count=5, seed=2)
        assert (found.verdict, len(found.instances)) == ("satisfiable", 5), found
        assert all(map(jsonschema_rs.validator_for(whole).is_valid, found.instances))
    both = witness({**definitions, "allOf": [schema, {"not": schema}]})
    assert both.verdict == "unsatisfiable", both
    assert witness({**definitions, "not": {"anyOf": [schema, {"not": schema}]}}).verdict == "unsatisfiable"


UNSATISFIABLE: dict[str, Any] = {
    "two patterns": {"type": "string", "allOf": [{"pattern": "^a"}, {"pattern": "^b"}]},
    "pattern and length": {"type": "string", "pattern": "^a{3}$", "maxLength": 2},
    "excluded texts": {"type": "string", "pattern": "^(a|b)$", "not": {"enum": ["a", "b"]}},
    "excluded numbers": {"type": "integer", "minimum": 1, "maximum": 2, "not": {"enum": [1, 2]}},
    "excluded flags": {"type": "boolean", "not": {"const": True}, "allOf": [{"not": {"const": False}}]},
    "no name left": OBJECT | {"minProperties": 2, "propertyNames": {"enum": ["a"]}},
    "no name at all": OBJECT | {"minProperties": 1, "propertyNames": False},
    "one of two patterns": OBJECT
    | {"minProperties": 1, "patternProperties": {"^a": False, "^[^a]": False, "^$": False}},
    "closed and counted": OBJECT | {"properties": {"a": {}, "b": False}, "additionalProperties": False}
    | {"minProperties": 2},
    "names of one length": OBJECT | {"minProperties": 3, "propertyNames": {"pattern": "^[ab]$"}},
    "names excluded": OBJECT | {"required": ["abc"], "propertyNames": {"maxLength": 2}},
    "needs what is false": OBJECT | {"required": ["a"], "dependentRequired": {"a": ["b"]}, "properties": {"b": False}},
    "contains nothing allowed": ARRAY | {"items": {"type": "string"}, "contains": {"type": "null"}},
    "contains too many": ARRAY | {"contains": True, "minContains": 3, "maxItems": 2},
    "contains in a tuple": ARRAY | {"prefixItems": [{"const": 1}], "items": False, "contains": {"const": 2}},
    "different flags": ARRAY | {"items": {"type": "boolean"}, "uniqueItems": True, "minItems": 3},
    "not unique": ARRAY | {"not": {"uniqueItems": True}, "maxItems": 1},
    "then and else": {"if": {"type": "string"}, "then": False, "else": False},
    "no kind left": {"not": {"type": ["null", "boolean", "number", "string", "array", "object"]}},
    "unevaluated": OBJECT | {"properties": {"a": {}}, "unevaluatedProperties": False, "required": ["b"]},
    "unevaluated items": ARRAY | {"prefixItems": [{}], "unevaluatedItems": False, "minItems": 2},
    "every instance is deeper": {"anyOf": [OBJECT | {"required": ["a"], "properties": {"a": {"$ref": "#"}}}]},
}  # fmt: skip


@pytest.mark.parametrize("name", UNSATISFIABLE)
def test_contradictions_are_proven(name: str) -> None:
    found = witness(UNSATISFIABLE[name])
    assert (found.verdict, found.instances) == ("unsatisfiable", ()), found
    assert found.reason


NAMES, DRAFTS = (
    ("a", "b", "ab"),
    ("http://json-schema.org/draft-07/schema#", "https://json-schema.org/draft/2020-12/schema"),
)


def _value(random: Random, depth: int = 2) -> Any:
    chance = random.random()
    if depth <= 0 or chance < 0.6:
        return random.choice([None, True, False, 0, 1, 2, -1, 0.5, "", "a", "b", "ab", "bb"])
    if chance < 0.8:
        return [_value(random, depth - 1) for _ in range(random.randint(0, 3))]
    return {name: _value(random, depth - 1) for name in random.sample(NAMES, random.randint(0, 3))}


def _schema(random: Random, depth: int) -> Any:
    if random.random() < 0.06:
        return random.random() < 0.5

    def inner() -> Any:
        return _schema(random, depth - 1)

    leaves: list[dict[str, Any]] = [
        {"type": random.choice(["null", "boolean", "integer", "number", "string", "array", "object"])},
        {"const": _value(random)}, {"minimum": random.choice([0, 1, 1.5])}, {"maximum": random.choice([0, 1, 1.5])},
        {"multipleOf": random.choice([1, 2, 0.5])}, {"minLength": random.randint(0, 2)}, {"uniqueItems": True},
        {"maxLength": random.randint(0, 2)}, {"pattern": random.choice(["^a", "b$", "^[ab]*$", "^$"])},
        {"required": random.sample(NAMES, 2)}, {"minItems": random.randint(0, 2)}, {"maxItems": random.randint(0, 2)},
        {"minProperties": random.randint(0, 2)}, {"maxProperties": random.randint(0, 2)},
        {"dependencies": {"a": ["b"]}}, {"$ref": "#/definitions/d"},
    ]  # fmt: skip
    made: dict[str, Any] = {}
    for _ in range(random.randint(1, 3)):
        if depth <= 0 or random.random() < 0.5:
            made |= random.choice(leaves)
            continue
        word = random.choice(["properties", "patternProperties", "allOf", "anyOf", "oneOf", "if", "items", "contains",
                              "not", "not", "additionalProperties", "propertyNames"])  # fmt: skip
        if word == "properties":
            made[word] = {name: inner() for name in random.sample(NAMES, 2)}
        elif word == "patternProperties":
            made[word] = {random.choice(["^a", "b$"]): inner()}
        elif word in ("allOf", "anyOf", "oneOf"):
            made[word] = [inner() for _ in range(random.randint(1, 3))]
        else:
            made |= {"if": inner(), "then": inner(), "else": inner()} if word == "if" else {word: inner()}
    return made


@pytest.mark.parametrize("first", [0, 60, 120, pytest.param(1000, marks=pytest.mark.long)])
def test_no_schema_with_an_instance_is_called_unsatisfiable(first: int) -> None:
    values = [_value(Random(number), 3) for number in range(400)]
    counts = {"satisfiable": 0, "unsatisfiable": 0, "unknown": 0}
    size = 60 if first < 1000 else 3000
    for seed in range(first, first + size):
        random = Random(seed)
        schema = {"$schema": DRAFTS[seed % 2], "definitions": {"d": _schema(random, 1)}}
        schema |= {"allOf": [_schema(random, 3)]}
        found = witness(schema, seed=seed, limit=2000)
        counts[found.verdict] += 1
        accepts = jsonschema_rs.validator_for(schema).is_valid
        assert all(map(accepts, found.instances))
        if found.verdict == "unsatisfiable":
            assert not any(map(accepts, values)), json.dumps(schema)
    assert counts["unsatisfiable"] > 0
    assert counts["unknown"] <= size // 20


@pytest.mark.parametrize(
    "schema",
    [
        {"not": {"$ref": "#"}},
        {"$ref": "#/$defs/d", "$defs": {"d": {"not": {"$ref": "#/$defs/d"}}}},
        {"anyOf": [{"$ref": "#"}, {"not": {"$ref": "#"}}]},
        {"allOf": [{"$ref": "#/$defs/a"}], "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"not": {"$ref": "#/$defs/a"}}}},
        {"$dynamicRef": "#a", "$defs": {"x": {"$dynamicAnchor": "a"}, "y": {"$id": "u:y", "$dynamicAnchor": "a"}}},
    ],
)
def test_what_refers_to_itself_is_not_proven_anything(schema: Any) -> None:
    assert witness(schema).verdict != "unsatisfiable"


def _nested(depth: int) -> Any:
    schema: Any = {"type": "string"}
    for _ in range(depth):
        schema = {"not": schema}
    return schema


@pytest.mark.parametrize(
    "schema",
    [
        _nested(180),
        {"oneOf": [{"required": [f"a{number}"]} for number in range(90)]},
        {"not": {"oneOf": [{"required": [f"a{number}"]} for number in range(90)]}},
        {"allOf": [{"anyOf": [{"required": [f"a{i}"]}, {"required": [f"b{i}"]}]} for i in range(60)], **OBJECT},
        {"patternProperties": {f"^a{i}": {"minimum": i} for i in range(60)}, "minProperties": 9, **OBJECT},
        {"allOf": [{"contains": {"const": number}} for number in range(12)], "maxItems": 5, **ARRAY},
        {"allOf": [{"contains": {"const": number}} for number in range(40)], **ARRAY},
        {"allOf": [{"not": {"required": [f"a{i}"], "properties": {"b": {"const": i}}}} for i in range(40)], **OBJECT},
    ],
)  # fmt: skip
def test_hard_schemas_end_soon(schema: Any) -> None:
    start = time.process_time()
    found = witness(schema, limit=2000)
    assert found.verdict in ("satisfiable", "unsatisfiable", "unknown")
    assert time.process_time() - start < 3
