"""Makes one value for a conjunction of subschemas, or proves that there is none."""

from __future__ import annotations

import math
import string
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from ctxprune.utils.validation import is_number

from ._checking import checker, fits
from ._conjunction import ConflictError, Conjunction, Part, item_parts, member_parts
from ._graph import members, names
from ._pattern import text_for

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

    from ._reading import Json

__all__ = ["GaveUpError", "LimitError", "Maker"]

_KINDS = ("object", "array", "string", "number", "integer", "boolean", "null")
_DEEPEST = 40  # values inside each other
_OPTIONAL_DEPTH = 6  # deeper, and inside a value of the same kind, no optional member is made
_ENDLESS = 10**18  # where no most is given
_TRIES = 20  # texts made by a pattern, items that differ from the others


class GaveUpError(Exception):
    """Neither a value nor a proof was found."""


class LimitError(GaveUpError):
    """The bound on all work is reached; no other way is tried."""


@dataclass
class Maker:
    """One search.

    Attributes:
        conjunction: Takes goals apart.
        random: Chooses among types, branches, members and values.
        limit: Goals that may be visited.
        known: What was compiled and tried for the document before.
    """

    conjunction: Conjunction
    random: Random
    limit: int
    known: dict[tuple[str, ...], Any] = field(default_factory=dict)
    spare: int = 100  # members and items that may still be made without need, so that instances stay small
    _open: list[tuple[str, ...]] = field(default_factory=list)  # goals that are being worked on, from outside in

    def value(self, goal: Sequence[Part]) -> Json:
        """A value for `goal`.

        Raises:
            ConflictError: Every way was tried, and none leads to a finite value.
            GaveUpError: A bound was reached, or a keyword could not be met by trial.
        """
        self.limit -= 1
        if self.limit < 0:
            raise LimitError("the limit of subschemas is reached")
        key = tuple(sorted({part.pointer for part in goal}))
        # A smallest instance never needs a value inside itself; a few turns more make instances less alike.
        if self._open.count(key) > (1 if len(self._open) < _OPTIONAL_DEPTH else 0):
            raise ConflictError("the value would have to contain itself without end", key[0] if key else "")
        if len(self._open) >= _DEEPEST:
            raise GaveUpError(f"values are nested over {_DEEPEST} levels deep")
        self._open.append(key)
        try:
            return self._branched(goal, 0)
        finally:
            self._open.pop()

    def _branched(self, goal: Sequence[Part], first: int) -> Json:
        """A value, one branch of each union from number `first` on being tried after the other."""
        flat = self.conjunction.flat(goal)
        if first >= len(flat.unions):
            return self._plain(flat.parts)
        union = flat.unions[first]
        order = self.random.sample(union, len(union))
        return self._first([partial(self._branched, (*goal, branch), first + 1) for branch in order])

    def _first(self, ways: list[Callable[[], Json]]) -> Json:
        """The value of the first way that leads to one."""
        conflict: ConflictError | None = None
        stop: GaveUpError | None = None
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
            except GaveUpError as error:
                stop = error
        if stop is not None:
            raise stop
        raise conflict or ConflictError("there is no branch", "")

    def _spares(self) -> bool:
        """Whether one more member or item may be made without need."""
        self.spare -= 1
        return self.spare >= 0

    def _tried(self, way: Callable[[], Json], use: Callable[[Json], None]) -> bool:
        """Use the value of a way that need not lead to one; False if it does not."""
        try:
            use(way())
        except LimitError:
            raise
        except (ConflictError, GaveUpError):
            return False
        return True

    def _plain(self, parts: tuple[Part, ...]) -> Json:
        for part in parts:
            for keyword in ("const", "enum"):
                if keyword in part.schema:
                    return self._listed(part, keyword, parts)
        kinds = _types(parts)
        ways: dict[str, Callable[[tuple[Part, ...]], Json]] = {
            "object": self._object,
            "array": self._array,
            "string": self._string,
            "number": self._number,
            "integer": self._number,
            "boolean": lambda _: self.random.random() < 0.5,
            "null": lambda _: None,
        }
        order = self.random.sample(kinds, len(kinds))
        order.sort(key=lambda kind: not _speaks_of(kind, parts))
        return self._first([partial(ways[kind], parts) for kind in order])

    def _listed(self, part: Part, keyword: str, parts: tuple[Part, ...]) -> Json:
        """One of the values that a subschema lists."""
        listed = part.schema[keyword]
        values = [listed] if keyword == "const" else listed if isinstance(listed, list) else []
        fits_part = [self._fitting(values, part, keyword, other) for other in parts]
        fitting = [value for place, value in enumerate(values) if all(fit[place] for fit in fits_part)]
        if not fitting:
            raise ConflictError(f"no value of {keyword} fits what else is asked of it", f"{part.pointer}/{keyword}")
        return self.random.choice(fitting)

    def _number(self, parts: tuple[Part, ...]) -> Json:
        try:
            return self._in_range(parts)
        except OverflowError:
            raise GaveUpError("the bounds of a number are too large") from None

    def _in_range(self, parts: tuple[Part, ...]) -> Json:
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
            raise GaveUpError("multipleOf leaves no number that was found")
        if "number" not in kinds:
            raise ConflictError(f"no integer lies between {low} and {high}", where)
        return (low.value + high.value) / 2

    def _string(self, parts: tuple[Part, ...]) -> Json:
        least, most = self._span(parts, "minLength", "maxLength")
        patterns = [part for part in parts if isinstance(part.schema.get("pattern"), str)]
        if not patterns:
            size = self.random.randint(least, min(most, least + 8))
            if size > 10_000:
                raise GaveUpError("a text of over 10,000 characters is asked for")
            return "".join(self.random.choice(string.ascii_lowercase) for _ in range(size))
        accepts = [self._accepts(part) for part in parts]
        for turn in range(_TRIES):
            text = text_for(self.random.choice(patterns).schema["pattern"], self.random, min(turn * least, 100))
            if text is not None and least <= len(text) <= most and all(fits_part(text) for fits_part in accepts):
                return text
        raise GaveUpError(f"no text for the pattern at {patterns[0].pointer or '/'} was found")

    def _array(self, parts: tuple[Part, ...]) -> Json:
        least, most = self._span(parts, "minItems", "maxItems")
        unique = any(part.schema.get("uniqueItems") is True for part in parts)
        size = self.random.randint(least, min(most, least + 2))
        if size > 1000:
            raise GaveUpError("an array of over 1,000 items is asked for")
        made: list[Json] = []
        for index in range(size):
            item = partial(self._item, item_parts(parts, index), made if unique else ())
            if index < least:
                made.append(item())
            elif not (self._spares() and self._tried(item, made.append)):
                break
        return made

    def _item(self, goal: list[Part], before: Sequence[Json]) -> Json:
        for _ in range(_TRIES):
            value = self.value(goal)
            if value not in before:
                return value
        raise GaveUpError("no further item that differs from the others was found")

    def _object(self, parts: tuple[Part, ...]) -> Json:
        least, most = self._span(parts, "minProperties", "maxProperties")
        required = dict.fromkeys(name for part in parts for name in names(part.schema.get("required")))
        if len(required) > most:
            where = next(part.pointer for part in parts if "maxProperties" in part.schema)
            raise ConflictError(f"{len(required)} members are required and {most} allowed", f"{where}/maxProperties")
        made = {name: self._member(parts, name) for name in required}
        optional = [name for part in parts for name in members(part.schema) if name not in made]
        optional = self.random.sample(optional, len(optional))
        listed = set(optional)
        chance = 0.6 if len(self._open) < _OPTIONAL_DEPTH else 0.0
        for name in (*dict.fromkeys(optional), *(f"extra{number}" for number in range(1 + min(least, 1000)))):
            wanted = len(made) < least or self.random.random() < (chance if name in listed else chance / 4)
            if len(made) >= most or not wanted or (len(made) >= least and not self._spares()):
                continue
            self._tried(partial(self._member, parts, name), partial(made.__setitem__, name))
        if len(made) < least:
            raise GaveUpError(f"no {least} members were found")
        return made

    def _member(self, parts: tuple[Part, ...], name: str) -> Json:
        goal = member_parts(parts, name, fits)
        try:
            return self.value(goal)
        except ConflictError as conflict:
            if any(part.schema is False and part.pointer.endswith("/additionalProperties") for part in goal):
                where = conflict.where
                raise ConflictError(f"the member {name!r} is required and not allowed", where) from None
            raise

    def _fitting(self, values: list[Any], part: Part, keyword: str, other: Part) -> list[bool]:
        """Which of the values that `part` lists fit what `other` says, or what `part` says beside."""
        key = part.pointer, other.pointer
        if key not in self.known:
            self.known[key] = list(map(self._accepts(other, keyword if other is part else ""), values))
        return self.known[key]  # type: ignore[no-any-return]

    def _accepts(self, part: Part, without: str = "") -> Callable[[Any], bool]:
        """What tells whether a value fits a subschema in itself, but for the keyword `without`."""
        key = part.pointer, without, "accepts"
        if key not in self.known:
            words = {word: part.schema[word] for word in _ALONE & set(part.schema) - {without}}
            document = self.conjunction.document
            if isinstance(document, dict) and "$schema" in document:
                words["$schema"] = document["$schema"]
            self.known[key] = checker(words)
        return self.known[key]  # type: ignore[no-any-return]

    def _span(self, parts: tuple[Part, ...], lower: str, upper: str) -> tuple[int, int]:
        """The least and the most that a pair of keywords allows."""
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


def _range(parts: tuple[Part, ...]) -> tuple[_Bound, _Bound, str]:
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


def _types(parts: tuple[Part, ...]) -> list[str]:
    """The types that all subschemas allow.

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


# Keywords that say something of a value without looking at what is inside it by another subschema.
_ALONE = frozenset(
    {"const", "enum", "exclusiveMaximum", "exclusiveMinimum", "maxItems", "maxLength", "maxProperties", "maximum",
     "minItems", "minLength", "minProperties", "minimum", "multipleOf", "pattern", "required", "type", "uniqueItems"}
)  # fmt: skip
_WORDS = {
    "object": ("properties", "required", "additionalProperties", "minProperties"),
    "array": ("items", "prefixItems", "minItems", "maxItems"),
    "string": ("pattern", "minLength", "maxLength", "format"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
}


def _speaks_of(kind: str, parts: tuple[Part, ...]) -> bool:
    """Whether a subschema has keywords for that type of value."""
    words = _WORDS.get("number" if kind == "integer" else kind, ())
    return any(word in part.schema for part in parts for word in words)
