"""The value index: which stored values does a question mention?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .base import RangeHit, ValueHit, ValueLookup

if TYPE_CHECKING:
    from .index import ColumnReport, ValueIndex

__all__ = ["ColumnReport", "RangeHit", "ValueHit", "ValueIndex", "ValueLookup"]


def __getattr__(name: str) -> Any:
    if name in {"ColumnReport", "ValueIndex"}:
        from . import index

        return getattr(index, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
