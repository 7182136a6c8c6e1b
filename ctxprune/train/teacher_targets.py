"""Targets of a teacher for each token of windows, stored in files, so that a student can read them more than once."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ctxprune.errors import FormatError
from ctxprune.storage.npz import read_npz

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from ctxprune.train.batches import View
    from ctxprune.train.pruner_network import PrunerNetwork

__all__ = ["TargetBatch", "TeacherTargets", "run_teacher", "target_batches", "window_columns"]

_TYPES = {
    "ids": np.uint16, "unit": np.int32, "document": np.int32, "logits": np.float16, "starts": np.int64,
    "question": np.int32, "view": np.int32, "unit_label": np.int8, "unit_view": np.int32, "document_label": np.int8,
    "document_view": np.int32, "states": np.int8, "scales": np.float16,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class TeacherTargets:
    """Windows with a teacher's logits.

    Attributes:
        ids: uint16 (tokens,), of all windows one after the other.
        unit: int32 (tokens,): number of the unit; -1 for none.
        document: int32 (tokens,): number of the document; -1 for none.
        logits: float16 (tokens, 2): of keeping and of relevance.
        starts: int64 (windows + 1,): where each window begins in `ids`.
        question: int32 (windows,): how many of its tokens are the question with what stands around it.
        view: int32 (windows,): which view it is of, ascending.
        unit_label: int8 (units,): 1 or 0; -1 where it is not known.
        unit_view: int32 (units,).
        document_label, document_view: The same of documents.
        states: int8 (tokens, width): the teacher's last states, each in 127ths of its scale.
        scales: float16 (tokens,): the largest magnitude in each state.
    """

    ids: NDArray[np.uint16]
    unit: NDArray[np.int32]
    document: NDArray[np.int32]
    logits: NDArray[np.float16]
    starts: NDArray[np.int64]
    question: NDArray[np.int32]
    view: NDArray[np.int32]
    unit_label: NDArray[np.int8]
    unit_view: NDArray[np.int32]
    document_label: NDArray[np.int8]
    document_view: NDArray[np.int32]
    states: NDArray[np.int8]
    scales: NDArray[np.float16]

    def save(self, path: Path) -> None:
        """Write them as one npz file, whole or not at all."""
        part = path.with_suffix(".part.npz")
        np.savez(part, **self._arrays())
        part.replace(path)

    def _arrays(self) -> dict[str, Any]:
        """The arrays by name, in the order of the fields; `dataclasses.asdict` would copy them."""
        return {
            "ids": self.ids, "unit": self.unit, "document": self.document, "logits": self.logits,
            "starts": self.starts, "question": self.question, "view": self.view, "unit_label": self.unit_label,
            "unit_view": self.unit_view, "document_label": self.document_label, "document_view": self.document_view,
            "states": self.states, "scales": self.scales,
        }  # fmt: skip

    @classmethod
    def load(cls, path: Path) -> TeacherTargets:
        """What `save` wrote.

        Raises:
            FormatError: It is something else.
        """
        try:
            held = read_npz(path.read_bytes())
            return cls(**{name: held[name].astype(kind) for name, kind in _TYPES.items()})
        except (OSError, ValueError, KeyError) as error:
            raise FormatError("not a file of teacher targets", where=str(path)) from error


@dataclass(frozen=True, slots=True)
class TargetBatch:
    """Windows of several views, padded.

    Attributes:
        ids, types, mask: int64 (windows, tokens).
        unit, document: int64 (windows, tokens): numbers within the batch; -1 for none.
        logits: float32 (windows, tokens, 2), the teacher's.
        states: float32 (windows, tokens, width), the teacher's last ones.
        unit_label, document_label: float32 (units,), (documents,); -1 where not known.
        unit_group, document_group: int64, which view each is of.
        views: How many.
    """

    ids: torch.Tensor
    types: torch.Tensor
    mask: torch.Tensor
    unit: torch.Tensor
    document: torch.Tensor
    logits: torch.Tensor
    states: torch.Tensor
    unit_label: torch.Tensor
    unit_group: torch.Tensor
    document_label: torch.Tensor
    document_group: torch.Tensor
    views: int


def run_teacher(
    teacher: PrunerNetwork, views: Sequence[View], order: NDArray[np.int64], *, tokens: int = 8192
) -> TeacherTargets:
    """Run the teacher on all windows of some views.

    Args:
        teacher: In evaluation mode; its encoder may be in bfloat16.
        views: Of ids of the student's vocabulary. A unit or document without a label gets none.
        order: int64 (student's vocabulary,): the teacher's id of each piece.
        tokens: Padded tokens that are computed together.
    """
    whole = window_columns(views)
    lengths = np.diff(whole["starts"])
    logits = np.zeros((len(whole["ids"]), 2), dtype=np.float16)
    states = np.zeros((len(whole["ids"]), teacher.shape.width), dtype=np.int8)
    scales = np.zeros(len(whole["ids"]), dtype=np.float16)
    # windows of like length together, so that little padding is computed
    by_length = np.argsort(lengths, kind="stable")
    begin = 0
    while begin < len(by_length):
        count = 1
        while begin + count < len(by_length) and lengths[by_length[begin + count]] * (count + 1) <= tokens:
            count += 1
        rows = by_length[begin : begin + count]
        begin += count
        ids, types, mask = map(torch.from_numpy, _padded(whole, rows))
        with torch.no_grad():
            last = teacher.states(torch.from_numpy(order)[ids], types, mask)[-1].float()
            outputs = torch.stack(teacher.logits(last, types, mask), dim=-1).numpy()
            largest = last.abs().amax(dim=-1).half()
            # eight bits a number with one scale a token: a quarter of float32, and the loss is relative anyway
            whole_states = (last * (127 / largest.float())[..., None]).round().clamp(-127, 127).to(torch.int8).numpy()
        for place, row in enumerate(rows):
            at, size = slice(whole["starts"][row], whole["starts"][row + 1]), lengths[row]
            logits[at], states[at], scales[at] = (
                outputs[place, :size],
                whole_states[place, :size],
                largest[place, :size],
            )
    return TeacherTargets(**whole, logits=logits, states=states, scales=scales)


def target_batches(shard: TeacherTargets, *, tokens: int, rng: random.Random) -> Iterator[TargetBatch]:
    """All views of a shard in batches of at most `tokens` padded tokens (one view at least), in random order."""
    lengths = np.diff(shard.starts)
    firsts = np.searchsorted(shard.view, np.arange(int(shard.view[-1]) + 2 if len(shard.view) else 1))
    rows = [range(firsts[number], firsts[number + 1]) for number in range(len(firsts) - 1)]
    views = [number for number, own in enumerate(rows) if len(own)]
    # some disorder of lengths, or the same views would meet in every epoch
    noise = {number: rng.random() * 8 for number in views}
    views.sort(key=lambda number: max(lengths[row] for row in rows[number]) + noise[number])
    made: list[list[int]] = []
    size = 0
    for number in views:
        longest = max(lengths[row] for row in rows[number])
        size += len(rows[number])
        if not made or size * longest > tokens:
            made.append([])
            size = len(rows[number])
        made[-1].append(number)
    rng.shuffle(made)
    for group in made:
        yield _batch(shard, group, [row for number in group for row in rows[number]])


def _batch(shard: TeacherTargets, views: Sequence[int], rows: Sequence[int]) -> TargetBatch:
    whole = {"ids": shard.ids, "starts": shard.starts, "question": shard.question}
    ids, types, mask = _padded(whole, np.asarray(rows))
    shape = ids.shape
    unit, document = np.full(shape, -1, dtype=np.int64), np.full(shape, -1, dtype=np.int64)
    logits = np.zeros((*shape, 2), dtype=np.float32)
    states = np.zeros((*shape, shard.states.shape[1]), dtype=np.float32)
    for place, row in enumerate(rows):
        start, end = shard.starts[row], shard.starts[row + 1]
        unit[place, : end - start] = shard.unit[start:end]
        document[place, : end - start] = shard.document[start:end]
        logits[place, : end - start] = shard.logits[start:end]
        scales = shard.scales[start:end, None].astype(np.float32) / 127
        states[place, : end - start] = shard.states[start:end] * scales
    number = {view: place for place, view in enumerate(views)}
    units, documents = _renumbered(unit), _renumbered(document)
    tensors: dict[str, Any] = {"ids": ids, "types": types, "mask": mask, "unit": unit, "document": document}
    tensors |= {
        "logits": logits,
        "states": states,
        "unit_label": shard.unit_label[units].astype(np.float32),
        "unit_group": np.asarray([number[int(view)] for view in shard.unit_view[units]], dtype=np.int64),
        "document_label": shard.document_label[documents].astype(np.float32),
        "document_group": np.asarray([number[int(view)] for view in shard.document_view[documents]], dtype=np.int64),
    }
    return TargetBatch(**{name: torch.from_numpy(value) for name, value in tensors.items()}, views=len(views))


def _renumbered(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """The numbers from 0 up that stand in an array, in order; the array then holds their places instead."""
    # a batch holds some views of a shard, whose units are numbered through
    known = np.unique(numbers[numbers >= 0])
    inside = numbers >= 0
    numbers[inside] = np.searchsorted(known, numbers[inside])
    return known


def _padded(whole: dict[str, Any], rows: NDArray[Any]) -> tuple[NDArray[np.int64], ...]:
    starts, question = whole["starts"], whole["question"]
    shape = (len(rows), int(max(starts[row + 1] - starts[row] for row in rows)))
    ids, types, mask = (np.zeros(shape, dtype=np.int64) for _ in range(3))
    for place, row in enumerate(rows):
        size = starts[row + 1] - starts[row]
        ids[place, :size], mask[place, :size] = whole["ids"][starts[row] : starts[row + 1]], 1
        types[place, question[row] : size] = 1
    return ids, types, mask


def window_columns(views: Sequence[View]) -> dict[str, Any]:
    """The views' windows as columns; every piece but titles is a unit, every document a document."""
    ids: list[int] = []
    unit: list[int] = []
    document: list[int] = []
    starts, question, view = [0], [], []
    units: dict[tuple[int, int, int], int] = {}
    documents: dict[tuple[int, int], int] = {}
    unit_label, document_label = [], []
    for number, entry in enumerate(views):
        for window in entry.windows:
            own, whole = [-1] * len(window.ids), [-1] * len(window.ids)
            for piece in window.pieces:
                size = piece.end - piece.start
                key = (number, piece.document)
                if key not in documents:
                    documents[key] = len(documents)
                    document_label.append(int(entry.relevant.get(piece.document, -1)))
                whole[piece.start : piece.end] = [documents[key]] * size
                if piece.unit >= 0:
                    name = (number, piece.document, piece.unit)
                    if name not in units:
                        units[name] = len(units)
                        unit_label.append(int(entry.labels.get((piece.document, piece.unit), -1)))
                    own[piece.start : piece.end] = [units[name]] * size
            ids += window.ids
            unit += own
            document += whole
            starts.append(len(ids))
            question.append(window.question)
            view.append(number)
    lists = {
        "ids": ids, "unit": unit, "document": document, "starts": starts, "question": question, "view": view,
        "unit_label": unit_label, "unit_view": [name[0] for name in units], "document_label": document_label,
        "document_view": [name[0] for name in documents],
    }  # fmt: skip
    return {name: np.asarray(value, dtype=_TYPES[name]) for name, value in lists.items()}
