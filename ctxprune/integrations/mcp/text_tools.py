"""The tools that work on texts: pruning, and what earlier replies left out."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from ctxprune.errors import BudgetError
from ctxprune.integrations.mcp.context import RECALL_ID
from ctxprune.integrations.mcp.recall import StoredRows, StoredSchema, StoredText
from ctxprune.integrations.sql_tools.budget import RoomSearch
from ctxprune.integrations.sql_tools.schemas import fit_linked
from ctxprune.pruning.oversized import MissingRows, Oversized
from ctxprune.pruning.pruner import NO_ROOM_HINT
from ctxprune.rag.kinds import TABLES
from ctxprune.sql.linking.ranked import RankedLinker

if TYPE_CHECKING:
    from collections.abc import Callable

    from ctxprune.integrations.mcp import models
    from ctxprune.integrations.mcp.context import ToolContext
    from ctxprune.sql.schema.schema import Schema

__all__ = ["prune", "recall"]

_RECALLED = 2_000  # tokens of what is recalled by default: enough to find it, and not all that was cut


async def prune(context: ToolContext, arguments: models.PruneArguments) -> dict[str, Any]:
    """See `ctxprune.integrations.mcp.tools`."""

    def build(pruned: dict[str, Any]) -> dict[str, Any]:
        cut = pruned["units_after"] < pruned["units_before"]
        return {
            "kind": pruned["kind"],
            "text": pruned["output"],
            "tokens_before": pruned["tokens_before"],
            "tokens_after": pruned["tokens_after"],
            "note": _describe_cut(pruned),
            "recall": RECALL_ID if cut else "",
        }

    stored = StoredText(arguments.text, arguments.kind)
    content = await _prune_to_fit(context, arguments.query, stored, arguments.budget, build)
    if content["recall"]:
        content["recall"] = context.keep(StoredText(arguments.text, content["kind"]))
    return content


async def recall(context: ToolContext, arguments: models.RecallArguments) -> dict[str, Any]:
    """See `ctxprune.integrations.mcp.tools`."""
    stored = context.store.get(context.owner, arguments.id)
    if isinstance(stored, StoredSchema):
        return await context.workspace.run(partial(_recall_schema, context, stored, arguments.query))
    unread = stored.note if isinstance(stored, StoredRows) else ""

    def build(pruned: dict[str, Any]) -> dict[str, Any]:
        note = "; ".join(filter(None, (unread, _describe_cut(pruned))))
        return {"kind": pruned["kind"], "text": pruned["output"], "note": note}

    return await _prune_to_fit(context, arguments.query, stored, arguments.budget or _RECALLED, build)


def _describe_cut(pruned: dict[str, Any]) -> str:
    """What was left out; "" if nothing was. Units of a table are rows and columns, whose sum would tell nothing."""
    # Of plain text it says that it was taken for something else.
    told = str(pruned["note"]) if pruned["kind"] == "text" else ""
    if pruned["units_after"] == pruned["units_before"]:
        return told
    if pruned["kind"] in TABLES and pruned["note"]:
        note = str(pruned["note"])[1:-1]  # in brackets, for a line among others
        return "; ".join(filter(None, (_describe_missing(pruned), note)))
    kept = pruned["units_after"]
    cut = f"{kept} of {pruned['units_before']} {pruned['noun']} {'is' if kept == 1 else 'are'} shown"
    return "; ".join(filter(None, (_describe_missing(pruned), cut, told)))


def _describe_missing(pruned: dict[str, Any]) -> str:
    """That what answers the question best did not fit: what is shown may then be about something else; "" if it did."""
    found = pruned["oversized"]
    if found is None:
        return ""
    return str(MissingRows(**found) if "rows" in found else Oversized(**found))


def _recall_schema(context: ToolContext, stored: StoredSchema, query: str) -> dict[str, Any]:
    linked = RankedLinker().link(query, stored.schema)

    def build(text: str, part: Schema) -> dict[str, Any]:
        shown, count = part.n_columns, stored.schema.n_columns
        note = f"{shown} of {count} columns are shown" if shown < count else ""
        return {"kind": "mschema", "text": text, "note": note}

    return fit_linked(linked, build, context.budget)


async def _prune_to_fit(
    context: ToolContext,
    query: str,
    stored: StoredText,
    budget: int | None,
    build: Callable[[dict[str, Any]], dict[str, Any]],
) -> dict[str, Any]:
    """The content with what a question needs of a text.

    Args:
        context: Of the call.
        query: The question.
        stored: The text.
        budget: Tokens that may stay; None to let the scores decide.
        build: Makes the content of what the workspace's `prune` gives.

    Raises:
        BudgetError: Nothing of the text fits.
    """
    frame = {"kind": stored.kind, "units_after": 10**6, "units_before": 10**6 + 1, "noun": "tools and parameters"}
    frame |= {"output": "", "tokens_before": 10**6, "tokens_after": 10**6, "note": ""}
    frame["oversized"] = {"index": 0, "tokens": 10**6, "budget": 10**6, "parts": 10**6, "kept": 10**5}
    search = RoomSearch(context.budget, build(frame))

    def measure(pruned: dict[str, Any], accepts: Callable[[dict[str, Any]], bool]) -> dict[str, Any] | None:
        content = build(pruned)
        return content if accepts(content) else None

    async def attempt(tokens: int | None, accepts: Callable[[dict[str, Any]], bool]) -> dict[str, Any] | None:
        try:
            pruned = await context.workspace.prune(query, stored.text, stored.kind, tokens)
        except BudgetError as error:
            if tokens is None or tokens != budget:  # what stands in the way is the budget of the reply
                raise _no_room() from error
            # The pruner advises a setting that the tools do not have.
            least = error.hint.removesuffix(NO_ROOM_HINT)
            raise BudgetError(error.what, hint=f"{least}give a larger budget") from error
        # In a thread: without a budget what stays may be most of a long text.
        return await context.workspace.run(partial(measure, pruned, accepts))

    if budget is None and (content := await attempt(None, context.budget.fits)) is not None:
        return content
    for room in search:
        content = await attempt(room if budget is None else min(budget, room), search.accepts)
        if content is not None:
            return content
    raise _no_room()


def _no_room() -> BudgetError:
    return BudgetError("what the question needs does not fit", hint="ask a narrower question, or send a part of it")
