"""The tools that work on databases."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

from ctxprune.errors import CtxpruneError
from ctxprune.integrations.mcp.context import RECALL_ID
from ctxprune.integrations.mcp.recall import StoredRows, StoredSchema, StoredText
from ctxprune.integrations.sql_tools.frames import describe_answer, fit_reply, fit_verdict, write_shortened
from ctxprune.integrations.sql_tools.rows import write_csv
from ctxprune.integrations.sql_tools.schemas import MOST_VALUES, describe_hits, fit_link, fit_values
from ctxprune.sql.database.result_set import ResultSet

if TYPE_CHECKING:
    from ctxprune.integrations.mcp import models
    from ctxprune.integrations.mcp.context import ToolContext

__all__ = ["ask", "check_sql", "find_values", "link_schema", "list_databases", "run_sql"]


async def list_databases(context: ToolContext, _arguments: models.NoArguments) -> dict[str, Any]:
    """See `ctxprune.integrations.mcp.tools`."""
    return await context.workspace.run(partial(_list_databases, context))


def _list_databases(context: ToolContext) -> dict[str, Any]:
    names = context.workspace.names()
    # No more than fit can be shown, so no more are opened.
    found = [_describe_database(context, name) for name in names[: context.budget.tokens // 20]]
    most = max((len(entry["tables"]) for entry in found), default=0)

    def build(tables: int, databases: int = len(found)) -> dict[str, Any]:
        shown = [entry | {"tables": entry["tables"][:tables]} for entry in found[:databases]]
        parts = [] if databases == len(names) else [f"{databases} of {len(names)} databases are shown"]
        if tables < most:
            parts.append(f"of each at most {tables} of its tables are named; link_schema finds the others")
        return {"databases": shown, "note": "; ".join(parts)}

    if context.budget.fits(build(0)):
        return context.budget.fill(most, build)[1]
    return context.budget.fill(len(found), partial(build, 0))[1]


def _describe_database(context: ToolContext, name: str) -> dict[str, Any]:
    try:
        schema = context.workspace.schema(name)
    except CtxpruneError:
        return {"name": name, "available": False, "dialect": "", "table_count": 0, "column_count": 0, "tables": []}
    tables = [table.name for table in schema.tables]
    counts = {"table_count": len(tables), "column_count": schema.n_columns}
    return {"name": name, "available": True, "dialect": schema.dialect, **counts, "tables": tables}


async def link_schema(context: ToolContext, arguments: models.LinkArguments) -> dict[str, Any]:
    """See `ctxprune.integrations.mcp.tools`."""
    return await context.workspace.run(partial(_link_schema, context, arguments))


def _link_schema(context: ToolContext, arguments: models.LinkArguments) -> dict[str, Any]:
    name = context.database(arguments.database)
    linked = context.workspace.view(name).link(arguments.question, arguments.evidence)
    fitted = fit_link(linked, {"database": name, "recall": RECALL_ID}, context.budget)
    kept = "" if fitted.complete else context.keep(StoredSchema(name, linked.full))
    return _name_recall(fitted.content, kept)


async def find_values(context: ToolContext, arguments: models.ValuesArguments) -> dict[str, Any]:
    """See `ctxprune.integrations.mcp.tools`."""
    return await context.workspace.run(partial(_find_values, context, arguments))


def _find_values(context: ToolContext, arguments: models.ValuesArguments) -> dict[str, Any]:
    names = [context.database(arguments.database)] if arguments.database else context.workspace.names()
    found, failed = [], []
    for name in names:
        try:
            hits = context.workspace.view(name).hits(arguments.text)
        except CtxpruneError:
            if len(names) == 1:
                raise
            failed.append(name)
            continue
        found += [{"database": name, **hit} for hit in describe_hits(hits, MOST_VALUES)]
    found.sort(key=lambda hit: -hit["score"])  # a stable sort: of equal ones the likeliest of each database stay first
    found = found[:MOST_VALUES]
    unread = f"{len(failed)} of {len(names)} databases could not be read" if failed else ""
    fitted = fit_values(found, {"recall": RECALL_ID}, context.budget, note=unread)
    kept = "" if fitted.complete else context.keep(StoredText(json.dumps(found, ensure_ascii=False), "json"))
    return _name_recall(fitted.content, kept)


async def check_sql(context: ToolContext, arguments: models.CheckArguments) -> dict[str, Any]:
    """See `ctxprune.integrations.mcp.tools`."""
    return await context.workspace.run(partial(_check_sql, context, arguments))


def _check_sql(context: ToolContext, arguments: models.CheckArguments) -> dict[str, Any]:
    name = context.database(arguments.database)
    verdict = context.workspace.check(name, arguments.sql)
    frame = {"database": name, "dialect": context.workspace.schema(name).dialect, "recall": RECALL_ID}
    content = fit_verdict(verdict, frame, context.budget).content
    cut = write_shortened({"reason": verdict.reason, "sql": verdict.sql}, content)
    return _name_recall(content, context.keep(StoredText(cut, "text")) if cut else "")


async def run_sql(context: ToolContext, arguments: models.RunArguments) -> dict[str, Any]:
    """See `ctxprune.integrations.mcp.tools`."""
    return await context.workspace.run(partial(_run_sql, context, arguments))


def _run_sql(context: ToolContext, arguments: models.RunArguments) -> dict[str, Any]:
    name = context.database(arguments.database)
    sql, result = context.workspace.run_sql(name, arguments.sql)
    return _with_rows(result, arguments.question, {"database": name, "recall": RECALL_ID, "sql": sql}, context)


async def ask(context: ToolContext, arguments: models.AskArguments) -> dict[str, Any]:
    """See `ctxprune.integrations.mcp.tools`."""
    return await context.workspace.run(partial(_ask, context, arguments))


def _ask(context: ToolContext, arguments: models.AskArguments) -> dict[str, Any]:
    name = context.database(arguments.database)
    answer = context.workspace.ask(name, arguments.question, arguments.evidence)
    result = ResultSet((), ()) if answer.result is None else answer.result
    frame = describe_answer(answer, {"database": name, "recall": RECALL_ID})
    return _with_rows(result, answer.question, frame, context)


def _with_rows(result: ResultSet, question: str, frame: dict[str, Any], context: ToolContext) -> dict[str, Any]:
    """The content with as much of the frame and as many rows as fit; what is left out can be recalled."""
    fitted = fit_reply(frame, result, question, context.budget)
    if fitted.complete:
        return _name_recall(fitted.content, "")
    table, cut = write_csv(result), write_shortened(frame, fitted.content)
    # Whoever searches these rows for one that was never read must not take its absence for an answer.
    unread = (
        f"only the first {len(result.rows)} rows of the query were read: narrow the SQL" if result.truncated else ""
    )
    # A text where both are kept: in any other kind a long statement is one unit, to be recalled whole or not at all.
    stored = StoredRows(f"{cut}\n\n{table}", "text", unread) if cut else StoredRows(table, "csv", unread)
    return _name_recall(fitted.content, context.keep(stored))


def _name_recall(content: dict[str, Any], id_: str) -> dict[str, Any]:
    """The content with the id that takes the place of the one it was measured with, behind all else."""
    del content["recall"]
    return content | {"recall": id_}
