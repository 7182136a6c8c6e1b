"""A record schema as Python classes: name, one-line comment, typed fields; fewer tokens than JSON Schema.

After Li et al., KnowCoder: Coding Structured Knowledge into LLMs for Universal Information Extraction, ACL 2024
(arXiv:2403.07969), which writes schemas as classes.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from .schema import RecordSchema, list_required, resolve_type

if TYPE_CHECKING:
    from .schema import RecordField

__all__ = ["class_name", "write_classes"]

_COMMENT = 100  # characters
_MOST_CHOICES = 12
_CHOICE = 40  # characters
_TYPES = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "object": "dict"}
_FORMATS = {"date": "date", "date-time": "datetime", "email": "email", "uri": "url"}


def class_name(title: str) -> str:
    """A title as the name of a class: "order item" gives OrderItem; "Record" where no letter is left."""
    parts = re.findall(r"[^\W_]+", title)
    name = "".join(part[:1].upper() + part[1:] for part in parts)[:60]
    return name if name and not name[0].isdigit() else f"Record{name}"


def write_classes(schema: RecordSchema, kept: Collection[str] | None = None) -> str:
    """The schema as Python classes, those of nested objects first, the record's last.

    Args:
        schema: The schema.
        kept: Paths of the fields that are written; None for all of them. Objects without a kept field are left out.
    """
    writer = _Writer(schema, None if kept is None else frozenset(kept))
    writer.add(class_name(schema.name), schema.root, "", ())
    return "\n\n".join(writer.classes)


class _Writer:
    def __init__(self, schema: RecordSchema, kept: frozenset[str] | None) -> None:
        self.schema, self.kept = schema, kept
        self.classes: list[str] = []
        self._names: dict[int, str] = {}
        self._fields: dict[str, RecordField] = {field.path: field for field in schema.fields}

    def add(self, name: str, schema: dict[str, Any], prefix: str, above: tuple[int, ...]) -> None:
        """Append the class of an object, behind those of the objects in it."""
        lines = [f"class {name}:"]
        if said := _comment(schema):
            lines.append(f'    """{said}"""')
        required = list_required(schema)
        properties = schema.get("properties")
        for key, own in properties.items() if isinstance(properties, dict) else ():
            path = f"{prefix}{key}"
            if not self._is_kept(path):
                continue
            found, nullable = resolve_type(own if isinstance(own, dict) else {}, self.schema.source)
            kind = self._type_of(found, key, f"{path}.", above)
            optional = "" if key in required and not nullable else " | None"
            said = _comment(found)
            lines.append(f"    {key}: {kind}{optional}" + (f"  # {said}" if said else ""))
        self.classes.append("\n".join(lines if len(lines) > 1 else [*lines, "    pass"]))

    def _is_kept(self, path: str) -> bool:
        if self.kept is None or path in self.kept:
            return True
        return any(kept.startswith(f"{path}.") for kept in self.kept)

    def _type_of(self, schema: dict[str, Any], key: str, prefix: str, above: tuple[int, ...]) -> str:
        if schema.get("type") == "array" or "items" in schema:
            items = resolve_type(schema.get("items") or {}, self.schema.source)[0]
            return f"list[{self._type_of(items, key, prefix, above)}]"
        if isinstance(schema.get("properties"), dict):
            return self._class_of(schema, key, prefix, above)
        listed = schema.get("enum") if isinstance(schema.get("enum"), list) else None
        if listed:
            shown = ", ".join(_literal(value) for value in listed[:_MOST_CHOICES])
            return f"Literal[{shown}{', ...' if len(listed) > _MOST_CHOICES else ''}]"
        if (format_ := schema.get("format")) in _FORMATS:
            return _FORMATS[str(format_)]
        kinds = schema.get("type")
        named = [_TYPES[kind] for kind in (kinds if isinstance(kinds, list) else [kinds]) if kind in _TYPES]
        return " | ".join(named) or "Any"

    def _class_of(self, schema: dict[str, Any], key: str, prefix: str, above: tuple[int, ...]) -> str:
        """The name of the class of a nested object, written once; one that contains itself is named only."""
        identity = id(schema.get("properties"))
        name = class_name(str(schema.get("title") or key))
        if identity in above or identity in self._names:
            return self._names.get(identity, name)
        while name in self._names.values() or name == class_name(self.schema.name):
            name += "_"
        self._names[identity] = name
        self.add(name, schema, prefix, (*above, identity))
        return name


def _comment(schema: dict[str, Any]) -> str:
    said = schema.get("description")
    text = " ".join(said.split()) if isinstance(said, str) else ""
    # A comment must not end the class's docstring.
    return text.replace('"""', "'''")[:_COMMENT]


def _literal(value: Any) -> str:
    return f'"{value[:_CHOICE]}"' if isinstance(value, str) else str(value)
