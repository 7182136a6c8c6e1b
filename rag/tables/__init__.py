"""Tables as contexts of columns and rows, in whatever form they come; the same form comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctxprune.utils.lazy import lazy

if TYPE_CHECKING:
    from .large import PrunedFile, prune_file
    from .options import TableOptions
    from .table import Table

_HOMES = {"PrunedFile": "large", "prune_file": "large", "Table": "table", "TableOptions": "options"}

__all__ = ["PrunedFile", "Table", "TableOptions", "prune_file"]

__getattr__, __dir__ = lazy(__name__, _HOMES)
