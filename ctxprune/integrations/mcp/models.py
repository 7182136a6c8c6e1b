"""What the tools take and give, as the schemas that a client sees."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field

from ctxprune.integrations.sql_tools import arguments
from ctxprune.integrations.sql_tools.arguments import Question, ToolArguments

__all__ = [
    "AskArguments",
    "AskContent",
    "CheckArguments",
    "CheckContent",
    "DatabasesContent",
    "LinkArguments",
    "LinkContent",
    "NoArguments",
    "PruneArguments",
    "PruneContent",
    "RecallArguments",
    "RecallContent",
    "RunArguments",
    "RunContent",
    "ValuesArguments",
    "ValuesContent",
]

_Name = Annotated[str, Field(max_length=100, description="Name of a database; may be left out where there is one.")]
_Tokens = Annotated[int, Field(ge=1, description="Tokens that may stay, less than a reply may take.")]
_Note = Annotated[str, Field(description="What was left out; empty if nothing was.")]
_Recall = Annotated[str, Field(description="Id for `recall`, which finds what was left out; empty if nothing was.")]


class NoArguments(ToolArguments):
    """Takes no arguments."""


class _OnDatabase(ToolArguments):
    database: _Name = ""


class LinkArguments(_OnDatabase, arguments.LinkArguments):
    """A question on a database."""


class ValuesArguments(_OnDatabase, arguments.ValuesArguments):
    """A text."""


class CheckArguments(_OnDatabase, arguments.CheckArguments):
    """A statement."""


class RunArguments(_OnDatabase, arguments.RunArguments):
    """A statement, and what it is for."""


class AskArguments(LinkArguments):
    """A question on a database."""


class PruneArguments(ToolArguments):
    """A text, and what is asked of it."""

    query: Question
    text: Annotated[str, Field(min_length=1, description="The text.")]
    kind: Annotated[
        str,
        Field(
            max_length=100,
            description="auto, text, markdown, html, csv, tsv, table (Markdown), json, schema, tools or log.",
        ),
    ] = "auto"
    budget: _Tokens | None = None


class RecallArguments(ToolArguments):
    """An id, and what is asked of what it stands for."""

    id: Annotated[str, Field(min_length=1, max_length=100, description="`recall` of an earlier reply.")]
    query: Question
    budget: _Tokens | None = None


class _Database(BaseModel):
    name: str
    available: bool
    dialect: str
    table_count: int
    column_count: int
    tables: list[str]


class DatabasesContent(BaseModel):
    """The databases."""

    databases: list[_Database]
    note: _Note


class _Value(BaseModel):
    table: str
    column: str
    value: str
    score: float


class LinkContent(BaseModel):
    """The part of a schema that a question needs."""

    database: str
    dialect: str
    schema_: Annotated[str, Field(alias="schema", description="Tables, columns, keys and examples as M-Schema.")]
    values: Annotated[list[_Value], Field(description="Stored values that the question mentions.")]
    column_count: Annotated[int, Field(description="Columns of the whole schema.")]
    columns_shown: int
    note: _Note
    recall: _Recall


class _StoredValue(_Value):
    database: str


class ValuesContent(BaseModel):
    """Stored values that a text mentions, the likeliest first."""

    values: list[_StoredValue]
    note: _Note
    recall: _Recall


class CheckContent(BaseModel):
    """What the guard says."""

    database: str
    dialect: str
    allowed: bool
    reason: Annotated[str, Field(description="Why the statement may not run; empty if it may.")]
    sql: Annotated[str, Field(description="The text that would run.")]
    note: _Note
    recall: _Recall


class _Rows(BaseModel):
    columns: list[str]
    rows: list[list[Any]]
    row_count: Annotated[int, Field(description="Rows that were read.")]
    truncated: Annotated[bool, Field(description="The query has more rows than were read.")]
    note: _Note
    recall: _Recall


class RunContent(_Rows):
    """The rows of a statement."""

    database: str
    sql: Annotated[str, Field(description="The text that ran.")]


class AskContent(_Rows):
    """The answer to a question."""

    database: str
    outcome: Annotated[str, Field(description="answered, tentative (see doubts) or unanswered (see reason).")]
    confidence: Annotated[float, Field(description="0 to 1, probability that the rows answer the question.")]
    sql: str
    reason: str
    doubts: list[str]
    unused: Annotated[list[str], Field(description="Words of the question that no part of the query explains.")]
    question_back: str
    other_sql: Annotated[str, Field(description="The most likely query with another result.")]


class PruneContent(BaseModel):
    """What a question needs of a text."""

    kind: str
    text: Annotated[str, Field(description="The kept parts, unchanged.")]
    tokens_before: int
    tokens_after: int
    note: _Note
    recall: _Recall


class RecallContent(BaseModel):
    """What a question needs of something that an earlier reply left out."""

    kind: str
    text: str
    note: _Note
