"""How the command line makes a pipeline out of words."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ctxprune.cli._paid import Paid
from ctxprune.cli._writing import Writing
from ctxprune.errors import CtxpruneError, FormatError, IndexBuildError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ctxprune.llm.cache import AnswerCache
    from ctxprune.sql.database.database import Database
    from ctxprune.sql.generate.base import Generator
    from ctxprune.sql.pipeline.pipeline import Pipeline
    from ctxprune.sql.schema.schema import Schema
    from ctxprune.sql.values import ValueIndex
    from ctxprune.sql.values.redis_index import RedisIndex

__all__ = ["PUBLISHED_HELP", "REDIS", "generators_for", "pipeline_maker", "published_index", "value_index"]

REDIS = "CTXPRUNE_REDIS_URL"
PUBLISHED_HELP = f"Use the value index published under this name in the Redis of {REDIS}; see `sql index --publish`."


def pipeline_maker(
    generator: str,
    *,
    candidates: int = 4,
    plain: bool = False,
    cache: Path | None = None,
    seed: int = 0,
    writing: Writing | None = None,
) -> Callable[[Database, Schema], Pipeline]:
    """A function that makes a pipeline for one database and the part of its schema that may be used.

    Args:
        generator: The registered name of a generator ("sketch"), "chat:FILE" (a GGUF file) or "chat:URL" (an
            OpenAI-compatible server; #model-name behind it where it has several; $CTXPRUNE_API_KEY is its key, and
            `_paid.Paid` says which variables hold its prices and limits).
        candidates: Candidates per generator.
        plain: The whole schema in one prompt, one answer, no values, no repair, no vote.
        cache: SQLite file that keeps the answers of chat models; default: in the cache folder.
        seed: Handed to the generators.
        writing: How a chat model is asked; default as the measuring of styles says.

    Raises:
        typer.BadParameter: The generator is none of these, or there is no such style.
        InputError: There is no such model file.
        MissingExtraError: A model file needs the extra `llm`.
    """
    generators = generators_for(generator, plain=plain, cache=cache, writing=writing)

    def make(database: Database, schema: Schema) -> Pipeline:
        from ctxprune.sql.pipeline.pipeline import Pipeline, PipelineConfig
        from ctxprune.sql.values import ValueIndex

        if plain:
            config = PipelineConfig(paths=("full",), candidates=1, repair_rounds=0, schema=schema, seed=seed)
            return Pipeline(database, generators=generators, config=config)
        config = PipelineConfig(candidates=candidates, schema=schema, seed=seed)
        values = ValueIndex.build(database, schema=schema)
        return Pipeline(database, generators=generators, values=values, config=config)

    return make


def generators_for(
    spec: str,
    *,
    plain: bool,
    cache: Path | AnswerCache | None,
    paid: Paid | None = None,
    writing: Writing | None = None,
) -> tuple[Generator, ...]:
    """The generators that `spec` names, as `pipeline_maker` describes them; `paid` holds for a server."""
    kind, _, rest = spec.partition(":")
    if kind != "chat" or not rest:
        (writing or Writing()).refuse(spec)
        (paid or Paid()).refuse(spec)
        return (_registered(spec),)
    from ctxprune.llm.cache import CachedModel, GenerationCache
    from ctxprune.llm.chat_models import open_chat_model
    from ctxprune.sql.generate.sketch import SketchGenerator
    from ctxprune.storage.folders import cache_folder

    if cache is None or isinstance(cache, Path):
        cache = GenerationCache(cache or cache_folder() / "generations.sqlite")
    key = os.environ.get("CTXPRUNE_API_KEY", "")
    opened = open_chat_model(rest, api_key=key)
    if rest.startswith(("http://", "https://")):
        opened = (paid or Paid()).around(opened)
    else:
        (paid or Paid()).refuse(spec)
    model = CachedModel(opened, cache)
    writer = (writing or Writing()).generator(model, plain=plain)
    return (writer,) if plain else (writer, SketchGenerator())


def _registered(name: str) -> Generator:
    """A generator that needs nothing but its name, plug-ins included."""
    from ctxprune.sql.generate.base import GENERATORS

    try:
        return GENERATORS.get(name)()
    except UnknownNameError as error:
        raise typer.BadParameter(f"{error}, chat:FILE.gguf, chat:URL", param_hint="--generator") from error
    except TypeError as error:
        hint = "write chat:FILE.gguf or chat:URL" if name.startswith("chat") else str(error)
        raise typer.BadParameter(
            f"{name!r} cannot be made from its name alone: {hint}", param_hint="--generator"
        ) from error


def published_index(name: str, option: str = "--published") -> RedisIndex:
    """The shared index of that name. The URL may hold a password, so it is no argument: others see those.

    Raises:
        typer.BadParameter: The variable that holds the URL is not set.
        UsageError: It is no URL of a Redis, or `name` cannot be the name of an index.
    """
    from ctxprune.sql.values.redis_index import RedisIndex

    if not (url := os.environ.get(REDIS)):
        raise typer.BadParameter(f"set {REDIS} to redis://:PASSWORD@HOST:6379/0", param_hint=option)
    return RedisIndex(url, name)


def value_index(database: Database, folder: Path | None = None, published: str = "") -> ValueIndex:
    """The saved index of a database, made or refreshed where needed, or the one that is published under a name.

    Where the default folder cannot be written it is made in memory, and stderr says so.

    Raises:
        FormatError: The folder holds something else than an index.
        IndexBuildError: A given `folder` cannot be written.
        DatabaseError: The database cannot be read.
        StoreError: The Redis of the published index cannot be used.
    """
    from ctxprune.cli import _console
    from ctxprune.sql.values import ValueIndex

    if published:
        if folder is not None:
            raise typer.BadParameter("give one of --index and --published", param_hint="--published")
        return published_index(published).current()
    with _console.progress() as bar:
        task = bar.add_task("indexing values", total=None)

        def advance(done: int, total: int, name: str) -> None:
            bar.update(task, completed=done, total=total, description=_console.visible(name)[:40])

        try:
            return ValueIndex.for_database(database, folder, progress=advance)
        except (IndexBuildError, FormatError, OSError) as error:
            if folder is not None and isinstance(error, CtxpruneError):  # the advice is for `sql index`
                raise type(error)(
                    error.what, where=error.where, hint=error.hint.replace("with --out", "with --index")
                ) from error
            if folder is not None or isinstance(error, FormatError):
                raise
            why = IndexBuildError(error.what, where=error.where) if isinstance(error, IndexBuildError) else error
            _console.say(f"the value index is not kept: {_console.one_line(why)}")
            return ValueIndex.build(database, progress=advance)
