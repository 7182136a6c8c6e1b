"""References of one schema document, resolved by the identities ($id, id, $anchor) of its subschemas."""

from __future__ import annotations

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
        for part in self._walk():
            self._index(part)

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
        return Subschema(schema, made.pointer, self.base_of(schema, part.base))

    def resolve(self, part: Subschema, keyword: str) -> Subschema | None:
        """The subschema that the reference under `keyword` of `part` points at; None where it is not known."""
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
            for keyword, value in part.schema.items():
                if keyword in _BY_NAME and isinstance(value, dict):
                    stack += [self.inner(part, inner, keyword, name) for name, inner in value.items()]
                elif keyword in _ONE_OR_LIST and isinstance(value, list):
                    stack += [self.inner(part, inner, keyword, index) for index, inner in enumerate(value)]
                elif keyword in _ONE_OR_LIST:
                    stack.append(self.inner(part, value, keyword))
