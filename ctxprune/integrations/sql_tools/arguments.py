"""What the tools on a database take, as the schemas that a model sees."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ctxprune.errors import UsageError
from ctxprune.utils.validation import plain_fault

__all__ = [
    "AskArguments",
    "CheckArguments",
    "LinkArguments",
    "Question",
    "RunArguments",
    "ToolArguments",
    "ValuesArguments",
    "describe_fault",
    "json_schema_of",
    "read_arguments",
]

M = TypeVar("M", bound=BaseModel)
_LONGEST_PLACE = 100  # characters of an argument's name that an error repeats

Question = Annotated[str, Field(min_length=1, max_length=10_000, description="One question in plain words.")]
_Evidence = Annotated[str, Field(max_length=10_000, description="Further knowledge about the question.")]
_Sql = Annotated[str, Field(min_length=1, max_length=100_000, description="One SELECT statement.")]


class ToolArguments(BaseModel):
    """The arguments of a tool; others than those listed, and other types, are refused."""

    model_config = ConfigDict(extra="forbid", strict=True)


class LinkArguments(ToolArguments):
    """A question."""

    question: Question
    evidence: _Evidence = ""


class ValuesArguments(ToolArguments):
    """A text."""

    text: Annotated[str, Field(min_length=1, max_length=10_000, description="Text that may name stored values.")]


class CheckArguments(ToolArguments):
    """A statement."""

    sql: _Sql


class RunArguments(ToolArguments):
    """A statement, and what it is for."""

    sql: _Sql
    question: Annotated[
        str,
        Field(
            max_length=10_000,
            description="Chooses the rows to keep when not all fit; without it the first rows are kept.",
        ),
    ] = ""


class AskArguments(LinkArguments):
    """A question."""


def read_arguments(model: type[M], arguments: dict[str, Any]) -> M:
    """The arguments of a tool.

    Raises:
        UsageError: The first fault, with its place but not its value.
    """
    try:
        return model.model_validate(arguments)
    except ValidationError as error:
        known = ", ".join(model.model_fields) or "none"
        raise UsageError(describe_fault(error), hint=f"the arguments are {known}") from None


def describe_fault(error: ValidationError) -> str:
    """The first fault of what was given, with its place but not its value, which may be long or secret."""
    fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(map(str, fault["loc"]))[:_LONGEST_PLACE]
    return f"{place} is missing" if fault["type"] == "missing" else f"{place}: {plain_fault(fault['msg'])}"


def json_schema_of(model: type[BaseModel], *, output: bool = False) -> dict[str, Any]:
    """A JSON schema without the titles, which repeat the names and cost tokens in each conversation."""
    schema = model.model_json_schema(by_alias=True, mode="serialization" if output else "validation")
    found: dict[str, Any] = _without_titles(schema)
    if not output:
        found["additionalProperties"] = False
    return found


def _without_titles(part: Any) -> Any:
    if isinstance(part, list):
        return [_without_titles(item) for item in part]
    if not isinstance(part, dict):
        return part
    # A property may be called "title"; what it stands for is then a schema, and not a text.
    return {
        name: _without_titles(value) for name, value in part.items() if not (name == "title" and isinstance(value, str))
    }
