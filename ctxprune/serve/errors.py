"""Errors as HTTP says them: one status for each kind, and one JSON shape for all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ctxprune.errors import (
    BudgetError,
    CtxpruneError,
    DatabaseError,
    FormatError,
    GenerationError,
    GuardError,
    IndexBuildError,
    InputError,
    MissingExtraError,
    QueryError,
    QueryLimitError,
    QueryTimeoutError,
    RequestError,
    SchemaError,
    StoreError,
    UnknownNameError,
    UsageError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["document", "headers_of", "status_of"]

_CALLERS = (UsageError, BudgetError, UnknownNameError, SchemaError, GuardError, QueryError, InputError)
# The first kind that an error is an instance of counts, so subclasses stand before their base.
_STATUSES: Mapping[type[CtxpruneError], int] = {
    QueryTimeoutError: 504,
    QueryLimitError: 422,
    **dict.fromkeys(_CALLERS, 422),
    DatabaseError: 503,
    StoreError: 503,
    FormatError: 503,  # an index or a cache that was lost or damaged, until it is rebuilt
    IndexBuildError: 503,
    MissingExtraError: 501,
    GenerationError: 502,
}


def status_of(error: CtxpruneError) -> int:
    """The HTTP status: 4xx where the caller can mend it, 5xx where only the service's operator can."""
    if isinstance(error, RequestError):
        return error.status
    return next((status for kind, status in _STATUSES.items() if isinstance(error, kind)), 500)


def headers_of(error: CtxpruneError) -> dict[str, str]:
    """Headers that go with the status."""
    status = status_of(error)
    if status == 401:
        return {"www-authenticate": "Bearer"}
    return {"retry-after": "1"} if status in (429, 503) else {}


def document(error: Exception, request_id: str) -> dict[str, Any]:
    """`{"error": {"code", "message", "hint", "request_id"}}`.

    Errors that only the operator can mend come without details, which may be paths or a server's own words; these are
    in the log. A statement that ran too long is the caller's to mend, and its text is redacted already. A package that
    is not installed is named, since no retry helps.
    """
    if isinstance(error, CtxpruneError) and (
        isinstance(error, (RequestError, QueryTimeoutError, MissingExtraError)) or status_of(error) < 500
    ):
        code, message, hint = error.code, _clean(error.what), _clean(error.hint)
    elif isinstance(error, DatabaseError):
        code, message, hint = error.code, "the database cannot be used right now", "try again later; see /readyz"
    elif isinstance(error, (StoreError, FormatError, IndexBuildError)):
        code, message, hint = (
            error.code,
            "a value index or a cache cannot be used right now",
            "try again later; see /readyz",
        )
    elif isinstance(error, GenerationError):
        code, message, hint = error.code, "the language model failed", "try again later"
    else:
        code = error.code if isinstance(error, CtxpruneError) else CtxpruneError.code
        message, hint = "the service failed", "tell its operator the request id"
    return {"error": {"code": code, "message": message, "hint": hint, "request_id": request_id}}


def _clean(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
