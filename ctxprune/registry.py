"""Registries: a versioned name for every scorer, policy, linker, renderer, generator and selector.

A name is `word.vN` ("lexical.v1"); a saved configuration never changes its meaning. Without the version the newest one
is meant. Other distributions add entries through the entry-point group `ctxprune.KIND` (for instance
`ctxprune.scorers`), read when a name is first looked up and not found, or when names are listed.
"""

from __future__ import annotations

import re
import threading
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Generic, TypeVar

from ctxprune.errors import MissingExtraError, UnknownNameError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Registry"]

T = TypeVar("T")
_NAME = re.compile(r"[a-z][a-z0-9_]*\.v[1-9][0-9]*")


class Registry(Generic[T]):
    """Maps versioned names to objects of one kind (classes or functions).

    Args:
        kind: Singular noun for messages ("scorer").
        builtin: "module:attribute" by name, imported when first asked for, so that listing a name costs nothing.
        aliases: Names without versions for those that are listed; they are not listed themselves.

    Examples:
        ```python
        from ctxprune import POLICIES, SCORERS

        print("lexical.v1" in SCORERS.names(), POLICIES.get("top_k").__name__)  # True TopK
        ```
    """

    def __init__(
        self, kind: str, builtin: dict[str, str] | None = None, *, aliases: dict[str, str] | None = None
    ) -> None:
        self.kind = kind
        self._aliases = dict(aliases or {})
        self._lazy = dict(builtin or {})
        self._entries: dict[str, T] = {}
        self._plugins_read = False
        self._lock = threading.RLock()

    def register(self, name: str) -> Callable[[T], T]:
        """Decorator that files its object under `name`.

        Raises:
            UsageError: The name is not of the form `word.vN`, or another object has it.
        """
        if not _NAME.fullmatch(name):
            raise UsageError(f"{self.kind} name {name!r} is not of the form 'word.v1'")

        def add(entry: T) -> T:
            with self._lock:
                if self._entries.get(name, entry) is not entry or self._lazy.get(name, _path(entry)) != _path(entry):
                    raise UsageError(f"the {self.kind} name {name!r} is taken", hint="raise its version")
                self._entries[name] = entry
            return entry

        return add

    def names(self) -> list[str]:
        """All known names, sorted, plug-ins included."""
        self._read_plugins()
        with self._lock:
            return sorted(self._lazy.keys() | self._entries.keys())

    def get(self, name: str) -> T:
        """The entry called `name`; a name without version means its newest version.

        Raises:
            UnknownNameError: There is none.
            UsageError: A plug-in of that name cannot be imported.
            MissingExtraError: It needs a package that is not installed.
        """
        full = self._resolve(name)
        if full is None:
            self._read_plugins()
            full = self._resolve(name)
        if full is None:
            raise UnknownNameError(self.kind, name, self.names())
        with self._lock:
            if full not in self._entries:
                self._entries[full] = _load(self._lazy[full], f"{self.kind} {full}")
            return self._entries[full]

    def name_of(self, entry: T) -> str:
        """The name that `entry` is registered under; its own name where it is not."""
        with self._lock:
            for name, known in self._entries.items():
                if known is entry:
                    return name
            own = _path(entry)
            return next((name for name, path in self._lazy.items() if path == own), own.partition(":")[2])

    def _resolve(self, name: str) -> str | None:
        with self._lock:
            known = self._lazy.keys() | self._entries.keys()
        name = self._aliases.get(name, name)
        if name in known:
            return name
        versions = [entry for entry in known if entry.rpartition(".v")[0] == name]
        return max(versions, key=lambda entry: int(entry.rpartition(".v")[2]), default=None)

    def _read_plugins(self) -> None:
        with self._lock:
            if self._plugins_read:
                return
            self._plugins_read = True
            for point in entry_points(group=f"ctxprune.{_plural(self.kind)}"):
                self._lazy.setdefault(point.name, point.value)


def _plural(kind: str) -> str:
    return f"{kind[:-1]}ies" if kind.endswith("y") else f"{kind}s"


def _path(entry: object) -> str:
    # Entries are classes or functions of anyone; others have no such names.
    return f"{getattr(entry, '__module__', '')}:{getattr(entry, '__qualname__', repr(entry))}"


def _load(path: str, what: str) -> T:  # type: ignore[type-var]
    from importlib import import_module

    module, _, attribute = path.partition(":")
    try:
        entry: T = getattr(import_module(module), attribute)  # named by an entry point
    except MissingExtraError:
        raise
    except (ImportError, AttributeError, ValueError) as error:
        raise UsageError(
            f"the {what} cannot be loaded ({error})", where=path, hint="mend or remove the distribution that names it"
        ) from error
    return entry
