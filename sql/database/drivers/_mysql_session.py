"""One connection to MariaDB or MySQL: PyMySQL connects and speaks the packets, what they mean is decided here."""

from __future__ import annotations

import re
import struct
from contextlib import closing, contextmanager, suppress
from math import ceil
from typing import TYPE_CHECKING, Any

from pymysql import MySQLError
from pymysql.constants import COMMAND, FIELD_TYPE
from pymysql.err import InterfaceError, NotSupportedError
from pymysql.protocol import FieldDescriptorPacket

from .cells import computed, decimal, text
from .session import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..limits import Limits

__all__ = ["MySqlSession"]

_SQL_MODE = "STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"
"""A backslash escapes, a double quote delimits text and || is OR, as the guard reads it."""

_COM_RESET_CONNECTION = 31
_STREAM_REST = 600  # seconds that the reader of a stream may rest between two batches
_LOCK_SECONDS = 2
_LONGEST_CONCAT = 1 << 20
_BINARY = 63  # the character set of bytes, and of numbers and dates
_MARIA = re.compile(r"(\d+)\.(\d+)\.\d+-MariaDB")
_QUERY = re.compile(
    r"(?:[\s(]|--\s[^\n]*(?:\n|\Z)|#[^\n]*(?:\n|\Z)|/\*(?!!|M!).*?\*/)*(?:select|table|values|with)\b",
    re.IGNORECASE | re.DOTALL,
)
"""How a query begins. A comment that the server would execute is none here."""


class MySqlSession(Session):
    """Reads and nothing else, whatever the role may do.

    All transactions of the session are read only. A statement must begin as a query does, and the server, which first
    only prepares it, must say that it gives rows: so neither SET, CALL, DO, HANDLER, SELECT ... INTO OUTFILE nor
    ANALYZE TABLE is ever executed. The server was not told that a message may hold several statements, so it takes one.

    Args:
        connection: In autocommit mode.
        connect: Makes another one, in so many seconds at most.
    """

    def __init__(self, connection: Any, connect: Callable[[float], Any]) -> None:
        super().__init__(connection)
        self._connect = connect
        found = _MARIA.search(connection.get_server_info())
        self._maria = found is not None
        self._bounds_files = found is not None and (int(found[1]), int(found[2])) >= (11, 5)
        self._readers: list[Callable[[bytes], Any]] = []
        self._stream = False

    def begin(self, limits: Limits, stream: bool) -> None:
        """As `Session.begin`. A server's own deadline would count the rests of a stream's reader."""
        self._stream = stream
        wait = min(_LOCK_SECONDS, ceil(limits.seconds))
        settings: dict[str, object] = {
            "sql_mode": f"'{_SQL_MODE}'",
            "group_concat_max_len": _LONGEST_CONCAT,
            "lock_wait_timeout": wait,
            "innodb_lock_wait_timeout": wait,
        }
        if stream:
            settings["net_write_timeout"] = _STREAM_REST
        if self._maria:
            settings |= {"tx_read_only": 1, "max_statement_time": 0 if stream else f"{limits.seconds:f}"}
            settings |= {"max_session_mem_used": limits.memory, "max_recursive_iterations": (1 << 32) - 1}
        else:
            settings |= {"transaction_read_only": 1, "max_execution_time": 0 if stream else ceil(limits.seconds * 1000)}
            settings["information_schema_stats_expiry"] = 0  # times of changes as they are now
        if self._bounds_files:
            settings["max_tmp_session_space_usage"] = limits.memory
        self._command("SET NAMES utf8mb4, " + ", ".join(f"SESSION {key} = {value}" for key, value in settings.items()))
        self._command("START TRANSACTION READ ONLY")

    def start(self, sql: str) -> None:
        """As `Session.start`."""
        if not _QUERY.match(sql):
            raise NotSupportedError("only a query may run (SELECT, TABLE, VALUES, WITH)")
        try:
            text = sql.encode()
        except UnicodeEncodeError as error:
            raise NotSupportedError("the statement is no valid Unicode text") from error
        with self._under_way():
            if not self._prepared(text):
                raise NotSupportedError("the statement gives no rows")
            self.connection._execute_command(COMMAND.COM_QUERY, text)
            first = self.connection._read_packet()
            fields = self._fields(first.read_length_encoded_integer())
            self.resting = False
        self.columns = tuple(field.name for field in fields)
        self._readers = [_reader(field) for field in fields]

    def fetch(self, n: int) -> Iterator[tuple[Any, ...]]:
        """As `Session.fetch`."""
        with self._under_way():
            for _ in range(n):
                packet = self.connection._read_packet()
                if packet.is_eof_packet():
                    self.resting = True
                    return
                cells = [packet.read_length_coded_string() for _ in self._readers]
                yield tuple(
                    None if cell is None else read(cell) for cell, read in zip(cells, self._readers, strict=True)
                )

    def end(self) -> None:
        """As `Session.end`: the server rolls back, frees locks and forgets variables and temporary tables."""
        self.connection._execute_command(_COM_RESET_CONNECTION, b"")
        self.connection._read_packet()

    def _command(self, sql: str) -> None:
        self.connection.query(sql)

    @contextmanager
    def _under_way(self) -> Iterator[None]:
        """An error that the server tells ends the statement."""
        try:
            yield
        except MySQLError:
            self.resting = True
            raise
        except (AssertionError, LookupError, ValueError, struct.error) as error:
            self.resting = False
            raise InterfaceError(0, f"the server's answer cannot be read ({type(error).__name__})") from error

    def _prepared(self, text: bytes) -> int:
        """How many columns the server says the statement gives, which it does not execute."""
        self.connection._execute_command(COMMAND.COM_STMT_PREPARE, text)
        answer = self.connection._read_packet().get_all_data()
        number, columns, parameters = struct.unpack_from("<IHH", answer, 1)
        self._fields(parameters)
        self._fields(columns)
        self.connection._execute_command(COMMAND.COM_STMT_CLOSE, struct.pack("<I", number))
        return int(columns)

    def _fields(self, count: int) -> list[Any]:
        """Descriptions of columns, and the packet that ends them."""
        fields = [self.connection._read_packet(FieldDescriptorPacket) for _ in range(count)]
        if count:
            self.connection._read_packet()
        return fields

    @property
    def lost(self) -> bool:
        """As `Session.lost`."""
        return not self.connection.open

    def cancel(self) -> None:
        """As `Session.cancel`. The connection ends with the statement, as nobody uses it any more."""
        with suppress(MySQLError), closing(self._connect(0.2)) as other:
            other.kill(self.connection.thread_id())

    def fileno(self) -> int:
        """As `Session.fileno`."""
        held = self.connection._sock
        return -1 if held is None else int(held.fileno())

    def close(self) -> None:
        """As `Session.close`. Without a deadline of its own, the server could work on for nobody."""
        if self._stream and not self.resting:
            self.cancel()
        with suppress(MySQLError):
            self.connection.close()

    def abandon(self) -> None:
        """As `Session.abandon`; the query of the parent goes on."""
        self._stream = False
        super().abandon()


def _reader(field: Any) -> Callable[[bytes], Any]:
    """What makes a cell of the server's text; days and times are left as that text."""
    if field.type_code == FIELD_TYPE.NEWDECIMAL and not field.org_name:  # of no declared column
        return computed
    if field.type_code in _READERS:
        return _READERS[field.type_code]
    return bytes if field.charsetnr == _BINARY else text


def _bits(raw: bytes) -> int:
    return int.from_bytes(raw, "big")


_WHOLE = (FIELD_TYPE.TINY, FIELD_TYPE.SHORT, FIELD_TYPE.INT24, FIELD_TYPE.LONG, FIELD_TYPE.LONGLONG, FIELD_TYPE.YEAR)
_TIMES = (FIELD_TYPE.DATE, FIELD_TYPE.DATETIME, FIELD_TYPE.NEWDATE, FIELD_TYPE.TIME, FIELD_TYPE.TIMESTAMP)
_READERS: dict[int, Callable[[bytes], Any]] = {
    FIELD_TYPE.BIT: _bits,
    FIELD_TYPE.JSON: text,
    **dict.fromkeys((FIELD_TYPE.DECIMAL, FIELD_TYPE.NEWDECIMAL), decimal),
    **dict.fromkeys((FIELD_TYPE.DOUBLE, FIELD_TYPE.FLOAT), float),
    **dict.fromkeys(_TIMES, text),
    **dict.fromkeys(_WHOLE, int),
}
"""By the number of the type; all others are bytes or text."""
