"""What a subschema may apply to one and the same value: for the unevaluated keywords, and for references in circles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .graph import members
from .literals import Names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .literals import Subschema
    from .references import References

__all__ = ["find_unevaluated_items", "find_unevaluated_names", "returns_to"]

_SAME_ONE = ("if", "then", "else")
_SAME_LISTS = ("allOf", "anyOf", "oneOf")
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
_MOST = 2000  # subschemas that are visited


def find_unevaluated_names(part: Subschema, references: References) -> Names | None:
    """Member names that no neighbour of `part` can evaluate, whichever of its branches hold; None if there are none.

    They are fewer than those that are not evaluated for a given value, so that what is asked of them is asked of those.
    """
    names: set[str] = set()
    patterns: dict[str, None] = {}
    for found in _list_applied(part, references):
        if found is None or "additionalProperties" in found.schema or _is_inner(found, part, "unevaluatedProperties"):
            return None
        names |= set(members(found.schema))
        patterns |= dict.fromkeys(members(found.schema, "patternProperties"))
    return Names(besides=frozenset(names), unlike=tuple(patterns))


def find_unevaluated_items(part: Subschema, references: References) -> int | None:
    """The place from which on no neighbour of `part` can evaluate an item; None if there is none."""
    start = 0
    for found in _list_applied(part, references):
        schema = found.schema if found is not None else {"contains": True}
        first = schema.get("prefixItems" if references.draft == 4 else "items")
        rest = schema.get("items") if references.draft == 4 else schema.get("additionalItems")
        is_all = not isinstance(first, list) and "items" in schema
        marks = references.draft == 4 and "contains" in schema
        if found is None or is_all or rest is not None or marks or _is_inner(found, part, "unevaluatedItems"):
            return None
        start = max(start, len(first) if isinstance(first, list) else 0)
    return start


def returns_to(part: Subschema, target: Subschema, references: References) -> bool:
    """Whether `target`, which `part` refers to, may apply `part` to the same value again; True where that is not known.

    Such a schema has no meaning of its own: one that is its own negation would be true and false.
    """
    found = _list_applied(target, references, words=("not", *_SAME_ONE), stops=False)
    return any(one is None or one.pointer == part.pointer for one in found)


def _is_inner(found: Subschema, part: Subschema, keyword: str) -> bool:
    return keyword in found.schema and found.pointer != part.pointer


def _list_applied(
    part: Subschema, references: References, *, words: tuple[str, ...] = _SAME_ONE, stops: bool = True
) -> Iterator[Subschema | None]:
    """`part` and all that it may apply to the same value, by `words` and lists and references.

    None for what is not known, after which it ends; of references that are not followed only if `stops`.
    """
    stack, seen = [part], set[str]()
    while stack:
        here = stack.pop()
        schema = here.schema
        if here.pointer in seen or not isinstance(schema, dict):
            continue
        seen.add(here.pointer)
        if len(seen) > _MOST or (here.pointer and "$schema" in schema):
            yield None
            return
        yield here
        stack += [references.inner(here, schema[word], word) for word in words if word in schema]
        for word in _SAME_LISTS:
            listed: list[Any] = schema[word] if isinstance(schema.get(word), list) else []
            stack += [references.inner(here, one, word, index) for index, one in enumerate(listed)]
        for word in ("dependentSchemas", "dependencies"):
            stack += [references.inner(here, one, word, name) for name, one in members(schema, word).items()]
        for word in _REFERENCES:
            if word in schema:
                target = references.resolve(here, word)
                if target is not None:
                    stack.append(target)
                elif stops:
                    yield None
                    return
