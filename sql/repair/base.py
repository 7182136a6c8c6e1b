"""The interface of repairers, which write a new statement from a failed one and the database's own message."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ctxprune.errors import UsageError
from ctxprune.registry import Registry
from ctxprune.utils.foreign import check_method

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..database.database import ResultSet
    from ..schema.hits import ValueHit
    from ..schema.schema import Schema

__all__ = ["REPAIRERS", "Failure", "Repairer", "as_repairer"]


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


class Repairer(ABC):
    """One kind of repair. Safe to share between threads.

    `as_repairer` accepts any other object with the method `repair`.
    """

    @abstractmethod
    def repair(self, failure: Failure) -> str:
        """A new statement; "" where this kind of repair does not apply. It never raises for bad SQL."""


@dataclass(frozen=True)
class _AdaptedRepairer(Repairer):
    """An object of the user with the method `repair`."""

    repairer: Any

    def repair(self, failure: Failure) -> str:
        sql = self.repairer.repair(failure)
        if not isinstance(sql, str):
            raise UsageError(f"{type(self.repairer).__name__}.repair must return a text", where="repair")
        return sql


def as_repairer(repairer: object) -> Repairer:
    """`repairer` itself where it is a `Repairer`, else an adapter of an object with the method `repair`.

    Raises:
        UsageError: It has no such method.
    """
    if isinstance(repairer, Repairer):
        return repairer
    check_method(repairer, "repair", "a repairer")
    return _AdaptedRepairer(repairer)


REPAIRERS: Registry[type[Repairer]] = Registry(
    "repairer",
    {
        "ambiguous.v1": "ctxprune.sql.repair.ambiguous:QualifyAmbiguous",
        "chat.v1": "ctxprune.sql.repair.chat:ChatRepair",
        "functions.v1": "ctxprune.sql.repair.functions:TranslateFunctions",
        "loose.v1": "ctxprune.sql.repair.relax_text:RelaxText",
        "names.v1": "ctxprune.sql.repair.names:NearestNames",
        "refine.v1": "ctxprune.sql.repair.refine:ChatRefine",
        "values.v1": "ctxprune.sql.repair.values:StoredValues",
    },
)
