"""A cache of what was computed for a context, for as long as the context lives."""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ctxprune.context.base import original_context

if TYPE_CHECKING:
    from collections.abc import Callable

    from ctxprune.context.base import Context

__all__ = ["ContextMemo"]

T = TypeVar("T")


class ContextMemo(Generic[T]):
    """One derived object (an index, token counts) a context; safe to share between threads.

    A value is cached only for a context whose units are one unchanging tuple and that can be referred to weakly; for
    others it is computed anew each time, so that a context that changed is never answered from the cache.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._entries: dict[int, tuple[weakref.ref[Any], object, T]] = {}

    def __reduce__(self) -> tuple[type[ContextMemo[T]], tuple[()]]:
        return type(self), ()  # a copy in another process starts empty: weak references cannot be pickled

    def get(self, context: Context[Any], build: Callable[[], T]) -> T:
        """What `build` gave for this context before, or what it gives now."""
        # The user's own object is the key: an adapted context may be made anew for each call.
        context = original_context(context)
        units, key = context.units, id(context)
        with self._lock:
            entry = self._entries.get(key)
        # An id is used again once its object is gone, hence the second look at the object itself.
        if entry is not None and entry[0]() is context and entry[1] is units:
            return entry[2]
        value = build()
        if isinstance(units, tuple):
            try:
                reference = weakref.ref(context, lambda _: self._forget(key))
            except TypeError:  # a class with __slots__ and without __weakref__
                return value
            with self._lock:
                self._entries[key] = (reference, units, value)
        return value

    def _forget(self, key: int) -> None:
        with self._lock:
            entry = self._entries.get(key)
            if entry is not None and entry[0]() is None:  # unless a new object has taken the id since
                del self._entries[key]
