"""Wrong fields of pydantic models as errors of this library."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from ctxprune.errors import UsageError

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

__all__ = ["as_usage_error"]


def as_usage_error(error: ValidationError, model: type[BaseModel]) -> UsageError:
    """The first failure of `error`: which field, what is wrong, and the name that may have been meant."""
    first = error.errors(include_url=False)[0]
    where, name = ".".join(map(str, first["loc"])), model.__name__
    if first["type"] == "extra_forbidden":
        near = get_close_matches(where[:100], model.model_fields, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(sorted(model.model_fields))}"
        return UsageError(f"{name} has no argument {where!r}", hint=hint)
    if first["type"] == "missing":
        return UsageError(f"{name} needs the argument {where!r}")
    what = f"{where or name} is a {type(first['input']).__name__}"
    return UsageError(what, where=name, hint=f"{first['msg'][:1].lower()}{first['msg'][1:]}")
