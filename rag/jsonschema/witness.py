"""Values that a JSON schema allows, or the proof that there are none."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any, Literal

from ctxprune.errors import InputError
from ctxprune.utils.validation import check_whole

from .conjunction import ConflictError, Conjunction, Subschema
from .generator import InstanceGenerator, LimitError, UndecidedError
from .json_values import copy_json, read_json
from .validator import OutsideError, build_validator

__all__ = ["Projection", "Witness", "check_projection", "require_satisfiable", "witness"]

if TYPE_CHECKING:
    from collections.abc import Collection

    from .schema import JsonSchema

_TRIES = 8  # searches for each instance asked for


@dataclass(frozen=True, slots=True)
class Witness:
    """The outcome of a search for instances.

    Attributes:
        verdict: "satisfiable", with at least one instance; "unsatisfiable", which is proven; or "unknown".
        instances: Values that the full validator accepts, at most `count`.
        reason: Why there are fewer instances than `count`; "" where there are as many.
        where: JSON pointer to what cannot be satisfied; "" for the root and where nothing is proven.
        beyond: Keywords outside the core that were met, "POINTER: keyword". They count for the validator alone.
    """

    verdict: Literal["satisfiable", "unsatisfiable", "unknown"]
    instances: tuple[Any, ...] = ()
    reason: str = ""
    where: str = ""
    beyond: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Projection:
    """The outcome of `check_projection`: the number of instances, and those that did not stay valid."""

    instances: int
    broken: tuple[Any, ...] = ()


def witness(schema: Any, *, count: int = 1, seed: int = 0, limit: int = 20_000) -> Witness:
    """Generate up to `count` instances of a schema, bottom-up from its core keywords, each checked by jsonschema-rs.

    The core: type, properties, required, additionalProperties, patternProperties, minProperties, maxProperties, items,
    prefixItems, minItems, maxItems, uniqueItems, enum, const, minimum, maximum, exclusiveMinimum, exclusiveMaximum,
    multipleOf, minLength, maxLength, pattern (without look-around), allOf, anyOf, oneOf, and $ref inside the document;
    `format` says nothing. A keyword that the draft of `$schema` (4, 6, 7, 2019-09 or 2020-12, which holds without one)
    does not have is beyond the core. After Attouche, Baazizi, Colazzo, Ghelli, Sartiani and Scherzinger, Witness
    Generation for JSON Schema, VLDB 2022, without negation. A schema without finite instances, such as an object that
    requires itself, is unsatisfiable.

    Args:
        schema: A dict, a JSON text, True or False.
        count: Number of instances, from 1 up.
        seed: The same seed gives the same instances.
        limit: Subschemas that are visited for one instance, from 1 up; 10,000 take some tenths of a second.

    Raises:
        UsageError: count or limit is under 1.
        InputError: The schema is no JSON schema.
        MissingExtraError: jsonschema-rs is not installed (extra `jsonschema`).
    """
    check_whole("count", count)
    check_whole("limit", limit)
    document = read_json(schema)[0] if isinstance(schema, str) else copy_json(schema)
    try:
        accepts = build_validator(document)
    except OutsideError as error:
        return Witness("unknown", reason=error.what)
    found: list[Any] = []
    reason, random = "", Random(seed)
    conjunction, known = Conjunction(document), dict[tuple[str, ...], Any]()
    # A search may end undecided or with a value beyond the core's knowledge; a few more draws often succeed.
    for _ in range(count * _TRIES):
        generator = InstanceGenerator(conjunction, random, limit, known)
        try:
            value = generator.generate((Subschema(document, ""),))
        except ConflictError as conflict:
            return Witness("unsatisfiable", (), conflict.reason, conflict.where, tuple(conjunction.beyond))
        except UndecidedError as stop:
            reason = str(stop)
            if isinstance(stop, LimitError):
                break  # further tries would take as long
        else:
            # The generator knows the core keywords only; the full validator decides.
            if accepts(value):
                found.append(value)
            else:
                reason = "what was made does not satisfy a keyword beyond the core"
        if len(found) == count:
            return Witness("satisfiable", tuple(found), "", "", tuple(conjunction.beyond))
    return Witness("satisfiable" if found else "unknown", tuple(found), reason, "", tuple(conjunction.beyond))


def check_projection(context: JsonSchema, kept: Collection[int], *, count: int = 200, seed: int = 0) -> Projection:
    """Whether instances of a schema are, without what was dropped, instances of the schema that is left.

    They should always be; this checks it on examples. `kept` are units as a policy chooses them, with all that they
    require.

    Raises:
        UsageError, InputError, MissingExtraError: As `witness`.
    """
    whole = context.render(range(len(context.units)))
    left = context.render(kept)
    accepts = build_validator(read_json(left)[0] if isinstance(left, str) else left)
    found = witness(whole, count=count, seed=seed).instances
    broken = tuple(instance for instance in found if not accepts(context.project(instance, kept)))
    return Projection(len(found), broken)


def require_satisfiable(schema: Any, *, limit: int = 20_000) -> None:
    """Refuse a schema that no value can satisfy, before a model is asked to fill it. What is unknown passes.

    Raises:
        InputError: It is proven that there is no instance; `where` is the JSON pointer to the conflict.
        UsageError, MissingExtraError: As `witness`.
    """
    found = witness(schema, limit=limit)
    if found.verdict == "unsatisfiable":
        hint = "change the schema there, or leave the property out"
        raise InputError(f"no value can satisfy the schema: {found.reason}", where=found.where or "/", hint=hint)
