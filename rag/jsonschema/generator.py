"""Generates one value for a conjunction of subschemas, or proves that there is none."""

from __future__ import annotations

import math
import string
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from ctxprune.utils.validation import is_number

from .conjunction import ConflictError, Conjunction, Subschema, item_parts, member_parts
from .graph import members, names
from .pattern_samples import sample_match
from .validator import build_validator, matches_pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

    from .json_values import Json

__all__ = ["InstanceGenerator", "LimitError", "UndecidedError"]

_KINDS = ("object", "array", "string", "number", "integer", "boolean", "null")
_DEEPEST = 40  # levels of nested values, so that Python's own recursion limit is never reached
_OPTIONAL_DEPTH = 6  # deeper, and inside a value of the same kind, no optional member is made
_ENDLESS = 10**18  # stands for a maximum that is not given
_TRIES = 20  # attempts at a text for a pattern, or at an item that differs from the others


class UndecidedError(Exception):
    """Neither a value was generated nor a conflict proven."""


class LimitError(UndecidedError):
    """The limit on all work is reached; no other alternative is tried."""


@dataclass
class InstanceGenerator:
    """One depth-first search for an instance; a goal is a list of subschemas that one value has to satisfy.

    Attributes:
        conjunction: Expands goals.
        random: Chooses among types, branches, members and values.
        limit: Goals that may be visited.
        known: Cache over several searches of one document: compiled validators, and which listed values they accept.
        spare: Optional members and items that may still be generated.
    """

    conjunction: Conjunction
    random: Random
    limit: int
    known: dict[tuple[str, ...], Any] = field(default_factory=dict)
    spare: int = 100  # bounded, so that instances stay small
    _open: list[tuple[str, ...]] = field(default_factory=list)  # goals in progress, outermost first

    def generate(self, goal: Sequence[Subschema]) -> Json:
        """Generate a value for `goal`.

        Raises:
            ConflictError: Every alternative was tried, and none leads to a finite value.
            UndecidedError: A limit was reached, or random trials did not satisfy a keyword.
        """
        self.limit -= 1
        if self.limit < 0:
            raise LimitError("the limit of subschemas is reached")
        key = tuple(sorted({part.pointer for part in goal}))
        # A smallest instance never has a goal inside itself, so that a repetition may count as a conflict; near the
        # root one is allowed, so that instances of recursive schemas vary.
        if self._open.count(key) > (1 if len(self._open) < _OPTIONAL_DEPTH else 0):
            raise ConflictError("the value would have to contain itself without end", key[0] if key else "")
        if len(self._open) >= _DEEPEST:
            raise UndecidedError(f"values are nested over {_DEEPEST} levels deep")
        self._open.append(key)
        try:
            return self._try_branches(goal, 0)
        finally:
            self._open.pop()

    def _try_branches(self, goal: Sequence[Subschema], first: int) -> Json:
        """Generate a value, trying the branches of each union from number `first` on in random order."""
        flat = self.conjunction.flatten(goal)
        if first >= len(flat.unions):
            return self._generate_plain(flat.parts)
        union = flat.unions[first]
        order = self.random.sample(union, len(union))
        return self._first_success([partial(self._try_branches, (*goal, branch), first + 1) for branch in order])

    def _first_success(self, ways: list[Callable[[], Json]]) -> Json:
        """The value of the first alternative that succeeds; else the error that says most."""
        conflict: ConflictError | None = None
        stop: UndecidedError | None = None
        for way in ways:
            self.limit -= 1
            if self.limit < 0:
                raise LimitError("the limit of subschemas is reached")
            try:
                return way()
            except ConflictError as error:
                conflict = conflict or error
            except LimitError:
                raise
            except UndecidedError as error:
                stop = error
        # Only where every alternative is a proven conflict is the whole one; one undecided alternative leaves it open.
        if stop is not None:
            raise stop
        raise conflict or ConflictError("there is no branch", "")

    def _take_spare(self) -> bool:
        """Use up one of the optional members and items; False if none is left."""
        self.spare -= 1
        return self.spare >= 0

    def _try(self, way: Callable[[], Json], use: Callable[[Json], None]) -> bool:
        """Use the value of an alternative that may fail; False if it fails."""
        try:
            use(way())
        except LimitError:
            raise
        except (ConflictError, UndecidedError):
            return False
        return True

    def _generate_plain(self, parts: tuple[Subschema, ...]) -> Json:
        for part in parts:
            for keyword in ("const", "enum"):
                if keyword in part.schema:
                    return self._choose_listed(part, keyword, parts)
        kinds = _types(parts)
        ways: dict[str, Callable[[tuple[Subschema, ...]], Json]] = {
            "object": self._object,
            "array": self._array,
            "string": self._string,
            "number": self._number,
            "integer": self._number,
            "boolean": lambda _: self.random.random() < 0.5,
            "null": lambda _: None,
        }
        order = self.random.sample(kinds, len(kinds))
        # Types that the keywords are about first: {"minLength": 3} also allows null, but a string is what is meant.
        order.sort(key=lambda kind: not _constrains_type(kind, parts))
        return self._first_success([partial(ways[kind], parts) for kind in order])

    def _choose_listed(self, part: Subschema, keyword: str, parts: tuple[Subschema, ...]) -> Json:
        """One of the values that a subschema lists and all others accept."""
        listed = part.schema[keyword]
        values = [listed] if keyword == "const" else listed if isinstance(listed, list) else []
        allowed = [self._match_values(values, part, keyword, other) for other in parts]
        fitting = [value for place, value in enumerate(values) if all(fit[place] for fit in allowed)]
        if not fitting:
            raise ConflictError(f"no value of {keyword} fits what else is asked of it", f"{part.pointer}/{keyword}")
        return self.random.choice(fitting)

    def _number(self, parts: tuple[Subschema, ...]) -> Json:
        try:
            return self._in_range(parts)
        except OverflowError:
            raise UndecidedError("the bounds of a number are too large") from None

    def _in_range(self, parts: tuple[Subschema, ...]) -> Json:
        low, high, where = _range(parts)
        kinds = _types(parts)
        steps = [part.schema["multipleOf"] for part in parts if is_number(part.schema.get("multipleOf"))]
        step = steps[0] if len(steps) == 1 and steps[0] > 0 else 1
        first, last = _multiples(low, high, step)
        if first <= last:
            found = step * self.random.randint(first, min(last, first + 1000))
            return int(found) if float(found).is_integer() and abs(found) < 2**53 else found
        if low.value > high.value or (low.value == high.value and (low.open or high.open)):
            raise ConflictError(f"no number lies between {low} and {high}", where)
        if steps:
            raise UndecidedError("multipleOf leaves no number that was found")
        if "number" not in kinds:
            raise ConflictError(f"no integer lies between {low} and {high}", where)
        return (low.value + high.value) / 2

    def _string(self, parts: tuple[Subschema, ...]) -> Json:
        least, most = self._span(parts, "minLength", "maxLength")
        patterns = [part for part in parts if isinstance(part.schema.get("pattern"), str)]
        if not patterns:
            size = self.random.randint(least, min(most, least + 8))
            if size > 10_000:
                raise UndecidedError("a text of over 10,000 characters is asked for")
            return "".join(self.random.choice(string.ascii_lowercase) for _ in range(size))
        accepts = [self._accepts(part) for part in parts]
        for turn in range(_TRIES):
            text = sample_match(self.random.choice(patterns).schema["pattern"], self.random, min(turn * least, 100))
            if text is not None and least <= len(text) <= most and all(accept(text) for accept in accepts):
                return text
        raise UndecidedError(f"no text for the pattern at {patterns[0].pointer or '/'} was found")

    def _array(self, parts: tuple[Subschema, ...]) -> Json:
        least, most = self._span(parts, "minItems", "maxItems")
        unique = any(part.schema.get("uniqueItems") is True for part in parts)
        size = self.random.randint(least, min(most, least + 2))
        if size > 1000:
            raise UndecidedError("an array of over 1,000 items is asked for")
        made: list[Json] = []
        for index in range(size):
            item = partial(self._item, item_parts(parts, index), made if unique else ())
            if index < least:
                made.append(item())
            elif not (self._take_spare() and self._try(item, made.append)):
                break
        return made

    def _item(self, goal: list[Subschema], before: Sequence[Json]) -> Json:
        for _ in range(_TRIES):
            value = self.generate(goal)
            if value not in before:
                return value
        raise UndecidedError("no further item that differs from the others was found")

    def _object(self, parts: tuple[Subschema, ...]) -> Json:
        least, most = self._span(parts, "minProperties", "maxProperties")
        required = dict.fromkeys(name for part in parts for name in names(part.schema.get("required")))
        if len(required) > most:  # proven: required members cannot be left out
            where = next(part.pointer for part in parts if "maxProperties" in part.schema)
            raise ConflictError(f"{len(required)} members are required and {most} allowed", f"{where}/maxProperties")
        made = {name: self._member(parts, name) for name in required}
        optional = [name for part in parts for name in members(part.schema) if name not in made]
        optional = self.random.sample(optional, len(optional))
        listed = set(optional)
        chance = 0.6 if len(self._open) < _OPTIONAL_DEPTH else 0.0
        for name in (*dict.fromkeys(optional), *(f"extra{number}" for number in range(1 + min(least, 1000)))):
            wanted = len(made) < least or self.random.random() < (chance if name in listed else chance / 4)
            if len(made) >= most or not wanted or (len(made) >= least and not self._take_spare()):
                continue
            self._try(partial(self._member, parts, name), partial(made.__setitem__, name))
        if len(made) < least:
            raise UndecidedError(f"no {least} members were found")
        return made

    def _member(self, parts: tuple[Subschema, ...], name: str) -> Json:
        goal = member_parts(parts, name, matches_pattern)
        try:
            return self.generate(goal)
        except ConflictError as conflict:
            if any(part.schema is False and part.pointer.endswith("/additionalProperties") for part in goal):
                where = conflict.where
                raise ConflictError(f"the member {name!r} is required and not allowed", where) from None
            raise

    def _match_values(self, values: list[Any], part: Subschema, keyword: str, other: Subschema) -> list[bool]:
        """Which of the values that `part` lists are valid for `other`, or for the other keywords of `part` itself."""
        key = part.pointer, other.pointer
        if key not in self.known:
            self.known[key] = list(map(self._accepts(other, keyword if other is part else ""), values))
        return self.known[key]  # type: ignore[no-any-return]

    def _accepts(self, part: Subschema, without: str = "") -> Callable[[Any], bool]:
        """The validator of a subschema's keywords that look at no subschema, leaving out the keyword `without`."""
        key = part.pointer, without, "accepts"
        if key not in self.known:
            words = {word: part.schema[word] for word in _SELF_CONTAINED & set(part.schema) - {without}}
            document = self.conjunction.document
            if isinstance(document, dict) and "$schema" in document:
                words["$schema"] = document["$schema"]
            self.known[key] = build_validator(words)
        return self.known[key]  # type: ignore[no-any-return]

    def _span(self, parts: tuple[Subschema, ...], lower: str, upper: str) -> tuple[int, int]:
        """The tightest minimum and maximum of a pair of keywords over all subschemas."""
        least = [(part.schema[lower], part.pointer) for part in parts if is_number(part.schema.get(lower))]
        most = [(part.schema[upper], part.pointer) for part in parts if is_number(part.schema.get(upper))]
        low = max((math.ceil(value) for value, _ in least), default=0)
        high = min((math.floor(value) for value, _ in most), default=_ENDLESS)
        if low > high:
            raise ConflictError(f"{lower} {low} is over {upper} {high}", f"{min(most)[1]}/{upper}")
        return low, high


@dataclass(frozen=True, slots=True)
class _Bound:
    value: float
    open: bool = False

    def __str__(self) -> str:
        return f"{self.value}{' (exclusive)' if self.open else ''}"


def _range(parts: tuple[Subschema, ...]) -> tuple[_Bound, _Bound, str]:
    """The tightest bounds of a number, and the pointer to one of them."""
    low, high, where = _Bound(-math.inf), _Bound(math.inf), ""
    for part in parts:
        for keyword, is_open in (("minimum", False), ("exclusiveMinimum", True)):
            value = part.schema.get(keyword)
            if is_number(value) and (value, is_open) > (low.value, low.open):
                low, where = _Bound(value, is_open), f"{part.pointer}/{keyword}"
        for keyword, is_open in (("maximum", False), ("exclusiveMaximum", True)):
            value = part.schema.get(keyword)
            if is_number(value) and (value, not is_open) < (high.value, not high.open):
                high, where = _Bound(value, is_open), f"{part.pointer}/{keyword}"
    return low, high, where


def _multiples(low: _Bound, high: _Bound, step: float) -> tuple[int, int]:
    """The first and the last whole number whose product with `step` is in range, or some where the range is open."""
    first = None if low.value == -math.inf else math.ceil(low.value / step)
    last = None if high.value == math.inf else math.floor(high.value / step)
    if first is not None and low.open and first * step <= low.value:
        first += 1
    if last is not None and high.open and last * step >= high.value:
        last -= 1
    if first is None:
        first = 0 if last is None else min(0, last - 100)
    return first, max(100, first + 100) if last is None else last


def _types(parts: tuple[Subschema, ...]) -> list[str]:
    """The types that all subschemas allow; "number" includes "integer".

    Raises:
        ConflictError: There is none.
    """
    left = list(_KINDS)
    for part in parts:
        listed = part.schema.get("type")
        allowed = {listed} if isinstance(listed, str) else set(names(listed)) if isinstance(listed, list) else None
        if allowed is None:
            continue
        if "number" in allowed:
            allowed.add("integer")
        before, left = left, [kind for kind in left if kind in allowed]
        if not left:
            raise ConflictError(f"type {listed} excludes {' or '.join(before)}", f"{part.pointer}/type")
    return left if "number" not in left else [kind for kind in left if kind != "integer"]


# Keywords that constrain a value without applying another subschema to its parts.
_SELF_CONTAINED = frozenset(
    {"const", "enum", "exclusiveMaximum", "exclusiveMinimum", "maxItems", "maxLength", "maxProperties", "maximum",
     "minItems", "minLength", "minProperties", "minimum", "multipleOf", "pattern", "required", "type", "uniqueItems"}
)  # fmt: skip
_WORDS = {
    "object": ("properties", "required", "additionalProperties", "minProperties"),
    "array": ("items", "prefixItems", "minItems", "maxItems"),
    "string": ("pattern", "minLength", "maxLength", "format"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
}


def _constrains_type(kind: str, parts: tuple[Subschema, ...]) -> bool:
    """Whether a subschema has keywords that constrain values of that type."""
    words = _WORDS.get("number" if kind == "integer" else kind, ())
    return any(word in part.schema for part in parts for word in words)
