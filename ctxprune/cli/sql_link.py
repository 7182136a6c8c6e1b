"""`ctxprune sql link DB "question"`: the part of a schema that a question needs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ctxprune.errors import FormatError, InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxprune.sql.linking.base import Linked
    from ctxprune.sql.schema import Schema
    from ctxprune.sql.values.base import ValueHit

__all__ = ["link"]

_EXAMPLE_SECONDS = 2.0  # for looking up example values; columns that it does not reach go without


def link(
    source: Annotated[
        str, typer.Argument(metavar="DB|SCHEMA.json", help="A SQLite file or sqlite:/// URL, or a schema file.")
    ],
    question: Annotated[str, typer.Argument(help="The question, in plain words.")],
    db_id: Annotated[
        str, typer.Option(help="Which database of a schema file that holds several.", show_default=False)
    ] = "",
    evidence: Annotated[str, typer.Option(help="Extra knowledge about the question.", show_default=False)] = "",
    form: Annotated[str, typer.Option(help="Prompt form: mschema, ddl or compact.")] = "mschema",
    explain: Annotated[bool, typer.Option("--explain", help="Also list why each column was kept.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Print the part of a schema that a question needs, as prompt text.

    A schema file is one of Spider's or BIRD's (tables.json, dev_tables.json), or what `Schema.to_dict` gives.
    """
    from ctxprune.cli import _console
    from ctxprune.sql.linking.lexical import LexicalLinker
    from ctxprune.sql.render import RENDERERS
    from ctxprune.tokens import as_counter

    if not f"{question}{evidence}".strip():
        raise UsageError("the question is empty", hint="ask something, or print the whole schema by other means")
    renderer, counter = RENDERERS.get(form)(), as_counter()
    schema, hits = _read(source, db_id, question, evidence)
    linked = LexicalLinker().link(question, schema, hits=hits, evidence=evidence)
    text = renderer.render(linked.schema, hits=hits)
    before, after = counter.count(renderer.render(schema, hits=hits)), counter.count(text)
    account = {"tokens_before": before, "tokens_after": after, "tokenizer": counter.name}
    if as_json:
        _console.emit(_document(linked, question, evidence) | {"form": form, "text": text} | account)
        return
    typer.echo(_encodable(text))
    if explain:
        typer.echo(_encodable("\n" + "\n".join(_reasons(linked))))
    kept, whole = linked.schema.n_columns, schema.n_columns
    tables = f"{len(linked.schema.tables)} of {len(schema.tables)} tables"
    _console.say(f"{before} -> {after} tokens ({counter.name}), {kept} of {whole} columns, {tables}")


def _read(source: str, db_id: str, question: str, evidence: str) -> tuple[Schema, Sequence[ValueHit]]:
    if source.lower().endswith(".json"):
        return _schema_file(Path(source), db_id), ()
    from dataclasses import replace

    from ctxprune.cli._pipelines import value_index
    from ctxprune.sql.database import Database

    with Database(source, name=db_id or None) as database:
        hits = value_index(database).lookup(question, evidence)
        limits = replace(database.limits, seconds=_EXAMPLE_SECONDS)
        return database.with_examples(limits=limits), hits


def _schema_file(path: Path, db_id: str) -> Schema:
    from ctxprune.cli._schema_argument import one_of
    from ctxprune.sql.schema import Schema
    from ctxprune.sql.schema_files import schemas_from_bird

    return one_of(_own_format(path, Schema) or schemas_from_bird(path), path, db_id)


def _own_format(path: Path, kind: type[Schema]) -> dict[str, Schema]:
    """The schema of a file in our own format; {} for a file that is in another one."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"the file cannot be read ({error.strerror})", where=str(path)) from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"the file is not JSON ({error})", where=str(path)) from error
    if not isinstance(data, dict) or "format" not in data:
        return {}
    try:
        schema = kind.from_dict(data)
    except FormatError as error:
        raise FormatError(error.what, where=str(path), hint=error.hint) from error
    return {schema.name: schema}


def _document(linked: Linked, question: str, evidence: str) -> dict[str, Any]:
    from ctxprune.sql.schema import ColumnRef

    tables = [
        {
            "name": table.name,
            "score": round(linked.table_scores[table.name], 4),
            "columns": [
                {"name": ref.column, "score": round(linked.scores[ref], 4), "reasons": list(linked.reasons[ref])}
                for ref in (ColumnRef(table.name, column.name) for column in table.columns)
            ],
        }
        for table in linked.schema.tables
    ]
    return {
        "question": question,
        "evidence": evidence,
        "database": linked.full.name,
        "tables": tables,
        "hits": [
            {"table": hit.ref.table, "column": hit.ref.column, "value": hit.value, "span": hit.span, "score": hit.score}
            for hit in linked.hits
        ],
        "columns_before": linked.full.n_columns,
        "columns_after": linked.schema.n_columns,
        "tables_before": len(linked.full.tables),
        "tables_after": len(linked.schema.tables),
        "schema": linked.schema.to_dict(),
    }


def _reasons(linked: Linked) -> list[str]:
    from ctxprune.sql.render.base import column_label

    return [
        f"{column_label(ref)}  {linked.scores[ref]:.2f}  {'; '.join(linked.reasons[ref])}"
        for ref in linked.schema.refs()
    ]


def _encodable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
