"""Value indexes of many databases: one after the other, or at once (`ctxprune.integrations.ray`)."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ctxprune.errors import CtxpruneError, UsageError

from ..database.database import Database
from .index import ValueIndex

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["IndexReport", "index_database", "index_databases"]

_NAME = re.compile(r"[\w-][\w.-]*")


@dataclass(frozen=True, slots=True)
class IndexReport:
    """What became of one database.

    Attributes:
        name: Of the database.
        values: Values in its index; 0 where there is none.
        error: Why it has no index, or only the one it had before; "" where it has.
    """

    name: str
    values: int = 0
    error: str = ""


def index_databases(
    databases: Mapping[str, str | Path],
    folder: str | Path,
    *,
    mask_personal: bool | None = None,
    run: Callable[[Callable[[tuple[str, str]], IndexReport], list[tuple[str, str]]], Iterable[IndexReport]] = map,
) -> list[IndexReport]:
    """Build or update the value index of each database in `folder / name`; indexes that fit their data stay.

    Each index is what `ValueIndex.for_database` makes. A database that cannot be read is reported; the others go on.

    Args:
        databases: Paths or URLs by name; a name becomes a folder.
        folder: Of the indexes; workers on other machines must reach it and the databases.
        mask_personal: As for `ValueIndex.for_database`.
        run: Calls a function with each item, in any order, and gives what it returns: `map`, or
            `ctxprune.integrations.ray.RayPool(workers)`.

    Returns:
        A report for each database, in their order.

    Raises:
        UsageError: A name is none that a folder may have.
    """
    for name in databases:
        if not _NAME.fullmatch(name):
            raise UsageError(f"a database is named {name!r}", hint="use letters, digits, '_', '-' and '.'")
    work = partial(index_database, folder=Path(folder).absolute(), mask_personal=mask_personal)
    items = [(name, _absolute(str(target))) for name, target in databases.items()]
    found = {report.name: report for report in run(work, items)}
    return [found[name] for name in databases]


def _absolute(target: str) -> str:
    """A worker may have another working folder."""
    return target if "://" in target else os.path.abspath(target)


def index_database(database: tuple[str, str], *, folder: Path, mask_personal: bool | None = None) -> IndexReport:
    """Build or update the index of one database, a name with a path or URL, in `folder / name`."""
    name, target = database
    try:
        with Database(target) as opened:
            index = ValueIndex.for_database(opened, folder / name, mask_personal=mask_personal)
            return IndexReport(name, len(index))
    except CtxpruneError as error:
        return IndexReport(name, error=str(error))
