"""Subschemas that must all hold for one value: their references followed, their allOf taken apart."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ._graph import followed, members, tokens
from ._reading import escaped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["ConflictError", "Conjunction", "Flat", "Part", "item_parts", "member_parts"]

_DRAFTS = ("draft-04", "draft-06", "draft-07", "2019-09", "2020-12")
_OLD = _DRAFTS[:3]  # where a $ref hides its neighbours
_SINCE = {"const": 1, "exclusiveMaximum": 1, "exclusiveMinimum": 1, "prefixItems": 4}  # before, they say something else
_CORE = frozenset(
    {"$ref", "additionalItems", "additionalProperties", "allOf", "anyOf", "enum", "items", "maxItems", "maxLength",
     "maxProperties", "maximum", "minItems", "minLength", "minProperties", "minimum", "multipleOf", "oneOf", "pattern",
     "patternProperties", "properties", "required", "type", "uniqueItems", *_SINCE}
)  # fmt: skip
_SILENT = frozenset(
    {"$anchor", "$comment", "$defs", "$id", "$schema", "contentEncoding", "contentMediaType", "default", "definitions",
     "deprecated", "description", "discriminator", "example", "examples", "format", "id", "nullable", "readOnly",
     "title", "writeOnly"}
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
        uri = self.document.get("$schema") if isinstance(self.document, dict) else None
        self._draft = next((name for name in _DRAFTS if name in str(uri)), _DRAFTS[-1])
        self._core = {word for word in _CORE if _SINCE.get(word, 0) <= _DRAFTS.index(self._draft)}
        self._bases = _has_bases(self.document, "id" if self._draft == "draft-04" else "$id")
        self._opened: dict[str, tuple[Part, list[Part], list[tuple[Part, ...]]]] = {}

    def flat(self, goal: Iterable[Part]) -> Flat:
        """`goal` taken apart; of each subschema the keywords are left that its draft has in the core.

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
            if part.pointer not in self._opened:
                self._opened[part.pointer] = self._open(part)
            own, joined, branched = self._opened[part.pointer]
            parts.append(own)
            stack += joined
            unions += branched
        return Flat(tuple(parts), tuple(unions))

    def _open(self, part: Part) -> tuple[Part, list[Part], list[tuple[Part, ...]]]:
        """What a subschema says itself, what it joins by allOf and $ref, and its unions."""
        schema = part.schema
        if part.pointer and "$schema" in schema:  # another draft may hold inside
            self._note(part, "$schema")
            return Part({}, part.pointer), [], []
        if "$ref" in schema and self._draft in _OLD:
            return Part({}, part.pointer), self._target(part), []
        for keyword in schema:
            if keyword not in self._core and keyword not in _SILENT and not keyword.startswith("x-"):
                self._note(part, keyword)
        lists = {word: schema[word] for word in ("allOf", "anyOf", "oneOf") if isinstance(schema.get(word), list)}
        inner = {word: [part.inner(one, word, i) for i, one in enumerate(listed)] for word, listed in lists.items()}
        joined = inner.pop("allOf", []) + (self._target(part) if "$ref" in schema else [])
        own = Part({word: value for word, value in schema.items() if word in self._core}, part.pointer)
        return own, joined, [tuple(branches) for branches in inner.values() if branches]

    def _target(self, part: Part) -> list[Part]:
        """What the $ref of a subschema points at; [] where it is not followed."""
        reference = part.schema["$ref"]
        plain = isinstance(reference, str) and reference[:2] in ("#", "#/") and not self._bases
        found = followed(self.document, tokens(reference[1:])) if plain else None
        if found is None:
            self._note(part, "$ref")
            return []
        return [Part(found.target, found.pointer)]

    def _note(self, part: Part, keyword: str) -> None:
        self.beyond[f"{part.pointer or '/'}: {keyword}"] = None


def _has_bases(document: Any, identity: str) -> bool:
    """Whether a subschema has an `identity`, from which its references count, or a $schema of its own."""
    stack = list(document.values()) if isinstance(document, dict) else []
    seen: set[int] = set()
    while stack:
        part = stack.pop()
        if isinstance(part, (dict, list)) and id(part) not in seen:
            seen.add(id(part))
            if isinstance(part, dict) and any(isinstance(part.get(word), str) for word in (identity, "$schema")):
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
