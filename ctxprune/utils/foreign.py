"""Members of objects that are not ours: of users, tokenizers, models. What they have is only known at run time."""

from __future__ import annotations

from typing import Any

from ctxprune.errors import UsageError

__all__ = ["check_method", "foreign_attribute", "foreign_method", "optional_member"]


def optional_member(value: Any, name: str, default: Any = None) -> Any:
    """A member of an object that this library does not define; `default` where the object lacks it.

    Models, configurations, tokenizers and caches differ by architecture and version, and objects of users need only the
    required members. What this library defines has a base class with a default instead.
    """
    return getattr(value, name, default)  # the one place where an object of a foreign class is asked what it has


def foreign_attribute(value: Any, *names: str, default: Any = None) -> Any:
    """The first of these attributes that `value` has and that is not None; `default` without any."""
    for name in names:
        found = optional_member(value, name)
        if found is not None:
            return found
    return default


def foreign_method(value: Any, *names: str) -> Any:
    """The first of these attributes that can be called; None without any."""
    found = (optional_member(value, name) for name in names)
    return next((method for method in found if callable(method)), None)


def check_method(value: object, method: str, kind: str) -> None:
    """Check that an object of the user has a required method.

    Args:
        value: The object.
        method: Name of the method.
        kind: What the object should be, with its article ("a generator").

    Raises:
        UsageError: It has no such method; the message names it.
    """
    if not callable(optional_member(value, method)):
        raise UsageError(f"{type(value).__name__} is not {kind}: it has no method `{method}`", where=method)
