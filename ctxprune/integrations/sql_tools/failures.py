"""Errors as a model reads them: one sentence, and nothing that only the operator can mend."""

from __future__ import annotations

import logging

from ctxprune.errors import (
    BudgetError,
    CtxpruneError,
    GenerationError,
    GuardError,
    InputError,
    QueryError,
    QueryLimitError,
    QueryTimeoutError,
    SchemaError,
    UnknownNameError,
    UsageError,
)

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


def describe_failure(error: CtxpruneError) -> str:
    """What happened and what to do, with the code.

    Of errors that another call would not avoid, the particulars (paths, hosts, a server's own words) go to the log.
    """
    if isinstance(error, _CALLERS):
        what, hint = error.what, error.hint
    else:
        _LOGGER.warning("a tool failed: %s", error)
        subject = "the language model" if isinstance(error, GenerationError) else "the database"
        what, hint = f"{subject} cannot be used right now", "try again later"
    return f"{what}: {hint} ({error.code})" if hint else f"{what} ({error.code})"
