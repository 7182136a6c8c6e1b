"""Logs as JSON lines: who asked what kind of thing, how it ended and how long it took; never contents or secrets."""

from __future__ import annotations

import json
import logging
import re
import uuid
from datetime import UTC, datetime
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from ctxprune.errors import (
    CtxpruneError,
    DatabaseError,
    FormatError,
    IndexBuildError,
    MissingExtraError,
    RequestError,
    StoreError,
)

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["JsonLines", "cause", "log", "request_id"]

_LOGGER = logging.getLogger("ctxprune.serve")
_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
# Kinds of which the words tell of the service itself, and hold nothing of a request.
_QUOTABLE = (DatabaseError, FormatError, IndexBuildError, MissingExtraError, RequestError, StoreError)


def log(event: str, *, level: int = logging.INFO, **fields: object) -> None:
    """One line: an event by its name, with fields; None is left out."""
    present = {name: value for name, value in fields.items() if value is not None}
    _LOGGER.log(level, event, extra={"fields": present})


def request_id(given: bytes) -> str:
    """The caller's id where it is 1 to 64 letters, digits and ._:- signs, else a new one."""
    text = given.decode("latin-1")
    return text if _ID.fullmatch(text) else uuid.uuid4().hex


def cause(error: BaseException) -> str:
    """What went wrong: the kind, the words where these can hold nothing of a request, and the place in the code."""
    name, words = type(error).__name__, ""
    if isinstance(error, CtxpruneError):
        name, words = f"{error.code} {name}", f": {error.what}" if type(error) in _QUOTABLE else ""
    return f"{name}{words}{_place(error.__traceback__)}"


def _place(traceback: TracebackType | None) -> str:
    if traceback is None:
        return ""
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    code = traceback.tb_frame.f_code
    return f" ({PurePath(code.co_filename).name}:{traceback.tb_lineno} {code.co_name})"


class JsonLines(logging.Formatter):
    """A record as one line of JSON; of an exception only its kind and place, since its words may quote anything."""

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter.format`."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage() if record.exc_info is None else "exception",
            **vars(record).get("fields", {}),
        }
        if record.name != _LOGGER.name:
            line["logger"] = record.name
        if record.exc_info is not None and record.exc_info[1] is not None:
            line["cause"] = cause(record.exc_info[1])
        return json.dumps(line, ensure_ascii=True, default=str)
