"""The configured databases, each opened when first needed, and what each key sees of them."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ctxprune.errors import CtxpruneError
from ctxprune.sql.database.database import Database, Limits
from ctxprune.sql.linking.contained import KeyLimits, with_contained_keys
from ctxprune.sql.linking.ranked import RankedLinker
from ctxprune.sql.pipeline.pipeline import Pipeline, PipelineConfig
from ctxprune.sql.pipeline.steps import Execute, without_examples
from ctxprune.sql.schema.schema import ColumnRef
from ctxprune.sql.values import ValueIndex
from ctxprune.sql.values.redis_index import RedisIndex

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxprune.serve.config import DatabaseConfig, ServiceConfig
    from ctxprune.serve.keys import Key
    from ctxprune.sql.database.result_set import ResultSet
    from ctxprune.sql.generate.base import Generator
    from ctxprune.sql.linking.base import Linked
    from ctxprune.sql.schema.schema import Schema
    from ctxprune.sql.values.base import ValueHit, ValueLookup

__all__ = ["Databases", "View"]

# A first question waits for both: keys that are not declared, and example values.
_KEY_SECONDS = 2.0
_EXAMPLE_SECONDS = 2.0


@dataclass(frozen=True)
class View:
    """What a key sees of one database; safe to share between threads.

    Attributes:
        schema: The tables and columns it may use, with example values.
        values: Looks up values in them, and in no others.
        pipeline: Answers questions; its guard lets nothing but `schema` be queried.
        source: The schema of the whole database from which this was made.
        made_of: Fingerprint of the data of which this was made, and when the index was written that it reads.
        hidden: Columns that the shared index hid when this was made.
    """

    schema: Schema
    values: ValueLookup
    pipeline: Pipeline
    source: Schema
    made_of: tuple[str, int]
    hidden: tuple[ColumnRef, ...]

    def hits(self, question: str, evidence: str = "") -> Sequence[ValueHit]:
        """Stored values that the question mentions, of what may be seen."""
        return self.values.lookup(question, evidence)

    def run(self, sql: str) -> tuple[str, ResultSet]:
        """The text that ran in place of `sql`, and its rows; through the guard and the limits of `pipeline`.

        Raises as `ctxprune.sql.guard.execution.GuardedRunner.fetch`.
        """
        runner = next(step.runner for step in self.pipeline.steps if isinstance(step, Execute))
        return runner.fetch(sql)

    def link(self, question: str, evidence: str = "") -> Linked:
        """The part of the schema that the question needs."""
        return RankedLinker().link(question, self.schema, hits=self.hits(question, evidence), evidence=evidence)


class Databases:
    """Opens databases when first asked for, and again after they failed. All methods block: call them in threads.

    Args:
        config: Of the service.
        generators: SQL generators.
        queries: To one database at the same time; further ones wait.
    """

    def __init__(self, config: ServiceConfig, generators: Sequence[Generator], queries: int) -> None:
        limits = Limits(seconds=config.limits.query_seconds, rows=config.limits.rows, bytes=config.limits.answer_bytes)
        self._limits, self._generators = limits, tuple(generators)
        self._entries = {entry.name: _Entry(entry, limits, config.redis, queries) for entry in config.databases}

    def schema(self, name: str, key: Key) -> Schema:
        """The tables and columns of a database that a key may see.

        Raises:
            UnknownNameError: For this key there is no such database.
            DatabaseError: It cannot be used right now.
            SchemaError: The configuration names a table or column that it does not have.
        """
        return visible(self._entries[name].open().schema(), key.access(name))

    def view(self, name: str, key: Key) -> View:
        """All that is needed to answer. Made once for each database and set of tables, and again when a newly published
        version of a shared index hides other columns.

        Raises as `schema`, and:
            StoreError, FormatError: Its shared index cannot be used right now.
        """
        access = key.access(name)
        entry = self._entries[name]
        hidden = () if entry.shared is None else entry.shared.hidden
        # Held while a view is made: two first requests would otherwise build the same index twice.
        with entry.lock:
            entry.open()
            access_id = _access_id(access)
            view = entry.views.get(access_id)
            if view is None or view.hidden != hidden:
                view = entry.views[access_id] = self._view(entry, access, hidden)
            return view

    def freshen(self, name: str, key: Key) -> None:
        """Make the view, or make it again if the data or its index have changed since, perhaps to hide a column. Until
        the new view is ready, questions are answered from the old one.

        Raises as `view`.
        """
        view, entry = self.view(name, key), self._entries[name]
        database = entry.open()
        if view.made_of != (database.data_fingerprint(), entry.written()):
            database.refresh()
            access = key.access(name)
            # Without the lock: questions are answered from the old view while the new one is made.
            fresh = self._view(entry, access, view.hidden)
            with entry.lock:
                entry.views[_access_id(access)] = fresh

    def drop_outdated(self, name: str) -> None:
        """Discard the views made from an older schema; they are made again when next needed."""
        entry = self._entries[name]
        with entry.lock:
            database = entry.open()
            database.refresh()
            now = database.schema().fingerprint
            entry.views = {access_id: view for access_id, view in entry.views.items() if view.source.fingerprint == now}

    def failures(self) -> dict[str, CtxpruneError]:
        """Why databases cannot be used, by their names; {} if all can."""
        found = {name: entry.failure() for name, entry in self._entries.items()}
        return {name: error for name, error in found.items() if error is not None}

    def close(self) -> None:
        """Close all that are open."""
        for entry in self._entries.values():
            entry.close()

    def _view(self, entry: _Entry, access: Any, hidden: tuple[ColumnRef, ...]) -> View:
        database = entry.open()
        data, whole = database.data_fingerprint(), database.schema()
        schema = visible(whole, access)
        index = entry.shared or _index(database, entry.config.index, schema)
        values = index.within(tuple(schema.refs()))
        # Read after the index, which may have been written just now.
        written = entry.written()
        config = PipelineConfig(schema=schema, limits=self._limits)
        pipeline = Pipeline(database, generators=self._generators, values=index, config=config)
        shown = database.with_examples(schema, limits=replace(self._limits, seconds=_EXAMPLE_SECONDS))
        shown = without_examples(shown, values.hidden)
        keyed = with_contained_keys(database, shown, limits=KeyLimits(seconds=_KEY_SECONDS))
        return View(keyed, values, pipeline, whole, (data, written), hidden)


def _access_id(access: Any) -> str:
    return json.dumps(access, sort_keys=True)


def _index(database: Database, folder: str, schema: Schema) -> ValueIndex:
    return ValueIndex.for_database(database, folder) if folder else ValueIndex.build(database, schema=schema)


class _Entry:
    """One database: its configuration, and what was opened and made of it."""

    def __init__(self, config: DatabaseConfig, limits: Limits, redis: str, queries: int) -> None:
        self.config, self._limits, self._queries = config, limits, queries
        self.shared = RedisIndex(redis, config.published) if config.published else None
        self.lock = threading.Lock()  # of the views, which may take a while to make
        self.views: dict[str, View] = {}
        self._opening = threading.Lock()
        self._database: Database | None = None

    def open(self) -> Database:
        """The database, opened when first asked for.

        Raises:
            DatabaseError: It cannot be opened right now.
        """
        with self._opening:
            if self._database is None:
                self._database = Database(
                    self.config.target, name=self.config.name, limits=self._limits, workers=self._queries
                )
            return self._database

    def written(self) -> int:
        """When the index in a folder was written, in ns; 0 for another kind, or none yet."""
        try:
            return Path(self.config.index, "manifest.json").stat().st_mtime_ns if self.config.index else 0
        except OSError:
            return 0

    def failure(self) -> CtxpruneError | None:
        """Why it, or its shared index, cannot be used right now; None if it can."""
        try:
            self.open().execute("SELECT 1")
            if self.shared is not None:
                self.shared.current()
        except CtxpruneError as error:
            return error
        return None

    def close(self) -> None:
        """Close it where it was opened; queries that are running end with it."""
        with self._opening:
            if self._database is not None:
                self._database.close()


def visible(schema: Schema, access: str | Mapping[str, str | Sequence[str]]) -> Schema:
    """The part of a schema that a key may see.

    Raises:
        SchemaError: There is no such table or column.
    """
    if isinstance(access, str):
        return schema
    refs, listed = [], set()
    for name, columns in access.items():
        table = schema.table(name)
        names = [column.name for column in table.columns] if isinstance(columns, str) else columns
        refs += [ColumnRef(table.name, table.column(column).name) for column in names]
        if not isinstance(columns, str):
            listed.add(table.name)
    # A key with a list of columns must not see one that is added later, so its table never counts as complete.
    part = schema.subset(refs)
    tables = (replace(table, complete=table.complete and table.name not in listed) for table in part.tables)
    return replace(part, tables=tuple(tables))
