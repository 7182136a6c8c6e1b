"""Attributes of objects of transformers and torch that not every class or version has."""

from __future__ import annotations

from typing import Any

__all__ = ["foreign_attribute"]


def foreign_attribute(owner: object, name: str, default: Any = None) -> Any:
    """An attribute of an object that this library does not define; `default` where the object has none.

    Models, attention modules, configurations, tokenizers and caches differ by architecture and by version, and no base
    class declares these attributes. What this library defines has a base class with a default instead.
    """
    # The reason is above; everything in kv that probes foreign objects comes here.
    return getattr(owner, name, default)
