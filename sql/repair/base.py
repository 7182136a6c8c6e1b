"""What a repairer is: it writes a new statement from one that failed and from the database's own words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ctxprune.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..database.database import ResultSet
    from ..schema.schema import Schema
    from ..values.base import ValueHit

__all__ = ["REPAIRERS", "Failure", "Repairer"]


@dataclass(frozen=True)
class Failure:
    """A statement that did not work.

    Attributes:
        sql: What was tried.
        error: The database's or the guard's message; "" when it ran but gave nothing.
        question, evidence: What was asked.
        schema: Everything that this caller may read; a repair never leaves it, since the guard checks it again.
        hits: Stored values that the question mentions; of a hollow result also those near the statement's own texts.
        result: The hollow result, when it ran.
        linked: The part of `schema` that the question needs; None where no linker ran.
    """

    sql: str
    error: str
    question: str
    schema: Schema
    hits: Sequence[ValueHit] = ()
    evidence: str = ""
    result: ResultSet | None = None
    linked: Schema | None = None


class Repairer(Protocol):
    """One kind of repair. Safe to share between threads."""

    def repair(self, failure: Failure) -> str:
        """A new statement; "" where this kind of repair does not apply. It never raises for bad SQL."""
        ...


REPAIRERS: Registry[type[Repairer]] = Registry(
    "repairer",
    {
        "ambiguous.v1": "ctxprune.sql.repair.ambiguous:QualifyAmbiguous",
        "chat.v1": "ctxprune.sql.repair.chat:ChatRepair",
        "functions.v1": "ctxprune.sql.repair.functions:TranslateFunctions",
        "loose.v1": "ctxprune.sql.repair.loose:LooseText",
        "names.v1": "ctxprune.sql.repair.names:NearestNames",
        "refine.v1": "ctxprune.sql.repair.refine:ChatRefine",
        "values.v1": "ctxprune.sql.repair.values:StoredValues",
    },
)
