"""Values that a JSON schema allows, or the proof that there are none."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any
from typing import Literal as OneOf

from ctxprune.errors import InputError
from ctxprune.utils.validation import check_number, check_whole

from .assertions import Assertions
from .failures import ConflictError, LimitError, UndecidedError
from .generator import InstanceGenerator
from .json_values import copy_json, read_json
from .literals import Literal
from .references import References
from .validator import OutsideError, PartValidator, build_validator
from .work import Work

__all__ = ["Projection", "Witness", "check_projection", "require_satisfiable", "witness"]

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from .cases import Case
    from .schema import JsonSchema

_TRIES = 8  # searches for each instance asked for
_SHOWN = 5  # keywords that a reason names


@dataclass(frozen=True, slots=True)
class Witness:
    """The outcome of a search for instances.

    Attributes:
        verdict: "satisfiable", with at least one instance; "unsatisfiable", which is proven; or "unknown".
        instances: Values that the full validator accepts, at most `count`.
        reason: Why there are fewer instances than `count`; "" where there are as many.
        where: JSON pointer to what cannot be satisfied; "" for the root and where nothing is proven.
        beyond: Keywords that were met and are not decided, "POINTER: keyword". They count for the validator alone.
    """

    verdict: OneOf["satisfiable", "unsatisfiable", "unknown"]
    instances: tuple[Any, ...] = ()
    reason: str = ""
    where: str = ""
    beyond: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Projection:
    """The outcome of `check_projection`.

    Attributes:
        instances: The number of instances that were tried; where it is 0, nothing is known.
        broken: Those that did not stay valid.
        verdict, reason: As of `Witness`: of the search for the instances, and why there are fewer than asked for.
    """

    instances: int
    broken: tuple[Any, ...] = ()
    verdict: OneOf["satisfiable", "unsatisfiable", "unknown"] = "satisfiable"
    reason: str = ""


def witness(schema: Any, *, count: int = 1, seed: int = 0, limit: int = 20_000, seconds: float = 30.0) -> Witness:
    """Generate up to `count` instances of a schema, each checked by jsonschema-rs, or prove that there are none.

    Decided, with the meaning that the draft of `$schema` gives them (4, 6, 7, 2019-09, or 2020-12, which holds without
    one), and in negations too: type, enum, const, bounds of numbers, multipleOf, lengths, pattern (without look-around
    and anchors in its middle, up to 2,000 states), properties, patternProperties, additionalProperties, propertyNames,
    required, numbers of properties and items, dependentRequired, dependentSchemas, dependencies, items, prefixItems,
    contains with its numbers, uniqueItems, allOf, anyOf, oneOf (up to 100 branches), not, if, and references inside the
    document. `format`, and the unevaluated keywords but for what no neighbour can evaluate, are left to the validator,
    as are references that go in a circle or whose target depends on the dynamic scope. A keyword that no draft has says
    nothing. A schema without finite instances, such as an object that requires itself, is unsatisfiable.

    After Attouche, Baazizi, Colazzo, Ghelli, Sartiani and Scherzinger, Witness Generation for JSON Schema, VLDB 2022;
    by a search from the root, where the paper builds values from the leaves.

    Args:
        schema: A dict, a JSON text, True or False.
        count: Number of instances, from 1 up.
        seed: The same seed gives the same instances.
        limit: Subschemas and branches that are visited for one instance, from 1 up; 10,000 take about a second. Checks
            of values, patterns and alternatives count as parts of a visit.
        seconds: Of processor time of all searches together, over 0: the last resort against work that no count sees.
            Where it ends a search, which the reason says, a faster machine may find more.

    Raises:
        UsageError: count or limit is under 1, or seconds is not over 0.
        InputError: The schema is no JSON schema.
        MissingExtraError: jsonschema-rs is not installed (extra `jsonschema`).
    """
    check_whole("count", count)
    check_whole("limit", limit)
    check_number("seconds", seconds, over=0)
    document = read_json(schema)[0] if isinstance(schema, str) else copy_json(schema)
    try:
        accepts = build_validator(document)
    except OutsideError as error:
        return Witness("unknown", reason=error.what)
    return _Run(document, accepts, count, Work(limit, seconds)).search(Random(seed))


class _Run:
    """All searches for the instances of one document."""

    def __init__(self, document: Any, accepts: Callable[[Any], bool], count: int, work: Work) -> None:
        references = References(document)
        self._root = Literal(references.root)
        self._accepts, self._count, self._work = accepts, count, work
        # oneOf as anyOf first: most unions are disjoint, and what has no value then has none in any case.
        self._stages = [Assertions(references, work, exact=False), Assertions(references, work)]
        self._validator = PartValidator(document)
        self._conflicts: list[dict[frozenset[Literal], ConflictError]] = [{}, {}]
        self._opened: list[dict[frozenset[Literal], Case]] = [{}, {}]
        self._allowed: list[dict[Any, list[Any]]] = [{}, {}]
        self._found: list[Any] = []
        self._reason = ""

    def search(self, random: Random) -> Witness:
        """Draw instances until there are enough, or a proof that there are none."""
        conflict: ConflictError | None = None
        for stage in range(2):
            try:
                self._draw(stage, random)
            except ConflictError as error:
                conflict = error
            if conflict is not None or len(self._found) == self._count:
                break
        beyond = tuple(dict.fromkeys([*self._stages[0].beyond, *self._stages[1].beyond]))
        if conflict is not None and not self._found:
            return Witness("unsatisfiable", (), conflict.reason, conflict.where, beyond)
        verdict: OneOf["satisfiable", "unknown"] = "satisfiable" if self._found else "unknown"
        reason = "" if len(self._found) == self._count else self._reason
        if verdict == "unknown" and beyond:
            reason = f"{reason} (not decided: {', '.join(beyond[:_SHOWN])})"
        return Witness(verdict, tuple(self._found), reason, "", beyond)

    def _draw(self, stage: int, random: Random) -> None:
        # A search may end undecided or with a value beyond the core's knowledge; a few more draws often succeed.
        spare, left = 100, self._work.limit * (self._count + 1)  # of all draws together
        for _ in range((self._count - len(self._found)) * _TRIES):
            generator = InstanceGenerator(
                self._stages[stage],
                self._validator,
                random,
                self._work,
                self._conflicts[stage],
                self._opened[stage],
                self._allowed[stage],
                spare,
            )
            try:
                value = generator.generate([self._root])
            except LimitError as stop:
                self._reason = str(stop)
                if not spare:
                    self._work.restart()
                    break  # further tries would take as long
                spare = 0
            except (UndecidedError, RecursionError) as stop:
                self._reason = str(stop) if isinstance(stop, UndecidedError) else "values are nested too deep"
            else:
                # The generator knows the core keywords only; the full validator decides.
                if self._accepts(value):
                    self._found.append(copy_json(value))
                else:
                    self._reason = "what was made does not satisfy a keyword beyond the core"
            left -= self._work.restart()
            if len(self._found) == self._count or left < 0 or self._work.is_late:
                break


def check_projection(context: JsonSchema, kept: Collection[int], *, count: int = 200, seed: int = 0) -> Projection:
    """Whether instances of a schema are, without what was dropped, instances of the schema that is left.

    They should always be; this checks it on examples. `kept` are units as a policy chooses them, with all that they
    require. A schema that is unsatisfiable, or refers to another document, gives no instance; `verdict` says so.

    Raises:
        UsageError, InputError, MissingExtraError: As `witness`.
    """
    whole = context.render(range(len(context.units)))
    left = context.render(kept)
    try:
        accepts = build_validator(read_json(left)[0] if isinstance(left, str) else left)
    except OutsideError as error:
        return Projection(0, (), "unknown", error.what)
    found = witness(whole, count=count, seed=seed)
    broken = tuple(instance for instance in found.instances if not accepts(context.project(instance, kept)))
    return Projection(len(found.instances), broken, found.verdict, found.reason)


def require_satisfiable(schema: Any, *, limit: int = 20_000, seconds: float = 5.0) -> None:
    """Refuse a schema that no value can satisfy, before a model is asked to fill it. What is unknown passes.

    Raises:
        InputError: It is proven that there is no instance; `where` is the JSON pointer to the conflict.
        UsageError, MissingExtraError: As `witness`.
    """
    found = witness(schema, limit=limit, seconds=seconds)
    if found.verdict == "unsatisfiable":
        hint = "change the schema there, or leave the property out"
        raise InputError(f"no value can satisfy the schema: {found.reason}", where=found.where or "/", hint=hint)
