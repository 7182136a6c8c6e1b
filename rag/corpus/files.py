"""Corpora in files, by what the name of the file says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctxprune.errors import UsageError

from .json_lines import JsonLinesCorpus

if TYPE_CHECKING:
    from pathlib import Path

    from .records import PassageReader
    from .source import CorpusFile

__all__ = ["open_corpus"]

_LINES = (".jsonl", ".ndjson")


def open_corpus(path: Path, reader: PassageReader) -> CorpusFile:
    """The file as what its name says: Parquet; JSON lines, gzipped or not.

    Raises:
        UsageError: It is neither, or the reader has functions in place of names.
        InputError: It cannot be read.
        MissingExtraError: It is Parquet, and pyarrow is not installed.
    """
    name = path.name.lower()
    if name.endswith((".parquet", ".pq")):
        from .parquet import ParquetCorpus

        return ParquetCorpus(path, reader)
    if name.removesuffix(".gz").endswith(_LINES):
        return JsonLinesCorpus(path, reader)
    raise UsageError(
        "the name does not say what the file is", where=str(path), hint="end it in .jsonl, .jsonl.gz or .parquet"
    )
