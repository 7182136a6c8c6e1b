"""Validation by jsonschema-rs, with every fetch of a remote schema refused."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ctxprune.errors import InputError
from ctxprune.utils.extras import require

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["OutsideError", "build_validator", "matches_pattern"]


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
    library = require("jsonschema_rs", "jsonschema")
    try:
        return bool(library.is_valid({"pattern": pattern}, text))
    except ValueError:
        return False
