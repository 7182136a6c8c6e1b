"""Subschemas that must all hold for one value: their references followed, their allOf taken apart."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ._graph import followed, members, tokens
from ._reading import escaped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["ConflictError", "Conjunction", "Flat", "Part", "item_parts", "member_parts"]

_OLD = re.compile(r"draft-0?[3-7]\b")
_CORE = frozenset(
    {"$anchor", "$comment", "$defs", "$id", "$ref", "$schema", "additionalItems", "additionalProperties", "allOf",
     "anyOf", "const", "contentEncoding", "contentMediaType", "default", "definitions", "deprecated", "description",
     "discriminator", "enum", "example", "examples", "exclusiveMaximum", "exclusiveMinimum", "format", "items",
     "maxItems", "maxLength", "maxProperties", "maximum", "minItems", "minLength", "minProperties", "minimum",
     "multipleOf", "nullable", "oneOf", "pattern", "patternProperties", "prefixItems", "properties", "readOnly",
     "required", "title", "type", "uniqueItems", "writeOnly"}
)  # fmt: skip


class ConflictError(Exception):
    """No value can satisfy the subschemas; `reason` says why and `where` at which JSON pointer."""

    def __init__(self, reason: str, where: str) -> None:
        super().__init__(reason)
        self.reason, self.where = reason, where


@dataclass(frozen=True, slots=True)
class Part:
    """A subschema and its JSON pointer."""

    schema: Any
    pointer: str

    def inner(self, schema: Any, *steps: str | int) -> Part:
        """A subschema of this one."""
        return Part(schema, self.pointer + "".join(f"/{escaped(str(step))}" for step in steps))


@dataclass(frozen=True, slots=True)
class Flat:
    """Subschemas without references and allOf, and the unions of which one branch each must hold, too."""

    parts: tuple[Part, ...]
    unions: tuple[tuple[Part, ...], ...]


@dataclass
class Conjunction:
    """Takes conjunctions of a document apart.

    Attributes:
        beyond: Keywords outside the core that were met, in order.
    """

    document: Any
    beyond: dict[str, None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        draft = self.document.get("$schema") if isinstance(self.document, dict) else None
        self._alone = isinstance(draft, str) and _OLD.search(draft) is not None  # whether a $ref hides its neighbours
        self._bases = _has_bases(self.document)

    def flat(self, goal: Iterable[Part]) -> Flat:
        """`goal` taken apart.

        Raises:
            ConflictError: One of the subschemas is false.
        """
        stack, seen = list(goal)[::-1], set[str]()
        parts: list[Part] = []
        unions: list[tuple[Part, ...]] = []
        while stack:
            part = stack.pop()
            if part.pointer in seen:
                continue
            seen.add(part.pointer)
            if part.schema is False:
                raise ConflictError("nothing is allowed here", part.pointer)
            if not isinstance(part.schema, dict):
                continue
            stack += self._joined(part)
            if self._alone and "$ref" in part.schema:
                continue
            parts.append(part)
            self._note(part)
            for keyword in ("anyOf", "oneOf"):
                branches = part.schema.get(keyword)
                if isinstance(branches, list) and branches:
                    unions.append(tuple(part.inner(branch, keyword, i) for i, branch in enumerate(branches)))
        return Flat(tuple(parts), tuple(unions))

    def _joined(self, part: Part) -> list[Part]:
        """What a subschema joins by allOf and $ref."""
        reference, listed = part.schema.get("$ref"), part.schema.get("allOf")
        joined = [part.inner(inner, "allOf", i) for i, inner in enumerate(listed)] if isinstance(listed, list) else []
        if reference is None:
            return joined
        plain = isinstance(reference, str) and reference[:2] in ("#", "#/") and not self._bases
        found = followed(self.document, tokens(reference[1:])) if plain else None
        if found is None:
            self.beyond[f"{part.pointer or '/'}: $ref"] = None
            return joined
        target = Part(found.target, found.pointer)
        return [target] if self._alone else [*joined, target]

    def _note(self, part: Part) -> None:
        for keyword in part.schema:
            if keyword not in _CORE and not keyword.startswith("x-"):
                self.beyond[f"{part.pointer or '/'}: {keyword}"] = None


def _has_bases(document: Any) -> bool:
    """Whether a subschema has an $id, from which its references count."""
    stack = list(document.values()) if isinstance(document, dict) else []
    seen: set[int] = set()
    while stack:
        part = stack.pop()
        if isinstance(part, (dict, list)) and id(part) not in seen:
            seen.add(id(part))
            if isinstance(part, dict) and isinstance(part.get("$id"), str):
                return True
            stack += part.values() if isinstance(part, dict) else part
    return False


def member_parts(parts: Iterable[Part], name: str, matches: Callable[[str, str], bool]) -> list[Part]:
    """What the subschemas say of the member `name`; `matches` tells whether a pattern fits a name."""
    found: list[Part] = []
    for part in parts:
        named = members(part.schema)
        before = len(found)
        if name in named:
            found.append(part.inner(named[name], "properties", name))
        for pattern, inner in members(part.schema, "patternProperties").items():
            if matches(pattern, name):
                found.append(part.inner(inner, "patternProperties", pattern))
        if len(found) == before and "additionalProperties" in part.schema:
            found.append(part.inner(part.schema["additionalProperties"], "additionalProperties"))
    return found


def item_parts(parts: Iterable[Part], index: int) -> list[Part]:
    """What the subschemas say of the item at `index`."""
    found: list[Part] = []
    for part in parts:
        keyword = "items" if isinstance(part.schema.get("items"), list) else "prefixItems"
        listed = part.schema.get(keyword)
        rest = "additionalItems" if keyword == "items" else "items"
        if isinstance(listed, list) and index < len(listed):
            found.append(part.inner(listed[index], keyword, index))
        elif rest in part.schema:
            found.append(part.inner(part.schema[rest], rest))
    return found
