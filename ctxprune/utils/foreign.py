"""Members of objects that are not ours: of users, tokenizers, models. What they have is only known at run time."""

from __future__ import annotations

from typing import Any

__all__ = ["foreign_attribute", "foreign_method"]


def foreign_attribute(value: Any, *names: str, default: Any = None) -> Any:
    """The first of these attributes that `value` has and that is not None; `default` without any."""
    for name in names:
        found = getattr(value, name, None)  # the one place where an object of a foreign class is asked what it has
        if found is not None:
            return found
    return default


def foreign_method(value: Any, *names: str) -> Any:
    """The first of these attributes that can be called; None without any."""
    found = (foreign_attribute(value, name) for name in names)
    return next((method for method in found if callable(method)), None)
