"""Every exception that ctxprune raises on purpose.

CtxpruneError
├── UsageError            CP001  an argument is out of its range or of the wrong kind
├── BudgetError           CP002  pinned units alone exceed the token budget
├── UnknownNameError      CP003  no scorer, policy, linker, ... of that name is registered
├── MissingExtraError     CP004  an optional dependency is not installed
├── InputError            CP005  a file or text cannot be read as what it should be
├── FormatError           CP006  a persisted artefact has an unknown format, version or is damaged
├── StoreError            CP007  a Redis cannot be reached, is full, or refuses
├── DatabaseError         CP100  the database cannot be opened or read
│   ├── QueryError        CP101  the database rejected a query
│   ├── QueryTimeoutError CP102  a query ran past its deadline
│   └── QueryLimitError   CP103  a query exceeded a row, byte or memory limit
├── GuardError            CP110  a statement is not allowed to run
├── SchemaError           CP111  a table or column that does not exist was named
├── IndexBuildError       CP120  a value index could not be built
├── GenerationError       CP130  a generator gave no usable SQL
│   └── ModelError        CP131  a language model failed, refused or did not answer in time
└── RequestError          CP140  the HTTP service refused a request or could not finish it

A message has three parts: what happened, where, and what to do.
"""

from __future__ import annotations

from difflib import get_close_matches
from enum import Enum
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "BudgetError",
    "CtxpruneError",
    "DatabaseError",
    "FailureKind",
    "FormatError",
    "GenerationError",
    "GuardError",
    "IndexBuildError",
    "InputError",
    "MissingExtraError",
    "ModelError",
    "QueryError",
    "QueryLimitError",
    "QueryTimeoutError",
    "RequestError",
    "SchemaError",
    "StoreError",
    "UnknownNameError",
    "UsageError",
]

_MOST_NAMES = 40
_LONGEST_NAME = 100


class CtxpruneError(Exception):
    """Root of all errors of this library.

    Args:
        what: What happened, in one sentence without a full stop.
        where: The file, table, parameter or statement concerned; "" if there is none.
        hint: What the caller can do about it; "" if there is nothing to say.

    Examples:
        ```python
        from ctxprune import CtxpruneError, prune

        try:
            prune("When did it open?", "It opened in 1933.", scorer="lexcal")
        except CtxpruneError as error:
            print(error.code, error.what)  # CP003 no scorer is named 'lexcal'
        ```
    """

    code: ClassVar[str] = "CP000"

    def __init__(self, what: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.what, self.where, self.hint = what, where, hint

    def __str__(self) -> str:
        text = self.what if not self.where else f"{self.what} [{self.where}]"
        return f"{text}: {self.hint}" if self.hint else text

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.what, self.where, self.hint), self.__dict__


def _rebuild(kind: type[CtxpruneError], what: str, where: str, hint: str) -> CtxpruneError:
    error = kind.__new__(kind)
    CtxpruneError.__init__(error, what, where=where, hint=hint)
    return error


class UsageError(CtxpruneError, ValueError):
    """An argument is out of its range or of the wrong kind."""

    code = "CP001"


class BudgetError(CtxpruneError):
    """Pinned units alone, with all they require, exceed the token budget."""

    code = "CP002"


class UnknownNameError(CtxpruneError, LookupError):
    """No entry of that name is registered; the message has 100 characters of the name at most.

    It lists the known names where there are up to forty, else the nearest ones and how many there are.
    """

    code = "CP003"

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names, name = sorted(known), name[:_LONGEST_NAME]  # finding what is near takes long for a long one
        near = get_close_matches(name, names, n=1)
        listed = ", ".join(names) or "none"
        if len(names) > _MOST_NAMES:
            listed = ", ".join([*get_close_matches(name, names, n=5, cutoff=0.3), f"… ({len(names)} in all)"])
        hint = (f"did you mean {near[0]!r}? " if near else "") + f"known: {listed}"
        super().__init__(f"no {kind} is named {name!r}", hint=hint)


class MissingExtraError(CtxpruneError, ImportError):
    """An optional dependency is not installed; the message holds the install command."""

    code = "CP004"

    def __init__(self, module: str, extra: str) -> None:
        super().__init__(
            f"the package {module!r} is not installed",
            hint=f"run: pip install 'ctxprune-middleware[{extra}]'",
        )


class InputError(CtxpruneError, ValueError):
    """A file or text cannot be read as what it should be."""

    code = "CP005"


class FormatError(CtxpruneError):
    """A persisted artefact has an unknown format or version, or is damaged."""

    code = "CP006"


class StoreError(CtxpruneError):
    """A store that workers share (Redis) cannot be reached, is full, or refuses."""

    code = "CP007"


class DatabaseError(CtxpruneError):
    """The database cannot be opened or read."""

    code = "CP100"


class QueryError(DatabaseError):
    """The database rejected a query; `what` carries the database's own message."""

    code = "CP101"


class QueryTimeoutError(DatabaseError, TimeoutError):
    """A query ran past its deadline and was stopped."""

    code = "CP102"


class QueryLimitError(DatabaseError):
    """A query exceeded a limit on rows, bytes or memory and was stopped."""

    code = "CP103"


class GuardError(CtxpruneError):
    """A statement is not allowed to run; `what` is the reason."""

    code = "CP110"


class SchemaError(CtxpruneError, LookupError):
    """A table or column that does not exist was named."""

    code = "CP111"


class IndexBuildError(CtxpruneError):
    """A value index could not be built."""

    code = "CP120"


class FailureKind(Enum):
    """Why a generator or a language model gave no SQL; control flow depends on this and never on a message."""

    GENERATION = "generation"  # no request could be written, or the generator gave up
    NO_SQL = "no_sql"  # the model answered, but not with a statement
    MODEL = "model"  # the model failed or refused
    TIMEOUT = "timeout"  # the model did not answer in time

    @property
    def is_model(self) -> bool:
        """Whether the model failed, rather than its answer."""
        return self in {FailureKind.MODEL, FailureKind.TIMEOUT}


class GenerationError(CtxpruneError):
    """A generator gave no usable SQL.

    Attributes:
        kind: Which failure it was.
    """

    code = "CP130"
    kind: FailureKind = FailureKind.GENERATION


class ModelError(GenerationError):
    """A language model failed, refused or did not answer in time.

    Args:
        what: As for `CtxpruneError`.
        where: As for `CtxpruneError`.
        hint: As for `CtxpruneError`.
        kind: `FailureKind.TIMEOUT` where the model did not answer in time.
    """

    code = "CP131"

    def __init__(self, what: str, *, where: str = "", hint: str = "", kind: FailureKind = FailureKind.MODEL) -> None:
        super().__init__(what, where=where, hint=hint)
        self.kind = kind


class RequestError(CtxpruneError):
    """The HTTP service refused a request or could not finish it.

    Attributes:
        status: The HTTP status, 4xx or 5xx.
    """

    code = "CP140"

    def __init__(self, what: str, *, status: int = 500, where: str = "", hint: str = "") -> None:
        super().__init__(what, where=where, hint=hint)
        self.status = status
