"""What a subschema asks of a value, in a form that can be negated: literals and atoms, joined by "and" and "or"."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from .json_values import escape_pointer

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet

__all__ = ["ALL_KINDS", "ANNOTATIONS", "Atom", "Branch", "Choice", "Item", "Literal", "Names", "Subschema"]

ALL_KINDS = frozenset({"null", "boolean", "integer", "fraction", "string", "array", "object"})
"""Disjoint kinds of values: every number is an "integer" or a "fraction"."""

ANNOTATIONS = frozenset(
    {"$anchor", "$comment", "$defs", "$dynamicAnchor", "$id", "$recursiveAnchor", "$schema", "$vocabulary", "default",
     "definitions", "deprecated", "description", "discriminator", "example", "examples", "id", "nullable", "readOnly",
     "title", "writeOnly"}
)  # fmt: skip
"""Keywords that ask nothing of a value."""


@dataclass(frozen=True, slots=True)
class Subschema:
    """A subschema, its JSON pointer (by which it is known), and the URI that its references are relative to.

    Attributes:
        schema, pointer, base: These three.
        is_scoped: Whether what it says depends on the subschemas that were entered before it, by a `$dynamicRef` or
            `$recursiveRef` anywhere inside or behind its references. Such a subschema and its negation may both hold.
    """

    schema: Any = field(compare=False)
    pointer: str
    base: str = field(default="", compare=False)
    is_scoped: bool = field(default=False, compare=False)

    def inner(self, schema: Any, *steps: str | int) -> Subschema:
        """A subschema of this one, with the same base."""
        pointer = self.pointer + "".join(f"/{escape_pointer(str(step))}" for step in steps)
        return Subschema(schema, pointer, self.base)


@dataclass(frozen=True, slots=True)
class Literal:
    """That a value satisfies a subschema, or that it does not."""

    part: Subschema
    positive: bool = True

    def negate(self) -> Literal:
        """The opposite."""
        return Literal(self.part, not self.positive)

    def is_excluded_by(self, literals: AbstractSet[Literal]) -> bool:
        """Whether no value satisfies it on its face, alone or where all of `literals` hold."""
        return self.is_false or (not self.part.is_scoped and self.negate() in literals)

    @property
    def is_false(self) -> bool:
        """Whether no value at all satisfies it on its face."""
        return self.part.schema is (not self.positive)

    @property
    def is_true(self) -> bool:
        """Whether every value satisfies it on its face."""
        schema = self.part.schema
        return schema is self.positive or (self.positive and isinstance(schema, dict) and not schema)


class Atom(NamedTuple):
    """One condition on a value. Those about members, items, texts and numbers hold for values of other types.

    Attributes:
        kind: What is asked, such as "low", "pattern", "some_member"; see `Assertions`.
        value: The argument.
        where: JSON pointer to the keyword.
    """

    kind: str
    value: Any
    where: str


@dataclass(frozen=True, slots=True)
class Names:
    """A set of member names: one name, those that a pattern matches, or all others of a subschema.

    Attributes:
        name: The one name, if it is one.
        pattern: The regular expression, if it is one.
        besides: Names that do not belong to it.
        unlike: Patterns whose matches do not belong to it.
    """

    name: str | None = None
    pattern: str | None = None
    besides: frozenset[str] = frozenset()
    unlike: tuple[str, ...] = ()

    def contains(self, name: str, matches: Callable[[str, str], bool]) -> bool:
        """Whether `name` belongs to it; `matches` tells whether a pattern matches a text."""
        if self.name is not None:
            return name == self.name
        if self.pattern is not None:
            return matches(self.pattern, name)
        return name not in self.besides and not any(matches(pattern, name) for pattern in self.unlike)


Item: TypeAlias = "Literal | Atom"
Branch: TypeAlias = "tuple[Item, ...]"
"""All of them hold."""
Choice: TypeAlias = "list[Branch]"
"""One of the branches holds."""
