"""`ctxprune dedup`: texts, rows, tables or pages in, those out that do not say again what another one says."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ctxprune.cli._options import FieldOption, FilesArgument
from ctxprune.cli._prune_inputs import Format, read_inputs, write_texts
from ctxprune.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ctxprune.rag import Deduplicated

__all__ = ["dedup"]


class By(StrEnum):
    """What is compared."""

    file = "file"
    line = "line"
    paragraph = "paragraph"
    row = "row"


# Files of Windows have the same borders, so that copies of a text are found whatever the line ends.
_BORDERS = {By.line: re.compile(r"\r?\n"), By.paragraph: re.compile(r"\r?\n(?:[ \t]*\r?\n)+")}
_FORMATS = ", ".join(form.value for form in Format if form not in {Format.json, Format.schema, Format.tools})


@dataclass(frozen=True)
class _Bars:
    """What counts as the same."""

    similarity: float
    containment: float | None
    shingle: int


@dataclass(frozen=True)
class _Outcome:
    """What was read, what is merged, what is left, and what one of the things compared is called."""

    names: list[str]
    merged: Deduplicated
    output: str
    noun: str


def dedup(
    files: FilesArgument = None,
    *,
    by: Annotated[
        By | None,
        typer.Option(
            help="What is compared; default: paragraphs of texts, records of JSON lines, rows of a table, pages. "
            "Tables are compared by --by file."
        ),
    ] = None,
    similarity: Annotated[
        float, typer.Option(help="Lowest Jaccard similarity of near-duplicate texts, up to 1.")
    ] = 0.8,
    containment: Annotated[
        float | None,
        typer.Option(
            help="Also drop a text of which another has at least this share, up to 1; the longest is kept. Tables: 1."
        ),
    ] = None,
    shingle: Annotated[int, typer.Option(help="Words in a shingle, the unit of comparison.")] = 3,
    form: Annotated[
        Format,
        typer.Option(
            "--format",
            metavar="NAME",
            help=f"How to read the files: {_FORMATS}; auto goes by file name extension, then by content.",
        ),
    ] = Format.auto,
    field: FieldOption = "text",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print what was merged into what as one JSON document.")
    ] = False,
) -> None:
    """Drop exact, near and, where asked for, contained duplicates; print the others, byte for byte, in their order.

    JSON lines come out as JSON lines, tables as tables. With --json the report is printed in place of them.
    """
    from ctxprune.cli import _console
    from ctxprune.cli._progress import show_progress
    from ctxprune.cli._prune_kinds import kind_of
    from ctxprune.rag.kinds import TABLES

    paths = files or [Path("-")]
    kind = kind_of(paths, form)
    bars = _Bars(similarity, containment, shingle)
    with show_progress("reading"):
        if kind in TABLES:
            outcome = _tables(paths, str(kind), by or By.row, containment)
        elif kind == "html":
            outcome = _pages(paths, by or By.file, bars)
        elif kind in (None, "log"):
            outcome = _texts(paths, form, field, by, bars)
        else:
            raise typer.BadParameter(
                f"nothing in {kind} is compared; --format jsonl or --format text reads it otherwise", param_hint="FILES"
            )
    if as_json:
        _console.print_json({"files": outcome.names, **outcome.merged.to_dict()})
    else:
        write_texts([outcome.output])
    kinds = ", ".join(f"{count} {kind}" for kind, count in outcome.merged.to_dict()["by_kind"].items())
    account = f"kept {len(outcome.merged.kept)} of {_console.format_count(outcome.merged.size, outcome.noun)}"
    _console.print_note(account + (f"; dropped: {kinds}" if kinds else ""))


def _texts(paths: list[Path], form: Format, field: str, by: By | None, bars: _Bars) -> _Outcome:
    """Texts by what `by` says, or the records of JSON lines."""
    inputs = read_inputs(paths, form, field)
    if inputs.lines:
        _refuse_other(by, By.line)
        sources, texts, gap, noun = list(inputs.lines), inputs.texts, "\n", "line"
    else:
        by = by or By.paragraph
        _refuse_other(by, By.file, By.line, By.paragraph)
        texts = inputs.texts if by is By.file else [part for text in inputs.texts for part in _parts(text, by)]
        sources, gap, noun = texts, "\n" if by is By.line else "\n\n", by.value
    merged = _near(texts, bars)
    return _Outcome(inputs.names, merged, gap.join(sources[index] for index in merged.kept), noun)


def _pages(paths: list[Path], by: By, bars: _Bars) -> _Outcome:
    """Whole pages, by what a reader sees of them."""
    from ctxprune.cli._prune_kinds import read_kind

    _refuse_other(by, By.file)
    names, pages = read_kind(paths, "html")
    merged = _near(pages, bars)
    return _Outcome(names, merged, "\n\n".join(pages[index].source for index in merged.kept), "page")


def _tables(paths: list[Path], kind: str, by: By, containment: float | None) -> _Outcome:
    """The rows of one table, or several tables."""
    from ctxprune.cli._prune_kinds import read_kind
    from ctxprune.rag import deduplicate_rows, deduplicate_tables

    _refuse_other(by, By.file, By.row)
    names, tables = read_kind(paths, kind)
    if by is By.file:
        merged = _compare(lambda: deduplicate_tables(tables, containment=1.0 if containment is None else containment))
        return _Outcome(names, merged, "\n\n".join(tables[index].data for index in merged.kept), "table")
    if len(tables) > 1:
        raise typer.BadParameter("rows are compared within one table; give one, or --by file", param_hint="FILES")
    table, (grid,) = tables[0], tables[0].grids
    merged = deduplicate_rows(grid.rows)
    # Rows are dropped as units, so that the header and the form of the table stay.
    gone = {grid.row_units[merge.index] for merge in merged.merges}
    return _Outcome(names, merged, table.render([unit for unit in range(len(table.units)) if unit not in gone]), "row")


def _parts(text: str, by: By) -> list[str]:
    """The lines or paragraphs that are not blank."""
    return [part.strip("\r\n") for part in _BORDERS[by].split(text) if part.strip()]


def _refuse_other(by: By | None, *possible: By) -> None:
    if by is not None and by not in possible:
        names = " or ".join(one.value for one in possible)
        raise typer.BadParameter(f"these files are compared by {names}", param_hint="--by")


def _near(texts: list[Any], bars: _Bars) -> Deduplicated:
    from ctxprune.cli._progress import show_progress
    from ctxprune.rag import deduplicate

    with show_progress("read", len(texts)) as line:
        return _compare(
            lambda: deduplicate(
                texts,
                similarity=bars.similarity,
                containment=bars.containment,
                shingle=bars.shingle,
                progress=lambda step, done: line.update(done, step=step),
            )
        )


def _compare(compare: Callable[[], Deduplicated]) -> Deduplicated:
    """The result of `compare`; an option out of range is wrong usage."""
    try:
        return compare()
    except UsageError as error:
        raise typer.BadParameter(str(error)) from error
