"""Checks of a model's records against the full schema: errors by path, names that no field has, quotes in the way."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ctxprune.utils.extras import require

from ..jsonschema.validator import build_validator, matches_pattern
from .schema import RecordField, follow_ref, list_required, resolve_type
from .values import read_as

if TYPE_CHECKING:
    from .schema import RecordSchema

__all__ = ["RecordChecker", "Shaped"]

_MOST_ERRORS = 20
_DEEPEST = 6  # schemas inside schemas that are searched for a name
_LONGEST = 160  # characters of an error
_LONGEST_DAY = 40  # characters
_DAY = RecordField("day", "date")
_LITERAL = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?|true|false", re.ASCII)


@dataclass(frozen=True)
class Shaped:
    """A record after its names and quotes were checked.

    Attributes:
        data: The record without nulls of optional fields and without members that the schema has no field for.
        unknown: Paths of those members.
        pruned: Paths of members that the schema has, but the prompt had not.
        pruned_fields: Paths of the fields of those.
    """

    data: dict[str, Any]
    unknown: tuple[str, ...] = ()
    pruned: tuple[str, ...] = ()
    pruned_fields: tuple[str, ...] = ()


class RecordChecker:
    """Checks records of one schema. Safe to share between threads.

    Args:
        schema: The full schema.

    Raises:
        InputError: It is no valid JSON Schema, or has a $ref that is not inside it.
        MissingExtraError: jsonschema-rs is not installed (extra `jsonschema`).
    """

    def __init__(self, schema: RecordSchema) -> None:
        self._schema = schema
        document = dict(schema.source)
        if schema.root is not schema.source:
            # The record's own schema may stand inside an array; definitions are looked up in the whole document.
            kept = {key: document[key] for key in ("$defs", "definitions", "$schema") if key in document}
            document = {**schema.root, **kept}
        build_validator(document)
        # Compiled again for its errors; nothing is fetched, since there is no $ref out of the document left.
        self._validator = require("jsonschema_rs", "jsonschema").validator_for(document)

    def list_errors(self, data: Any) -> tuple[str, ...]:
        """What is wrong with a record by the schema, each "PATH: what", by path; () for nothing. Up to 20."""
        found: list[str] = []
        for error in self._validator.iter_errors(data):
            path = ".".join(map(str, error.instance_path)) or "/"
            found.append(f"{path}: {error.message}"[:_LONGEST])
            if len(found) == _MOST_ERRORS:
                break
        return tuple(sorted(found))

    def shape(self, data: dict[str, Any], shown: Collection[str] | None = None) -> Shaped:
        """Take out nulls and members without a field, and put quotes right: "3" for a number is 3, 3 for a text "3".

        Args:
            data: A record.
            shown: Paths of the fields that the prompt had; None for all.
        """
        unknown, pruned = list[str](), dict[str, str]()
        allowed = None if shown is None else frozenset(shown)

        def clean(value: Any, schema: dict[str, Any], prefix: str, path: str) -> Any:
            if isinstance(value, list):
                items = resolve_type(schema.get("items") or {}, self._schema.source)[0]
                return [clean(item, items, prefix, f"{path}{index}.") for index, item in enumerate(value)]
            if not isinstance(value, dict):
                return _write_day(value) if schema.get("format") == "date" else _fix_quotes(value, schema)
            properties = schema.get("properties")
            if not isinstance(properties, dict):
                return value
            required = list_required(schema)
            made: dict[str, Any] = {}
            for key, member in value.items():
                own = properties.get(key)
                if own is None and not _allows(schema, key, self._schema.source):
                    unknown.append(f"{path}{key}")
                    continue
                if _is_hidden(f"{prefix}{key}", allowed, self._known):
                    pruned[f"{path}{key}"] = f"{prefix}{key}"
                found, nullable = resolve_type(own if isinstance(own, dict) else {}, self._schema.source)
                # Some models write "" for what the text does not give.
                if ((member is None and not nullable) or member == "") and key not in required:
                    continue
                made[key] = clean(member, found, f"{prefix}{key}.", f"{path}{key}.")
            return made

        shaped = clean(data, self._schema.root, "", "")
        return Shaped(shaped, tuple(unknown), tuple(pruned), tuple(dict.fromkeys(pruned.values())))

    @property
    def _known(self) -> frozenset[str]:
        return frozenset(field.path for field in self._schema.fields)


def _allows(schema: dict[str, Any], name: str, document: Any, depth: int = 0) -> bool:
    """Whether a member that `properties` lacks may be there: by its pattern, a part of the schema, or as any other."""
    if schema.get("additionalProperties") not in (None, False):
        return True
    patterns = schema.get("patternProperties")
    if isinstance(patterns, dict) and any(matches_pattern(pattern, name) for pattern in patterns):
        return True
    listed = [schema.get(word) for word in ("allOf", "anyOf", "oneOf")]
    parts = [part for entry in listed if isinstance(entry, list) for part in entry]
    parts += [schema.get(word) for word in ("then", "else")]
    resolved = [follow_ref(part, document) for part in parts] if depth < _DEEPEST else []
    return any(
        name in (part.get("properties") or ()) or _allows(part, name, document, depth + 1) for part in resolved if part
    )


def _is_hidden(path: str, allowed: frozenset[str] | None, known: frozenset[str]) -> bool:
    return allowed is not None and path in known and path not in allowed


def _write_day(value: Any) -> Any:
    """A whole day in the source's own words ("5 March 2004") as ISO 8601; anything else as it is.

    A model that copies the words read the date; to write it another way is no knowledge of the text.
    """
    if not isinstance(value, str) or len(value) > _LONGEST_DAY:
        return value
    found = read_as(value, _DAY)
    is_whole = found is not None and not (value[: found.start] + value[found.end :]).strip()
    return found.value if found is not None and is_whole and len(found.value) == len("2004-03-05") else value


def _fix_quotes(value: Any, schema: dict[str, Any]) -> Any:
    """The same characters with or without quotes, as the schema's type has them."""
    kinds = schema.get("type")
    kinds = set(kinds if isinstance(kinds, list) else [kinds])
    if isinstance(value, str) and "string" not in kinds and len(value) < 400 and _LITERAL.fullmatch(value.strip()):
        read = json.loads(value)
        wanted = {"boolean"} if isinstance(read, bool) else {"number", "integer"}
        return read if kinds & wanted else value
    if (
        isinstance(value, (int, float))
        and not isinstance(value, bool)
        and kinds <= {"string", "null"}
        and "string" in kinds
    ):
        return json.dumps(value)
    return value
