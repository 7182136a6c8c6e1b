"""Pruning a corpus in memory or from any iterable that can be read twice."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from ctxprune.errors import InputError, UsageError
from ctxprune.utils.validation import check_range, describe_type

from .base import Quality, as_quality
from .cut import CorpusReport, count_reasons, count_repeated, cut_share
from .records import PassageReader, hash_id

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Dropped", "PrunedCorpus", "prune_corpus"]

T = TypeVar("T")
_BATCH = 1000
_BROKEN = 255  # in place of a reason
_READER = PassageReader()


@dataclass(frozen=True, slots=True)
class Dropped:
    """A passage that goes.

    Attributes:
        index: Its place among all records, from 0.
        id: Its id; None where it has none.
        quality: 0 to 1.
        reason: What speaks most against it: one of the quality's `reasons`.
    """

    index: int
    id: Any
    quality: float
    reason: str


@dataclass(frozen=True)
class PrunedCorpus(Generic[T]):
    """A corpus without its worst passages. Iterating gives the records that stay, as they came in and in their order.

    Attributes:
        report: The account.
        qualities: float32 (n_records,), NaN for a broken one.
        kept: bool (n_records,).

    Examples:
        ```python
        from ctxprune.rag import CorpusReport, PassageReader, PrunedCorpus, prune_corpus

        rows = [
            {"key": 1, "body": "Home | Login"},
            {"key": 2, "body": "The bridge was opened in 1933 by the mayor."},
        ]
        kept: PrunedCorpus = prune_corpus(
            rows, share=0.5, reader=PassageReader(text="body", id="key")
        )
        report: CorpusReport = kept.report
        print(report.dropped, [row["key"] for row in kept])  # 1 [2]
        ```
    """

    report: CorpusReport
    qualities: NDArray[np.float32]
    kept: NDArray[np.bool_]
    _records: Callable[[], Iterable[T]]
    _reasons: NDArray[np.uint8]
    _names: tuple[str, ...]
    _reader: PassageReader

    def __iter__(self) -> Iterator[T]:
        for index, record in self._again():
            if self.kept[index]:
                yield record

    def __len__(self) -> int:
        return self.report.kept

    def dropped(self) -> Iterator[Dropped]:
        """The passages that go, in order; the records are read once more."""
        for index, record in self._again():
            if not self.kept[index] and self._reasons[index] != _BROKEN:
                reason = self._names[self._reasons[index]]
                yield Dropped(index, self._reader.id_of(record), float(self.qualities[index]), reason)

    def _again(self) -> Iterator[tuple[int, T]]:
        index = -1
        for index, record in enumerate(self._records()):
            if index >= len(self.kept):
                break
            yield index, record
        if index + 1 != len(self.kept):
            raise InputError(
                f"the corpus had {len(self.kept)} records and now has others", hint="give one that stays as it is"
            )


def prune_corpus(
    passages: Iterable[T] | Callable[[], Iterable[T]],
    *,
    share: float = 0.05,
    quality: Quality | str = "surface.v1",
    reader: PassageReader = _READER,
) -> PrunedCorpus[T]:
    """Drop the share of passages that is least likely to answer any question, before they are indexed.

    The corpus is read twice: for the qualities, which take 13 bytes a passage, and while the result is iterated.
    Exactly floor(share * n) passages go, of equal quality the later ones. `prune_corpus_file` prunes files, and goes on
    where it was stopped.

    Args:
        passages: Texts, mappings with a text, or any objects with a `reader` for them: a list or another iterable that
            can be read again, or a function that starts it anew. An iterator can be read once only.
        share: How many of them go, from 0 up, under 1.
        quality: Judges passages; a registered name or an object.
        reader: Where the text and the id of a record are, and what becomes of broken ones.

    Returns:
        The corpus that is left, with an account; empty for an empty one.

    Raises:
        UsageError: An argument is of the wrong kind or out of range.
        UnknownNameError: No quality has that name.
        InputError: A record has no text (unless `reader` skips it), or the second reading gave other records.
    """
    check_range("share", share, open_high=True)
    judge = as_quality(quality)
    if not isinstance(reader, PassageReader):
        raise UsageError(f"reader is {describe_type(reader)}", hint="give a PassageReader")
    records = _restartable(passages)
    qualities, reasons, hashes = array("f"), bytearray(), array("Q")
    remaining = iter(records())
    while part := list(islice(remaining, _BATCH)):
        texts = [_checked(reader, record, len(reasons) + place) for place, record in enumerate(part)]
        values, why = judge_texts(judge, texts)
        qualities.frombytes(values.tobytes())
        reasons += why.tobytes()
        hashes.extend(
            0 if text is None else hash_id(reader.id_of(record)) for text, record in zip(texts, part, strict=True)
        )
    scores = np.frombuffer(qualities, dtype=np.float32)
    codes = np.frombuffer(reasons, dtype=np.uint8)
    kept = keep_best(scores, codes, share)
    report = make_report(judge.reasons, scores, codes, kept, np.frombuffer(hashes, dtype=np.uint64))
    return PrunedCorpus(report, scores, kept, records, codes, judge.reasons, reader)


def judge_texts(quality: Quality, texts: list[str | None]) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """What `quality` says of the texts, and NaN with reason 255 for those that are none."""
    values = np.full(len(texts), np.nan, dtype=np.float32)
    reasons = np.full(len(texts), _BROKEN, dtype=np.uint8)
    places = [place for place, text in enumerate(texts) if text is not None]
    if places:
        found, why = quality.judge([text for text in texts if text is not None])
        values[places], reasons[places] = _check_verdicts(quality, found, why, len(places))
    return values, reasons


def _check_verdicts(quality: Quality, found: Any, why: Any, size: int) -> tuple[NDArray[Any], NDArray[Any]]:
    values, codes = np.asarray(found), np.asarray(why)
    if values.shape != (size,) or values.dtype.kind not in "fiu" or not ((values >= 0) & (values <= 1)).all():
        told = f"{type(quality).__name__} gave no quality from 0 to 1 for each of {size} texts"
        raise UsageError(told, hint="mend its `judge`")
    names = min(len(quality.reasons), _BROKEN)  # 255 stands for a broken record
    if codes.shape != (size,) or codes.dtype.kind not in "iu" or not ((codes >= 0) & (codes < names)).all():
        told = f"{type(quality).__name__} gave no place in its {names} reasons for each of {size} texts"
        raise UsageError(told, hint="name what may be said against a passage in `reasons`, and give places in it")
    return values, codes


def keep_best(qualities: NDArray[np.float32], reasons: NDArray[np.uint8], share: float) -> NDArray[np.bool_]:
    """bool (n_records,): the records that stay; `cut_share` among those that are not broken."""
    whole = reasons != _BROKEN
    if whole.all():
        return cut_share(qualities, share)
    kept = np.zeros(len(qualities), dtype=np.bool_)
    kept[whole] = cut_share(qualities[whole], share)
    return kept


def make_report(
    names: tuple[str, ...],
    qualities: NDArray[np.float32],
    reasons: NDArray[np.uint8],
    kept: NDArray[np.bool_],
    hashes: NDArray[np.uint64],
) -> CorpusReport:
    """The account of a corpus of such records."""
    whole = reasons != _BROKEN
    gone = whole & ~kept
    return CorpusReport(
        passages=int(whole.sum()),
        kept=int(kept.sum()),
        dropped=int(gone.sum()),
        cut=float(qualities[gone].max()) if gone.any() else None,
        reasons=count_reasons(names, reasons[whole], kept[whole]),
        broken=int(len(whole) - whole.sum()),
        repeated_ids=count_repeated(hashes),
    )


def _restartable(passages: Any) -> Callable[[], Iterable[Any]]:
    if isinstance(passages, str | bytes | Mapping):
        raise UsageError(f"passages is {describe_type(passages)}", hint="give several, or a file to prune_corpus_file")
    if callable(passages):
        return passages  # type: ignore[no-any-return]
    if not isinstance(passages, Iterable):
        raise UsageError(f"passages is {describe_type(passages)}", hint="give texts or records")
    if isinstance(passages, Iterator):
        raise UsageError(
            "passages is an iterator, which can be read once only",
            hint="give a list, or a function that starts it anew: prune_corpus(lambda: read(...))",
        )
    return lambda: passages


def _checked(reader: PassageReader, record: Any, index: int) -> str | None:
    text = reader.text_of(record)
    if text is None and not reader.skips:
        raise InputError(
            f"this is no passage: {reader.describe(record)}",
            where=f"record {index}",
            hint='PassageReader(broken="skip") passes over such records',
        )
    return text
