"""Choose rows of a data file with a model: what `ctxprune train select --model` does with a selector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from ctxprune.errors import InputError, UsageError
from ctxprune.shrink.data.batches import pad_batch, source_names
from ctxprune.shrink.data.pairs import read_pairs
from ctxprune.shrink.data.texts import read_texts
from ctxprune.shrink.model.subject import Subject
from ctxprune.shrink.recipes.recipe import Piece, build_piece
from ctxprune.shrink.registries import SELECTORS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ctxprune.shrink.io.loaded import Loaded
    from ctxprune.shrink.model.tasks.base import Batch

__all__ = ["RowChoice", "choose_rows"]

_ROWS = 16  # of a batch at most


@dataclass(frozen=True)
class RowChoice:
    """How rows are chosen.

    Attributes:
        selector: A piece of `ctxprune.shrink.registries.SELECTORS`.
        share: Of the rows, above 0 and up to 1.
        full: The model before it was shrunk, or a larger one with the same tokenizer, for selectors that compare.
        related: File of the target task's data, in the format of the rows.
        tokens: Of a row at most; the model's own limit if that is less.
        seed: Random seed.
    """

    selector: Piece
    share: float
    full: Loaded | None = None
    related: Path | None = None
    tokens: int = 256
    seed: int = 0


def choose_rows(loaded: Loaded, file: Path, choice: RowChoice) -> list[bool]:
    """Whether each row of a file is chosen, in the file's order; a question's rows go together.

    Args:
        loaded: A reranker or a decoder.
        file: Pairs of a reranker, texts of a decoder, as JSON lines; see `ctxprune.shrink.data`.
        choice: The selector and what it needs.

    Raises:
        UsageError: The model is of another kind, or the selector lacks what it needs.
        InputError: A file cannot be read.
    """
    if loaded.kind not in ("decoder", "reranker"):
        raise UsageError(
            f"rows are judged by a reranker or a decoder, and this is {loaded.kind}", hint="name another --model"
        )
    order, batches = _in_order(loaded, file, choice.tokens)
    related = _in_order(loaded, choice.related, choice.tokens)[1] if choice.related is not None else []
    teacher = None if choice.full is None else choice.full.model
    subject = Subject(loaded.model, loaded.task, batches, teacher=teacher, seed=choice.seed, related=related)
    chosen = build_piece(SELECTORS, choice.selector)(subject, choice.share).tolist()
    kept = [False] * len(order)
    for place, own in zip(order, chosen, strict=True):
        kept[place] = own
    return kept


def _in_order(loaded: Loaded, file: Path, tokens: int) -> tuple[list[int], list[Batch]]:
    """The places of the file's rows in the order of the batches, where a question's rows stand in one batch."""
    limit = min(tokens, loaded.form.limit)
    if loaded.kind == "decoder":
        if not file.name.endswith((".jsonl", ".jsonl.gz")):
            raise InputError("texts are chosen by line", where=file.name, hint="give JSON lines, in a file *.jsonl")
        texts = read_texts(file)
        chunks = [[place] for place in range(len(texts))]
        return _batched(loaded, chunks, loaded.form.texts(texts, limit), [{"source": _source(text)} for text in texts])
    pairs = read_pairs(file)
    groups: dict[str, list[int]] = {}
    for place, pair in enumerate(pairs):
        groups.setdefault(pair.question, []).append(place)
    encoded = loaded.form.pairs([(pair.question, pair.passage) for pair in pairs], limit)
    highest = max([1.0, *(pair.label for pair in pairs if pair.label is not None)])
    marks = [{"source": pair.source, "labels": None if pair.label is None else pair.label / highest} for pair in pairs]
    return _batched(loaded, list(groups.values()), encoded, marks)


def _source(text: Any) -> str:
    return str(getattr(text, "source", ""))


def _batched(
    loaded: Loaded, chunks: Sequence[list[int]], encoded: Sequence[Any], marks: Sequence[dict[str, Any]]
) -> tuple[list[int], list[Batch]]:
    parts: list[list[tuple[int, int]]] = []
    for number, chunk in enumerate(chunks):
        if not parts or len(parts[-1]) + len(chunk) > _ROWS:
            parts.append([])
        parts[-1] += [(place, number) for place in chunk]
    names = source_names(mark["source"] for mark in marks)
    batches: list[Batch] = []
    for part in parts:
        places = [place for place, _ in part]
        batch = pad_batch([encoded[place] for place in places], loaded.form)
        batch["groups"] = torch.tensor([number for _, number in part])
        if names:
            batch["sources"] = torch.tensor([names.index(marks[place]["source"]) for place in places])
        if marks[0].get("labels") is not None:
            batch["labels"] = torch.tensor([marks[place]["labels"] for place in places], dtype=torch.float32)
        batches.append(batch)
    return [place for part in parts for place, _ in part], batches
