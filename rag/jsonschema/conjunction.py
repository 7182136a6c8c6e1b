"""Subschemas that must all hold for one value: with references followed and allOf flattened."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .graph import DRAFTS, find_draft, follow, members, split_pointer
from .json_values import escape_pointer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["ConflictError", "Conjunction", "FlatConjunction", "Subschema", "item_parts", "member_parts"]

_OLD = DRAFTS[:3]  # where a $ref hides its neighbours
# Index of the first draft in which the keyword has its present meaning: in draft 4 exclusiveMinimum is a flag.
_SINCE = {"const": 1, "exclusiveMaximum": 1, "exclusiveMinimum": 1, "prefixItems": 4}
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
class Subschema:
    """A subschema and its JSON pointer."""

    schema: Any
    pointer: str

    def inner(self, schema: Any, *steps: str | int) -> Subschema:
        """A subschema of this one."""
        return Subschema(schema, self.pointer + "".join(f"/{escape_pointer(str(step))}" for step in steps))


@dataclass(frozen=True, slots=True)
class FlatConjunction:
    """Subschemas without $ref and allOf, and the unions (anyOf, oneOf), of each of which one branch must hold too."""

    parts: tuple[Subschema, ...]
    unions: tuple[tuple[Subschema, ...], ...]


@dataclass
class Conjunction:
    """Flattens conjunctions of subschemas of one document.

    Attributes:
        beyond: Keywords outside the supported core, in the order met.
    """

    document: Any
    beyond: dict[str, None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._draft = find_draft(self.document)
        self._core = {word for word in _CORE if _SINCE.get(word, 0) <= DRAFTS.index(self._draft)}
        self._bases = _has_bases(self.document, "id" if self._draft == "draft-04" else "$id")
        self._expanded: dict[str, tuple[Subschema, list[Subschema], list[tuple[Subschema, ...]]]] = {}

    def flatten(self, goal: Iterable[Subschema]) -> FlatConjunction:
        """Flatten `goal`; of each subschema only the core keywords of the document's draft are left.

        Raises:
            ConflictError: One of the subschemas is false.
        """
        stack, seen = list(goal)[::-1], set[str]()  # reversed, so that subschemas come in source order
        parts: list[Subschema] = []
        unions: list[tuple[Subschema, ...]] = []
        while stack:
            part = stack.pop()
            if part.pointer in seen:  # recursion by $ref ends here: a subschema twice says no more than once
                continue
            seen.add(part.pointer)
            if part.schema is False:
                raise ConflictError("nothing is allowed here", part.pointer)
            if not isinstance(part.schema, dict):
                continue
            if part.pointer not in self._expanded:
                self._expanded[part.pointer] = self._expand(part)
            own, joined, branched = self._expanded[part.pointer]
            parts.append(own)
            stack += joined
            unions += branched
        return FlatConjunction(tuple(parts), tuple(unions))

    def _expand(self, part: Subschema) -> tuple[Subschema, list[Subschema], list[tuple[Subschema, ...]]]:
        """A subschema's own keywords, the subschemas that it includes by allOf and $ref, and its unions."""
        schema = part.schema
        if part.pointer and "$schema" in schema:  # another draft may hold inside
            self._note(part, "$schema")
            return Subschema({}, part.pointer), [], []
        if "$ref" in schema and self._draft in _OLD:
            return Subschema({}, part.pointer), self._follow_ref(part), []
        for keyword in schema:
            if keyword not in self._core and keyword not in _SILENT and not keyword.startswith("x-"):
                self._note(part, keyword)
        lists = {word: schema[word] for word in ("allOf", "anyOf", "oneOf") if isinstance(schema.get(word), list)}
        inner = {word: [part.inner(one, word, i) for i, one in enumerate(listed)] for word, listed in lists.items()}
        joined = inner.pop("allOf", []) + (self._follow_ref(part) if "$ref" in schema else [])
        own = Subschema({word: value for word, value in schema.items() if word in self._core}, part.pointer)
        return own, joined, [tuple(branches) for branches in inner.values() if branches]

    def _follow_ref(self, part: Subschema) -> list[Subschema]:
        """The subschema that a $ref points at; [] where it is not followed."""
        reference = part.schema["$ref"]
        is_local = isinstance(reference, str) and reference[:2] in ("#", "#/") and not self._bases
        found = follow(self.document, split_pointer(reference[1:])) if is_local else None
        if found is None:
            self._note(part, "$ref")
            return []
        return [Subschema(found.target, found.pointer)]

    def _note(self, part: Subschema, keyword: str) -> None:
        self.beyond[f"{part.pointer or '/'}: {keyword}"] = None


def _has_bases(document: Any, identity: str) -> bool:
    """Whether a subschema has an `identity`, which changes the base of its references, or a $schema of its own."""
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


def member_parts(parts: Iterable[Subschema], name: str, matches: Callable[[str, str], bool]) -> list[Subschema]:
    """The subschemas that apply to the member `name`; `matches` tells whether a pattern matches a name."""
    found: list[Subschema] = []
    for part in parts:
        named = members(part.schema)
        before = len(found)
        if name in named:
            found.append(part.inner(named[name], "properties", name))
        for pattern, inner in members(part.schema, "patternProperties").items():
            if matches(pattern, name):
                found.append(part.inner(inner, "patternProperties", pattern))
        # Of one subschema only: members that another one lists do count as additional ones here.
        if len(found) == before and "additionalProperties" in part.schema:
            found.append(part.inner(part.schema["additionalProperties"], "additionalProperties"))
    return found


def item_parts(parts: Iterable[Subschema], index: int) -> list[Subschema]:
    """The subschemas that apply to the item at `index`."""
    found: list[Subschema] = []
    for part in parts:
        # Up to draft 2019-09 a list in "items" gives the first items; since then "prefixItems" does.
        keyword = "items" if isinstance(part.schema.get("items"), list) else "prefixItems"
        listed = part.schema.get(keyword)
        rest = "additionalItems" if keyword == "items" else "items"
        if isinstance(listed, list) and index < len(listed):
            found.append(part.inner(listed[index], keyword, index))
        elif rest in part.schema:
            found.append(part.inner(part.schema[rest], rest))
    return found
