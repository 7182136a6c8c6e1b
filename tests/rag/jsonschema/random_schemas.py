"""Random JSON schemas of all the forms that are pruned."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np

from ctxprune.context.closure import Closure
from ctxprune.rag.jsonschema import JsonSchema

NAMES = tuple(f"{first}{second}" for first in ("name", "size", "owner", "tags", "note") for second in "ABCDEF")
KINDS = {"x": "string", "y": "integer", "z": "boolean"}
DEFINITIONS = ("Person", "Thing", "Node")


def random_schema(seed: int, *, draft: str = "https://json-schema.org/draft/2020-12/schema") -> dict[str, Any]:
    """An object with nested properties, references, recursion, unions and every keyword that binds members."""
    made = _Making(Random(seed))
    where = "$defs" if "2020" in draft else "definitions"
    made.where = where
    schema = {"$schema": draft, where: {name: made.object(1) for name in DEFINITIONS}}
    return schema | made.object(3)


class _Making:
    def __init__(self, random: Random) -> None:
        self.random = random
        self.where = "$defs"

    def schema(self, depth: int) -> Any:
        chance = self.random.random()
        if depth <= 0 or chance < 0.35:
            return self.leaf()
        if chance < 0.55:
            return self.object(depth - 1)
        if chance < 0.62:
            return {"$ref": f"#/{self.where}/{self.random.choice(DEFINITIONS)}"}
        if chance < 0.76:
            listed = {"type": "array", "items": self.schema(depth - 1), "maxItems": 3}
            return listed | ({"uniqueItems": True} if self.random.random() < 0.05 else {})
        if chance < 0.90:
            return {"anyOf": [self.schema(depth - 1), {"type": "null"}]}
        return self.union(depth - 1)

    def leaf(self) -> Any:
        return self.random.choice(
            [
                {"type": "string"}, {"type": "integer", "minimum": 1}, {"type": "boolean"}, {"enum": ["a", "b", None]},
                {"type": ["string", "null"], "maxLength": 5}, {"type": "number"}, True, {"const": 7},
                {"type": "string", "pattern": "^[a-c]{2,4}$"},
            ]
        )  # fmt: skip

    def object(self, depth: int) -> dict[str, Any]:
        random = self.random
        names = random.sample(NAMES, random.randint(2, 5))
        made: dict[str, Any] = {"type": "object", "properties": {name: self.schema(depth) for name in names}}
        if random.random() < 0.6:
            made["required"] = random.sample(names, random.randint(1, 2))
        if random.random() < 0.4:
            made["additionalProperties"] = random.choice([False, self.schema(depth - 1)])
        if random.random() < 0.5:
            made |= self.extra(names, made["properties"], depth)
        return made

    def extra(self, names: list[str], properties: dict[str, Any], depth: int) -> dict[str, Any]:
        """Keywords that look at members in other ways; some of them keep everything where it is."""
        random, first, last = self.random, names[0], names[-1]
        inner = next((list(part["properties"]) for part in properties.values() if _is_object(part)), [first])
        named = next((name for name, part in properties.items() if _is_object(part)), first)
        made: list[dict[str, Any]] = [
            {"minProperties": random.randint(1, 2)},
            {"dependentRequired": {first: [last]}},
            {"if": {"properties": {first: False}}, "then": {"properties": {last: False}}},
            {"not": {"properties": {first: {"const": 7}}}},
            {"patternProperties": {f"^{named[:-1]}": {"required": [random.choice(inner)]}}},
            {"patternProperties": {"^x-": self.schema(depth - 1)}},
            {"allOf": [{"additionalProperties": {"required": [random.choice(inner)]}}]},
        ]
        often: list[dict[str, Any]] = [
            {"allOf": [self.object(depth - 1) | {"additionalProperties": True}]},
            {"allOf": [{"$ref": f"#/{self.where}/{random.choice(DEFINITIONS)}"}]},
            {"anyOf": [{"required": [name]} for name in names]},
        ]
        return random.choice(made) if random.random() < 0.35 else random.choice(often)

    def union(self, depth: int) -> dict[str, Any]:
        branches = []
        style = self.random.random()
        for tag in ("x", "y", "z")[: self.random.randint(2, 3)]:
            branch = self.object(depth)
            if style < 0.7:
                branch["properties"]["kind"] = {"const": tag}
                branch["required"] = sorted({*branch.get("required", []), "kind"})
            elif style < 0.9:
                branch = {"type": "object", "properties": {tag: branch}, "required": [tag]}
                branch["additionalProperties"] = False
            else:
                branch = {"type": "object", "properties": {"noteA": {"type": KINDS[tag]}, "noteB": {}}}
            branches.append(branch)
        return {self.random.choice(["oneOf", "anyOf"]): branches}


def _is_object(schema: Any) -> bool:
    return isinstance(schema, dict) and bool(schema.get("properties"))


def random_choice(context: JsonSchema, random: Random) -> list[int]:
    """Some units with all that they need, as a policy would keep them."""
    closure = Closure(context.units)
    kept = np.zeros(len(context.units), dtype=np.bool_)
    share = random.choice([0.0, 0.1, 0.3, 0.6])
    for index in [*closure.pinned, *(i for i in range(len(kept)) if random.random() < share)]:
        kept[closure.missing(index, kept)] = True
    return [int(index) for index in np.flatnonzero(kept)]
