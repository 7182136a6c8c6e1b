"""Instances of schemas, and proofs that there are none."""

from __future__ import annotations

import json
import runpy
import time
from pathlib import Path
from typing import Any

import pytest

from ctxprune.errors import InputError, UsageError
from ctxprune.rag import JsonSchema
from ctxprune.rag.jsonschema import check_projection, require_satisfiable, witness

jsonschema_rs = pytest.importorskip("jsonschema_rs")

_made = runpy.run_path(str(Path(__file__).parent / "random_schemas.py"))
random_schema = _made["random_schema"]

LIST = {"type": "object", "properties": {"value": {}, "next": {"$ref": "#"}}, "required": ["value"]}
SATISFIABLE: dict[str, Any] = {
    "true": True,
    "empty": {},
    "integer in range": {"type": "integer", "minimum": 3, "maximum": 4},
    "number between": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.1},
    "multiples": {"type": "integer", "multipleOf": 7, "minimum": 15, "maximum": 25},
    "fractions": {"type": "number", "multipleOf": 0.5, "minimum": 0.2, "maximum": 0.9},
    "negative": {"type": "number", "maximum": -5.5},
    "text": {"type": "string", "minLength": 40, "maxLength": 41},
    "pattern": {"type": "string", "pattern": "^[A-Z]{2}-\\d{4,}(x|y)?$", "minLength": 9},
    "two patterns": {"type": "string", "pattern": "^a+$", "allOf": [{"pattern": "aa"}]},
    "pattern of spaces": {"type": "string", "pattern": "^\\w\\s\\S[^a-z].$"},
    "enum": {"enum": ["a", 5, None], "type": ["integer", "null"]},
    "const": {"const": {"a": [1]}, "type": "object"},
    "unique": {"type": "array", "items": {"type": "boolean"}, "uniqueItems": True, "minItems": 2},
    "tuple": {"type": "array", "prefixItems": [{"const": 1}, {"type": "string"}], "items": False, "minItems": 2},
    "old tuple": {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "array", "items": [{"const": 1}], "additionalItems": {"type": "null"}, "minItems": 3,
    },
    "recursive": LIST,
    "or null": {"type": "object", "properties": {"c": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}}, "required": ["c"]},
    "allOf": {"allOf": [{"type": "object", "required": ["a"]}, {"properties": {"a": {"minimum": 9}}}]},
    "one branch": {"oneOf": [{"type": "string"}, {"type": "string", "maxLength": 3}]},
    "patternProperties": {"required": ["x-a"], "patternProperties": {"^x-": {"const": 2}}, "type": "object"},
    "additional": {"type": "object", "minProperties": 3, "additionalProperties": {"type": "integer"}},
    "beyond the core": {"type": "object", "properties": {"a": {"not": {"type": "string"}}}, "required": ["a"]},
    "hidden by $ref": {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "properties": {"a": {"$ref": "#/definitions/a", "type": "string"}},
        "definitions": {"a": {"type": "integer"}}, "required": ["a"], "type": "object",
    },
    "dots in a loop": {"$ref": "#"},
}  # fmt: skip


@pytest.mark.parametrize("name", SATISFIABLE)
def test_instances_are_valid(name: str) -> None:
    schema = SATISFIABLE[name]
    found = witness(schema, count=20, seed=1)
    assert (found.verdict, len(found.instances), found.reason) == ("satisfiable", 20, "")
    assert all(map(jsonschema_rs.validator_for(schema).is_valid, found.instances))
    assert witness(schema, count=20, seed=1) == found
    assert witness(json.dumps(schema), count=20, seed=1) == found


UNSATISFIABLE: dict[str, tuple[Any, str, str]] = {
    "false": (False, "nothing is allowed here", ""),
    "types": ({"allOf": [{"type": "string"}, {"type": "integer"}]}, "type string excludes integer", "/allOf/0/type"),
    "range": ({"type": "number", "minimum": 5, "maximum": 3}, "no number lies between 5 and 3", "/maximum"),
    "integers": (
        {"type": "integer", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
        "no integer lies between 0 (exclusive) and 1 (exclusive)",
        "/exclusiveMaximum",
    ),
    "lengths": ({"type": "string", "minLength": 3, "maxLength": 2}, "minLength 3 is over maxLength 2", "/maxLength"),
    "enum": ({"enum": ["a", "b"], "type": "integer"}, "no value of enum fits what else is asked of it", "/enum"),
    "deep": (
        {"type": "object", "properties": {"a": {"type": "array", "items": False, "minItems": 1}}, "required": ["a"]},
        "nothing is allowed here",
        "/properties/a/items",
    ),
    "closed": (
        {"type": "object", "required": ["x"], "additionalProperties": False},
        "the member 'x' is required and not allowed",
        "/additionalProperties",
    ),
    "too many": (
        {"type": "object", "required": ["x", "y"], "maxProperties": 1},
        "2 members are required and 1 allowed",
        "/maxProperties",
    ),
    "endless": (
        {"type": "object", "required": ["next"], "properties": {"next": {"$ref": "#"}}},
        "the value would have to contain itself without end",
        "/properties/next",
    ),
    "all branches": (
        {"type": "integer", "anyOf": [{"minimum": 5, "maximum": 1}, {"type": "null"}]},
        "",
        "",
    ),
    "despite an unknown keyword": (
        {"type": "integer", "minimum": 2, "maximum": 1, "not": {"format": "date"}},
        "",
        "/maximum",
    ),
}


@pytest.mark.parametrize("name", UNSATISFIABLE)
def test_proofs_name_the_conflict(name: str) -> None:
    schema, reason, where = UNSATISFIABLE[name]
    found = witness(schema, count=3)
    assert (found.verdict, found.instances) == ("unsatisfiable", ())
    assert reason in found.reason
    assert not where or found.where == where
    with pytest.raises(InputError, match="no value can satisfy the schema"):
        require_satisfiable(schema)


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ({"not": {"format": "date"}}, "(not decided: /not: format)"),
        ({"type": "string", "pattern": "(?=a)b", "minLength": 2}, "pattern"),
        ({"type": "string", "pattern": "^(a{60}){60}$"}, "pattern"),
        ({"$ref": "https://example.com/s.json"}, "is not fetched"),
        ({"type": "array", "items": {"maxItems": 0, "type": "array"}, "uniqueItems": True, "minItems": 2}, "differs"),
        ({"type": "object", "required": [f"m{i}" for i in range(30_000)]}, "limit"),
        ({"type": "string", "minLength": 10**9}, "10,000 characters"),
        ({"type": "array", "minItems": 10**9}, "1,000 items"),
        ({"type": "number", "minimum": 10**400, "not": {"multipleOf": 1}}, "too large"),
    ],
)
def test_what_is_beyond_is_unknown_and_passes(schema: Any, reason: str) -> None:
    start = time.process_time()
    found = witness(schema)
    assert found.verdict == "unknown"
    assert reason in found.reason
    require_satisfiable(schema)
    assert time.process_time() - start < 4


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {f"m{number}": {"$ref": "#"} for number in range(40)}},
        {"type": "array", "items": {"$ref": "#"}, "maxItems": 9},
        {"type": "object", "properties": {f"m{number}": {"anyOf": [{"$ref": "#"}] * 9} for number in range(9)}},
    ],
)
def test_instances_of_recursive_schemas_stay_small(schema: Any) -> None:
    start = time.process_time()
    found = witness(schema, count=50)
    assert len(found.instances) == 50
    assert max(len(json.dumps(instance)) for instance in found.instances) < 5000
    assert time.process_time() - start < 2


def test_keywords_beyond_the_core_are_named() -> None:
    inner = {"not": {"unevaluatedItems": {"type": "null"}}, "format": "date", "x-note": 1, "minLenght": 3}
    schema = {"properties": {"a": inner}, "required": ["a"], "$ref": "#/$defs/b", "$defs": {"b": {"$ref": "#"}}}
    assert set(witness(schema, seed=3).beyond) == {"/properties/a/not: unevaluatedItems", "/: $ref"}


DRAFT = {
    "4": "http://json-schema.org/draft-04/schema#",
    "6": "http://json-schema.org/draft-06/schema#",
    "7": "http://json-schema.org/draft-07/schema#",
    "2019": "https://json-schema.org/draft/2019-09/schema",
    "2020": "https://json-schema.org/draft/2020-12/schema",
}


@pytest.mark.parametrize(
    ("schema", "instance", "drafts"),
    [
        ({"type": "array", "prefixItems": [False], "minItems": 1}, [1], "4 6 7 2019"),
        ({"type": "string", "const": 1}, "x", "4"),
        ({"type": "number", "minimum": 1, "maximum": 2, "exclusiveMinimum": True}, 2, "4"),
        ({"$ref": "#a", "allOf": [False], "definitions": {"a": {"$id": "#a"}}}, 1, "6 7"),
        ({"$ref": "#/definitions/a", "type": "string", "definitions": {"a": {"type": "integer"}}}, 1, "4 6 7"),
        ({"type": "array", "items": [True], "additionalItems": False, "minItems": 1}, [None], "6 7 2019"),
        (
            {"type": "array", "items": {"$schema": DRAFT["4"], "const": 1, "type": "string"}, "minItems": 1},
            ["x"],
            "2020",
        ),
    ],
)
def test_keywords_mean_what_the_draft_says(schema: Any, instance: Any, drafts: str) -> None:
    for draft in drafts.split():
        whole = {"$schema": DRAFT[draft], **schema}
        assert jsonschema_rs.validator_for(whole).is_valid(instance)
        assert witness(whole, count=5).verdict != "unsatisfiable", draft
        require_satisfiable(whole)


@pytest.mark.parametrize("draft", ["2020", "", "https://json-schema.org/draft/2020-12/schema#"])
def test_the_newest_draft_holds_without_another(draft: str) -> None:
    uri = {"$schema": DRAFT.get(draft, draft)} if draft else {}
    assert witness({**uri, "type": "array", "prefixItems": [False], "minItems": 1}).verdict == "unsatisfiable"
    assert witness({**uri, "const": 1, "type": "string"}).verdict == "unsatisfiable"


def test_a_long_list_under_many_unions_takes_no_time() -> None:
    unions = [{"anyOf": [{"minLength": number}, {"maxLength": number}]} for number in range(9)]
    lists = [{"enum": [[first, number] for number in range(2000)]} for first in range(2)]
    schema = {**lists[0], "allOf": [*unions, lists[1]]}
    start = time.process_time()
    assert witness(schema).verdict == "unsatisfiable"
    assert time.process_time() - start < 4


@pytest.mark.parametrize("seed", range(40))
def test_verdicts_on_random_schemas(seed: int) -> None:
    schema = random_schema(seed)
    found = witness(schema, count=5, seed=seed)
    assert found.verdict in ("satisfiable", "unsatisfiable")
    assert all(map(jsonschema_rs.validator_for(schema).is_valid, found.instances))


def test_a_projection_that_breaks_is_told() -> None:
    context = JsonSchema({"type": "object", "properties": {"a": {}, "b": {}}, "required": ["b"], "minProperties": 2})
    assert check_projection(context, [0, 1], count=20).broken == ()

    class Careless(JsonSchema):
        def project(self, instance: Any, kept: Any) -> Any:
            return {}

    careless = Careless(context.source)
    checked = check_projection(careless, [0, 1], count=20)
    assert len(checked.broken) == checked.instances == 20
    assert (checked.verdict, checked.reason) == ("satisfiable", "")


@pytest.mark.parametrize(
    ("schema", "verdict"),
    [
        ({"properties": {"a": {}}, "required": ["a"], "allOf": [False]}, "unsatisfiable"),
        ({"properties": {"a": {"$ref": "https://a.example/b"}}}, "unknown"),
    ],
)
def test_a_projection_of_no_instance_says_why(schema: Any, verdict: str) -> None:
    checked = check_projection(JsonSchema(schema), [0])
    assert (checked.instances, checked.broken, checked.verdict) == (0, (), verdict)
    assert checked.reason


@pytest.mark.parametrize("wrong", [{"count": 0}, {"limit": 0}, {"count": True}])
def test_wrong_arguments_are_told(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(wrong))):
        witness({}, **wrong)


@pytest.mark.parametrize("schema", ["", {"type": "nothing"}, {"properties": 5}, {"required": "a"}, 5])
def test_what_is_no_schema_is_refused(schema: Any) -> None:
    with pytest.raises(InputError):
        witness(schema)
