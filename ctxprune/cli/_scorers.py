"""From `--scorer` and `--model` to a scorer."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import typer

from ctxprune.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from ctxprune.scorers import Scorer

__all__ = ["TEXT_SCORER", "make_kind_scorer", "make_scorer"]

TEXT_SCORER = "mixture"
"""What reads text where no scorer is named."""


def make_scorer(name: str, model: str | None = None) -> tuple[Scorer, str]:
    """A registered scorer with its defaults, reading `model` if one is given, and its full name.

    Raises:
        UsageError: It needs more than that.
    """
    from ctxprune.scorers import SCORERS

    kind: Any
    try:
        kind = SCORERS.get(name)
    except UnknownNameError as error:
        raise typer.BadParameter(str(error), param_hint="--scorer") from error
    takes = dataclasses.is_dataclass(kind) and any(field.name == "model" for field in dataclasses.fields(kind))
    if model is not None and not takes:
        raise typer.BadParameter(f"the scorer {name} takes no --model", param_hint="--model")
    given = {} if model is None else {"model": model}
    try:
        return kind(**given), SCORERS.name_of(kind)
    except UsageError as error:
        if takes and model is None:
            raise typer.BadParameter(f"the scorer {name} needs --model", param_hint="--model") from error
        raise
    except TypeError as error:
        raise UsageError(f"the scorer {name} needs more than its name ({error})", hint="use it from Python") from error


def make_kind_scorer(name: str | None, model: str | None = None) -> Scorer:
    """The scorer for pages, tables, JSON, logs, schemas and tools: the named one, whatever it is made for; of None the
    one that is made for the kind, around the default for text.

    Raises:
        UsageError: As `make_scorer`.
    """
    from ctxprune.scorers.combined.structured import structured

    return structured(make_scorer(TEXT_SCORER, model)[0]) if name is None else make_scorer(name, model)[0]
