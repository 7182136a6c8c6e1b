"""From examples to tensors: tokens once, a fresh view of each example every epoch, batches of like length."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.models.windows import MOST_QUESTION, MOST_TITLE, Tokens, windows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from ctxprune.models.windows import Window
    from ctxprune.train.examples import Example

__all__ = ["Batch", "Encoded", "View", "batches", "encode", "view"]

_POOL = 512  # examples that are sorted by length together


@dataclass(frozen=True, slots=True)
class Encoded:
    """One example as token ids: int32 arrays, with the labels of the `Example`."""

    kind: str
    question: NDArray[np.int32]
    titles: tuple[NDArray[np.int32], ...]
    units: tuple[tuple[NDArray[np.int32], ...], ...]
    labels: tuple[tuple[bool, ...], ...]
    relevant: tuple[bool, ...] | None
    unlabelled: bool


@dataclass(frozen=True, slots=True)
class View:
    """One example as windows, with the labels of their units and documents.

    Attributes:
        windows: One or more.
        labels: By (document, unit); a unit without an entry does not count.
        relevant: By document, where documents count.
    """

    windows: tuple[Window, ...]
    labels: dict[tuple[int, int], bool]
    relevant: dict[int, bool]

    @property
    def longest(self) -> int:
        """Tokens of the longest window."""
        return max(len(window.ids) for window in self.windows)


@dataclass(frozen=True, slots=True)
class Batch:
    """Windows of several examples, padded.

    Attributes:
        ids, types, mask: int64 (windows, tokens).
        unit: int64 (windows, tokens): which unit of the batch a token is of; -1 for none.
        document: int64 (windows, tokens): the same of documents.
        unit_labels, unit_groups: float32 and int64 (units,): label of a unit, and which example it is of.
        document_labels, document_groups: The same of documents.
        examples: How many.
    """

    ids: NDArray[np.int64]
    types: NDArray[np.int64]
    mask: NDArray[np.int64]
    unit: NDArray[np.int64]
    document: NDArray[np.int64]
    unit_labels: NDArray[np.float32]
    unit_groups: NDArray[np.int64]
    document_labels: NDArray[np.float32]
    document_groups: NDArray[np.int64]
    examples: int


def encode(examples: Sequence[Example], tokenizer: Any) -> list[Encoded]:
    """Token ids of all examples, without special tokens; texts that several examples share are encoded once."""
    texts: dict[str, None] = {}
    for example in examples:
        texts[example.question] = None
        for document in example.documents:
            texts[document.title] = None
            texts.update(dict.fromkeys(document.sentences))
    known: dict[str, NDArray[np.int32]] = {}
    names = list(texts)
    # in parts, so that the tokenizer's objects are not all in memory at once
    for at in range(0, len(names), 4096):
        part = names[at : at + 4096]
        found = tokenizer.encode_batch(part, add_special_tokens=False)
        known.update((name, np.asarray(entry.ids, dtype=np.int32)) for name, entry in zip(part, found, strict=True))
    return [
        Encoded(
            example.kind,
            known[example.question],
            tuple(known[document.title] for document in example.documents),
            tuple(tuple(known[text] for text in document.sentences) for document in example.documents),
            tuple(document.labels for document in example.documents),
            example.relevant,
            example.unlabelled,
        )
        for example in examples
    ]


def view(example: Encoded, rng: random.Random | None, *, limit: int = 256) -> View:
    """The example as windows; with `rng` another view each time.

    Such a view has about one window's worth of tokens, four where documents are ranked: documents are shuffled, those
    with evidence first chosen, and long ones are cut around their evidence. A quarter of the views goes without titles.
    """
    parts = [(index, 0, len(units)) for index, units in enumerate(example.units)]
    titled = True
    if rng is not None:
        # the network must not rely on titles: many contexts have none
        titled = rng.random() > 0.25
        parts = list(_sampled(example, rng, limit))
        rng.shuffle(parts)
    documents, labels, relevant = [], {}, {}
    for number, (index, start, end) in enumerate(parts):
        title = example.titles[index].tolist() if titled else []
        documents.append(Tokens(title, [ids.tolist() for ids in example.units[index][start:end]]))
        if not example.unlabelled:
            labels.update({(number, unit - start): example.labels[index][unit] for unit in range(start, end)})
        if example.relevant is not None:
            relevant[number] = example.relevant[index]
    return View(tuple(windows(example.question.tolist(), documents, example.kind, limit=limit)), labels, relevant)


def batches(views: Sequence[View], *, tokens: int, rng: random.Random) -> Iterator[Batch]:
    """Batches of at most `tokens` padded tokens (one view at least), in random order within pools of like length."""
    for at in range(0, len(views), _POOL):
        # sorted within pools: sorted as a whole, batches of one length would follow one another
        pool = sorted((entry for entry in views[at : at + _POOL] if entry.windows), key=lambda entry: entry.longest)
        made: list[list[View]] = []
        size = 0
        for entry in pool:
            size += len(entry.windows)
            if not made or size * entry.longest > tokens:
                made.append([])
                size = len(entry.windows)
            made[-1].append(entry)
        rng.shuffle(made)
        for group in made:
            yield collate(group)


def collate(views: Sequence[View]) -> Batch:
    """One batch of some views."""
    rows = [window for entry in views for window in entry.windows]
    shape = (len(rows), max(len(window.ids) for window in rows))
    ids, types, mask = (np.zeros(shape, dtype=np.int64) for _ in range(3))
    unit, document = np.full(shape, -1, dtype=np.int64), np.full(shape, -1, dtype=np.int64)
    units: dict[tuple[int, int, int], int] = {}
    documents: dict[tuple[int, int], int] = {}
    row = 0
    for group, entry in enumerate(views):
        for window in entry.windows:
            size = len(window.ids)
            ids[row, :size], mask[row, :size] = window.ids, 1
            types[row, window.question : size] = 1
            for piece in window.pieces:
                # numbers are given as pieces are met, so that what is cut off has none
                if piece.document in entry.relevant:
                    key = documents.setdefault((group, piece.document), len(documents))
                    document[row, piece.start : piece.end] = key
                if (piece.document, piece.unit) in entry.labels:
                    name = (group, piece.document, piece.unit)
                    unit[row, piece.start : piece.end] = units.setdefault(name, len(units))
            row += 1
    return Batch(
        ids,
        types,
        mask,
        unit,
        document,
        np.asarray([views[g].labels[d, u] for g, d, u in units], dtype=np.float32),
        np.asarray([g for g, _, _ in units], dtype=np.int64),
        np.asarray([views[g].relevant[d] for g, d in documents], dtype=np.float32),
        np.asarray([g for g, _ in documents], dtype=np.int64),
        len(views),
    )


def _sampled(example: Encoded, rng: random.Random, limit: int) -> Iterator[tuple[int, int, int]]:
    """Documents and which of their units are read: first those that matter, then others as long as there is room."""
    order = list(range(len(example.units)))
    wanted = [index for index in order if (example.relevant and example.relevant[index]) or any(example.labels[index])]
    others = [index for index in order if index not in wanted]
    rng.shuffle(wanted)
    rng.shuffle(others)
    head = 4 + min(len(example.question), MOST_QUESTION)
    # of varying size, so that the network meets windows that are full, nearly full and overfull
    room = limit - head + rng.randrange(-limit // 6, limit // 6 + 1)
    if example.unlabelled:
        others = sorted(others[:8])  # the order of the retriever: the hardest of a random choice
        # one relevant document against its hardest negatives, about four windows in all
        wanted, room = wanted[:1], 3 * limit
    for place, index in enumerate([*wanted, *others]):
        if place and room < 32:
            return
        sizes = [len(ids) for ids in example.units[index]]
        most = min(max(room, 32), limit - head - min(len(example.titles[index]), MOST_TITLE))
        start, end = (
            (0, _fitting(sizes, most)) if example.unlabelled else _around(example.labels[index], sizes, most, rng)
        )
        room -= sum(sizes[start:end]) + len(example.titles[index])
        yield index, start, end


def _fitting(sizes: Sequence[int], most: int) -> int:
    """How many from the first on have at most so many tokens together; one at least."""
    total = np.cumsum(sizes)
    return max(int((total <= most).sum()), min(1, len(sizes)))


def _around(labels: Sequence[bool], sizes: Sequence[int], most: int, rng: random.Random) -> tuple[int, int]:
    """A run of units with at most so many tokens around one that is evidence, or around any where none is."""
    if sum(sizes) <= most:
        return 0, len(sizes)
    # the evidence stands anywhere in the run, not at its start
    positives = [index for index, label in enumerate(labels) if label] or [rng.randrange(len(labels))]
    start = rng.choice(positives)
    end, total = start + 1, sizes[start]
    while True:
        grow = [side for side, fits in (
            (-1, start > 0 and total + sizes[start - 1] <= most),
            (1, end < len(sizes) and total + sizes[end] <= most),
        ) if fits]  # fmt: skip
        if not grow:
            return start, end
        if rng.choice(grow) < 0:
            start -= 1
            total += sizes[start]
        else:
            total += sizes[end]
            end += 1
