"""Which row groups of a Parquet file hold nothing that a question looks for, from what is known of each group.

Of numbers and dates the file's own footer says the least and the greatest in a group; of texts a second file, written
once, has the words. They are bounds on what a group can hold: one without a possible hit changes no result.
"""

from __future__ import annotations

import zlib
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np

from ctxprune.errors import FormatError, InputError, UsageError
from ctxprune.utils.extras import require

from .files import ParquetFile, open_table
from .options import NO_OPTIONS

if TYPE_CHECKING:
    from .probe import Probe

pa = require("pyarrow", "tables")
compute = require("pyarrow.compute", "tables")
parquet = require("pyarrow.parquet", "tables")

__all__ = ["GroupWords", "index_groups"]

FORMAT, VERSION = "ctxprune.tables.group_words", 1
_META = {"format": FORMAT, "version": str(VERSION)}
_BETWEEN = r"[^\pL\pN]+"  # the classes by which the probe tells where a word begins
_MOST = 500_000  # words of a group; of one with more nothing is known, since looking them through would save nothing
_TAIL = 1 << 20  # bytes at the end of a file, by which it is known again: the footer has sizes, places and statistics
_SCHEMA = [("group", "int32"), ("word", "large_string")]


def index_groups(source: str | Path, target: str | Path) -> None:
    """Write the distinct words of each row group of a Parquet file, by which `prune_file` passes over groups.

    Args:
        source: A Parquet file; it is read once, one group at a time.
        target: The file to write; an existing one is replaced.

    Raises:
        UsageError: The source is no Parquet file, or the target is the source.
        InputError: The source cannot be read or the target cannot be written.
        MissingExtraError: pyarrow is not installed.
    """
    path, place = Path(source), Path(target)
    file = open_table(path, NO_OPTIONS)
    if not isinstance(file, ParquetFile):
        raise UsageError("only Parquet has row groups", where=str(path), hint="give a Parquet file")
    if place.exists() and place.samefile(path):
        raise UsageError("the target is the source", where=str(place), hint="give another path")
    schema = pa.schema([(name, getattr(pa, kind)()) for name, kind in _SCHEMA])
    draft = place.with_name(f".{place.name}.{uuid4().hex}.draft")
    try:
        with parquet.ParquetWriter(draft, schema.with_metadata(_META | {"source": _stamp(path)})) as writer:
            for section in file.sections():
                words = pa.array([], pa.large_string())
                for part in section.parts():
                    if words is not None:
                        words = _add_words(words, part.columns)
                # A group of too many words has one NULL in their place: unknown, and not without words.
                words = pa.array([None], pa.large_string()) if words is None else words
                numbers = pa.array(np.full(len(words), section.number), pa.int32())
                writer.write_table(pa.table([numbers, words], schema=schema))
        draft.replace(place)
    except OSError as error:
        raise InputError(f"the words cannot be written ({error})", where=str(place)) from error
    finally:
        draft.unlink(missing_ok=True)


def _add_words(known: Any, columns: list[Any]) -> Any:
    """The distinct words with those of these columns; None where they are too many."""
    from .probe import is_text, plain_column

    found = [known]
    for column in columns:
        texts = plain_column(column)
        if is_text(texts.type):
            # Distinct texts first: columns of few values are split once.
            distinct = texts.cast(pa.large_string()).unique().drop_null()
            found.append(compute.split_pattern_regex(distinct, _BETWEEN).flatten().unique())
    words = pa.concat_arrays(found).unique()
    return words if len(words) <= _MOST else None


def _stamp(path: Path) -> str:
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - _TAIL))
        return f"{size}-{zlib.crc32(file.read()):08x}"


class GroupWords:
    """What `index_groups` wrote, for one question.

    Args:
        path: That file.
        source: The Parquet file that it was written for.

    Raises:
        InputError: It cannot be read.
        FormatError: It is none, or of another state of the source.
    """

    def __init__(self, path: Path, source: ParquetFile) -> None:
        try:
            table = parquet.read_table(path)
            stamp = _stamp(source.path)
        except (OSError, pa.ArrowException) as error:
            raise InputError(f"the words of groups cannot be read ({error})", where=str(path)) from error
        meta = {key.decode(): value.decode("utf-8", "replace") for key, value in (table.schema.metadata or {}).items()}
        if any(meta.get(key) != value for key, value in _META.items()) or table.column_names != [n for n, _ in _SCHEMA]:
            raise FormatError("this holds no words of row groups", where=str(path), hint="write it by index_groups")
        if meta.get("source") != stamp:
            hint = "write it anew by index_groups"
            raise FormatError("the words are of another state of the file", where=str(path), hint=hint)
        self._source = source
        words, groups = table.column("word").combine_chunks(), table.column("group").to_numpy()
        starts = np.searchsorted(groups, np.arange(source.groups + 1))
        self._words = [words.slice(first, last - first) for first, last in pairwise(starts)]

    def may_hold(self, group: int, probe: Probe) -> bool:
        """Whether any row of a group may hold something that is looked for; True where that is not known."""
        if any(self._may_lie(group, *test) for test in probe.tests):
            return True
        if not probe.word_patterns:
            return False
        words = self._words[group]
        if words.null_count:
            return True
        # Patterns that hold a mark go over the borders of words here, and are not looked for in them.
        if any(not word.isalnum() for word in probe.words):
            return True
        found = compute.match_substring_regex(words, "|".join(probe.word_patterns))
        return bool(compute.any(found).as_py())

    def _may_lie(self, group: int, column: int, low: float, high: float) -> bool:
        limits = self._source.limits(group, column)
        # Numbers that are written as texts have no limits as numbers.
        return limits is None or (limits[0] <= high and low <= limits[1])
