"""Errors as a model reads them: one sentence, and nothing that only the operator can mend."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

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
    from collections.abc import Callable

__all__ = ["describe_failure"]

_LOGGER = logging.getLogger(__name__)
_CALLERS = (
    BudgetError,
    GuardError,
    InputError,
    QueryError,
    QueryLimitError,
    QueryTimeoutError,
    SchemaError,
    UnknownNameError,
    UsageError,
)
"""What whoever calls the tool can mend, by another statement or question."""


_OPERATORS = (
    (GenerationError, "the language model cannot be used right now"),
    ((FormatError, IndexBuildError, StoreError), "a value index or a cache cannot be used right now"),
    ((DatabaseError, MissingExtraError), "the database cannot be used right now"),
)
"""What only the operator can mend, in words that give no particulars; the first that fits counts."""


def describe_failure(error: Exception, log: Callable[[Exception], str] | None = None) -> str:
    """What happened and what to do, with the code.

    Of errors that another call would not avoid, the particulars (paths, hosts, a server's own words) go to the log.

    Args:
        error: Any; one that is none of this library's has no particulars for the model either.
        log: Writes down an error that only the operator can mend, and gives the id under which it stands there; None
            for this module's logger, which gives none.
    """
    if isinstance(error, _CALLERS) or (isinstance(error, RequestError) and error.status < 500):
        return _write(error.what, error.hint, error.code)
    id_ = (log or _log)(error)
    code = error.code if isinstance(error, CtxpruneError) else CtxpruneError.code
    mark = f"{code}, request id {id_}" if id_ else code
    if isinstance(error, RequestError):  # of this library's own words
        return _write(error.what, error.hint, mark)
    what = next((words for kinds, words in _OPERATORS if isinstance(error, kinds)), "the call failed")
    return _write(what, "try again later", mark)


def _log(error: Exception) -> str:
    _LOGGER.warning("a tool failed: %s", error)
    return ""


def _write(what: str, hint: str, mark: str) -> str:
    text = f"{what}: {hint} ({mark})" if hint else f"{what} ({mark})"
    return text.encode("utf-8", "replace").decode()  # an error may quote lone surrogates
