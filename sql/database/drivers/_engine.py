"""What runs queries on a file, in a child process or in this one. Children import this: only the standard library."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Iterable
    from typing import Any, ClassVar

__all__ = ["FailureError", "FileEngine", "cost"]

_CHUNK = 256_000  # bytes of cells per frame


class FailureError(Exception):
    """What went wrong; `kind` is "query", "timeout", "limit" or "database"."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind, self.message = kind, message


class FileEngine(ABC):
    """One connection to one file, opened when it must be. Not for two threads at once.

    Args:
        path: Absolute path of the file.
        memory: Bytes that the database may allocate (only where `process` is set).
        process: True when this process serves nothing else, so that process-wide limits may be set.

    Attributes:
        package: What a child has to import besides the standard library; "" for nothing.
    """

    package: ClassVar[str] = ""

    def __init__(self, path: str, memory: int, process: bool = False) -> None:
        self.memory = memory
        self._path, self._process = path, process
        self._deadline = 0.0

    @property
    def alive(self) -> bool:
        """Always: an engine opens its connection again when it must."""
        return True

    @abstractmethod
    def interrupt(self) -> None:
        """End the running query; for another thread to call."""

    @abstractmethod
    def close(self) -> None:
        """Close everything; the next query opens it again."""

    @abstractmethod
    def answers(self, request: dict[str, Any]) -> Generator[list[Any], None, None]:
        """The answers to one request, the last of them "done".

        Raises:
            FailureError: The query failed; rows answered so far are void.
        """

    def replies(self, request: dict[str, Any]) -> Generator[list[Any], None, None]:
        """As `answers`, with ["error", kind, message] at last where the query failed."""
        try:
            yield from self.answers(request)
        except FailureError as failure:
            yield ["error", failure.kind, failure.message]
        except MemoryError:
            yield ["error", "limit", "out of memory"]

    def _end_at(self, deadline: float) -> None:
        """The query ends at this monotonic time."""
        self._deadline = deadline

    def _rows(self, rows: Iterable[Any], request: dict[str, Any]) -> Generator[list[Any], None, bool]:
        """Rows in frames within the limits of the request; whether some were cut off."""
        rows_left, bytes_left, batch = request["rows"], request["bytes"], request.get("batch", 0)
        chunk: list[Any] = []
        used = 0
        for row in rows:
            size = sum([cost(cell) for cell in row])
            bytes_left -= size
            if rows_left <= 0 or bytes_left < 0:
                yield ["rows", chunk]
                return True
            rows_left -= 1
            used += size
            chunk.append(row)
            if used >= _CHUNK or len(chunk) == batch:
                if batch:  # the reader's own time does not count
                    left = self._deadline - time.monotonic()
                    self._end_at(float("inf"))
                    yield ["rows", chunk]
                    self._end_at(time.monotonic() + left)
                else:
                    yield ["rows", chunk]
                chunk, used = [], 0
        if chunk:
            yield ["rows", chunk]
        return False


def cost(cell: object) -> int:
    """Bytes that a cell counts for in `Limits.bytes`."""
    if isinstance(cell, str):
        return len(cell) if cell.isascii() else len(cell.encode("utf-8", "surrogatepass"))
    return len(cell) if isinstance(cell, bytes) else 8
