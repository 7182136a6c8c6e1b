"""One connection to a server, as a driver's module speaks its protocol."""

from __future__ import annotations

import os
import socket
from abc import ABC, abstractmethod
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..limits import Limits

__all__ = ["Session"]


class Session(ABC):
    """One connection; only `cancel` and `abort` may be called by another thread. Methods raise the driver's own errors.

    A query is `begin`, `start`, any number of `fetch`, `end`.

    Args:
        connection: The DBAPI connection, used by nobody else.

    Attributes:
        columns: Names of the result's columns; known once the first `fetch` gave its first row or ended.
        resting: Nothing is under way, also after an error, so that `end` may be called.
    """

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.columns: tuple[str, ...] = ()
        self.resting = True

    @abstractmethod
    def begin(self, limits: Limits, stream: bool) -> None:
        """Begin a read-only transaction that the server itself keeps within the limits; nothing hostile is sent yet.

        Args:
            limits: `seconds` bounds each statement.
            stream: The reader may rest for minutes between two fetches.
        """

    @abstractmethod
    def start(self, sql: str) -> None:
        """Give one statement to the server, in a way that can't smuggle in a second one."""

    @abstractmethod
    def fetch(self, n: int) -> Iterator[tuple[Any, ...]]:
        """The next rows, at most `n`, cells as in `ResultSet.rows`; only one row is held in memory at a time."""

    @abstractmethod
    def end(self) -> None:
        """Roll back, and clear what the query left in the session."""

    @property
    @abstractmethod
    def lost(self) -> bool:
        """Whether the connection is known to be broken."""

    @abstractmethod
    def cancel(self) -> None:
        """Ask the server to end the statement, over another connection; gives up after a fifth of a second."""

    @abstractmethod
    def fileno(self) -> int:
        """Descriptor of the socket; negative where it is closed."""

    @abstractmethod
    def close(self) -> None:
        """Close the connection; never raises."""

    def abort(self) -> None:
        """Break the connection, which wakes who waits for the server."""
        with suppress(OSError), socket.socket(fileno=os.dup(self.fileno())) as twin:
            twin.shutdown(socket.SHUT_RDWR)

    def abandon(self) -> None:
        """Close it in a forked process without a word to the server, since the parent goes on using it."""
        with suppress(OSError), open(os.devnull, "r+b") as nothing:
            os.dup2(nothing.fileno(), self.fileno())
        self.close()
