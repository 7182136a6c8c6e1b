"""`ctxprune sql link DB "question"`: the part of a schema that a question needs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ctxprune.cli._options import EvidenceOption, JsonOption, PublishedOption, fill_variables
from ctxprune.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxprune.calibration.stored import Calibration
    from ctxprune.sql.linking.base import Linked, Linker
    from ctxprune.sql.schema.schema import Schema
    from ctxprune.sql.values.base import ValueHit

__all__ = ["link"]

_KEY_SECONDS = 2.0  # for keys that are not declared; names alone tell of those that it does not reach
_EXAMPLE_SECONDS = 2.0  # for looking up example values; columns that it does not reach go without


def link(
    source: Annotated[
        str,
        typer.Argument(
            metavar="DB|SCHEMA", callback=fill_variables, help="A database as `sql ask` takes it, or a schema file."
        ),
    ],
    question: Annotated[str, typer.Argument(help="The question, in plain words.")],
    db_id: Annotated[
        str, typer.Option(help="Which database of a schema file that holds several.", show_default=False)
    ] = "",
    evidence: EvidenceOption = "",
    index: Annotated[
        Path | None, typer.Option(help="Folder of the value index; default: in your cache folder.", show_default=False)
    ] = None,
    published: PublishedOption = "",
    form: Annotated[str, typer.Option(help="Prompt form: mschema, ddl or compact.")] = "mschema",
    explain: Annotated[bool, typer.Option("--explain", help="Also list why each column was kept.")] = False,
    html: Annotated[
        Path | None, typer.Option(help="Write a page that shows what was kept, what was dropped, and why.")
    ] = None,
    calibration: Annotated[
        Path | None, typer.Option(help="Keep enough to hold a calibrated risk: a file that `ctxprune calibrate` wrote.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Print the part of a schema that a question needs, as prompt text.

    A schema file is what `sql check --schema` takes: {"table": ["column", ...]}, a Spider or BIRD tables.json, our own
    schema JSON, or CREATE TABLE statements.
    """
    from ctxprune.cli import _console
    from ctxprune.cli._progress import show_progress
    from ctxprune.sql.linking.document import link_document
    from ctxprune.sql.render import RENDERERS
    from ctxprune.tokens import as_counter

    if not f"{question}{evidence}".strip():
        raise UsageError("the question is empty", hint="ask something, or print the whole schema by other means")
    if html is not None:
        _console.check_target(html, source, *([calibration] if calibration else ()))
    try:
        renderer, counter = RENDERERS.get(form)(), as_counter()
    except UnknownNameError as error:
        raise typer.BadParameter(str(error), param_hint="--form") from error
    promised = _calibration(calibration)
    with show_progress("reading the schema") as line:
        linker = _linker(promised)
        schema, hits = _read(source, (question, evidence), db_id=db_id, folder=index, published=published)
        line.name_step("linking")
        linked = linker.link(question, schema, hits=hits, evidence=evidence)
        text = renderer.render(linked.schema, hits=hits)
        before, after = counter.count(renderer.render(schema, hits=hits)), counter.count(text)
    if html is not None:
        from ctxprune.sql.linking.page import link_page

        _console.write_file(html, link_page(linked, question, evidence), source)
    account = {"tokens_before": before, "tokens_after": after, "tokenizer": counter.name}
    if as_json:
        promise = {} if promised is None else {"promise": promised.promise}
        _console.print_json(
            link_document(linked, question, evidence) | {"form": form, "text": text} | account | promise
        )
        return
    typer.echo(_encodable(text))
    if explain:
        typer.echo(_encodable("\n" + "\n".join(_reasons(linked))))
    kept, whole = linked.schema.n_columns, schema.n_columns
    tables = f"{len(linked.schema.tables)} of {len(schema.tables)} tables"
    _console.print_note(f"{before} -> {after} tokens ({counter.name}), {kept} of {whole} columns, {tables}")
    if promised is not None:
        _console.print_note(promised.promise)


def _calibration(path: Path | None) -> Calibration | None:
    from ctxprune.calibration.stored import Calibration

    return None if path is None else Calibration.load(path)


def _linker(calibration: Calibration | None) -> Linker:
    from ctxprune.sql.linking.calibrated import calibrated_linker
    from ctxprune.sql.linking.ranked import RankedLinker

    return RankedLinker() if calibration is None else calibrated_linker(calibration)


def _read(
    source: str, question_and_evidence: tuple[str, str], *, db_id: str, folder: Path | None, published: str
) -> tuple[Schema, Sequence[ValueHit]]:
    from ctxprune.cli._schema_argument import is_schema_file, read_schema

    if is_schema_file(source):
        if folder is not None or published:
            option = "--published" if published else "--index"
            raise typer.BadParameter("a schema file has no values; give a database", param_hint=option)
        return read_schema(Path(source), db_id=db_id), ()
    from dataclasses import replace

    from ctxprune.cli import _console
    from ctxprune.cli._pipelines import open_values
    from ctxprune.sql.database.database import Database
    from ctxprune.sql.linking.contained import KeyLimits, with_contained_keys
    from ctxprune.sql.pipeline.steps import without_examples

    with Database(source, name=db_id or None) as database:
        _console.report_unreadable(database)
        index = open_values(database, folder, published)
        limits = replace(database.limits, seconds=_EXAMPLE_SECONDS)
        schema = without_examples(database.with_examples(limits=limits), index.hidden)
        schema = with_contained_keys(database, schema, limits=KeyLimits(seconds=_KEY_SECONDS))
        return schema, index.lookup(*question_and_evidence)


def _reasons(linked: Linked) -> list[str]:
    from ctxprune.sql.render.base import column_label

    return [
        f"{column_label(ref)}  {linked.scores[ref]:.2f}  {'; '.join(linked.reasons[ref])}"
        for ref in linked.schema.refs()
    ]


def _encodable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
