"""References of one schema document, resolved by the identities ($id, id, $anchor) of its subschemas."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from .graph import DRAFTS, find_draft, follow
from .literals import Subschema
from .pointers import join_uri, split_pointer

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["References"]

_BY_NAME = ("properties", "patternProperties", "dependentSchemas", "dependencies", "$defs", "definitions")
_ONE_OR_LIST = (
    "additionalItems", "additionalProperties", "allOf", "anyOf", "contains", "else", "if", "items", "not", "oneOf",
    "prefixItems", "propertyNames", "then", "unevaluatedItems", "unevaluatedProperties",
)  # fmt: skip
_DYNAMIC = ("$dynamicRef", "$recursiveRef")
_ALL_REFERENCES = ("$ref", *_DYNAMIC)


class References:
    """Resolves references inside one document; none is ever fetched.

    Args:
        document: The schema.

    Attributes:
        draft: Index of the document's draft in `DRAFTS`.
        root: The document as a subschema.
    """

    def __init__(self, document: Any) -> None:
        self.document = document
        self.draft = DRAFTS.index(find_draft(document))
        self._identity = "id" if self.draft == 0 else "$id"
        self.root = Subschema(document, "", self.base_of(document, ""))
        self._resources: dict[str, Subschema] = {"": self.root}  # by URI without its fragment
        self._anchors: dict[str, Subschema] = {}  # by URI with its fragment
        self._dynamic: dict[str, list[Subschema]] = {}  # by the name of a $dynamicAnchor
        self._recursive = False
        self._scoped: frozenset[str] = frozenset()  # pointers of subschemas whose meaning depends on the dynamic scope
        parts = list(self._walk())
        self._parts = {part.pointer: part for part in parts}
        for part in parts:
            self._index(part)
        self._scoped = self._find_scoped(parts)
        self.root = self._mark(self.root)

    def base_of(self, schema: Any, base: str) -> str:
        """The URI that relative references in `schema` are joined to, where `base` is the one around it."""
        identity = schema.get(self._identity) if isinstance(schema, dict) else None
        # Up to draft 7 a $ref hides its neighbours, and an identity that is only a fragment is an anchor.
        if not isinstance(identity, str) or (self.draft < 3 and (identity.startswith("#") or "$ref" in schema)):
            return base
        return join_uri(base, identity).partition("#")[0]

    def inner(self, part: Subschema, schema: Any, *steps: str | int) -> Subschema:
        """The subschema `schema` inside `part`, with its pointer and base."""
        made = part.inner(schema, *steps)
        return self._mark(Subschema(schema, made.pointer, self.base_of(schema, part.base)))

    def find_part(self, schema: Any, pointer: str) -> Subschema:
        """The subschema `schema` at a pointer, with the base that it has there."""
        return self._parts.get(pointer) or Subschema(schema, pointer, self.root.base)

    def resolve(self, part: Subschema, keyword: str) -> Subschema | None:
        """The subschema that the reference under `keyword` of `part` points at; None where it is not known."""
        found = self._resolve(part, keyword)
        return None if found is None else self._mark(found)

    def _mark(self, part: Subschema) -> Subschema:
        return replace(part, is_scoped=True) if part.pointer in self._scoped and not part.is_scoped else part

    def _resolve(self, part: Subschema, keyword: str) -> Subschema | None:
        reference = part.schema[keyword]
        if not isinstance(reference, str):
            return None
        if keyword == "$recursiveRef":  # without a $recursiveAnchor it is a $ref to the root of its resource
            return None if self._recursive else self._resources.get(part.base)
        found = self._find(join_uri(part.base, reference))
        if keyword == "$dynamicRef" and found is not None:
            name = found.schema.get("$dynamicAnchor") if isinstance(found.schema, dict) else None
            # With one anchor of a name the dynamic scope has nothing to choose from.
            if isinstance(name, str) and len(self._dynamic.get(name, ())) > 1 and reference.endswith(f"#{name}"):
                return None
        return found

    def _find(self, uri: str) -> Subschema | None:
        address, _, fragment = uri.partition("#")
        if fragment and not fragment.startswith("/"):
            return self._anchors.get(f"{address}#{unquote(fragment)}")
        resource = self._resources.get(address)
        if resource is None or not fragment:
            return resource
        steps = split_pointer(fragment)
        found = follow(resource.schema, steps) if isinstance(resource.schema, dict) else None
        if found is None:
            return None
        base = resource.base
        for value in [step[0] for step in found.steps[1:]] + [found.target]:
            base = self.base_of(value, base)
        return Subschema(found.target, resource.pointer + found.pointer, base)

    def _find_scoped(self, parts: list[Subschema]) -> frozenset[str]:
        """Pointers of all subschemas from which a reference by dynamic scope can be reached."""
        open_refs = [part.pointer for part in parts if any(self._is_open(part, word) for word in _DYNAMIC)]
        if not open_refs:
            return frozenset()
        # Backwards from these references, over subschemas and references alike.
        sources: dict[str, list[str]] = {}
        targets: set[str] = set()
        stack, seen = list(parts), set[str]()
        while stack:
            part = stack.pop()
            if part.pointer in seen or not isinstance(part.schema, dict):
                continue
            seen.add(part.pointer)
            if any(self._is_open(part, word) for word in _DYNAMIC):
                open_refs.append(part.pointer)
            for inner in self._children(part):
                sources.setdefault(inner.pointer, []).append(part.pointer)
                stack.append(inner)
            for target in filter(None, (self._resolve(part, word) for word in _ALL_REFERENCES if word in part.schema)):
                sources.setdefault(target.pointer, []).append(part.pointer)
                targets.add(target.pointer)
                stack.append(target)  # it may stand under a keyword that holds no subschemas
        found: set[str] = set()
        while open_refs:
            pointer = open_refs.pop()
            if pointer not in found:
                found.add(pointer)
                open_refs += sources.get(pointer, ())
        # What nothing refers to, the root is entered in one scope only.
        return frozenset(found if "" in targets else found - {""})

    def _is_open(self, part: Subschema, keyword: str) -> bool:
        return keyword in part.schema and self._resolve(part, keyword) is None

    def _index(self, part: Subschema) -> None:
        schema = part.schema
        identity = schema.get(self._identity)
        if isinstance(identity, str) and not (self.draft < 3 and "$ref" in schema and part.pointer):
            if self.draft < 3 and identity.startswith("#"):
                self._anchors.setdefault(f"{part.base}{identity}", part)
            else:
                self._resources.setdefault(part.base, part)
        for keyword in ("$anchor", "$dynamicAnchor") if self.draft >= 3 else ():
            if isinstance(schema.get(keyword), str):
                self._anchors.setdefault(f"{part.base}#{schema[keyword]}", part)
        if isinstance(schema.get("$dynamicAnchor"), str):
            self._dynamic.setdefault(schema["$dynamicAnchor"], []).append(part)
        self._recursive |= schema.get("$recursiveAnchor") is True

    def _walk(self) -> Iterator[Subschema]:
        """All subschemas in places where the drafts have them: an `$id` inside an enum is a value."""
        stack = [self.root]
        while stack:
            part = stack.pop()
            if not isinstance(part.schema, dict):
                continue
            yield part
            stack += self._children(part)

    def _children(self, part: Subschema) -> list[Subschema]:
        made = []
        for keyword, value in part.schema.items():
            if keyword in _BY_NAME and isinstance(value, dict):
                made += [self.inner(part, inner, keyword, name) for name, inner in value.items()]
            elif keyword in _ONE_OR_LIST and isinstance(value, list):
                made += [self.inner(part, inner, keyword, index) for index, inner in enumerate(value)]
            elif keyword in _ONE_OR_LIST:
                made.append(self.inner(part, value, keyword))
        return made
