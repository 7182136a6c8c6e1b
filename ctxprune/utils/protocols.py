"""Members of foreign objects: what the adapters (`as_chat_model`, `as_generator`, ...) ask of an object of the user."""

from __future__ import annotations

from typing import Any

from ctxprune.errors import UsageError

__all__ = ["check_method", "optional_member"]


def check_method(found: object, method: str, kind: str) -> None:
    """Check that an object of the user has a required method.

    Args:
        found: The object.
        method: Name of the method.
        kind: What the object should be, with its article ("a generator").

    Raises:
        UsageError: It has no such method; the message names it.
    """
    if not callable(optional_member(found, method, None)):
        raise UsageError(f"{type(found).__name__} is not {kind}: it has no method `{method}`", where=method)


def optional_member(found: object, name: str, default: Any) -> Any:
    """An optional member of an object of the user, or the default of our own base class."""
    return getattr(found, name, default)  # the object has no base class of ours, so nothing else can tell
