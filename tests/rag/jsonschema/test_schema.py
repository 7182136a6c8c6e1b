"""JSON schemas as units of properties."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from random import Random
from typing import Any

import pytest

from ctxprune import Threshold, TokenBudget, prune
from ctxprune.errors import UsageError
from ctxprune.rag import JsonSchema

pytest.importorskip("jsonschema_rs")

from ctxprune.rag.jsonschema import check_projection, witness
from ctxprune.rag.jsonschema.validator import build_validator

_made = runpy.run_path(str(Path(__file__).parent / "random_schemas.py"))
random_schema, random_choice = _made["random_schema"], _made["random_choice"]

DRAFTS = ("https://json-schema.org/draft/2020-12/schema", "http://json-schema.org/draft-07/schema#")
ORDER = {
    "type": "object",
    "title": "Order",
    "properties": {
        "id": {"type": "integer"},
        "billing": {"$ref": "#/$defs/Address"},
        "shipping": {"$ref": "#/$defs/Address", "description": "where the parcel goes"},
        "lines": {"type": "array", "items": {"$ref": "#/$defs/Line"}},
        "note": {"type": "string"},
    },
    "required": ["id"],
    "additionalProperties": False,
    "$defs": {
        "Address": {
            "type": "object",
            "properties": {"street": {"type": "string"}, "town": {"type": "string"}, "zip": {"type": "string"}},
            "required": ["street"],
        },
        "Line": {
            "type": "object",
            "properties": {
                "sku": {"type": "string"},
                "colour": {"enum": ["red", "green"]},
                "parts": {"type": "array", "items": {"$ref": "#/$defs/Line"}},
            },
        },
        "Unused": {"type": "string"},
    },
}


def kept(context: JsonSchema, *paths: str) -> list[int]:
    return [context.paths.index(path) for path in paths]


def test_units_are_the_properties_by_path() -> None:
    context = JsonSchema(ORDER)
    assert context.paths == (
        "id", "billing", "billing.street", "billing.town", "billing.zip", "shipping", "shipping.street",
        "shipping.town", "shipping.zip", "lines", "lines.sku", "lines.colour", "lines.parts", "note",
    )  # fmt: skip
    units = dict(zip(context.paths, context.units, strict=True))
    assert units["id"].pinned
    assert units["lines.colour"].text == "colour (red, green)"
    assert units["shipping"].requires == (context.paths.index("shipping.street"),)
    assert units["lines.parts"].parent == context.paths.index("lines")
    assert context.notes == ()


def test_what_is_kept_comes_back_in_its_order_with_the_definitions_it_needs() -> None:
    context = JsonSchema(ORDER)
    assert context.render(kept(context, "id", "shipping", "shipping.street", "shipping.town")) == {
        "type": "object",
        "title": "Order",
        "properties": {"id": {"type": "integer"}, "shipping": ORDER["properties"]["shipping"]},
        "required": ["id"],
        "additionalProperties": False,
        "$defs": {
            "Address": {
                "type": "object",
                "properties": {"street": {"type": "string"}, "town": {"type": "string"}},
                "required": ["street"],
            }
        },
    }
    assert list(context.render([0, 13])["properties"]) == ["id", "note"]
    assert "$defs" not in context.render([0, 13])
    assert context.render(range(len(context.units))) == ORDER


@pytest.mark.parametrize("everything", [True, False])
def test_what_is_rendered_is_the_callers_own(everything: bool) -> None:
    context = JsonSchema(ORDER)
    chosen = range(len(context.units)) if everything else kept(context, "id", "note")
    before = json.dumps(context.render(chosen))
    context.render(chosen)["properties"].clear()
    assert json.dumps(context.render(chosen)) == before


def test_what_was_left_out_is_said_in_a_line() -> None:
    context = JsonSchema(ORDER)
    assert context.omission_note(range(14)) == ""
    assert context.omission_note(kept(context, "id", "shipping", "shipping.street", "note")) == (
        "(10 of 14 properties left out: billing, shipping.town, shipping.zip, lines)"
    )
    assert prune("note", context, scorer="lexical.v1", policy=Threshold(0.5)).note.startswith("(12 of 14 properties")
    wide = JsonSchema({"properties": {f"p{number}": {} for number in range(1000)}})
    assert wide.omission_note([]).endswith("p8, p9 and others)")


def test_a_recursive_definition_survives() -> None:
    context = JsonSchema(ORDER)
    found = context.render(kept(context, "id", "lines", "lines.sku", "lines.parts"))
    line = found["$defs"]["Line"]
    assert list(line["properties"]) == ["sku", "parts"]
    assert line["properties"]["parts"]["items"] == {"$ref": "#/$defs/Line"}


@pytest.mark.parametrize("indent", [None, 2, "\t"])
def test_a_text_comes_back_as_a_text_written_as_before(indent: int | str | None) -> None:
    text = json.dumps(ORDER | {"description": "Größe, 1.50"}, indent=indent, ensure_ascii=False)
    context = JsonSchema(text)
    assert context.render(range(len(context.units))) == text
    left = context.render([0])
    assert left == json.dumps(json.loads(left), indent=indent, ensure_ascii=False)
    assert list(json.loads(left)["properties"]) == ["id"]
    assert 50 < prune("zip", context, scorer="titled.v1", policy=TokenBudget(150)).tokens_after <= 150


def test_question_and_use_decide() -> None:
    found = prune("Which town is the parcel sent to?", JsonSchema(ORDER), scorer="titled.v1", policy=Threshold(0.5))
    assert "shipping" in found.output["properties"]
    assert "town" in found.output["$defs"]["Address"]["properties"]
    assert "note" not in found.output["properties"]
    used = JsonSchema(ORDER, used=["note", {"lines": [{"parts": [{"colour": "red"}]}], "unknown": 1}])
    pinned = [path for path, unit in zip(used.paths, used.units, strict=True) if unit.pinned]
    assert pinned == ["id", "lines", "lines.colour", "lines.parts", "note"]
    with pytest.raises(UsageError, match=r"did you mean 'billing\.town'"):
        JsonSchema(ORDER, used=["billing.twn"])


def test_every_signal_of_a_name_counts_alone_and_together() -> None:
    """`cust_nm`, `CustomerName` and a description each lead to the property, and best of all together."""

    def score(name: str, described: str = "") -> float:
        others = {word: {"type": "string"} for word in ("order_date", "total", "warehouse_code", "status", "weight_kg")}
        schema = {"properties": {**others, name: {"description": described} if described else {}}}
        verdicts = prune("customer name", JsonSchema(schema), scorer="fusion.v1").units
        assert verdicts[-1].score > max(verdict.score for verdict in verdicts[:-1])
        return verdicts[-1].score

    alone = {score("cust_nm"), score("CustomerName"), score("x7", "nom du client, customer name")}
    assert score("CustomerName", "customer name") >= max(alone)


PETS = {
    "$schema": DRAFTS[0],
    "type": "object",
    "properties": {
        "owner": {
            "type": "object",
            "properties": {
                "home": {
                    "type": "object",
                    "properties": {
                        "pets": {"type": "array", "items": {"$ref": "#/$defs/Pet"}, "maxItems": 4},
                        "rooms": {"type": "integer"},
                    },
                },
                "phone": {"type": "string"},
            },
            "required": ["phone"],
        }
    },
    "$defs": {
        "Pet": {
            "oneOf": [{"$ref": "#/$defs/Cat"}, {"$ref": "#/$defs/Dog"}],
            "discriminator": {"propertyName": "species"},
        },
        "Cat": {
            "type": "object",
            "properties": {
                "species": {"const": "cat"},
                "lives": {"type": "integer", "minimum": 0, "maximum": 9},
                "kittens": {"type": "array", "items": {"$ref": "#/$defs/Cat"}, "maxItems": 2},
            },
            "required": ["species"],
        },
        "Dog": {
            "type": "object",
            "properties": {"species": {"const": "dog"}, "barks": {"type": "boolean"}, "weight": {"type": "number"}},
            "required": ["species", "barks"],
        },
    },
}


def test_depth_four_recursion_and_a_discriminator() -> None:
    context = JsonSchema(PETS)
    found = prune("How many lives do the cats of the owner's home have?", context, scorer="lexical.v1")
    chosen = [unit.index for unit in found.units if unit.kept]
    names = {context.paths[index] for index in chosen}
    assert {"owner.phone", "owner.home.pets.species", "owner.home.pets.lives"} <= names
    assert not {"owner.home.rooms", "owner.home.pets.weight"} & names
    assert [branch["$ref"] for branch in found.output["$defs"]["Pet"]["oneOf"]] == ["#/$defs/Cat", "#/$defs/Dog"]
    checked = check_projection(context, chosen, count=200, seed=4)
    assert (checked.instances, checked.broken) == (200, ())


def test_no_fitting_property() -> None:
    query = "zebra"
    nothing = prune(query, JsonSchema(ORDER), scorer="lexical.v1", on_empty="drop")
    assert list(nothing.output["properties"]) == ["id"]  # what the schema requires
    assert prune(query, JsonSchema(ORDER), scorer="lexical.v1", on_empty="keep_all").output == ORDER


@pytest.mark.parametrize("seed", range(16))
def test_projected_instances_stay_valid_and_those_of_the_rest_are_of_the_whole(seed: int) -> None:
    schema = random_schema(seed, draft=DRAFTS[seed % 2])
    context = JsonSchema(schema)
    found = witness(schema, count=200, seed=seed)
    if found.verdict == "unsatisfiable":
        pytest.skip(found.reason)
    assert len(found.instances) == 200
    for turn in range(3):
        chosen = random_choice(context, Random(seed * 3 + turn))
        left = context.render(chosen)
        accepts, fits = build_validator(left), build_validator(schema)
        for instance in found.instances:
            projected = context.project(instance, chosen)
            assert accepts(projected), (instance, projected)
            assert context.project(projected, chosen) == projected
        for instance in witness(left, count=20, seed=seed).instances:
            if context.project(instance, chosen) == instance:  # no dropped name among its further members
                assert fits(instance)


@pytest.mark.parametrize(
    ("schema", "left"),
    [
        # A name that any branch of a conjunction reads stays in all of them.
        (
            {"properties": {"a": {}, "b": {}}, "allOf": [{"properties": {"b": {"type": "string"}, "c": {}}}]},
            {"properties": {"a": {}}, "allOf": [{"properties": {}}]},
        ),
        ({"properties": {"a": {}, "b": {}}, "required": ["b"]}, None),
        ({"properties": {"a": {}, "b": {}}, "allOf": [{"required": ["b"]}]}, None),
        ({"properties": {"a": {}, "b": {"required": True}}}, None),
        ({"properties": {"a": {}, "b": {}}, "minProperties": 1}, None),
        ({"properties": {"a": {}, "b": {}}, "not": {"required": ["b"]}}, None),
        ({"properties": {"a": {}, "b": {}}, "if": {"required": ["b"]}, "then": {"required": ["a"]}}, None),
        ({"properties": {"a": {}, "b": {}}, "enum": [{"a": 1, "b": 2}]}, None),
        ({"properties": {"a": {}, "b": {}}, "dependentSchemas": {"b": {"required": ["a"]}}}, None),
        (
            {"properties": {"a": {}, "b": {}}, "oneOf": [{"properties": {"a": {"minimum": 3}}}, {"required": ["c"]}]},
            None,
        ),
        ({"properties": {"a": {}, "b": {}}, "$dynamicRef": "#meta"}, None),
        (
            {"properties": {"a": {}, "b": {}}, "dependentRequired": {"b": ["a"], "c": ["b"]}},
            {"properties": {"a": {}}, "dependentRequired": {"c": []}},
        ),
        (
            {"properties": {"a": {}, "b": {}}, "default": {"a": 1, "b": 2}, "examples": [{"b": 3}]},
            {"properties": {"a": {}}, "default": {"a": 1}, "examples": [{}]},
        ),
        ({"properties": {"a": {}, "b": {}}, "patternProperties": {"b$": {"properties": {"c": {}}}}}, None),
        (
            {"properties": {"a": {}, "b": {}}, "patternProperties": {"^x-": {"properties": {"c": {}}}}},
            {"properties": {"a": {}}, "patternProperties": {"^x-": {"properties": {}}}},
        ),
        (
            {"properties": {"a": {"patternProperties": {".": {"properties": {"c": {}}}}}}},
            {"properties": {"a": {"patternProperties": {".": {"properties": {}}}}}},
        ),
        ({"properties": {"a": {}, "b": {}}, "patternProperties": {"b": {"required": ["c"]}}}, None),
        ({"properties": {"a": {"$ref": "#/properties/b"}, "b": {}}}, None),
    ],
)
def test_what_is_bound_to_what(schema: dict[str, Any], left: dict[str, Any] | None) -> None:
    """Only `a` is wanted; `left` None means that everything stays with it."""
    context = JsonSchema(schema)
    chosen = prune("a", context, scorer=Wanted(kept(context, "a")), policy=Threshold(0.5), on_empty="drop")
    assert chosen.output == (schema if left is None else left)


class Wanted:
    def __init__(self, indices: list[int]) -> None:
        self.indices = indices

    def score(self, query: str, context: JsonSchema) -> list[float]:
        return [float(index in self.indices) for index in range(len(context.units))]


def test_items_that_must_differ_stay_whole() -> None:
    item = {"type": "object", "properties": {"a": {}, "b": {}}}
    context = JsonSchema({"properties": {"list": {"items": item, "uniqueItems": True}}})
    assert context.units[0].requires == (1, 2)


def test_what_is_required_may_be_dropped_on_demand() -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "string"}, "b": {"type": ["string", "null"]}, "c": {"anyOf": [{"type": "null"}]}},
        "required": ["a", "b", "c"],
        "additionalProperties": False,
    }
    assert all(unit.pinned for unit in JsonSchema(schema).units)
    strict = JsonSchema(schema, droppable="nullable")
    assert [unit.pinned for unit in strict.units] == [True, False, False]
    left = strict.render([0, 2])
    assert (list(left["properties"]), left["required"], left["additionalProperties"]) == (["a", "c"], ["a", "c"], False)
    free = JsonSchema(schema, droppable="all")
    assert free.render([1])["required"] == ["b"]
    assert check_projection(free, [1], count=50).broken == ()


def test_references_elsewhere_stay_and_are_reported() -> None:
    url = "https://example.com/schema.json"
    schema = {"properties": {"a": {"$ref": url}, "b": {"$ref": "#/$defs/none"}, "c": {"$ref": "other.json#/x"}, "d": 5}}
    context = JsonSchema(schema)
    assert context.render(range(4)) == schema
    assert context.render([0]) == {"properties": {"a": {"$ref": url}}}
    assert context.notes == (
        f"/properties/a: $ref {url!r} is not followed",
        "/properties/b: $ref '#/$defs/none' points nowhere",
        "/properties/c: $ref 'other.json#/x' is not followed",
        "/properties/d: a schema is a int",
    )


def test_references_by_anchor_and_id() -> None:
    inner = {"type": "object", "properties": {"x": {}, "y": {}}}
    schema = {
        "properties": {"a": {"$ref": "#spot"}, "b": {"$ref": "item.json"}, "c": {"$ref": "item.json#/properties/x"}},
        "$defs": {"S": {"$anchor": "spot", **inner}, "I": {"$id": "item.json", **inner}, "U": {}},
    }
    context = JsonSchema(schema)
    assert context.notes == ()
    assert {"a.x", "b.y", "c"} <= set(context.paths)
    assert list(context.render(kept(context, "a", "a.y"))["$defs"]) == ["S"]
    found = context.render(kept(context, "c"))
    assert found["$defs"] == {"I": {"$id": "item.json", "type": "object", "properties": {"x": {}}}}


@pytest.mark.parametrize(
    ("draft", "identity"),
    [
        ("http://json-schema.org/draft-04/schema#", {"$id": "http://x.org/a.json"}),  # there no keyword
        ("http://json-schema.org/draft-07/schema#", {"$id": "http://x.org/a.json"}),  # a resource without definitions
        ("https://json-schema.org/draft/2020-12/schema", {"$id": "a.json"}),
    ],
)
def test_an_identity_inside_does_not_lose_definitions(draft: str, identity: dict[str, str]) -> None:
    inner = {**identity, "properties": {"x": {"$ref": "#/definitions/text"}, "y": {}}}
    schema = {
        "$schema": draft,
        "properties": {"a": inner, "b": {**identity, "$ref": "#/definitions/number"}, "c": {}},
        "definitions": {"text": {"type": "string"}, "number": {"type": "number"}, "unused": {}},
    }
    context = JsonSchema(schema)
    assert context.notes == ()
    assert list(context.render(kept(context, "a", "a.x"))["definitions"]) == ["text"]
    assert list(context.render(kept(context, "b"))["definitions"]) == ["number"]
    assert "definitions" not in context.render(kept(context, "c"))


def test_each_draft_has_its_own_base_of_references() -> None:
    def used(draft: str, identity: dict[str, str], **more: Any) -> tuple[set[str], set[str]]:
        """The definitions of the root and of the subschema that are left."""
        inner = {**identity, "definitions": {"text": {"maxLength": 1}, "z": {}}, **more}
        schema = {"$schema": draft, "properties": {"a": inner, "b": {}}, "definitions": {"text": {}, "z": {}}}
        found = JsonSchema(schema).render([0])
        return set(found.get("definitions", ())), set(found["properties"]["a"].get("definitions", ()))

    old, latest = "http://json-schema.org/draft-04/schema#", "https://json-schema.org/draft/2020-12/schema"
    reference = {"$ref": "#/definitions/text"}
    assert used(old, {"$id": "a.json"}, items=reference) == ({"text"}, set())
    assert used(old, {"id": "a.json"}, items=reference) == (set(), {"text"})
    assert used(latest, {"$id": "a.json"}, items=reference) == (set(), {"text"})
    # A $ref hides its neighbours up to draft 7, and no longer in the latest.
    assert used("http://json-schema.org/draft-07/schema#", {"$id": "a.json"}, **reference) == ({"text"}, set())
    assert used(latest, {"$id": "a.json"}, **reference) == (set(), {"text"})


def test_two_keys_of_one_name_in_a_text() -> None:
    context = JsonSchema('{"properties": {"a": {}, "a": {"title": "second"}}}')
    assert context.notes == ("/: the key 'a' stands twice in an object",)
    assert context.units[0].text == "a: second"
