"""The value index: finds the stored values that a question mentions.

The stages and their order are in stages.py, the likelihood of a hit in scoring.py, the files in index_files.py.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.errors import FormatError, SchemaError, UsageError
from ctxprune.storage.folders import cache_folder

from ..schema.schema import ColumnRef
from . import index_files
from .base import ValueLookup
from .column_ranges import read_ranges
from .column_reader import EXCLUDED, VIEW
from .features import ColumnFacts
from .index_arrays import IndexArrays, MergeSource, merge
from .index_builder import BuildOptions, ColumnReport, build_index, column_rows, column_starts, fit_conditions
from .minhash import Signer
from .privacy import Privacy
from .reuse import PreviousIndex
from .saved_arrays import compare_arrays, source_of
from .stores import ArrayStore
from .visible import Contents, VisibleIndex

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from ..database.database import Database
    from ..schema.schema import Schema
    from .base import RangeHit, ValueHit
    from .block_checks import NoChecks
    from .stores import ValueStore

    Progress = Callable[[int, int, str], None]

__all__ = ["ColumnReport", "ValueIndex", "default_directory"]

_READ = 5000


class ValueIndex(ValueLookup):
    """Stored text values of one database, by exact folded keys and by MinHash LSH. Safe to share between threads.

    Made by `build`, `open` or `for_database`; or from a manifest and any `ValueStore`.
    """

    def __init__(self, manifest: dict[str, Any], values: ValueStore, directory: Path | None = None) -> None:
        self._manifest, self._store = manifest, values
        self.directory = directory
        try:
            self.columns = tuple(
                ColumnReport(**{**one, "truths": tuple(one.get("truths", ()))}) for one in manifest["columns"]
            )
            self._signer = Signer(np.array(manifest["permutations"], dtype=np.uint32))
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            where = str(directory or "")
            raise FormatError(f"the manifest lacks its columns ({error})", where=where, hint="rebuild it") from error
        self._ranges = read_ranges(manifest.get("ranges", ()))

    @classmethod
    def build(
        cls,
        database: Database,
        *,
        schema: Schema | None = None,
        exclude: Collection[ColumnRef] = (),
        mask: Collection[ColumnRef] = (),
        mask_personal: bool = False,
        progress: Progress | None = None,
        workers: int = 1,
    ) -> ValueIndex:
        """Read every column of `schema` (default: the database's) and index its distinct texts, in memory.

        Args:
            database: Where the values are.
            schema: What may be read; columns outside it are never touched.
            exclude: Columns that must not be indexed, such as personal data; names match in any case.
            mask: Columns whose values may be recognised in a question but never shown: see privacy.py.
            mask_personal: Also mask columns that look like e-mail addresses, phone, card, bank account or social
                security numbers.
            progress: Called as progress(columns done, columns in all, name of the next column).
            workers: Processes that file and sign values; the index is the same for any number. More than one starts new
                interpreters, so the caller's main module must be importable.

        Raises:
            SchemaError: `exclude`, `mask` or `schema` names a column that the database does not have.
            DatabaseError: The database cannot be read.
            IndexBuildError: There are more than 2**31 values.
        """
        schema = schema or database.schema()
        privacy = Privacy.of(schema, exclude, mask, personal=mask_personal)
        options = BuildOptions(progress or _quiet, privacy, workers=workers)
        return cls._in_memory(build_index(database, schema, fit_conditions(database, schema, privacy), options))

    @classmethod
    def open(cls, directory: str | Path) -> ValueIndex:
        """The index saved in `directory`, memory-mapped.

        Raises:
            FormatError: There is none, it is damaged, or of another format or version; the message says what to do.
                Blocks of its arrays are compared with their checksums when they are first read, so that every other
                method may raise it, too.
        """
        path = Path(directory)
        manifest, arrays, checks = index_files.read(path)
        return cls(manifest, _array_store(manifest, arrays, checks), path)

    @classmethod
    def verify(cls, directory: str | Path) -> int:
        """Compare every byte of the index saved in `directory` with its checksums; in bounded memory.

        Returns:
            Bytes of its arrays.

        Raises:
            FormatError: As `open`; or a byte differs.
        """
        path = Path(directory)
        manifest, arrays, checks = index_files.verify(path)
        cls(manifest, _array_store(manifest, arrays, checks), path)  # which refuses a manifest without its columns
        return sum(one["bytes"] for one in manifest["arrays"].values())

    @classmethod
    def for_database(
        cls,
        database: Database,
        directory: str | Path | None = None,
        *,
        exclude: Collection[ColumnRef] | None = None,
        mask: Collection[ColumnRef] | None = None,
        mask_personal: bool | None = None,
        progress: Progress | None = None,
        workers: int = 1,
    ) -> ValueIndex:
        """The saved index where it fits the data as they are now, otherwise a new one, saved.

        An older index is updated: every column is read, but only values that it does not hold are filed and signed; the
        result is the same, byte for byte, as that of a new build. Memory is bounded whatever the number of values, and
        a build that was killed goes on from the last columns that it had kept.

        An index that cannot be opened is built anew. One of which a byte is damaged that opening it does not read is
        kept, until `store.mark_if_damaged` finds that; look-ups that come upon the byte raise FormatError.

        Of two processes that need a new index at once, the second waits and takes the first one's.

        Args:
            database: Where the values are; `database.sampled(n)` for some rows of each table, which holds for later
                calls that say nothing of it.
            directory: Where the index is kept; default `default_directory(database)`.
            exclude: As for `build`; None for what the index in `directory` was told before, so that a column that was
                hidden once stays hidden when the index is made anew.
            mask: Likewise.
            mask_personal: Likewise.
            progress: As for `build`.
            workers: As for `build`.

        Raises:
            FormatError: The directory holds something else than an index, or what is to be hidden cannot be read.
            IndexBuildError: The directory cannot be written.
            SchemaError: `exclude` or `mask` names a column that the database does not have.
            DatabaseError: The database cannot be read.
        """
        path = Path(directory) if directory is not None else default_directory(database)
        if database.sample is None:
            database = database.sampled(index_files.saved_sample(path))
        schema = database.schema()
        before, asked = Privacy.saved(path, schema), Privacy.of(schema, exclude or (), mask or (), personal=False)
        privacy = Privacy(
            before.exclude if exclude is None else asked.exclude,
            before.mask if mask is None else asked.mask,
            before.mask_personal if mask_personal is None else mask_personal,
        )
        wanted = fit_conditions(database, schema, privacy)
        found = cls._fitting(path, wanted)
        if found is not None:
            return found
        with index_files.locked(path):
            found = cls._fitting(path, wanted)
            if found is None:
                _build_into(path, database, wanted, BuildOptions(progress or _quiet, privacy, workers=workers))
                found = cls.open(path)
        return found

    def update(self, database: Database, *, progress: Progress | None = None) -> ValueIndex:
        """An index of the data as they are now, which takes over what this one holds of them; this one stays as it is.

        One that is kept in a directory is replaced there (`for_database`); otherwise the new one is in memory, as this.
        What was excluded or masked stays so.

        Args:
            database: Where the values are.
            progress: As for `build`.

        Raises:
            CtxpruneError: In the cases of `build` and `for_database`.
        """
        if self.directory is not None:
            return type(self).for_database(database, self.directory, progress=progress)
        database = database.sampled(self._manifest.get("sample") or 0)
        schema = database.schema()
        privacy = Privacy.recorded(self._manifest, schema)
        options = BuildOptions(progress or _quiet, privacy, previous=self._previous())
        return self._in_memory(build_index(database, schema, fit_conditions(database, schema, privacy), options))

    @classmethod
    def _in_memory(cls, built: tuple[dict[str, Any], Sequence[MergeSource]]) -> ValueIndex:
        manifest, sources = built
        part = merge(sources)
        return cls(manifest, ArrayStore(part, column_starts(manifest)))

    def _previous(self) -> PreviousIndex:
        if not isinstance(self._store, ArrayStore):
            return PreviousIndex.empty()
        if self.directory is None:
            return PreviousIndex(self._store, self._store.part.array, column_rows(self.columns))
        directory, manifest = self.directory, self._manifest
        return PreviousIndex(self._store, lambda name: source_of(directory, manifest, name), column_rows(self.columns))

    @classmethod
    def _fitting(cls, path: Path, wanted: Mapping[str, object]) -> ValueIndex | None:
        try:
            if any(index_files.read_manifest(path).get(key) != value for key, value in wanted.items()):
                return None
            return cls.open(path)
        except FormatError:
            return None  # absent, damaged or of another version: it is built anew; `write` refuses foreign directories

    def save(self, directory: str | Path) -> Path:
        """Write the index into `directory`, which is made if absent; an index there is replaced in one step.

        Raises:
            FormatError: The directory holds something else.
            IndexBuildError: It cannot be written; an index that was there stays.
            UsageError: The index is in a store of another kind.
        """
        path = Path(directory)
        manifest, part = self.contents()
        everything = MergeSource.of(part, np.arange(len(self), dtype=np.uint32))
        with index_files.locked(path), index_files.reported(path):
            Privacy.recorded(manifest).keep(path)
            index_files.write(path, manifest, [everything])
        self.directory = path
        return path

    def contents(self) -> tuple[dict[str, Any], IndexArrays]:
        """The manifest (JSON-safe) and the arrays, to be kept elsewhere.

        Raises:
            UsageError: The index is in a store of another kind.
            FormatError: The arrays are on disk and damaged.
        """
        if not isinstance(self._store, ArrayStore):
            raise UsageError(f"an index in a {type(self._store).__name__} cannot be saved")
        return _plain(self._manifest), self._store.whole()

    def __repr__(self) -> str:
        kept = sum(not column.skipped for column in self.columns)
        return f"<{type(self).__name__}: {len(self)} values of {kept} columns, {self.directory or 'in memory'}>"

    def __len__(self) -> int:
        return sum(column.values for column in self.columns)

    def __iter__(self) -> Iterator[tuple[ColumnRef, str]]:
        """Every column and value, in the order of the rows; "" for those of a masked column."""
        yield from self._between(0, len(self))

    def values_of(self, ref: ColumnRef) -> Iterator[str]:
        """The values of one column, in order; "" for those of a masked one; none of a column that was skipped.

        Raises:
            SchemaError: The index knows no such column.
        """
        rows = column_rows(self.columns)
        if ref not in rows:
            raise SchemaError(f"the index knows no column {ref.table}.{ref.column}", where=str(self.directory or ""))
        return (value for _ref, value in self._between(*rows[ref][:2]))

    def _between(self, first: int, last: int) -> Iterator[tuple[ColumnRef, str]]:
        for start in range(first, last, _READ):
            rows = np.arange(start, min(start + _READ, last), dtype=np.uint32)
            for column, value in self._store.values(rows):
                yield self._refs[column], value

    @property
    def data_fingerprint(self) -> str:
        """`Database.data_fingerprint()` when the index was built."""
        return str(self._manifest.get("data_fingerprint", ""))

    @property
    def seconds(self) -> float:
        """How long the build took."""
        return float(self._manifest.get("seconds", 0.0))

    @cached_property
    def _refs(self) -> tuple[ColumnRef, ...]:
        return tuple(column.ref for column in self.columns)

    @cached_property
    def _contents(self) -> Contents:
        guarded = Privacy.recorded(self._manifest) != Privacy()
        starts = column_starts(self._manifest)
        return Contents(self._store, starts, self._signer, self.columns, self._facts, self._ranges, guarded)

    @cached_property
    def _facts(self) -> tuple[ColumnFacts, ...]:
        return tuple(
            ColumnFacts.of(c.table, c.column, c.values, c.numeric, masked=bool(c.masked), truths=c.truths)
            for c in self.columns
        )

    @cached_property
    def hidden(self) -> tuple[ColumnRef, ...]:
        """Columns whose values must not be shown to a model or a reader: the masked and the excluded ones, and where
        there are any, all columns of views, since a view may show them.
        """
        kept = any(column.masked or column.skipped == EXCLUDED for column in self.columns)
        reasons = {EXCLUDED, VIEW} if kept else {EXCLUDED}
        return tuple(column.ref for column in self.columns if column.masked or column.skipped in reasons)

    def lookup(self, question: str, evidence: str = "") -> list[ValueHit]:
        """Stored values that a question (and its evidence, where there is some) mentions.

        Args:
            question: Plain words; of a very long one the first 2,000 words are read.
            evidence: More text about the same question; hits in it count from len(question) + 1.

        Returns:
            Hits, best first, no (column, value) twice, at most a few per column; [] for an empty question.
        """
        return self._contents.lookup(question, evidence)

    def ranges(self, question: str, evidence: str = "") -> list[RangeHit]:
        """Columns that the numbers, years and days of a question (and its evidence) may be compared with.

        They are judged by what each column holds from its smallest to its largest, not looked up, and are kept apart
        from `lookup`. The likeliest first; at most five columns for each number; [] where the question names none.
        """
        return self._contents.find_ranges(question, evidence)

    def within(self, columns: Collection[ColumnRef]) -> VisibleIndex:
        """This index as somebody sees it who may see these columns only, in any case; the others are left out before
        anything is found, counted or scored.
        """
        return VisibleIndex(self._contents, columns)


def default_directory(database: Database) -> Path:
    """Where the index of a database is kept unless told: a folder of the user's cache, one per database path.

    Raises:
        UsageError: There is no cache folder (`ctxprune.storage.folders.cache_folder`).
    """
    return cache_folder() / "values" / f"{database.file_stem}"


def _build_into(path: Path, database: Database, wanted: dict[str, Any], options: BuildOptions) -> None:
    """Build or update the index in a directory, which the caller has locked."""
    previous, before = PreviousIndex.empty(), ""
    with suppress(FormatError):
        index = ValueIndex.open(path)
        # reused values are copied, so that a damaged byte would be sealed anew with a good checksum
        compare_arrays(path, index._manifest, IndexArrays.names())  # an update takes them over
        previous, before = index._previous(), str(index._manifest["data"])
    with index_files.work_folder(path, [wanted, before]) as work:
        options.privacy.keep(path)
        here = replace(options, folder=work, previous=previous)
        manifest, sources = build_index(database, database.schema(), wanted, here)
        index_files.write(path, manifest, sources)


def _plain(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """A manifest without what `store.write` says anew."""
    return {key: value for key, value in manifest.items() if key not in {"format", "version", "data", "arrays"}}


def _array_store(manifest: Mapping[str, Any], arrays: Mapping[str, Any], checks: Mapping[str, NoChecks]) -> ArrayStore:
    part = IndexArrays(**{name: arrays[name] for name in IndexArrays.names()})
    return ArrayStore(part, column_starts(manifest), arrays["key_starts"], arrays["band_starts"], checks)


def _quiet(_done: int, _total: int, _name: str) -> None:
    return
