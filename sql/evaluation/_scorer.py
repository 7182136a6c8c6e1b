"""The process that runs the queries of official mode: as the official scripts do, read and write, on private copies.

One request is one item, as a JSON frame on stdin (see `..drivers._worker`); one frame answers it. The parent
ends the process at the item's deadline, and an alarm does where the parent died. Memory and the size of written files
are limited. Nothing but the standard library is imported.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
import time
from contextlib import closing, suppress

from ..database.drivers._worker import read_frame, write_frame
from .bird import soft_f1
from .equality import equal_results, equal_sets
from .plug_values import plugged
from .spider import this_year

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .equality import Row

__all__ = ["main", "serve"]

_GRACE = 2.0  # the parent kills earlier; this is for a parent that died
_LARGEST_FILE = 8_000_000_000
_REACHING_OUT = ("attach", "vacuum", "pragma")  # in a text that may name files
_DIRECTORIES = {"temp_store_directory", "data_store_directory"}  # pragmas that say where files are written
_MESSAGE = 300  # characters of an error that are kept


class _GoldError(Exception):
    """The reference failed."""


def serve(request: dict[str, Any]) -> dict[str, Any]:
    """One item's result.

    Keys: "right"; "error" and "culprit" ("prediction", "gold" or ""), "rows" and "gold_rows" (None where not run); "f1"
    and "ratios" where asked for; or "tables" for the columns by table.
    """
    if request["op"] == "tables":
        return _tables(request["paths"][0])
    judge = {"pair": _pair, "suite": _suite, "times": _times, "gold": _gold}[request["op"]]
    answer: dict[str, Any] = {"right": False, "error": "", "culprit": "", "rows": None, "gold_rows": None}
    try:
        answer |= judge(request, answer)
    except _GoldError as error:
        answer |= {"error": _error_text(error.__cause__ or error), "culprit": "gold"}
    except Exception as error:  # noqa: BLE001 - whatever a query raises makes it wrong, as in the official scripts
        answer |= {"error": _error_text(error), "culprit": "prediction"}
    return answer


def _pair(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    """BIRD: the prediction, then the reference, on one connection."""
    with closing(_connect(request, request["paths"][0], request["predicted"], request["gold"])) as connection:
        cursor = connection.cursor()
        cursor.execute(request["predicted"])
        predicted = cursor.fetchall()
        answer["rows"] = len(predicted)
        try:
            cursor.execute(request["gold"])
            gold = cursor.fetchall()
        except Exception as error:
            raise _GoldError from error
        answer["gold_rows"] = len(gold)
    return {"right": equal_sets(gold, predicted), "f1": soft_f1(predicted, gold)}


def _suite(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    """Spider: reference and prediction on connections of their own, on every database."""
    texts: Any = [request["predicted"]]
    if request["plug_value"]:
        texts = plugged(request["gold"], request["predicted"])
    for text in texts:
        if all(_passes(request, answer, path, this_year(text)) for path in request["paths"]):
            answer |= {"error": "", "culprit": ""}
            return {"right": True}
    return {"right": False}


def _passes(request: dict[str, Any], answer: dict[str, Any], path: str, text: str) -> bool:
    try:
        gold = _run(request, path, this_year(request["gold"]))
    except Exception as error:
        raise _GoldError from error
    first = answer["gold_rows"] is None
    if first:
        answer["gold_rows"] = len(gold)
    try:
        predicted = _run(request, path, text)
    except Exception as error:  # noqa: BLE001
        if not answer["error"]:
            answer |= {"error": _error_text(error), "culprit": "prediction"}
        return False
    if first:
        answer["rows"] = len(predicted)
    return equal_results(gold, predicted, ordered=request["ordered"])


def _times(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    """BIRD R-VES: how often faster the prediction is than the reference, once a repetition."""
    path = request["paths"][0]
    predicted = _timed(request, path, request["predicted"])[0]
    try:
        gold = _timed(request, path, request["gold"])[0]
    except Exception as error:
        raise _GoldError from error
    answer |= {"rows": len(predicted), "gold_rows": len(gold)}
    if not equal_sets(gold, predicted):
        return {"right": False, "ratios": []}
    ratios: list[float] = []
    for _ in range(request["repeat"]):
        mine = _timed(request, path, request["predicted"])[1]
        ratios.append(_timed(request, path, request["gold"])[1] / mine)
    return {"right": True, "ratios": ratios}


def _timed(request: dict[str, Any], path: str, sql: str) -> tuple[list[Row], float]:
    """Rows, and seconds from the open file to the closed connection."""
    connection = _connect(request, path, sql)
    start = time.time()
    try:
        rows = connection.cursor().execute(sql).fetchall()
    finally:
        connection.close()
    return rows, time.time() - start


def _gold(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    """Whether the reference runs by itself, on every database."""
    for path in request["paths"]:
        try:
            rows = _run(request, path, this_year(request["gold"]) if request["this_year"] else request["gold"])
        except Exception as error:
            raise _GoldError from error
        answer["gold_rows"] = len(rows) if answer["gold_rows"] is None else answer["gold_rows"]
    return {"right": True}


def _run(request: dict[str, Any], path: str, sql: str) -> list[Row]:
    with closing(_connect(request, path, sql)) as connection:
        return connection.cursor().execute(sql).fetchall()


def _connect(request: dict[str, Any], path: str, *texts: str) -> sqlite3.Connection:
    """A connection on which these texts, and no others, will run."""
    connection = sqlite3.connect(path)
    if not request["strict_text"]:
        connection.text_factory = lambda raw: raw.decode(errors="ignore")
    if any(word in text.lower() for text in texts for word in _REACHING_OUT):
        connection.set_authorizer(_inside)
    return connection


def _inside(action: int, first: str | None, *_rest: str | None) -> int:
    """Refuse other files than those of this process's folder."""
    if action == sqlite3.SQLITE_PRAGMA:
        return sqlite3.SQLITE_DENY if str(first).lower() in _DIRECTORIES else sqlite3.SQLITE_OK
    if action != sqlite3.SQLITE_ATTACH or first in {"", ":memory:"}:
        return sqlite3.SQLITE_OK
    if first is None or first.lower().startswith("file:"):
        # A name that is computed, or one that an SQLite built with SQLITE_USE_URI reads as a URI: its path may lead
        # anywhere ("file:/home", "file:%2e%2e/x"), while taken as the name of a file it lies in this folder.
        return sqlite3.SQLITE_DENY
    place = os.path.realpath(first)
    return sqlite3.SQLITE_OK if place.startswith(os.getcwd() + os.sep) else sqlite3.SQLITE_DENY


def _tables(path: str) -> dict[str, Any]:
    """Columns by table as the Spider script reads them: names in lower case, and not quoted, so some cannot be read."""
    tables: dict[str, list[str]] = {}
    try:
        with closing(sqlite3.connect(path)) as connection:
            names = [str(name).lower() for (name,) in connection.execute(
                "SELECT name FROM sqlite_master WHERE type='table'"
            )]  # fmt: skip
            for name in names:
                tables[name] = [str(row[1].lower()) for row in connection.execute(f"PRAGMA table_info({name})")]
    except Exception as error:  # noqa: BLE001
        return {"tables": {}, "error": _error_text(error)}
    return {"tables": tables, "error": ""}


def _error_text(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:_MESSAGE]


def _restrict(memory: int) -> None:
    try:
        import resource
    except ImportError:  # Windows: the parent's deadline remains
        return
    if hasattr(signal, "SIGXFSZ"):  # not on every POSIX system
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a write that is too long fails instead
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (_LARGEST_FILE, _LARGEST_FILE))
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


def _alarm(seconds: float) -> None:
    if hasattr(signal, "setitimer"):  # not on Windows
        signal.setitimer(signal.ITIMER_REAL, seconds)


def main() -> None:
    """Serve requests from stdin until it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    source, target = sys.stdin.buffer, sys.stdout.buffer
    config = read_frame(source)
    if config is None:
        return
    _restrict(config["memory"])
    write_frame(target, ["ready"])
    with suppress(BrokenPipeError):
        while (request := read_frame(source)) is not None:
            _alarm(request["seconds"] + _GRACE)
            answer = serve(request)
            _alarm(0)
            write_frame(target, answer)
