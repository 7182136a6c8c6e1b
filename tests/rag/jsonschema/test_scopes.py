"""References whose target depends on the dynamic scope: nothing is proven from a subschema and its negation."""

from __future__ import annotations

from typing import Any

import pytest

from ctxprune.rag.jsonschema import witness

jsonschema_rs = pytest.importorskip("jsonschema_rs")

NUMBER, STRING = ({"node": {"$dynamicAnchor": "node", "type": kind}} for kind in ("number", "string"))
A = {"$id": "urn:A", "$dynamicRef": "#node", "$defs": NUMBER}
WRAP = {"$id": "urn:wrap", "$ref": "urn:A", "$defs": STRING}
BOTH = [{"$ref": "urn:wrap"}, {"not": {"$ref": "urn:A"}}]
DYNAMIC = {"$id": "urn:root", "$defs": {"A": A, "wrap": WRAP}}
RECURSIVE = {
    "$schema": "https://json-schema.org/draft/2019-09/schema",
    "$id": "urn:root",
    "$defs": {
        "A": {"$id": "urn:A", "$recursiveAnchor": True, "items": {"$recursiveRef": "#"}, "minItems": 1},
        "wrap": {"$id": "urn:wrap", "$recursiveAnchor": True, "anyOf": [{"$ref": "urn:A"}, {"maxItems": 0}]},
    },
    "type": "array",
}


@pytest.mark.parametrize(
    ("schema", "instance"),
    [
        ({**DYNAMIC, "allOf": BOTH}, "x"),
        ({**DYNAMIC, "allOf": BOTH[::-1]}, "x"),
        ({**RECURSIVE, "allOf": BOTH}, [[]]),
        (
            {
                **DYNAMIC, "type": "array", "maxItems": 1,
                "allOf": [{"contains": {"$ref": "urn:wrap"}}, {"contains": {"$ref": "urn:A"}, "minContains": 0,
                                                              "maxContains": 0}],
            },
            ["x"],
        ),
        ({**DYNAMIC, "enum": ["x"], "allOf": BOTH}, "x"),
        ({**DYNAMIC, "oneOf": [*BOTH[:1], {"$ref": "urn:A"}]}, "x"),
    ],
)  # fmt: skip
def test_a_subschema_and_its_negation_may_both_hold(schema: dict[str, Any], instance: Any) -> None:
    assert jsonschema_rs.is_valid(schema, instance)
    assert witness(schema, limit=2000).verdict != "unsatisfiable"


def test_what_is_outside_of_the_scope_is_still_proven() -> None:
    number = {"$ref": "#/$defs/plain"}
    schema = {**DYNAMIC, "$defs": {**DYNAMIC["$defs"], "plain": {"multipleOf": 3}}, "$ref": "urn:wrap"}
    assert witness({**schema, "allOf": [number, {"not": number}]}).verdict == "unsatisfiable"


def test_one_possible_target_is_followed() -> None:
    schema = {"$defs": {"A": A}, "allOf": [{"$ref": "urn:A"}, {"not": {"$ref": "urn:A"}}]}
    assert witness(schema).verdict == "unsatisfiable"
