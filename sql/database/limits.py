"""What one query may use."""

from __future__ import annotations

from dataclasses import dataclass

from ctxprune.errors import UsageError
from ctxprune.utils.validation import is_number

__all__ = ["Limits"]

_LEAST_MEMORY = 8_000_000


@dataclass(frozen=True, slots=True)
class Limits:
    """What one query may use.

    Attributes:
        seconds: Deadline for the whole query, fetch included; above 0.
        rows: Rows returned at most; more are cut off and `ResultSet.truncated` is set.
        bytes: Bytes of cells (UTF-8; 8 for a number or NULL) returned at most; more are cut off likewise.
        memory: Bytes of memory that the database engine may use for it, 8 million or more. A server has its own limit;
            there it bounds the temporary files of the query, where the server lets it be set.

    Raises:
        UsageError: A value is out of its range.
    """

    seconds: float = 10.0
    rows: int = 10_000
    bytes: int = 64_000_000
    memory: int = 256_000_000

    def __post_init__(self) -> None:
        if not is_number(self.seconds) or self.seconds <= 0:
            raise UsageError(f"seconds={self.seconds!r} is not a finite number above 0")
        whole = (("rows", self.rows, 0), ("bytes", self.bytes, 0), ("memory", self.memory, _LEAST_MEMORY))
        for name, value, least in whole:
            check_whole_number(name, value, least)


def check_whole_number(name: str, value: object, least: int) -> None:
    """Refuse what is not an int of at least `least`.

    Raises:
        UsageError: "NAME=VALUE is not a whole number of at least LEAST".
    """
    if not isinstance(value, int) or value < least:
        raise UsageError(f"{name}={value!r} is not a whole number of at least {least}")
