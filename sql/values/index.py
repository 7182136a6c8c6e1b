"""The value index: finds the stored values that a question mentions.

The stages and their order are in stages.py, the likelihood of a hit in scoring.py, the files in store.py.
"""

from __future__ import annotations

import hashlib
import re
import time
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ctxprune._folders import cache_folder
from ctxprune.errors import FormatError

from ..schema import ColumnRef
from . import store
from .collect import EXCLUDED, collect
from .column_ranges import measure_ranges, read_ranges
from .features import ColumnFacts
from .minhash import Signer
from .privacy import Privacy
from .ranges import find_ranges
from .scoring import choose
from .spans import Question
from .stages import Finder

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from ..database import Database
    from ..schema import Schema
    from .base import RangeHit, ValueHit
    from .build import Arrays

    Progress = Callable[[int, int, str], None]

__all__ = ["ColumnReport", "ValueIndex", "default_directory"]


@dataclass(frozen=True, slots=True)
class ColumnReport:
    """What became of one column.

    Attributes:
        table, column: Its name.
        values: Distinct values in the index; 0 where it was skipped.
        too_long: Distinct values left out because they are longer than 200 characters.
        numeric: Share of the values that are numbers, dates or times.
        skipped: Why it is not in the index; "" where it is.
        masked: Why its values must not be shown, "asked for" or what they look like; "" where they may be.
        truths: What it stores for yes and for no, where it holds nothing else; () otherwise.
    """

    table: str
    column: str
    values: int = 0
    too_long: int = 0
    numeric: float = 0.0
    skipped: str = ""
    masked: str = ""
    truths: tuple[str, ...] = ()

    @property
    def ref(self) -> ColumnRef:
        """The column."""
        return ColumnRef(self.table, self.column)


class ValueIndex:
    """Stored text values of one database, by exact folded keys and by MinHash LSH. Safe to share between threads.

    Made by `build`, `open` or `for_database`.
    """

    def __init__(self, manifest: dict[str, Any], arrays: Arrays, directory: Path | None = None) -> None:
        self._manifest, self._arrays = manifest, arrays
        self.directory = directory
        try:
            self.columns = tuple(
                ColumnReport(**{**one, "truths": tuple(one.get("truths", ()))}) for one in manifest["columns"]
            )
        except (KeyError, TypeError) as error:
            where = str(directory or "")
            raise FormatError(f"the manifest lacks its columns ({error})", where=where, hint="rebuild it") from error
        self._ranges = read_ranges(manifest.get("ranges", ()))
        self._signer = Signer(arrays.permutations)

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

        Raises:
            SchemaError: `exclude`, `mask` or `schema` names a column that the database does not have.
            DatabaseError: The database cannot be read.
            IndexBuildError: There are more than 2**31 values.
        """
        start = time.perf_counter()
        schema = schema or database.schema()
        fingerprint = database.data_fingerprint()
        privacy = Privacy.of(schema, exclude, mask, personal=mask_personal)
        reports, arrays = collect(database, schema, privacy, progress or _quiet)
        hidden = {ColumnRef(one["table"], one["column"]) for one in reports if one.get("masked")}
        manifest = {
            "database": database.name,
            "data_fingerprint": fingerprint,
            "schema_fingerprint": schema.fingerprint,
            **privacy.record(),
            "columns": [asdict(ColumnReport(**report)) for report in reports],
            "ranges": measure_ranges(database, schema, privacy.exclude | privacy.mask | hidden),
            "values": len(arrays.ends),
            "seconds": round(time.perf_counter() - start, 3),
        }
        return cls(manifest, arrays)

    @classmethod
    def open(cls, directory: str | Path) -> ValueIndex:
        """The index saved in `directory`, memory-mapped.

        Raises:
            FormatError: There is none, it is damaged, or of another format or version; the message says what to do.
        """
        path = Path(directory)
        return cls(*store.read(path), path)

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
    ) -> ValueIndex:
        """The saved index where it fits the data as they are now, otherwise a new one, saved.

        Of two processes that need a new index at once, the second waits and takes the first one's.

        Args:
            database: Where the values are.
            directory: Where the index is kept; default `default_directory(database)`.
            exclude, mask, mask_personal: As for `build`; None for what the index in `directory` was told before, so
                that a column that was hidden once stays hidden when the index is made anew.
            progress: As for `build`.

        Raises:
            FormatError: The directory holds something else than an index.
            IndexBuildError: The directory cannot be written.
            SchemaError: `exclude` or `mask` names a column that the database does not have.
            DatabaseError: The database cannot be read.
        """
        path = Path(directory) if directory is not None else default_directory(database)
        schema = database.schema()
        before = Privacy.saved(path, schema)
        privacy = Privacy.of(
            schema,
            before.exclude if exclude is None else exclude,
            before.mask if mask is None else mask,
            personal=before.mask_personal if mask_personal is None else mask_personal,
        )
        wanted = {
            "data_fingerprint": database.data_fingerprint(),
            "schema_fingerprint": schema.fingerprint,
            **privacy.record(),
        }
        found = cls._fitting(path, wanted)
        if found is not None:
            return found
        with store.locked(path):
            found = cls._fitting(path, wanted)
            if found is None:
                built = cls.build(
                    database,
                    exclude=privacy.exclude,
                    mask=privacy.mask,
                    mask_personal=privacy.mask_personal,
                    progress=progress,
                )
                store.write(path, built._manifest, built._arrays)
                found = cls.open(path)
        return found

    @classmethod
    def _fitting(cls, path: Path, wanted: Mapping[str, object]) -> ValueIndex | None:
        try:
            if any(store.read_manifest(path).get(key) != value for key, value in wanted.items()):
                return None
            return cls.open(path)
        except FormatError:
            return None  # absent, damaged or of another version: it is built anew; `write` refuses foreign directories

    def save(self, directory: str | Path) -> Path:
        """Write the index into `directory`, which is made if absent; an index there is replaced in one step.

        Raises:
            FormatError: The directory holds something else.
            IndexBuildError: It cannot be written; an index that was there stays.
        """
        path = Path(directory)
        with store.locked(path):
            store.write(path, self._manifest, self._arrays)
        self.directory = path
        return path

    def __len__(self) -> int:
        return len(self._arrays.ends)

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
    def _facts(self) -> tuple[ColumnFacts, ...]:
        return tuple(
            ColumnFacts.of(c.table, c.column, c.values, c.numeric, masked=bool(c.masked), truths=c.truths)
            for c in self.columns
        )

    @cached_property
    def hidden(self) -> tuple[ColumnRef, ...]:
        """Columns whose values must not be shown to a model or a reader: the masked and the excluded ones."""
        return tuple(column.ref for column in self.columns if column.masked or column.skipped == EXCLUDED)

    def lookup(self, question: str, evidence: str = "") -> list[ValueHit]:
        """Stored values that a question (and its evidence, where there is some) mentions.

        Args:
            question: Plain words; of a very long one the first 2,000 words are read.
            evidence: More text about the same question; hits in it count from len(question) + 1.

        Returns:
            Hits, best first, no (column, value) twice, at most a few per column; [] for an empty question.
        """
        parsed = Question.parse(question, evidence)
        if not parsed.words or not len(self):
            return []
        found = Finder(parsed, self._arrays, self._signer, self._facts).find()
        return choose(parsed, found, self._arrays, self._refs, self._facts)

    def ranges(self, question: str, evidence: str = "") -> list[RangeHit]:
        """Columns that the numbers, years and days of a question (and its evidence) may be compared with.

        They are judged by what each column holds from its smallest to its largest, not looked up, and are kept apart
        from `lookup`. The likeliest first; at most five columns for each number; [] where the question names none.
        """
        return find_ranges(Question.parse(question, evidence), self._ranges)


def default_directory(database: Database) -> Path:
    """Where the index of a database is kept unless told: a folder of the user's cache, one per database path.

    Raises:
        UsageError: There is no cache folder (`ctxprune._folders.cache_folder`).
    """
    key = hashlib.sha256(str(database.path.resolve()).encode("utf-8", "surrogateescape")).hexdigest()[:16]
    stem = re.sub(r"[^A-Za-z0-9_-]+", "_", database.name)[:40]
    return cache_folder() / "values" / f"{stem}-{key}"


def _quiet(_done: int, _total: int, _name: str) -> None:
    return
