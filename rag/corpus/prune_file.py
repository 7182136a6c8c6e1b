"""Pruning a corpus in a file, in bounded memory; a run that was stopped goes on where it was."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from stat import S_ISREG
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.errors import InputError, UsageError
from ctxprune.storage.compressed import open_target
from ctxprune.storage.drafts import draft_of
from ctxprune.storage.locks import hold_folder
from ctxprune.utils.fingerprint import fingerprint
from ctxprune.utils.plain_data import as_plain
from ctxprune.utils.validation import check_range, describe_type

from .base import Quality, as_quality
from .files import open_corpus
from .journal import Journal
from .prune import judge_texts, keep_best, make_report
from .records import PassageReader, hash_id
from .source import CorpusFile

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .cut import CorpusReport

__all__ = ["prune_corpus_file"]

_BATCH = 1000
_SAVED = 50  # batches after which the journal is saved: some seconds of work
_READER = PassageReader()
Progress = Callable[[str, int], None]


def prune_corpus_file(
    source: str | Path,
    target: str | Path,
    *,
    share: float = 0.05,
    quality: Quality | str = "surface.v1",
    reader: PassageReader = _READER,
    dropped: str | Path | None = None,
    progress: Progress | None = None,
) -> CorpusReport:
    """Drop the worst share of the passages of a file, and write the others as they are, in their order.

    Two passes: one judges the passages, one copies those that stay. Memory holds 1,000 passages, and 13 bytes a passage
    (twice that while the cut is found); of Parquet also what pyarrow unpacks of a row group, so that one of hundreds of
    megabytes takes as much.
    What is known is saved every 50,000 passages in a hidden folder beside the target, so that a run that was killed
    goes on from there when it is called again; a change of the source, the quality or the fields starts anew. The
    target and the account appear in one step each, when they are whole.

    Args:
        source: JSON lines (.jsonl, .ndjson, also .gz) with an object or a text a line, or Parquet.
        target: File of the same format; an existing one is replaced, and keeps its mode. Its folder must be there.
        share: How many passages go, from 0 up, under 1: exactly floor(share * n), of equal quality the later ones.
        quality: Judges passages; a registered name or an object.
        reader: The names of the fields of text and id, and what becomes of broken records: with "skip" they are left
            out of the target and counted.
        dropped: Where to write a line of JSON for each record that is left out: its `index` among the records from 0,
            `id`, `quality` and `reason`; gzipped where the name ends in .gz. None writes nothing.
        progress: Called with the step, "judge" or "copy", and the records that are done.

    Raises:
        UsageError: An argument is of the wrong kind or out of range, two of the files are one, or another run writes
            this target.
        UnknownNameError: No quality has that name.
        InputError: The source cannot be read, holds a broken record, or changed meanwhile; a file cannot be written, or
            its folder is not there.
        FormatError: What a stopped run left is damaged.
        MissingExtraError: pyarrow is not installed, and the source is Parquet.

    Examples:
        ```python
        import json
        from pathlib import Path

        from ctxprune.rag import prune_corpus_file

        rows = [
            {"text": "Home | Login"},
            {"text": "The bridge was opened in 1933 by the mayor."},
        ]
        with Path("corpus.jsonl").open("w") as file:
            for row in rows:
                print(json.dumps(row), file=file)
        report = prune_corpus_file("corpus.jsonl", "kept.jsonl", share=0.5)
        print(report.kept, Path("kept.jsonl").read_text().count("1933"))  # 1 1
        ```
    """
    check_range("share", share, open_high=True)
    judge = as_quality(quality)
    if not isinstance(reader, PassageReader):
        raise UsageError(f"reader is {describe_type(reader)}", hint="give a PassageReader")
    place, aim = Path(source), Path(target)
    account = None if dropped is None else Path(dropped)
    _check_apart(place, aim, *([] if account is None else [account]))
    _check_regular(place)
    _check_folders(aim, *([] if account is None else [account]))
    corpus = open_corpus(place, reader)
    if not aim.name.lower().endswith(corpus.endings):
        raise UsageError(
            "the target is written in the format of the source",
            where=str(aim),
            hint=f"end it in {' or '.join(corpus.endings)}",
        )
    folder = aim.with_name(f".{aim.name}.ctxprune")
    try:
        with hold_folder(folder):
            report = _run(corpus, judge, share, (folder, aim, account), progress)
    except OSError as error:
        where = _find_file(error, [place, aim, *([] if account is None else [account])])
        raise InputError(f"a file cannot be read or written ({error.strerror or error})", where=str(where)) from error
    with suppress(OSError):  # where a stopped run had made it
        folder.rmdir()
    return report


def _run(
    corpus: CorpusFile,
    quality: Quality,
    share: float,
    places: tuple[Path, Path, Path | None],
    progress: Progress | None,
) -> CorpusReport:
    folder, target, account = places
    settings = _settings(corpus, quality)
    journal = Journal(folder, settings)
    try:
        resumed = journal.records
        _judge(corpus, quality, journal, progress)
        columns = journal.columns()
        kept = keep_best(columns["qualities"], columns["reasons"], share)
        report = make_report(quality.reasons, columns["qualities"], columns["reasons"], kept, columns["ids"])
        if progress is not None:
            progress("copy", 0)
        with ExitStack() as drafts:
            # Left in this order: the account is there when the target is.
            draft = drafts.enter_context(draft_of(target))
            notes = None if account is None else drafts.enter_context(draft_of(account))
            _write(corpus, quality, (columns, kept), draft, notes)
            if _settings(corpus, quality) != settings:
                raise InputError("the file changed while it was read", where=str(corpus.path), hint="run it again")
        journal.remove()
    finally:
        journal.close()
    return replace(report, resumed=resumed)


def _settings(corpus: CorpusFile, quality: Quality) -> list[Any]:
    seen = _check_regular(corpus.path)
    reader = corpus.reader
    stamp = [os.path.realpath(corpus.path), seen.st_size, seen.st_mtime_ns]
    return [stamp, fingerprint(quality), [str(reader.text), str(reader.id), reader.broken]]


def _check_regular(path: Path) -> os.stat_result:
    """What the system says of the file; a pipe would be read once, and then wait for ever."""
    try:
        seen = path.stat()
    except OSError as error:
        raise InputError(f"the file cannot be read ({error.strerror})", where=str(path)) from error
    if not S_ISREG(seen.st_mode):
        raise InputError("this is no regular file", where=str(path), hint="write it to a file: it is read twice")
    return seen


def _judge(corpus: CorpusFile, quality: Quality, journal: Journal, progress: Progress | None) -> None:
    for number, part in enumerate(corpus.parts(journal.position, _BATCH), start=1):
        values, reasons = judge_texts(quality, part.texts)
        ids = np.asarray([hash_id(name) for name in part.ids], dtype=np.uint64)
        journal.add(qualities=values, reasons=reasons, ids=ids)
        if number % _SAVED == 0:
            journal.save(part.position)
        if progress is not None:
            progress("judge", journal.records)


def _write(
    corpus: CorpusFile,
    quality: Quality,
    found: tuple[dict[str, NDArray[Any]], NDArray[np.bool_]],
    target: Path,
    account: Path | None,
) -> None:
    columns, kept = found
    if account is None:
        corpus.copy(kept, target, None)
        return
    with open_target(account) as file:

        def note(index: int, name: Any) -> None:
            value, reason = columns["qualities"][index], int(columns["reasons"][index])
            broken = bool(np.isnan(value))
            line = {
                "index": index,
                "id": name,
                "quality": None if broken else round(float(value), 6),
                "reason": "broken" if broken else quality.reasons[reason],
            }
            file.write(json.dumps(as_plain(line), allow_nan=False).encode("ascii") + b"\n")

        corpus.copy(kept, target, note)


def _check_folders(*places: Path) -> None:
    """Before all the judging, and by name."""
    for place in places:
        if place.is_dir():
            raise InputError("this is a folder, not a file", where=str(place), hint="name a file in it")
        folder = Path(os.path.realpath(place)).parent
        if not folder.is_dir():
            raise InputError("there is no such folder to write to", where=str(folder), hint="make it, or name another")


def _find_file(error: OSError, places: Sequence[Path]) -> Path:
    """Which of the source, the target and the account an error is about: the target where the system does not say."""
    for name in (one for one in (error.filename, error.filename2) if isinstance(one, (str, bytes))):
        for place in places:
            real = os.path.realpath(place)
            # A draft stands beside what it is for, and its name ends as that does.
            folder, end = os.path.split(os.path.realpath(os.fsdecode(name)))
            if folder == os.path.dirname(real) and (end == place.name or end.endswith(f".{place.name}")):
                return place
    return places[1]


def _check_apart(*places: Path) -> None:
    for place, other in ((a, b) for i, a in enumerate(places) for b in places[i + 1 :]):
        same = os.path.realpath(place) == os.path.realpath(other)
        if same or (place.exists() and other.exists() and os.path.samefile(place, other)):
            raise UsageError("two of the files are one", where=str(other), hint="give each its own name")
