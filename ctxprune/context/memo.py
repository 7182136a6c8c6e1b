"""Remembering what was worked out for a context, for as long as the context lives."""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from ctxprune.context.base import Context

__all__ = ["ContextMemo"]

T = TypeVar("T")


class ContextMemo(Generic[T]):
    """One derived object (an index, token counts) a context; safe to share between threads.

    A context is remembered only if its units are one unchanging tuple and it can be referred to weakly; others are
    worked out anew each time, so that a context that changed is never answered from memory.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._entries: dict[int, tuple[weakref.ref[Any], object, T]] = {}

    def __reduce__(self) -> tuple[type[ContextMemo[T]], tuple[()]]:
        return type(self), ()

    def get(self, context: Context[Any], build: Callable[[], T]) -> T:
        """What `build` gave for this context before, or what it gives now."""
        units, key = context.units, id(context)
        with self._lock:
            entry = self._entries.get(key)
        if entry is not None and entry[0]() is context and entry[1] is units:
            return entry[2]
        value = build()
        if isinstance(units, tuple):
            try:
                reference = weakref.ref(context, lambda _: self._forget(key))
            except TypeError:
                return value
            with self._lock:
                self._entries[key] = (reference, units, value)
        return value

    def _forget(self, key: int) -> None:
        with self._lock:
            entry = self._entries.get(key)
            if entry is not None and entry[0]() is None:
                del self._entries[key]
