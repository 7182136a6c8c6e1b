"""Batches for bi-encoders: a question's row, then its passages' rows."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import torch

from ctxprune.shrink.data.batches import check_enough, describe_batches, pad_batch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxprune.shrink.data.batches import Calibration
    from ctxprune.shrink.data.pairs import Pair
    from ctxprune.shrink.io.loaded import InputFormat

__all__ = ["batches_of_questions"]


def batches_of_questions(
    pairs: Sequence[Pair], form: InputFormat, *, rows: int = 16, tokens: int = 256, seed: int = 0
) -> Calibration:
    """Questions and passages as texts of their own, as `ctxprune.shrink.model.tasks.embedding` reads them; seeded
    order.

    Args:
        pairs: Two or more.
        form: Of the model.
        rows: Of a batch at most, but for a question with more passages, which is not divided.
        tokens: Of a row at most.
        seed: Of the batches' order.

    Raises:
        UsageError: `rows` or `tokens` is out of range.
        InputError: There are fewer than two pairs.
    """
    check_enough(len(pairs), rows)
    asked: dict[str, list[Pair]] = {}
    for pair in pairs:
        asked.setdefault(pair.question, []).append(pair)
    highest = max([1.0, *(pair.label for pair in pairs if pair.label is not None)])
    made, chunks = [], []
    for number, (question, own) in enumerate(asked.items()):
        encoded = form.texts([question, *(pair.passage for pair in own)], tokens)
        labels = [-1.0, *(-2.0 if pair.label is None else pair.label / highest for pair in own)]
        chunks.append((encoded, labels, number))
    random.Random(seed).shuffle(chunks)
    at = 0
    while at < len(chunks):
        part = [chunks[at]]
        while at + len(part) < len(chunks) and sum(len(entry[0]) for entry in [*part, chunks[at + len(part)]]) <= rows:
            part.append(chunks[at + len(part)])
        at += len(part)
        batch = pad_batch([entry for encoded, _, _ in part for entry in encoded], form)
        batch["groups"] = torch.tensor([number for encoded, _, number in part for _ in encoded])
        labels = [label for _, own_labels, _ in part for label in own_labels]
        if -2.0 not in labels:
            batch["labels"] = torch.tensor(labels)
        made.append(batch)
    return describe_batches(made, [entry for encoded, _, _ in chunks for entry in encoded], len(asked))
