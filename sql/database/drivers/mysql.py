"""MariaDB and MySQL, through PyMySQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from ctxprune.errors import DatabaseError, QueryError, QueryLimitError, QueryTimeoutError, UsageError
from ctxprune.utils.extras import require

from ..limits import Limits
from ._mysql_reflect import MySqlReflection
from .server import WRONG_PASSWORD, ServerDriver
from .typed import TypedSamples

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ...schema.schema import Column
    from .base import Reflection
    from .session import Session

__all__ = ["MySqlDriver", "MySqlSamples"]

T = TypeVar("T")
_REFLECT = Limits(seconds=120.0, rows=10_000_000, bytes=1_000_000_000)


class MySqlSamples(TypedSamples):
    """Statements in MySQL's dialect."""

    text_type: ClassVar[str] = "char"
    wholes_match: ClassVar[str] = TypedSamples.wholes_match + "|bit"
    bytes_match: ClassVar[str] = (
        "(tiny|medium|long)?blob|(var)?binary|geometry|(multi)?(point|linestring|polygon)|vector"
    )

    def name(self, name: str) -> str:
        """A delimited identifier."""
        return "`" + name.replace("`", "``") + "`"

    def text(self, column: Column) -> str:
        """As `Samples.text`; bytes stay what they are."""
        if self._is(self.bytes_match, column):
            return f"CAST({self.cell(column)} AS BINARY)"
        return super().text(column)

    def unlike(self, text: str, rest: str) -> str:
        """As `Samples.unlike`: to most collations, "Cafe" is "café" and "CAFÉ "."""
        return f"SELECT CONVERT(v USING utf8mb4) FROM (SELECT DISTINCT CAST({text} AS BINARY) AS v {rest}) AS some"  # noqa: S608


class MySqlDriver(ServerDriver):
    """One database of a MariaDB server, 10.5 or newer, or of MySQL, 8.0 or newer; not the others on that server.

    The tests run on MariaDB 11.8. What is different on MySQL is written after its documentation: names of settings, and
    the milliseconds of `max_execution_time`.

    No statement writes, even where the role may (see `MySqlSession`). On the role's rights rests what it may read (FILE
    allows `LOAD_FILE`), and which stored functions it may call, since one could change a global setting.

    `fingerprint` rests on the times at which tables were created and last changed, on which of them are empty (all that
    shows a TRUNCATE), and on the server's start. It misses changes of tables whose engine keeps no such time (MEMORY,
    CSV, tables on other servers), and those from before a table fell out of a full cache of table definitions. A second
    is the unit, so the call waits for the end of one in which a table was changed.
    """

    dialect: ClassVar[str] = "mysql"
    options: ClassVar[frozenset[str]] = frozenset({"charset", "ssl_ca", "ssl_cert", "ssl_key", "unix_socket"})
    state_sql: ClassVar[str] = """
        SELECT table_name, create_time, update_time, table_rows = 0 FROM information_schema.tables
        WHERE table_schema = DATABASE() AND table_type <> 'VIEW'
        UNION ALL SELECT '', UNIX_TIMESTAMP() - variable_value, NULL, NULL
        FROM /*M! information_schema. */ /*!80000 performance_schema. */ global_status WHERE variable_name = 'Uptime'
        UNION ALL SELECT ' ', SLEEP(COALESCE(MAX(update_time) >= NOW(), 0)), NULL, NULL
        FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY 1"""

    def __init__(self, target: str | Path, workers: int, isolated: bool) -> None:
        self._pymysql = require("pymysql", "mysql")
        self.failures = (self._pymysql.MySQLError,)
        super().__init__(target, workers, isolated)
        if self.url.options.get("charset", "utf8mb4") != "utf8mb4":
            raise UsageError("the only charset of a connection is utf8mb4", hint="leave the option out")
        self.samples = MySqlSamples()

    def connect(self, seconds: int) -> Session:
        """As `ServerDriver.connect`."""
        from ._mysql_session import MySqlSession

        return MySqlSession(self._connection(seconds), self._connection)

    def _connection(self, seconds: float) -> Any:
        url = self.url
        given = {"host": url.host, "port": url.port, "user": url.user, "password": url.password, **url.options}
        settings = {name: value for name, value in given.items() if value}
        connection = self._pymysql.connect(
            database=url.name,
            **{**settings, "charset": "utf8mb4"},
            autocommit=True,
            program_name="ctxprune",
            connect_timeout=seconds,
            read_timeout=seconds,
            write_timeout=seconds,
        )
        connection._read_timeout = connection._write_timeout = None  # from here on deadlines are the watch's
        return connection

    def reflect(self, read: Callable[[Reflection], T], _limits: Limits) -> T:
        """As `Driver.reflect`. No transaction keeps the schema of these databases unchanged; three queries read it."""
        return read(MySqlReflection(self._ask))

    def _ask(self, sql: str) -> list[tuple[Any, ...]]:
        return self.rows(sql, _REFLECT)

    def explain(self, error: Exception) -> DatabaseError:
        """As `ServerDriver.explain`, by the number of the error."""
        code = error.args[0] if error.args and isinstance(error.args[0], int) else None
        what = str(error.args[-1] if error.args else "") or type(error).__name__
        if code == _OPTION and "max-session-mem-used" in what:
            return QueryLimitError("the query needs too much memory", where=self.where, hint=_MORE_MEMORY)
        kind, hint = _meaning(code)
        return kind(" ".join(what.split()), where=self.where, hint=hint)


# Numbers of errors; those from 2000 to 2999 are PyMySQL's own, about the connection.
_TIMEOUTS = frozenset({1205, 1317, 1969, 3024})  # a lock, an interruption, MariaDB's deadline, MySQL's
_OPTION = 1290  # some option of the server forbids it
_MORE_MEMORY = "simplify it or raise Limits.memory"
_LIMITS = frozenset(
    {41, 201, 1021, 1037, 1038, 1041, 1104, 1114, 1119, 1135, 1153, 1436}
)  # disk, memory, packet, stack
_FULL = frozenset({1040, 1203, 1226})
_LOST = frozenset({0, 1053, 1152, 1158, 1159, 1160, 1161, 1184, 1927})
_DENIED = 1045
_REFUSED = frozenset({1044, 1049, 1129, 1130, 1251, 1524, 1698, 1820, 1862, 3118, 3159, 4151})


def _meaning(code: int | None) -> tuple[type[DatabaseError], str]:
    if code in _TIMEOUTS:
        return QueryTimeoutError, "simplify it or raise Limits.seconds"
    if code in _LIMITS:
        return QueryLimitError, _MORE_MEMORY
    if code in _FULL:
        return DatabaseError, "lower `workers`, or raise max_connections or the role's limit on the server"
    if code == _DENIED:
        return DatabaseError, WRONG_PASSWORD
    if code in _LOST or code in _REFUSED or (code is not None and 2000 <= code < 3000):
        return DatabaseError, "is the server running, and are host, port, user, password and name right?"
    return QueryError, ""
