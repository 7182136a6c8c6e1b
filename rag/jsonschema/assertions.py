"""What each keyword of JSON Schema asks of a value, and what its negation does.

Negation is pushed down to the atoms as in Attouche, Baazizi, Colazzo, Ghelli, Sartiani and Scherzinger, Witness
Generation for JSON Schema, VLDB 2022: the negation of a subschema is one choice among the negations of its keywords,
and that of a keyword about objects is "an object, and ...".
"""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import combinations
from typing import TYPE_CHECKING, Any

from .evaluated import find_unevaluated_items, find_unevaluated_names, returns_to
from .graph import members, names
from .literals import ALL_KINDS, ANNOTATIONS, Atom, Literal, Names

if TYPE_CHECKING:
    from collections.abc import Callable

    from .literals import Branch, Choice, Subschema
    from .references import References
    from .work import Work

__all__ = ["Assertions"]

_NUMBERS = frozenset({"integer", "fraction"})
_TYPE_KINDS = {"number": _NUMBERS, **{kind: frozenset({kind}) for kind in ALL_KINDS - {"fraction"}}}
# Index of the first and the last draft in which a keyword has its present meaning.
_SINCE = {
    "$dynamicRef": 4, "$recursiveRef": 3, "const": 1, "contains": 1, "dependentRequired": 3, "dependentSchemas": 3,
    "if": 2, "prefixItems": 4, "propertyNames": 1, "unevaluatedItems": 3, "unevaluatedProperties": 3,
}  # fmt: skip
_UNTIL = {"$recursiveRef": 3, "dependencies": 2, "additionalItems": 3}
# They say something in one of the drafts, but are read together with another keyword.
_READ_BESIDE = frozenset({"else", "maxContains", "minContains", "then"})
_SILENT = ANNOTATIONS | _READ_BESIDE
_CONTENT = frozenset({"contentEncoding", "contentMediaType"})  # drafts 6 and 7 let validators look into texts
_MOST_PAIRED = 100  # branches of oneOf that are compared each with each


class Assertions:
    """Reads subschemas of one document as literals and atoms.

    Args:
        references: Of the document.
        work: Counts what is read.
        exact: In oneOf the other branches must fail. Without it oneOf is read as anyOf, which asks less and is faster
            to search; a proof that there is no value holds for both.

    Attributes:
        beyond: Keywords that are not decided, in the order met, "POINTER: keyword". They are taken to hold and to fail.
    """

    def __init__(self, references: References, work: Work, *, exact: bool = True) -> None:
        self.references = references
        self.work = work
        self.beyond: dict[str, None] = {}
        self._exact = exact
        self._draft = references.draft
        self._known: dict[Literal, tuple[list[Choice], int]] = {}
        self._keywords: dict[str, Callable[[Subschema, str, Any, bool], list[Any]]] = {
            "type": self._type, "enum": self._listed, "const": self._listed,
            "minimum": self._bound, "maximum": self._bound,
            "exclusiveMinimum": self._bound, "exclusiveMaximum": self._bound, "multipleOf": self._multiple,
            "minLength": self._size, "maxLength": self._size, "minItems": self._size, "maxItems": self._size,
            "minProperties": self._size, "maxProperties": self._size, "pattern": self._pattern,
            "format": self._format, "properties": self._properties, "patternProperties": self._properties,
            "additionalProperties": self._additional, "propertyNames": self._names, "required": self._required,
            "dependentRequired": self._dependencies, "dependentSchemas": self._dependencies,
            "dependencies": self._dependencies, "items": self._items, "prefixItems": self._items,
            "additionalItems": self._items, "contains": self._contains, "uniqueItems": self._unique,
            "allOf": self._all, "anyOf": self._any, "oneOf": self._one, "not": self._not, "if": self._if,
            "unevaluatedItems": self._unevaluated, "unevaluatedProperties": self._unevaluated,
            "$ref": self._reference, "$dynamicRef": self._reference, "$recursiveRef": self._reference,
        }  # fmt: skip

    def expand(self, literal: Literal) -> list[Choice]:
        """What `literal` says: choices that all hold. A fact is a choice of one branch, a contradiction one of none."""
        if literal not in self._known:
            choices = self._expand(literal)
            self._known[literal] = choices, sum(len(branch) for choice in choices for branch in choice)
        choices, size = self._known[literal]
        # Known ones too: whoever asked for them looks at all of their branches.
        self.work.step(size)
        return choices

    def _expand(self, literal: Literal) -> list[Choice]:
        schema, part = literal.part.schema, literal.part
        if not isinstance(schema, dict):
            return [[]] if literal.is_false else []
        if part.pointer and "$schema" in schema:  # another draft may hold inside
            self._note(part, "$schema")
            return []
        words = ["$ref"] if "$ref" in schema and self._draft < 3 else list(schema)
        read = [self._read(part, word, literal.positive) for word in words]
        if literal.positive:
            return [choice for choices in read for choice in choices]
        # What is not decided comes last: it holds, but a value made for another branch is more likely to be right.
        branches = [branch for branches in read for branch in branches]
        return [sorted(branches, key=_is_unknown)]

    def _read(self, part: Subschema, keyword: str, positive: bool) -> list[Any]:
        """The choices that a keyword makes, or the branches of its negation."""
        if keyword in _SILENT:
            return []
        reader = self._keywords.get(keyword)
        if reader is None:
            # A keyword that no draft has says nothing; those on contents may be checked in drafts 6 and 7 alone.
            return self._unknown(part, keyword, positive) if keyword in _CONTENT and self._draft in (1, 2) else []
        if not _SINCE.get(keyword, 0) <= self._draft <= _UNTIL.get(keyword, self._draft):
            return self._unknown(part, keyword, positive)
        made = reader(part, keyword, part.schema[keyword], positive)
        return self._unknown(part, keyword, positive) if made is _MALFORMED else made

    def _unknown(self, part: Subschema, keyword: str, positive: bool) -> list[Any]:
        self._note(part, keyword)
        return [] if positive else [(Atom("unknown", keyword, _at(part, keyword)),)]

    def _note(self, part: Subschema, keyword: str) -> None:
        self.beyond[f"{part.pointer or '/'}: {keyword}"] = None

    def _inner(self, part: Subschema, schema: Any, *steps: str | int, positive: bool = True) -> Literal:
        return Literal(self.references.inner(part, schema, *steps), positive)

    # Each reader gives choices where `positive` holds, else the branches of one choice.

    def _type(self, part: Subschema, keyword: str, value: Any, positive: bool) -> list[Any]:
        listed = [value] if isinstance(value, str) else names(value)
        kinds = frozenset[str]().union(*(_TYPE_KINDS.get(name, ()) for name in listed))
        # In draft 4 whether 1.0 is an integer is the validator's choice.
        if not positive and self._draft == 0 and "integer" in kinds and "fraction" not in kinds:
            return self._unknown(part, keyword, positive)
        branch = (Atom("kinds", kinds if positive else ALL_KINDS - kinds, _at(part, keyword)),)
        return [[branch]] if positive else [branch]

    def _listed(self, part: Subschema, keyword: str, value: Any, positive: bool) -> list[Any]:
        values = [value] if keyword == "const" else value
        if not isinstance(values, list):
            return _MALFORMED
        branch = (Atom("in" if positive else "out", values, _at(part, keyword)),)
        return [[branch]] if positive else [branch]

    def _bound(self, part: Subschema, keyword: str, value: Any, positive: bool) -> list[Any]:
        is_open = keyword.startswith("exclusive")
        if is_open and self._draft == 0:
            return []  # a flag, which is read with its bound
        if not _is_number(value):
            return _MALFORMED
        is_low = keyword.endswith("inimum")
        if self._draft == 0:
            is_open = part.schema.get("exclusiveMinimum" if is_low else "exclusiveMaximum") is True
        where = _at(part, keyword)
        if positive:
            return [[(Atom("low" if is_low else "high", (as_fraction(value), is_open), where),)]]
        opposite = Atom("high" if is_low else "low", (as_fraction(value), not is_open), where)
        return [(Atom("kinds", _NUMBERS, where), opposite)]

    def _multiple(self, part: Subschema, keyword: str, value: Any, positive: bool) -> list[Any]:
        if not _is_number(value) or value <= 0:
            return _MALFORMED
        where = _at(part, keyword)
        if positive:
            return [[(Atom("multiple", as_fraction(value), where),)]]
        return [(Atom("kinds", _NUMBERS, where), Atom("no_multiple", as_fraction(value), where))]

    def _size(self, part: Subschema, keyword: str, value: Any, positive: bool) -> list[Any]:
        if not _is_number(value):
            return _MALFORMED
        where, measure = _at(part, keyword), keyword[3:].lower()
        is_least = keyword.startswith("min")
        size = math.ceil(value) if is_least else math.floor(value)
        if positive:
            return [[(Atom(f"{'min' if is_least else 'max'}_{measure}", size, where),)]]
        kind = {"length": "string", "items": "array", "properties": "object"}[measure]
        if is_least and size <= 0:
            return []
        opposite = Atom(f"max_{measure}", size - 1, where) if is_least else Atom(f"min_{measure}", size + 1, where)
        return [(_only(kind, where), opposite)]

    def _pattern(self, part: Subschema, keyword: str, value: Any, positive: bool) -> list[Any]:
        if not isinstance(value, str):
            return _MALFORMED
        where = _at(part, keyword)
        if positive:
            return [[(Atom("pattern", value, where),)]]
        return [(_only("string", where), Atom("no_pattern", value, where))]

    def _format(self, part: Subschema, keyword: str, value: Any, positive: bool) -> list[Any]:
        # Whether a format is checked is up to the draft and the validator: a hint for texts, and never a proof.
        return [[(Atom("format", value, _at(part, keyword)),)]] if positive else self._unknown(part, keyword, positive)

    def _properties(self, part: Subschema, keyword: str, _value: Any, positive: bool) -> list[Any]:
        made: list[Any] = []
        for name, schema in members(part.schema, keyword).items():
            literal = self._inner(part, schema, keyword, name, positive=positive)
            is_one = keyword == "properties"
            # A property that may be anything is told still: instances are to have some of them.
            if (literal.is_true and not is_one) if positive else literal.is_false:
                continue
            group = Names(name=name) if is_one else Names(pattern=name)
            where = literal.part.pointer
            if positive:
                made.append([(Atom("each_member", (group, literal), where),)])
            elif is_one:
                has = (_only("object", where), Atom("required", name, where))
                made.append((*has, Atom("each_member", (group, literal), where)))
            else:
                made.append((_only("object", where), Atom("some_member", (group, literal), where)))
        return made

    def _additional(self, part: Subschema, keyword: str, value: Any, positive: bool) -> list[Any]:
        literal = self._inner(part, value, keyword, positive=positive)
        if literal.is_true if positive else literal.is_false:
            return []
        # Of one subschema only: members that another one lists do count as additional ones here.
        patterns = tuple(members(part.schema, "patternProperties"))
        group = Names(besides=frozenset(members(part.schema)), unlike=patterns)
        atom = Atom("each_member" if positive else "some_member", (group, literal), literal.part.pointer)
        return [[(atom,)]] if positive else [(_only("object", atom.where), atom)]

    def _names(self, part: Subschema, keyword: str, value: Any, positive: bool) -> list[Any]:
        literal = self._inner(part, value, keyword, positive=positive)
        if literal.is_true if positive else literal.is_false:
            return []
        atom = Atom("each_name" if positive else "some_name", literal, literal.part.pointer)
        return [[(atom,)]] if positive else [(_only("object", atom.where), atom)]

    def _required(self, part: Subschema, keyword: str, value: Any, positive: bool) -> list[Any]:
        where, listed = _at(part, keyword), dict.fromkeys(names(value))
        if positive:
            return [[tuple(Atom("required", name, where) for name in listed)]]
        return [(_only("object", where), Atom("absent", name, where)) for name in listed]

    def _dependencies(self, part: Subschema, keyword: str, _value: Any, positive: bool) -> list[Any]:
        made: list[Any] = []
        for name, needed in members(part.schema, keyword).items():
            where = f"{_at(part, keyword)}/{name}"
            absent, present = Atom("absent", name, where), Atom("required", name, where)
            if isinstance(needed, (list, str)):
                others = [needed] if isinstance(needed, str) else names(needed)
                if positive:
                    made.append([tuple(Atom("required", other, where) for other in others), (absent,)])
                else:
                    made += [(_only("object", where), present, Atom("absent", other, where)) for other in others]
            else:
                literal = self._inner(part, needed, keyword, name, positive=positive)
                made.append([(literal,), (absent,)] if positive else (_only("object", where), present, literal))
        return made

    def _items(self, part: Subschema, keyword: str, value: Any, positive: bool) -> list[Any]:
        if isinstance(value, list):
            if keyword == "items" and self._draft == 4:
                return _MALFORMED
            return self._first_items(part, keyword, value, positive)
        # Up to draft 2019-09 a list in "items" gives the first items; since then "prefixItems" does.
        first = part.schema.get("prefixItems" if self._draft == 4 else "items")
        if keyword == "additionalItems" and not isinstance(first, list):
            return []
        start = len(first) if isinstance(first, list) else 0
        literal = self._inner(part, value, keyword, positive=positive)
        if literal.is_true if positive else literal.is_false:
            return []
        where = literal.part.pointer
        if positive:
            return [[(Atom("rest", (start, literal), where),)]]
        return [(_only("array", where), Atom("some_item", (start, 1, literal), where))]

    def _first_items(self, part: Subschema, keyword: str, value: list[Any], positive: bool) -> list[Any]:
        made: list[Any] = []
        for index, schema in enumerate(value):
            literal = self._inner(part, schema, keyword, index, positive=positive)
            if literal.is_true if positive else literal.is_false:
                continue
            where = literal.part.pointer
            atom = Atom("item", (index, literal), where)
            made.append([(atom,)] if positive else (_only("array", where), Atom("min_items", index + 1, where), atom))
        return made

    def _contains(self, part: Subschema, keyword: str, value: Any, positive: bool) -> list[Any]:
        least, most = (part.schema.get(word) if self._draft >= 3 else None for word in ("minContains", "maxContains"))
        least = math.ceil(least) if isinstance(least, (int, float)) else 1
        where, literal = _at(part, keyword), self._inner(part, value, keyword)
        made: list[Any] = []
        if least > 0:
            kind, size = ("some_item", least) if positive else ("few_items", least - 1)
            made.append(Atom(kind, (0, size, literal), where))
        if isinstance(most, (int, float)):
            kind, size = ("few_items", math.floor(most)) if positive else ("some_item", math.floor(most) + 1)
            made.append(Atom(kind, (0, size, literal), where))
        return [[(atom,)] for atom in made] if positive else [(_only("array", where), atom) for atom in made]

    def _unique(self, part: Subschema, keyword: str, value: Any, positive: bool) -> list[Any]:
        if value is not True:
            return []
        where = _at(part, keyword)
        if positive:
            return [[(Atom("unique", True, where),)]]
        return [(_only("array", where), Atom("repeated", True, where))]

    def _branches(self, part: Subschema, keyword: str, value: Any) -> list[Literal]:
        return [self._inner(part, schema, keyword, index) for index, schema in enumerate(value)]

    def _all(self, part: Subschema, keyword: str, value: Any, positive: bool) -> list[Any]:
        if not isinstance(value, list):
            return _MALFORMED
        listed = self._branches(part, keyword, value)
        return [[(literal,)] for literal in listed] if positive else [(literal.negate(),) for literal in listed]

    def _any(self, part: Subschema, keyword: str, value: Any, positive: bool) -> list[Any]:
        if not isinstance(value, list):
            return _MALFORMED
        listed = self._branches(part, keyword, value)
        if positive:
            return [[(literal,) for literal in listed]]
        return [tuple(literal.negate() for literal in listed)]

    def _one(self, part: Subschema, keyword: str, value: Any, positive: bool) -> list[Any]:
        if not isinstance(value, list):
            return _MALFORMED
        listed = self._branches(part, keyword, value)
        if positive and not self._exact:
            return [[(literal,) for literal in listed]]
        if len(listed) > _MOST_PAIRED:
            self._note(part, keyword)
            return [[(literal,) for literal in listed]] if positive else [(Atom("unknown", keyword, part.pointer),)]
        if positive:
            others = [[other.negate() for other in listed if other is not one] for one in listed]
            return [[(one, *rest) for one, rest in zip(listed, others, strict=True)]]
        return [tuple(one.negate() for one in listed), *combinations(listed, 2)]

    def _not(self, part: Subschema, keyword: str, value: Any, positive: bool) -> list[Any]:
        branch = (self._inner(part, value, keyword, positive=not positive),)
        return [[branch]] if positive else [branch]

    def _if(self, part: Subschema, keyword: str, value: Any, positive: bool) -> list[Any]:
        condition = self._inner(part, value, keyword)
        branches: list[Branch] = []
        for word, case in (("then", condition), ("else", condition.negate())):
            literal = self._inner(part, part.schema.get(word, True), word, positive=positive)
            if not literal.is_false:
                branches.append((case, literal))
        return [branches] if positive else branches

    def _unevaluated(self, part: Subschema, keyword: str, value: Any, positive: bool) -> list[Any]:
        # Exact only for a given value: here a part of it, which no branch of a neighbour can evaluate, must satisfy it.
        unknown = self._unknown(part, keyword, positive)
        literal = self._inner(part, value, keyword)
        if not positive or literal.is_true:
            return [] if literal.is_true else unknown
        if keyword == "unevaluatedProperties":
            names = find_unevaluated_names(part, self.references)
            return unknown if names is None else [[(Atom("each_member", (names, literal), literal.part.pointer),)]]
        start = find_unevaluated_items(part, self.references)
        return unknown if start is None else [[(Atom("rest", (start, literal), literal.part.pointer),)]]

    def _reference(self, part: Subschema, keyword: str, _value: Any, positive: bool) -> list[Any]:
        found = self.references.resolve(part, keyword)
        if found is None or returns_to(part, found, self.references):
            return self._unknown(part, keyword, positive)
        return [[(Literal(found),)]] if positive else [(Literal(found, positive=False),)]


_MALFORMED: list[Any] = [None]


def as_fraction(value: float) -> Fraction:
    """The number as it is written: 0.1 is one tenth, and not the nearest binary fraction."""
    return Fraction(value) if isinstance(value, int) else Fraction(repr(value))


def _is_number(value: object) -> bool:
    # Not by math.isfinite, which refuses an integer of 400 digits.
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _at(part: Subschema, keyword: str) -> str:
    return part.inner(None, keyword).pointer


def _only(kind: str, where: str) -> Atom:
    return Atom("kinds", frozenset({kind}), where)


def _is_unknown(branch: Branch) -> bool:
    return any(isinstance(item, Atom) and item.kind == "unknown" for item in branch)
