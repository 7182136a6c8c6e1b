"""Static pruning of a corpus in Ray Data, on one machine or on many.

ray.init()
pruned = prune_dataset(ray.data.read_parquet("corpus"), share=0.1)
pruned.kept.write_parquet("kept")
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.errors import InputError
from ctxprune.integrations._accounts import PREFIX
from ctxprune.rag.corpus.base import Quality, as_quality
from ctxprune.rag.corpus.cut import count_share
from ctxprune.rag.corpus.prune import judge_texts, make_report
from ctxprune.rag.corpus.records import hash_id
from ctxprune.utils.extras import require
from ctxprune.utils.validation import check_range

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ctxprune.rag.corpus.cut import CorpusReport

pa = require("pyarrow", "ray")
data = require("ray.data", "ray")

__all__ = ["PrunedDataset", "prune_dataset"]

_QUALITY, _REASON, _ID = (f"{PREFIX}{name}" for name in ("quality", "reason", "id_hash"))
_MADE = (_QUALITY, _REASON, _ID)
_BATCH = 1000


@dataclass(frozen=True)
class PrunedDataset:
    """A dataset without its worst passages.

    Attributes:
        kept: The rows that stay, with the columns they had.
        dropped: The others, with `ctxprune_quality` and `ctxprune_reason`.
        report: The account.
    """

    kept: Any
    dropped: Any
    report: CorpusReport


def prune_dataset(
    dataset: Any,
    *,
    share: float = 0.05,
    quality: Quality | str = "surface.v1",
    column: str = "text",
    id_column: str = "id",
) -> PrunedDataset:
    """Drop the share of rows that is least likely to answer any question, see `prune_corpus`.

    Each passage is judged once, by the workers; 13 bytes a row come to this process, which finds the exact cut. Rows of
    a dataset have no lasting order, so that of rows of equal quality at the cut none can be chosen: all of them stay,
    and fewer rows may go than the share says.

    Args:
        dataset: A ray.data.Dataset. Its columns stay; rows are held in Ray's object store.
        share: How many rows go at most, from 0 up, under 1.
        quality: Judges passages; a registered name or an object.
        column: The column of the texts.
        id_column: The column of the ids, which may be missing; repeated ones are counted.

    Raises:
        UsageError: share is out of range, or quality is none.
        UnknownNameError: No quality has that name.
        InputError: There is no such column, or a row has no text.
    """
    check_range("share", share, open_high=True)
    judge = as_quality(quality)
    names = dataset.columns() or []
    if names and column not in names:
        raise InputError(f"there is no column {column!r}", hint=f"columns: {', '.join(map(repr, names))}")
    judged = dataset.map_batches(
        _judge_batch,
        fn_kwargs={"quality": judge, "text": column, "name": id_column},
        batch_format="pyarrow",
        batch_size=_BATCH,
    ).materialize()  # judged once: both datasets and the cut read these columns
    values, reasons, ids = _collect(judged)
    if np.isnan(values).any():
        raise InputError(
            f"{int(np.isnan(values).sum())} rows have no text", where=column, hint="filter them out before"
        )
    cut = _strict_cut(values, share)
    gone = values < cut
    report = make_report(judge.reasons, values, reasons, ~gone, ids)
    return PrunedDataset(_choose(judged, cut, judge, dropped=False), _choose(judged, cut, judge, dropped=True), report)


def _strict_cut(values: NDArray[np.float32], share: float) -> float:
    """The quality below which at most the floor of share * n rows are."""
    count = count_share(share, len(values))
    return float(np.partition(values, count)[count]) if len(values) else 0.0


def _collect(judged: Any) -> tuple[NDArray[np.float32], NDArray[np.uint8], NDArray[np.uint64]]:
    parts = [
        [batch.column(name).to_numpy() for name in _MADE]
        for batch in judged.iter_batches(batch_format="pyarrow", batch_size=None)
        if batch.num_rows
    ]
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)] or [np.zeros(0)] * 3
    values, reasons, ids = columns
    return values.astype(np.float32), reasons.astype(np.uint8), ids.astype(np.uint64)


def _judge_batch(table: Any, quality: Quality, text: str, name: str) -> Any:
    """The rows with their quality, the place of its reason, and the hash of the id."""
    texts = table.column(text).to_pylist()
    values, reasons = judge_texts(quality, [one if isinstance(one, str) else None for one in texts])
    ids = table.column(name).to_pylist() if name in table.column_names else [None] * len(texts)
    for column, array in zip(_MADE, (values, reasons, _hashes(ids)), strict=True):
        table = table.append_column(column, pa.array(array))
    return table


def _hashes(ids: list[Any]) -> NDArray[np.uint64]:
    return np.asarray([hash_id(one) for one in ids], dtype=np.uint64)


def _choose(judged: Any, cut: float, quality: Quality, *, dropped: bool) -> Any:
    keywords = {"cut": cut, "dropped": dropped, "reasons": quality.reasons}
    return judged.map_batches(_choose_rows, fn_kwargs=keywords, batch_format="pyarrow", batch_size=None)


def _choose_rows(table: Any, cut: float, reasons: tuple[str, ...], *, dropped: bool) -> Any:
    values = table.column(_QUALITY).to_numpy()
    table = table.filter(pa.array((values < np.float32(cut)) == dropped))
    places = table.column(_REASON).to_pylist()
    table = table.drop_columns([_REASON, _ID] if dropped else [*_MADE])
    if not dropped:
        return table
    return table.append_column(_REASON, pa.array([reasons[place] for place in places], pa.string()))
