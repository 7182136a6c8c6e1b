"""`ctxprune sql values DB "question"`: the stored values that a question mentions."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ctxprune.cli._options import DatabaseArgument, EvidenceOption, JsonOption, PublishedOption
from ctxprune.errors import UsageError

if TYPE_CHECKING:
    from ctxprune.sql.values.base import RangeHit, ValueHit

__all__ = ["values"]

MASKED = "(masked)"
_WHOLE_NAME = 30  # characters; so long names of columns stay on one line and leave room for the rest in 80


def values(
    database: DatabaseArgument,
    question: Annotated[str, typer.Argument(help="The question, in plain words.")],
    evidence: EvidenceOption = "",
    index: Annotated[
        Path | None, typer.Option(help="Folder of the value index; default: in your cache folder.", show_default=False)
    ] = None,
    published: PublishedOption = "",
    as_json: JsonOption = False,
) -> None:
    """Print the stored values that a question mentions, the likeliest first: where they are and what led to them.

    Below them stand the columns that its numbers, years and dates may be compared with, by what each column holds.
    """
    from ctxprune.cli import _console
    from ctxprune.cli._pipelines import open_values
    from ctxprune.sql.database.database import Database

    if not f"{question}{evidence}".strip():
        raise UsageError("the question is empty", hint="ask something")
    with Database(database) as source:
        value_index = open_values(source, index, published)
        _console.report_unreadable(source)
    start = perf_counter()
    hits, ranges = value_index.lookup(question, evidence), value_index.ranges(question, evidence)
    ms = (perf_counter() - start) * 1e3
    text = f"{question}\n{evidence}" if evidence else question
    hit_rows, range_rows = [_hit(hit, text) for hit in hits], [_range(hit, text) for hit in ranges]
    if as_json:
        _console.print_json(
            {
                "question": question,
                "evidence": evidence,
                "database": source.name,
                "indexed_values": len(value_index),
                "hits": hit_rows,
                "ranges": range_rows,
                "ms": round(ms, 3),
            }
        )
        return
    _show(hit_rows)
    _show_ranges(range_rows)
    _console.print_note(f"{_console.format_count(len(hit_rows), 'value')} of {len(value_index)} indexed, {ms:.1f} ms")


def _hit(hit: ValueHit, text: str) -> dict[str, Any]:
    return {
        "table": hit.ref.table,
        "column": hit.ref.column,
        "value": MASKED if hit.masked else hit.value,
        "masked": hit.masked,
        "words": text[slice(*hit.span)],
        "span": hit.span,
        "score": round(hit.score, 4),
        "likelihood": hit.likelihood,
        "stage": hit.stage,
    }


def _range(hit: RangeHit, text: str) -> dict[str, Any]:
    return {
        "table": hit.ref.table,
        "column": hit.ref.column,
        "low": hit.low,
        "high": hit.high,
        "kind": hit.kind,
        "text": hit.text,
        "words": text[slice(*hit.span)],
        "span": hit.span,
        "why": hit.why,
        "likelihood": hit.likelihood,
    }


def _show(hit_rows: list[dict[str, Any]]) -> None:
    from rich import box
    from rich.table import Table

    from ctxprune.cli import _console

    if not hit_rows:
        return
    table = Table(box=box.SIMPLE)
    table.add_column("column", overflow="fold", no_wrap=_short(hit_rows))
    for name in ("value", "words"):
        table.add_column(name, overflow="fold")
    table.add_column("stage", no_wrap=True)
    for name in ("score", "likelihood"):
        table.add_column(name, justify="right")
    for hit in hit_rows:
        texts = (_name(hit), hit["value"], hit["words"], hit["stage"])
        table.add_row(*map(_console.make_cell, texts), f"{hit['score']:.2f}", f"{hit['likelihood']:.3f}")
    _console.stdout_console().print(table)


def _show_ranges(range_rows: list[dict[str, Any]]) -> None:
    from rich import box
    from rich.table import Table

    from ctxprune.cli import _console

    if not range_rows:
        return
    table = Table(box=box.SIMPLE)
    table.add_column("column", overflow="fold", no_wrap=_short(range_rows))
    for name in ("number or days", "words", "column holds"):
        table.add_column(name, overflow="fold")
    table.add_column("likelihood", justify="right")
    for hit in range_rows:
        literal = hit["low"] if hit["low"] == hit["high"] else f"{hit['low']} to {hit['high']}"
        texts = (_name(hit), literal or hit["words"], hit["words"], hit["why"])
        table.add_row(*map(_console.make_cell, texts), f"{hit['likelihood']:.3f}")
    _console.stdout_console().print(table)


def _name(hit: dict[str, Any]) -> str:
    return f"{hit['table']}.{hit['column']}"


def _short(hits: list[dict[str, Any]]) -> bool:
    return all(len(_name(hit)) <= _WHOLE_NAME for hit in hits)
