"""Schemas, cut to what a reply can hold: the columns that the question needs least go first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ctxprune.integrations.sql_tools.budget import FittedContent, cut_text, fill_budget
from ctxprune.sql.render import RENDERERS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ctxprune.integrations.sql_tools.budget import ContentBudget
    from ctxprune.sql.linking.base import Linked
    from ctxprune.sql.schema.schema import Schema
    from ctxprune.sql.values.base import ValueHit

__all__ = ["MOST_VALUES", "describe_hits", "fit_link", "fit_linked", "fit_schema_text", "fit_values"]

MOST_VALUES = 200  # of a look-up that are told
_HITS = 12  # of a linked schema that are told, so that the schema has the room
_VALUE = 120  # characters of a value; texts of whole pages are stored, too


def fit_link(linked: Linked, frame: Mapping[str, Any], budget: ContentBudget) -> FittedContent:
    """The content of a reply with as much of a linked schema as fits.

    Args:
        linked: From a linker.
        frame: What the reply says besides.
        budget: Of the reply.

    Raises:
        BudgetError: The content is too large even without a column.
    """

    def build(text: str, part: Schema) -> dict[str, Any]:
        shown, count = part.n_columns, linked.full.n_columns
        notes = [f"{shown} of {count} columns are shown"] if shown < count else []
        if shown < linked.schema.n_columns:
            notes.append(f"{linked.schema.n_columns - shown} more that the question may need did not fit")
        return {
            **frame,
            "dialect": linked.full.dialect,
            "schema": text,
            "values": describe_hits(linked.hits),
            "column_count": count,
            "columns_shown": shown,
            "note": "; ".join(notes),
        }

    content = fit_linked(linked, build, budget)
    return FittedContent(content, complete=not content["note"])


def fit_values(
    values: Sequence[Mapping[str, Any]], frame: Mapping[str, Any], budget: ContentBudget, *, note: str = ""
) -> FittedContent:
    """The content of a reply with as many stored values as fit.

    Args:
        values: Of `describe_hits`, the likeliest first.
        frame: What the reply says besides.
        budget: Of the reply.
        note: What is to be said before what was left out.

    Raises:
        BudgetError: The content is too large even without a value.
    """

    def build(count: int) -> dict[str, Any]:
        cut = f"{count} of {len(values)} values are shown" if count < len(values) else ""
        return {**frame, "values": [*values[:count]], "note": "; ".join(filter(None, (note, cut)))}

    count, content = budget.fill(len(values), build)
    return FittedContent(content, complete=count == len(values))


def fit_linked(linked: Linked, build: Callable[[str, Schema], dict[str, Any]], budget: ContentBudget) -> dict[str, Any]:
    """The content with as much of a linked schema as fits, by the scores of its columns.

    Args:
        linked: From a linker.
        build: Makes the content of a schema as a text and the schema itself.
        budget: Of the reply.

    Raises:
        BudgetError: The content is too large even without a column.
    """
    renderer = RENDERERS.get("mschema")()
    refs = sorted(linked.schema.refs(), key=lambda ref: -linked.scores[ref])

    def build_first(columns: int) -> dict[str, Any]:
        # All of them: tables without columns stay, too.
        part = linked.schema if columns == len(refs) else linked.schema.subset(refs[:columns])
        return build(renderer.render(part, hits=linked.hits) if part.tables else "", part)

    return budget.fill(len(refs), build_first)[1]


def fit_schema_text(schema: Schema, most_columns: int, fits: Callable[[str], bool]) -> str:
    """As much of a schema as fits: all of it in full, or a line for each table, or the first columns so.

    Args:
        schema: What the caller may see.
        most_columns: Beyond, the full form is not tried.
        fits: Whether a text is small enough.

    Raises:
        BudgetError: Not even the note that columns are left out fits.
    """
    if schema.n_columns <= most_columns:
        text = RENDERERS.get("mschema")().render(schema)
        if fits(text):
            return text
    renderer, refs = RENDERERS.get("compact")(), [*schema.refs()]

    def write_first(columns: int) -> str:
        if columns == len(refs):
            return renderer.render(schema)
        note = f"-- {len(refs) - columns} of {len(refs)} columns are left out: use link_schema with a question"
        return "\n".join(filter(None, (renderer.render(schema.subset(refs[:columns])), note)))

    return fill_budget(len(refs), write_first, fits)[1]


def describe_hits(hits: Sequence[ValueHit], most: int = _HITS) -> list[dict[str, Any]]:
    """The first value hits as plain data; long values are cut."""
    return [
        {
            "table": hit.ref.table,
            "column": hit.ref.column,
            "value": cut_text(hit.value, _VALUE),
            "score": round(hit.score, 3),
        }
        for hit in hits[:most]
    ]
