"""Choose rows of a data file with a model: what `ctxprune train select --model` does with a selector."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from ctxprune.errors import InputError, UsageError
from ctxprune.shrink.data.batches import Calibration, batches_of
from ctxprune.shrink.data.pairs import read_pairs
from ctxprune.shrink.data.texts import batches_of_texts, read_texts
from ctxprune.shrink.io.loaded import Loaded
from ctxprune.shrink.model.checks import check_subject
from ctxprune.shrink.model.subject import Subject
from ctxprune.shrink.recipes.recipe import Piece, build_piece
from ctxprune.shrink.registries import SELECTORS

_ROWS = 16  # of a batch, unless a question has more


@dataclass(frozen=True)
class RowChoice:
    """How rows are chosen."""

    selector: Piece  # a piece of `ctxprune.shrink.registries.SELECTORS`
    share: float  # of the rows, above 0 and up to 1
    # The model before it was shrunk, or a larger one with the same tokenizer, for selectors that compare.
    full: Loaded | None = None
    related: Path | None = None  # file of the target task's data, in the format of the rows
    tokens: int = 256  # of a row at most; the model's own limit if that is less
    seed: int = 0  # random seed


def choose_rows(loaded: Loaded, file: Path, choice: RowChoice) -> list[bool]:
    """Whether each row of a file is chosen, in the file's order; a question's rows go together.

    The file has pairs for a reranker, texts for a decoder, as JSON lines; see `ctxprune.shrink.data`.

    Raises:
        UsageError: The model is of another kind, or the selector lacks what it needs.
        InputError: A file cannot be read.
    """
    if loaded.kind not in ("decoder", "reranker"):
        hint = "name another --model"
        raise UsageError(f"rows are judged by a reranker or a decoder, and this is {loaded.kind}", hint=hint)
    found = _batches(loaded, file, choice.tokens)
    related = _batches(loaded, choice.related, choice.tokens).batches if choice.related is not None else ()
    teacher = None if choice.full is None else choice.full.model
    subject = Subject(loaded.model, loaded.task, found.batches, teacher=teacher, seed=choice.seed, related=related)
    check_subject(subject)
    chosen = build_piece(SELECTORS, choice.selector)(subject, choice.share).tolist()
    return [own for _, own in sorted(zip(found.places, chosen, strict=True))]


def _batches(loaded: Loaded, file: Path, tokens: int) -> Calibration:
    limit = min(tokens, loaded.form.limit)
    if loaded.kind == "decoder":
        if not file.name.endswith((".jsonl", ".jsonl.gz")):
            raise InputError("texts are chosen by line", where=file.name, hint="give JSON lines, in a file *.jsonl")
        return batches_of_texts(read_texts(file), loaded.form, tokens=limit)
    pairs = read_pairs(file)
    # a question's rows share a batch, since they are compared there
    rows = max(_ROWS, *Counter(pair.question for pair in pairs).values())
    return batches_of(pairs, loaded.form, rows=rows, tokens=limit)
