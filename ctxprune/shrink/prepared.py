"""From a file of pairs or texts to a subject and batches that are held out, as the kind of model wants them."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from ctxprune.errors import UsageError
from ctxprune.shrink.calibration import batches_of, batches_of_texts, read_pairs, read_texts
from ctxprune.shrink.calibration.questions import batches_of_questions
from ctxprune.shrink.checks import check_subject
from ctxprune.shrink.subject import Subject

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ctxprune.shrink.calibration import Calibration, Pair
    from ctxprune.shrink.loading import Loaded
    from ctxprune.shrink.tasks.base import Batch

__all__ = ["Prepared", "prepare"]

_LEAST = 5  # questions from which some can be held out


@dataclass(frozen=True)
class Prepared:
    """What a run works with.

    Attributes:
        subject: The model with its calibration data.
        held_out: Batches that quality is measured on; where there were no labels, the full model's scores stand in.
        pairs: The pairs that are held out; none of a decoder.
        notes: What to say about the data, as plain values.
    """

    subject: Subject
    held_out: Sequence[Batch]
    pairs: Sequence[Pair]
    notes: Mapping[str, Any]


def prepare(
    loaded: Loaded,
    data: str | Path,
    *,
    held_out: str | Path | None = None,
    tokens: int = 256,
    seed: int = 0,
    rows: int = 16,
) -> Prepared:
    """Read data for a model; without a file of its own a fifth of the questions or texts is held out.

    Args:
        loaded: The model.
        data: Pairs for rerankers and embedders, texts for decoders; see `ctxprune.shrink.calibration`.
        held_out: The same, for measuring quality.
        tokens: Of a row at most; the model's own limit if that is less.
        seed: Of the division and of the order.
        rows: Of a batch at most.

    Raises:
        InputError: A file cannot be read, or has too little.
        UsageError: A number is out of range.
    """
    tokens = min(tokens, loaded.form.limit)
    given = _read(loaded, data)
    kept = _read(loaded, held_out) if held_out is not None else None
    note = "a file of its own" if kept is not None else "a fifth of the questions"
    if kept is None:
        given, kept = _divided(given, seed)
        if given is kept:
            note = "the same as for calibration, for want of questions"
    calibration, measured = (_batches(loaded, part, rows=rows, tokens=tokens, seed=seed) for part in (given, kept))
    subject = Subject(loaded.model, loaded.task, calibration.batches, seed=seed)
    check_subject(subject)
    batches = [_labelled(loaded, batch) for batch in measured.batches]
    notes = {"calibration": calibration.report(), "held_out": measured.report(), "held_out_is": note}
    notes["labels"] = (
        "given" if loaded.kind == "decoder" or "labels" in measured.batches[0] else "the full model's scores"
    )
    return Prepared(subject, batches, [] if loaded.kind == "decoder" else kept, notes)


def _read(loaded: Loaded, path: str | Path) -> list[Any]:
    return list(read_texts(path)) if loaded.kind == "decoder" else list(read_pairs(path))


def _divided(entries: list[Any], seed: int) -> tuple[list[Any], list[Any]]:
    names = sorted({_name(entry) for entry in entries})
    if len(names) < _LEAST:
        return entries, entries
    chosen = set(random.Random(seed).sample(names, max(len(names) // 5, 2)))
    return [entry for entry in entries if _name(entry) not in chosen], [
        entry for entry in entries if _name(entry) in chosen
    ]


def _name(entry: Any) -> str:
    return entry if isinstance(entry, str) else str(entry.question)


def _batches(loaded: Loaded, entries: Sequence[Any], **options: int) -> Calibration:
    if loaded.kind == "pruner":
        from ctxprune.shrink.calibration.windows import batches_of_windows

        return batches_of_windows(entries, loaded.form, loaded.model, **options)
    make: Any = {"decoder": batches_of_texts, "embedder": batches_of_questions}.get(loaded.kind, batches_of)
    try:
        found: Calibration = make(entries, loaded.form, **options)
    except UsageError as error:
        raise UsageError(error.what, where="tokens", hint=error.hint) from error
    return found


def _labelled(loaded: Loaded, batch: Batch) -> Batch:
    """With the full model's scores as labels where there are none."""
    if loaded.kind in ("decoder", "pruner") or "labels" in batch:
        return batch
    with torch.no_grad():
        output = loaded.task.output(loaded.model, batch)
    if loaded.kind == "reranker":
        return {**batch, "labels": output[:, -1]}
    groups = batch["groups"]
    labels = torch.full((len(groups),), -1.0)
    for number in groups.unique():
        places = (groups == number).nonzero().flatten()
        labels[places[1:]] = (output[places[1:]] @ output[places[0]] + 1).clamp(min=0) / 2
    return {**batch, "labels": labels}
