"""Registries of the shrink backend: every piece is one file, and its name is the file's with a version.

`score/fluctuation.py` holds the class `Fluctuation`, registered as "fluctuation.v1". Other distributions add pieces by
the entry points `ctxprune.families`, `ctxprune.shrink_scores`, `ctxprune.shrink_allocators`,
`ctxprune.shrink_compensators`, `ctxprune.shrink_recoveries`, `ctxprune.shrink_selectors` and `ctxprune.shrink_tasks`.

What a piece's objects have to do is said by the Protocols of `ctxprune.shrink.types`: `Score`, `Allocator`,
`Compensator`, `Recovery` and `Selector`. The registries do not name them as their types: a registry is below the models
that the Protocols speak of. Where a piece is built, its object has the Protocol's type.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from ctxprune.registry import Registry

__all__ = ["ALLOCATORS", "COMPENSATORS", "FAMILIES", "RECOVERIES", "SCORES", "SELECTORS", "TASKS"]


def _of_folder(kind: str, folder: str) -> Registry[Any]:
    """A registry of the classes in a folder, each imported when it is first looked up."""
    package = f"ctxprune.shrink.{folder.replace('/', '.')}"
    stems = sorted(
        entry.name.removesuffix(".py")
        for entry in files("ctxprune.shrink").joinpath(folder).iterdir()
        if entry.name.endswith(".py") and not entry.name.startswith("_") and entry.name != "base.py"
    )
    return Registry(kind, {f"{stem}.v1": f"{package}.{stem}:{_camel(stem)}" for stem in stems})


def _camel(stem: str) -> str:
    return "".join(word.capitalize() for word in stem.split("_"))


FAMILIES: Registry[Any] = _of_folder("family", "model/families")
SCORES: Registry[Any] = _of_folder("shrink_score", "score")
ALLOCATORS: Registry[Any] = _of_folder("shrink_allocator", "allocate")
COMPENSATORS: Registry[Any] = _of_folder("shrink_compensator", "compensate")
RECOVERIES: Registry[Any] = _of_folder("shrink_recovery", "recover")
SELECTORS: Registry[Any] = _of_folder("shrink_selector", "select")
TASKS: Registry[Any] = _of_folder("shrink_task", "model/tasks")
