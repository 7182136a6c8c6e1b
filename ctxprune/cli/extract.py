"""`ctxprune extract`: records of a schema out of texts, each value with its place in the source."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ctxprune.cli._options import FieldOption
from ctxprune.cli._prune_inputs import Format, read_inputs, read_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from ctxprune.rag.extract import Chunk, Extraction

__all__ = ["extract"]


def extract(
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="Texts, Markdown, HTML, CSV, or JSON lines; none, or -, reads stdin.", show_default=False),
    ] = None,
    *,
    schema: Annotated[Path, typer.Option(help="JSON Schema of one record.")],
    model: Annotated[
        str,
        typer.Option(
            help="A chat model: FILE.gguf or the URL of an OpenAI-compatible server, with #NAME behind it. Without one "
            "values are read beside the labels of the fields, and no model is used.",
            show_default=False,
        ),
    ] = "",
    database: Annotated[
        Path | None,
        typer.Option(
            help="SQLite file to which the records are added, each value with its provenance; it is made, and no other "
            "database is written to.",
            show_default=False,
        ),
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="With --model: prune neither the schema nor the texts.")] = False,
    unsupported: Annotated[
        str, typer.Option(help="With --model: flag or drop values that do not stand in the text.")
    ] = "flag",
    cache: Annotated[
        Path | None,
        typer.Option(
            help="With --model: SQLite file that keeps answers, so that a stopped run goes on.", show_default=False
        ),
    ] = None,
    field: FieldOption = "text",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document with the spans of all values.")
    ] = False,
) -> None:
    """Extract records of a JSON Schema. Prints one JSON object a record; the account goes to stderr.

    Examples: ctxprune extract offers.html --schema product.json; ctxprune extract *.txt --schema product.json --model
    coder.gguf --database offers.sqlite, and then ctxprune sql ask offers.sqlite "How many products are from Chile?".
    """
    from ctxprune.cli import _console
    from ctxprune.cli._progress import show_progress
    from ctxprune.rag.extract import Chunk, SpanExtractor, as_record_schema

    read = as_record_schema(read_text(schema))
    if not model and (full or cache is not None or unsupported != "flag"):
        raise typer.BadParameter("--full, --cache and --unsupported go with --model", param_hint="--model")
    inputs = read_inputs(files or [Path("-")], Format.auto, field)
    ids = [f"line {number}" for number in range(1, len(inputs.texts) + 1)] if inputs.lines else inputs.names
    if inputs.lines:
        ids = [str(record.get("id", name)) for record, name in zip(inputs.records or (), ids, strict=True)]
    chunks = [Chunk(text, name) for text, name in zip(inputs.texts, ids, strict=True)]
    store, added = None, 0
    if database is not None:
        from ctxprune.rag.extract import RecordStore

        store = RecordStore(database, read)  # before the work, so that a wrong file is told at once
    with show_progress("extracting", len(chunks)) as line:
        if model:
            options = {"full": full, "unsupported": unsupported, "cache": cache}
            done = _ask(read, model, chunks, options, progress=line.update)
        else:
            done = SpanExtractor(read).extract(chunks, progress=line.update)
        if store is not None:
            line.name_step("storing")
            added = store.add(done)
    if as_json:
        _console.print_json(done.to_dict())
    else:
        for record in done.records:
            _console.print_json(record.data)
    _report(done, database, added)
    if done.failures and not done.records:
        raise typer.Exit(1)


def _ask(
    schema: Any,
    model: str,
    chunks: list[Chunk],
    options: dict[str, Any],
    *,
    progress: Callable[[int, int], None],
) -> Extraction:
    """Extract with a chat model, one file after the other."""
    from ctxprune.llm.cache import CachedModel, GenerationCache
    from ctxprune.llm.chat_models import open_chat_model
    from ctxprune.rag.extract import ExtractOptions, Extractor

    opened: Any = open_chat_model(model)
    if options["cache"] is not None:
        opened = CachedModel(opened, GenerationCache(options["cache"]))
    pruned = not options["full"]
    chosen = ExtractOptions(prune_schema=pruned, prune_chunk=pruned, unsupported=options["unsupported"])
    return Extractor(schema, opened, options=chosen).extract(chunks, progress=progress)


def _report(done: Extraction, database: Path | None, added: int) -> None:
    from ctxprune.cli import _console

    values = [value for record in done.records for value in record.values]
    unsupported = sum(not value.is_supported for value in values)
    said = f"{_console.format_count(len(done), 'record')}, {_console.format_count(len(values), 'value')}"
    if unsupported:
        said += f", {unsupported} of them not in the text"
    if done.tokens_full:
        said += f"; prompts of {done.tokens_sent:,} tokens in place of {done.tokens_full:,}"
    if database is not None:
        known = len(done) - added
        said += f"; {added} added to {database}" + (f", {known} there already" if known else "")
    _console.print_note(said)
    for failure in done.failures:
        _console.print_note(f"{failure.chunk}: {failure.reason}")
