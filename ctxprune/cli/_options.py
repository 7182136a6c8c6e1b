"""Options that several commands share: single ones as annotated types, groups as dataclasses.

A command under `@with_option_groups` takes a group as one parameter, `def bird(*, generation: GenerationOptions)`:
each field becomes an option of its own, so that a name, a default and a help line are written once.
"""

from __future__ import annotations

import inspect
import os
import re
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints
from urllib.parse import quote

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "REDIS",
    "DatabaseArgument",
    "EvidenceOption",
    "FieldOption",
    "FilesArgument",
    "GenerationOptions",
    "JsonOption",
    "ModelOption",
    "PredictionOptions",
    "PublishedOption",
    "SchemasOption",
    "SetOption",
    "SplitOption",
    "fill_variables",
    "with_option_groups",
]

REDIS = "CTXPRUNE_REDIS_URL"
_VARIABLE = re.compile(r"\$\{(\w+)\}")


def fill_variables(text: str) -> str:
    """A URL with environment variables in the place of `${NAME}`, percent-encoded; a path as it is.

    Others see the arguments of a command, so a password should not be one. `NAME_FILE` may name a file with the value.

    Raises:
        typer.BadParameter: There is no such variable, or it is empty.
        UsageError: See `ctxprune.utils.environment.read_secret`.
    """
    return _VARIABLE.sub(_value, text) if "://" in text else text


def _value(match: re.Match[str]) -> str:
    from ctxprune.utils.environment import read_secret

    name = match[1]
    if name not in os.environ and f"{name}_FILE" not in os.environ:
        raise typer.BadParameter(f"the environment has no variable {name}")
    # An empty password would be tried silently, and some servers take it.
    if not (value := read_secret(name, os.environ)):
        raise typer.BadParameter(f"the variable {name} is empty")
    return quote(value, safe="")


DatabaseArgument = Annotated[
    str,
    typer.Argument(
        metavar="DB",
        callback=fill_variables,
        help="A SQLite or DuckDB file, or a URL such as 'postgresql://USER:${PASSWORD}@HOST/NAME' with a variable "
        "of the environment for the password (or none: PGPASSFILE and ~/.my.cnf are read).",
    ),
]

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
ModelOption = Annotated[
    str | None,
    typer.Option(
        help="Folder or file of the model, for pruner, cross_encoder, embedding and provence; nothing is downloaded."
    ),
]
FilesArgument = Annotated[
    list[Path] | None,
    typer.Argument(help="Files, or folders of HTML pages; none, or -, reads stdin.", show_default=False),
]
FieldOption = Annotated[str, typer.Option(help="Name of the text in JSON lines.")]
EvidenceOption = Annotated[str, typer.Option(help="Further knowledge about the question.", show_default=False)]
PublishedOption = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help=f"Use the value index published under this name in the Redis of {REDIS}; see `sql index --publish`.",
        show_default=False,
    ),
]
SetOption = Annotated[Path, typer.Option(help="Folder of the data set, as it was published.")]
SplitOption = Annotated[str, typer.Option(help="dev or train.")]
SchemasOption = Annotated[
    Path | None,
    typer.Option(help="Folder of the schemas and databases that DATA lacks; default: the folder spider beside it."),
]


@dataclass(frozen=True)
class GenerationOptions:
    """Which generator writes the SQL, and how."""

    generator: Annotated[str, typer.Option(help="sketch (no model), chat:FILE.gguf, chat:URL, or a name.")] = "sketch"
    style: Annotated[
        str,
        typer.Option(
            help="How chat:... is prompted, several with commas between: compact, ddl, decompose, "
            "incremental, mschema, plain, skeleton, small.",
            show_default=False,
        ),
    ] = ""
    examples: Annotated[
        Path | None,
        typer.Option(
            help="JSON file of answered questions; chat:... sees the two most similar ones.", show_default=False
        ),
    ] = None
    candidates: Annotated[int, typer.Option(min=1, help="Candidates per generator.")] = 4
    plain: Annotated[
        bool, typer.Option("--plain", help="The whole schema in one prompt, one answer, no repair, no vote.")
    ] = False
    cache: Annotated[
        Path | None,
        typer.Option(
            help="SQLite file that keeps the answers of models; default: in your cache folder.", show_default=False
        ),
    ] = None
    seed: Annotated[int, typer.Option(help="Random seed of the generators, and of a sample where one is drawn.")] = 0


@dataclass(frozen=True)
class PredictionOptions:
    """Which predictions a benchmark scores, and how."""

    predictions: Annotated[
        Path | None, typer.Option(help="Score this file of predictions, in the benchmark's own format or as JSON.")
    ] = None
    self_check: Annotated[bool, typer.Option("--self-check", help="Score the reference queries themselves.")] = False
    mode: Annotated[
        str, typer.Option(help="How predictions run: official, safe, or both with a report of differences.")
    ] = "official"
    workers: Annotated[int, typer.Option(min=1, help="Predictions scored at the same time.")] = 1
    log: Annotated[
        Path | None,
        typer.Option(help="File that keeps finished items; a run that was stopped, of either kind, goes on from it."),
    ] = None
    gold: Annotated[
        Path | None, typer.Option(help="File of references (SQL, tab, db_id) instead of the data set's.")
    ] = None
    html: Annotated[Path | None, typer.Option(help="Write an HTML page about the run.")] = None
    items: Annotated[bool, typer.Option("--items", help="With --json: the verdict on each item as well.")] = False

    @property
    def given(self) -> bool:
        """Whether predictions are scored, and not a generator."""
        return self.predictions is not None or self.self_check


def with_option_groups(command: Callable[..., None]) -> Callable[..., None]:
    """`command` as Typer reads it: each parameter that is a dataclass is replaced by that dataclass's fields."""
    signature = inspect.signature(command, eval_str=True)
    groups: dict[str, Any] = {
        name: one.annotation for name, one in signature.parameters.items() if is_dataclass(one.annotation)
    }
    parameters = []
    for name, parameter in signature.parameters.items():
        if name in groups:
            parameters += _parameters_of(groups[name])
        else:
            # keyword-only, so that a required option may come after one with a default
            parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))

    def run(**values: Any) -> None:
        for name, group in groups.items():
            values[name] = group(**{field.name: values.pop(field.name) for field in fields(group)})
        command(**values)

    run.__name__, run.__doc__, run.__module__ = command.__name__, command.__doc__, command.__module__
    # Typer asks both of these; without them it would see **values alone
    run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def _parameters_of(group: type[Any]) -> list[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(
            field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=hints[field.name]
        )
        for field in fields(group)
    ]
