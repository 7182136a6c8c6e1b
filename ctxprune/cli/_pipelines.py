"""What the commands on databases share: generators from options, value indexes, knowledge files."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import typer

from ctxprune.cli._options import REDIS
from ctxprune.errors import CtxpruneError, FormatError, IndexBuildError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from ctxprune.cli._options import GenerationOptions
    from ctxprune.sql.database.database import Database
    from ctxprune.sql.generate.base import Generator
    from ctxprune.sql.knowledge import Knowledge, KnowledgeFile
    from ctxprune.sql.pipeline.factory import PaidEndpoint
    from ctxprune.sql.values import ValueIndex
    from ctxprune.sql.values.redis_index import RedisIndex

__all__ = ["generators_from_options", "load_knowledge", "open_published", "open_values", "report_other_database"]


def generators_from_options(options: GenerationOptions, endpoint: PaidEndpoint | None = None) -> tuple[Generator, ...]:
    """The generators that the options name; see `ctxprune.sql.pipeline.factory.make_generators`.

    Raises:
        typer.BadParameter: An option is wrong, or does not go with the generator.
        InputError: There is no such model file, or the file of examples cannot be read.
        MissingExtraError: A model file needs the extra `llm`.
    """
    from ctxprune.sql.pipeline.factory import OptionError, PromptOptions, make_generators

    prompts = PromptOptions(options.style, options.examples)
    try:
        return make_generators(
            options.generator, plain=options.plain, cache=options.cache, endpoint=endpoint, prompts=prompts
        )
    except OptionError as error:
        variable = error.where.startswith("CTXPRUNE_")
        option = error.where if variable else f"--{error.where.replace('_', '-')}"
        raise typer.BadParameter(error.what, param_hint=option) from error


def open_published(name: str, option: str = "--published") -> RedisIndex:
    """The shared index of that name. The URL may hold a password, so it is no argument: others see those.

    Raises:
        typer.BadParameter: The variable that holds the URL is not set.
        UsageError: It is no URL of a Redis, or `name` cannot be the name of an index.
    """
    from ctxprune.sql.values.redis_index import RedisIndex
    from ctxprune.utils.environment import read_secret

    if not (url := read_secret(REDIS, os.environ)):
        raise typer.BadParameter(f"set {REDIS} to redis://:PASSWORD@HOST:6379/0", param_hint=option)
    return RedisIndex(url, name)


def open_values(database: Database, folder: Path | None = None, published: str = "") -> ValueIndex:
    """The saved index of a database, built or refreshed where needed, or the one that is published under a name.

    Where the default folder cannot be written it is built in memory, and stderr says so.

    Raises:
        FormatError: The folder holds something else than an index.
        IndexBuildError: A given `folder` cannot be written.
        DatabaseError: The database cannot be read.
        StoreError: The Redis of the published index cannot be used.
    """
    from ctxprune.cli import _console
    from ctxprune.cli._progress import show_progress
    from ctxprune.sql.values import ValueIndex

    if published:
        if folder is not None:
            raise typer.BadParameter("give one of --index and --published", param_hint="--published")
        return open_published(published).current()
    with show_progress("indexing values") as line:
        try:
            return ValueIndex.for_database(database, folder, progress=line.update)
        except (IndexBuildError, FormatError, OSError) as error:
            # A folder that was asked for must work; only the default one may fall back to memory.
            if folder is not None and isinstance(error, CtxpruneError):  # the advice is for `sql index`
                raise type(error)(
                    error.what, where=error.where, hint=error.hint.replace("with --out", "with --index")
                ) from error
            if folder is not None or isinstance(error, FormatError):
                raise
            why = IndexBuildError(error.what, where=error.where) if isinstance(error, IndexBuildError) else error
            _console.print_note(f"the value index is not kept: {_console.format_error(why)}")
            return ValueIndex.build(database, progress=line.update)


def report_other_database(file: KnowledgeFile, database: Database) -> None:
    """On stderr, that a file of knowledge was made for a database of another name, if so."""
    from ctxprune.cli import _console

    name = file.database()
    if name and name != database.name:
        told = f"{_console.escape(str(file.path))} was taught for the database {_console.escape(repr(name))}"
        _console.print_note(f"{told}, this one is {_console.escape(repr(database.name))}")


def load_knowledge(database: Database, file: Path | None) -> Knowledge | None:
    """What `file` holds, or without one the database's own file where there is one, which stderr then says.

    Raises:
        InputError: There is no such `file`.
        FormatError: A line of it is wrong.
    """
    from ctxprune.cli import _console
    from ctxprune.sql.knowledge import Knowledge, KnowledgeFile, default_path

    if file is not None:
        knowledge = Knowledge.of(file)
        report_other_database(KnowledgeFile(file), database)
        return knowledge
    try:
        own = KnowledgeFile(default_path(database))
    except UsageError:
        return None  # without a home folder nothing was learned
    if not own.exists():
        return None
    knowledge = Knowledge.of(own)
    lines = _console.format_count(len(knowledge.entries), "line")
    _console.print_note(f"knowledge: {lines} of {_console.escape(str(own.path))}")
    return knowledge
