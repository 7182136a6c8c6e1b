"""Validation by jsonschema-rs, with every fetch of a remote schema refused."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ctxprune.errors import InputError
from ctxprune.utils.extras import require

if TYPE_CHECKING:
    from collections.abc import Callable

    from .literals import Subschema

__all__ = ["OutsideError", "PartValidator", "build_validator", "matches_pattern"]

# Keywords that constrain a value without applying another subschema to its parts.
_SELF_CONTAINED = frozenset(
    {"const", "enum", "exclusiveMaximum", "exclusiveMinimum", "maxItems", "maxLength", "maxProperties", "maximum",
     "minItems", "minLength", "minProperties", "minimum", "multipleOf", "pattern", "required", "type", "uniqueItems"}
)  # fmt: skip


class OutsideError(InputError):
    """A $ref points outside the document."""


def build_validator(schema: Any) -> Callable[[Any], bool]:
    """Compile `schema` into a function that tells whether a value is an instance of it.

    Raises:
        InputError: The schema is no JSON schema, or has a $ref that is not inside it (OutsideError).
        MissingExtraError: jsonschema-rs is not installed (extra `jsonschema`).
    """
    library = require("jsonschema_rs", "jsonschema")
    asked: list[str] = []

    # jsonschema-rs fetches remote references on its own; a schema from outside must not cause a request.
    def refuse(uri: str) -> Any:
        asked.append(uri)
        raise LookupError(uri)

    try:
        accepts: Callable[[Any], bool] = library.validator_for(schema, retriever=refuse).is_valid
    except (ValueError, TypeError, OverflowError) as error:
        if asked:
            raise OutsideError(f"a $ref points to {asked[0]:.200}, which is not fetched") from None
        raise InputError(f"the schema is no JSON schema ({str(error).splitlines()[0]:.200})") from None
    return accepts


@lru_cache(maxsize=4096)
def matches_pattern(pattern: str, text: str) -> bool:
    """Whether the regular expression matches somewhere in the text; False for one that is none."""
    return _compile_pattern(pattern)(text)


@lru_cache(maxsize=2048)
def _compile_pattern(pattern: str) -> Callable[[str], bool]:
    """To compile one takes a hundred times as long as to match a name."""
    try:
        return build_validator({"pattern": pattern})
    except InputError:
        return _match_nothing


def _match_nothing(_text: str) -> bool:
    return False


class PartValidator:
    """Validates values by single subschemas of one document.

    Args:
        document: The schema.
    """

    _URI = "urn:ctxprune:document"

    def __init__(self, document: Any) -> None:
        self._document = document
        self._known: dict[str, Callable[[Any], bool] | None] = {}
        self._registry: Any = None
        text = repr(document)
        # What these refer to depends on the subschemas that were entered before, which is not known here.
        self._is_dynamic = "$dynamicRef" in text or "$recursiveRef" in text

    def accepts(self, part: Subschema, value: Any) -> bool | None:
        """Whether `value` is an instance of the subschema; None where that cannot be told."""
        if isinstance(part.schema, bool):
            return part.schema
        if part.pointer not in self._known:
            self._known[part.pointer] = self._build(part.pointer)
        check = self._known[part.pointer]
        if check is None or part.is_scoped or (self._is_dynamic and part.pointer):
            return None if self._holds_alone(part, value) else False
        return check(value)

    def _holds_alone(self, part: Subschema, value: Any) -> bool:
        """Whether the value satisfies the keywords of the subschema that look at no other subschema."""
        key = f"{part.pointer}#"
        if key not in self._known:
            # Up to draft 7 a $ref hides its neighbours.
            words = (
                {}
                if "$ref" in part.schema
                else {word: part.schema[word] for word in _SELF_CONTAINED & set(part.schema)}
            )
            if isinstance(self._document, dict) and "$schema" in self._document:
                words["$schema"] = self._document["$schema"]
            try:
                self._known[key] = build_validator(words)
            except InputError:
                self._known[key] = None
        check = self._known[key]
        return check is None or check(value)

    def _build(self, pointer: str) -> Callable[[Any], bool] | None:
        if self._is_dynamic and pointer:
            return None
        library = require("jsonschema_rs", "jsonschema")
        try:
            if not pointer:
                return build_validator(self._document)
            if self._registry is None:
                self._registry = library.Registry([(self._URI, self._document)], retriever=_refuse)
            schema = {"$ref": f"{self._URI}#{quote(pointer)}"}
            if isinstance(self._document, dict) and "$schema" in self._document:
                schema["$schema"] = self._document["$schema"]
            found: Callable[[Any], bool] = library.validator_for(schema, registry=self._registry).is_valid
        except (ValueError, TypeError, OverflowError, LookupError, InputError):
            return None
        return found


def _refuse(uri: str) -> Any:
    raise LookupError(uri)
