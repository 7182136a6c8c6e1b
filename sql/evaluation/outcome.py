"""What came of one item."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from ctxprune.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["ERRORS", "Outcome", "Result"]

ERRORS = {
    "rejected": "the database rejected the prediction",
    "timeout": "the item ran past its deadline",
    "memory": "a query needed more memory than it may have",
    "too_large": "a result has more rows or bytes than are compared",
    "refused": "the prediction does more than read",
    "gold": "the reference failed",
    "missing": "there is no prediction",
    "empty": "the prediction is empty",
    "not_text": "the prediction is no text",
    "no_separator": "the prediction has no separator",
    "wrong_database": "the prediction names another database",
    "no_database": "the database that the prediction names is absent",
    "damaged_database": "the database cannot be used",
}
"""Classes of errors; no error is ""."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an item's execution ended.

    Attributes:
        right: The verdict: the results are equal.
        error: A class of `ERRORS`, or "".
        message: The database's own words, at most 300 characters; "" where there are none.
        rows, gold_rows: Rows of the prediction's and of the reference's result (Spider: on the first database); None
            where it did not run to its end.
        soft_f1: BIRD's Soft-F1, 0 to about 1; None where it was not computed (it counts as 0 then).
        gold_error: Why the reference fails by itself; "" where it runs.
        changed: The prediction changed its database, or made a file.
        times: Reference time over predicted time, once a repetition; None without R-VES.
    """

    right: bool
    error: str = ""
    message: str = ""
    rows: int | None = None
    gold_rows: int | None = None
    soft_f1: float | None = None
    gold_error: str = ""
    changed: bool = False
    times: Sequence[float] | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """One item of a run, as its log keeps it.

    Attributes:
        index, db_id: Which item.
        level: BIRD's difficulty or Spider's hardness; "" where unknown.
        sql: The prediction as it was read.
        right, error, message, rows, gold_rows, soft_f1, gold_error, changed: See `Outcome`.
        exact: Spider's exact match; None where it is not computed.
        parts: Spider's partial matches by name, each three times 1 or 0: the part agrees, the prediction has it, the
            reference has it; empty likewise.
        stop: Why the official script would end on this item; "" where it would not, and in safe mode.
        ratio: R-VES time ratio; None without R-VES.
        seconds: Time for the item, start to verdict. Not part of `document`.
    """

    index: int
    db_id: str
    level: str
    sql: str
    right: bool
    error: str = ""
    message: str = ""
    rows: int | None = None
    gold_rows: int | None = None
    soft_f1: float | None = None
    gold_error: str = ""
    changed: bool = False
    exact: bool | None = None
    parts: Mapping[str, Sequence[int]] = field(default_factory=dict)
    ratio: float | None = None
    stop: str = ""
    seconds: float = 0.0

    def record(self) -> dict[str, Any]:
        """For the log: everything."""
        return asdict(self)

    def document(self) -> dict[str, Any]:
        """For results that are compared: everything but the time."""
        return {name: value for name, value in asdict(self).items() if name != "seconds"}

    @classmethod
    def load(cls, record: Any, *, where: str = "") -> Result:
        """A result out of a log's line or a result document; of a generator's answer its verdict ("correct") counts.

        Raises:
            InputError: It is none.
        """
        if isinstance(record, dict) and "correct" in record:
            record = {"right": record["correct"], **record}
        if isinstance(record, dict) and {"index", "right", "sql"} <= record.keys():
            known = {name: record[name] for name in cls.__dataclass_fields__ if name in record}
            known = {"db_id": "", "level": ""} | known
            if type(known["index"]) is int and isinstance(known["right"], bool):
                return cls(**known)
        raise InputError("not the result of an item", where=where)
