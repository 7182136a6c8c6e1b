"""Record schemas: what is extracted, given as a JSON Schema, a Pydantic model or a dataclass."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import types
import typing
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Union, get_args, get_origin

from ctxprune.errors import InputError, UsageError
from ctxprune.utils.foreign import foreign_method
from ctxprune.utils.validation import describe_type

from ..jsonschema.json_values import Json, copy_json, read_json
from ..jsonschema.pointers import split_pointer

__all__ = ["KINDS", "RecordField", "RecordSchema", "as_record_schema", "follow_ref", "list_required", "resolve_type"]

KINDS = ("string", "number", "integer", "boolean", "date", "datetime", "email", "url", "enum", "object")
_MOST_FIELDS = 5_000
_DEEPEST = 6  # levels of nested objects that become fields; a recursive schema has no end
_FORMATS = {"date": "date", "date-time": "datetime", "email": "email", "uri": "url", "url": "url", "iri": "url"}
_SCALARS: dict[Any, Json] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    datetime.datetime: {"type": "string", "format": "date-time"},
    datetime.date: {"type": "string", "format": "date"},
    Any: {},
}


@dataclass(frozen=True, slots=True)
class RecordField:
    """One field of a record.

    Attributes:
        path: Names on the way from the root, joined by dots; "tags" for the items of an array called tags.
        kind: One of `KINDS`; "object" is an array of objects, which only a model fills.
        description: Of the schema, its title before it; "" for none.
        choices: The values of an enum of texts and numbers, as texts.
        choice_values: The same as the schema has them; () for texts alone.
        required: Whether the schema requires it and all objects that it is in.
        many: Whether it is an array.
    """

    path: str
    kind: str = "string"
    description: str = ""
    choices: tuple[str, ...] = ()
    required: bool = False
    many: bool = False
    choice_values: tuple[Any, ...] = ()

    @property
    def name(self) -> str:
        """The last name of the path."""
        return self.path.rpartition(".")[2]


@dataclass(frozen=True)
class RecordSchema:
    """The schema of one record.

    Attributes:
        source: The JSON Schema of one record, an object; of an array of objects its items.
        name: Of the kind of record; the schema's title, else "Record".
        fields: The leaves of nested objects, in source order.

    Raises:
        UsageError: The schema is not one of an object with properties.
        InputError: It is nested too deep, or has more than 5,000 fields.
    """

    source: Json
    name: str = field(init=False)
    fields: tuple[RecordField, ...] = field(init=False, repr=False)
    root: Json = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        document = copy_json(self.source)
        if not isinstance(document, dict):
            raise UsageError(f"the schema is {describe_type(self.source)}", hint="give the schema of an object")
        root = _without_null(document, follow_ref(document, document))
        if root.get("type") == "array" or ("items" in root and "properties" not in root):
            root = _without_null(document, follow_ref(root.get("items"), document))
        properties = root.get("properties")
        if not isinstance(properties, dict) or not properties:
            raise UsageError("the schema has no properties", where="properties", hint="name at least one field")
        found = list(_list_fields(root, document, "", required=True, seen=()))
        if len(found) > _MOST_FIELDS:
            raise InputError(f"the schema has more than {_MOST_FIELDS:,} fields", hint="split it")
        title = root.get("title") or document.get("title")
        object.__setattr__(self, "source", document)
        object.__setattr__(self, "root", root)
        object.__setattr__(self, "name", title if isinstance(title, str) and title.strip() else "Record")
        object.__setattr__(self, "fields", tuple(found))

    def find_field(self, path: str) -> RecordField | None:
        """The field of that path; None where there is none."""
        return next((entry for entry in self.fields if entry.path == path), None)


def as_record_schema(value: Any) -> RecordSchema:
    """Read a schema in any of its forms.

    Args:
        value: A `RecordSchema`; a JSON Schema as a dict or a text; a Pydantic model class; or a dataclass.

    Raises:
        UsageError: It is none of them, or has no fields.
        InputError: The text is no JSON, or the schema is too large.
    """
    if isinstance(value, RecordSchema):
        return value
    if isinstance(value, str):
        return RecordSchema(read_json(value, where="schema")[0])
    if isinstance(value, dict):
        return RecordSchema(value)
    if isinstance(value, type) and (build := foreign_method(value, "model_json_schema")) is not None:
        return RecordSchema(build())
    if isinstance(value, type) and dataclasses.is_dataclass(value):
        return RecordSchema(_describe_dataclass(value, ()))
    raise UsageError(
        f"the schema is {describe_type(value)}", hint="give a JSON Schema, a Pydantic model class or a dataclass"
    )


def follow_ref(schema: Any, document: Json) -> dict[str, Any]:
    """A subschema with a local `$ref` followed, siblings laid over its target; {} for what is no schema or a circle."""
    found, seen = schema if isinstance(schema, dict) else {}, set[str]()
    while isinstance(pointer := found.get("$ref"), str):
        if pointer in seen or not pointer.startswith("#"):
            return {key: value for key, value in found.items() if key != "$ref"}
        seen.add(pointer)
        target: Any = document
        for key in split_pointer(pointer[1:]):
            target = target.get(key) if isinstance(target, dict) else None
        target = target if isinstance(target, dict) else {}
        found = {**target, **{key: value for key, value in found.items() if key != "$ref"}}
    return found


def list_required(schema: dict[str, Any]) -> list[Any]:
    """The names that an object requires."""
    found = schema.get("required")
    return found if isinstance(found, list) else []


def resolve_type(schema: dict[str, Any], document: Json) -> tuple[dict[str, Any], bool]:
    """The subschema with references and a choice with null resolved, and whether null is allowed."""
    resolved = follow_ref(schema, document)
    found = _without_null(document, resolved)
    types = resolved.get("type")
    nullable = found is not resolved or (isinstance(types, list) and "null" in types)
    return found, nullable


def _without_null(document: Json, schema: dict[str, Any]) -> dict[str, Any]:
    """The one branch beside null of an anyOf or oneOf, as Pydantic writes `X | None`; other schemas as they are."""
    for key in ("anyOf", "oneOf"):
        branches = schema.get(key)
        if isinstance(branches, list):
            others = [branch for branch in branches if not (isinstance(branch, dict) and branch.get("type") == "null")]
            if len(others) == 1:
                rest = {name: value for name, value in schema.items() if name != key}
                return {**follow_ref(others[0], document), **rest}
    parts = schema.get("allOf")
    if isinstance(parts, list) and len(parts) == 1:
        return {**follow_ref(parts[0], document), **{name: value for name, value in schema.items() if name != "allOf"}}
    return schema


def _list_fields(
    schema: dict[str, Any], document: Json, prefix: str, *, required: bool, seen: tuple[str, ...]
) -> typing.Iterator[RecordField]:
    needed = list_required(schema)
    properties = schema.get("properties")
    for name, own in properties.items() if isinstance(properties, dict) else ():
        path = f"{prefix}{name}"
        pointer = _pointer_of(own)
        found, _ = resolve_type(own if isinstance(own, dict) else {}, document)
        if isinstance(found.get("properties"), dict) and found["properties"]:
            # A definition inside itself would unfold for ever, and each level has the same fields anyway.
            if len(seen) < _DEEPEST and (not pointer or pointer not in seen):
                nested = required and name in needed
                yield from _list_fields(found, document, f"{path}.", required=nested, seen=(*seen, pointer))
            continue
        many = found.get("type") == "array" or "items" in found
        items = resolve_type(found.get("items") or {}, document)[0] if many else found
        choices = _list_choices(items)
        inside, typed = required and name in needed, _list_choice_values(items)
        kind = _kind_of(items, choices)
        yield RecordField(path, kind, _describe(found, items), choices, inside, many, typed)


def _pointer_of(schema: Any) -> str:
    """The reference that a property is, perhaps beside null; "" for none."""
    if not isinstance(schema, dict):
        return ""
    parts = [schema.get(key) for key in ("anyOf", "oneOf", "allOf")]
    branches = [schema, *(branch for part in parts if isinstance(part, list) for branch in part)]
    found = (branch.get("$ref") for branch in branches if isinstance(branch, dict))
    return next((pointer for pointer in found if isinstance(pointer, str)), "")


def _describe(*schemas: dict[str, Any]) -> str:
    said = [schema.get(key) for schema in schemas[:1] for key in ("title", "description")]
    return ". ".join(" ".join(text.split()) for text in said if isinstance(text, str) and text.strip())


def _list_choices(schema: dict[str, Any]) -> tuple[str, ...]:
    return tuple(map(str, _list_values(schema)))


def _list_choice_values(schema: dict[str, Any]) -> tuple[Any, ...]:
    values = _list_values(schema)
    return () if all(isinstance(value, str) for value in values) else tuple(values)


def _list_values(schema: dict[str, Any]) -> list[Any]:
    listed = schema.get("enum")
    listed = listed if isinstance(listed, list) else [schema["const"]] if "const" in schema else []
    return [value for value in listed if isinstance(value, (str, int, float))]


def _kind_of(schema: dict[str, Any], choices: Sequence[str]) -> str:
    said = schema.get("type")
    kinds = [kind for kind in (said if isinstance(said, list) else [said]) if kind != "null"]
    kind = kinds[0] if len(kinds) == 1 else "string"
    if kind == "boolean":
        return "boolean"
    if choices:
        return "enum"
    if kind in ("number", "integer"):
        return str(kind)
    if kind == "object" or isinstance(schema.get("properties"), dict):
        return "object"
    return _FORMATS.get(str(schema.get("format")), "string")


def _describe_dataclass(kind: type, above: tuple[type, ...]) -> Json:
    """The JSON Schema of a dataclass.

    Raises:
        UsageError: A type of a field cannot be resolved, or has no form in JSON.
    """
    if kind in above:
        raise UsageError(f"the dataclass {kind.__name__} contains itself", hint="give a JSON Schema with $ref")
    try:
        hints = typing.get_type_hints(kind)
    except (NameError, TypeError) as error:
        raise UsageError(f"a type of {kind.__name__} cannot be resolved ({error})") from None
    entries = [entry for entry in dataclasses.fields(kind) if entry.init]
    properties = {
        entry.name: {**_describe_hint(hints[entry.name], (*above, kind)), **_said_of(entry)} for entry in entries
    }
    optional = (dataclasses.MISSING, dataclasses.MISSING)
    required = [entry.name for entry in entries if (entry.default, entry.default_factory) == optional]
    made = {"title": kind.__name__, "type": "object", "properties": properties, "required": required}
    # A dataclass without a docstring has one made of its signature, which says nothing new.
    doc = (kind.__doc__ or "").strip()
    return made if not doc or doc.startswith(f"{kind.__name__}(") else {**made, "description": doc}


def _said_of(entry: dataclasses.Field[Any]) -> dict[str, str]:
    said = entry.metadata.get("description")
    return {"description": said} if isinstance(said, str) else {}


def _describe_hint(hint: Any, above: tuple[type, ...]) -> dict[str, Any]:
    origin, arguments = get_origin(hint), get_args(hint)
    if hint in _SCALARS:
        return dict(_SCALARS[hint])
    if origin in (Union, types.UnionType):
        others = [_describe_hint(argument, above) for argument in arguments if argument is not type(None)]
        nullable = len(others) < len(arguments)
        return {"anyOf": [*others, {"type": "null"}]} if nullable else {"anyOf": others}
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin in (list, tuple, set, frozenset, Sequence):
        return {"type": "array", "items": _describe_hint(arguments[0], above) if arguments else {}}
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return {"enum": [member.value for member in hint]}
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        described: dict[str, Any] = _describe_dataclass(hint, above)
        return described
    raise UsageError(f"the type {hint!r} has no form in JSON", hint="use str, int, float, bool, date, list, Literal")
