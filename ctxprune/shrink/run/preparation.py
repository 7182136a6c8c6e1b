"""From a file of pairs or texts to a subject and batches that are held out, as the kind of model wants them."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ctxprune.errors import InputError, UsageError
from ctxprune.shrink.audit import Question
from ctxprune.shrink.audit.models import scorer_of
from ctxprune.shrink.data import (
    Calibration,
    batches_of,
    batches_of_texts,
    group_by_source,
    read_pairs,
    read_texts,
)
from ctxprune.shrink.data.batches import batches_of_questions
from ctxprune.shrink.io.loaded import Loaded
from ctxprune.shrink.model.checks import check_subject
from ctxprune.shrink.model.subject import Subject
from ctxprune.shrink.model.tasks.base import Batch, Measured
from ctxprune.shrink.run.vocabulary import check_vocabulary, prune_vocabulary

__all__ = ["WANT", "OtherInputs", "Prepared", "add_inputs", "prepare"]

WANT = "the same as for calibration, for want of questions"
"""Note on held-out data where there are too few questions to hold some out."""
_ROWS = 16  # of a batch at most
_LEAST = 5  # questions from which some can be held out


@dataclass(frozen=True)
class Prepared:
    """What a run works with.

    Attributes:
        loaded: The model; with the smaller vocabulary where one was asked for.
        subject: The same with its calibration data.
        held_out: Batches that recipes are compared on; where there were no labels, the full model's scores stand in.
        reported: Batches that the quality in the report is measured on: no recipe is chosen by them where several
            compete, for the best of many is better on what it was chosen by than anywhere else.
        pairs: The pairs of `reported`; of a decoder its texts.
        notes: What to say about the data, as plain values.
        full_quality: Of the model as it was given, on `reported`.
        vocabulary: What `ctxprune.shrink.run.vocabulary.prune_vocabulary` says of the cut, with the `quality` before
            and after it; empty where the vocabulary is whole.
    """

    loaded: Loaded
    subject: Subject
    held_out: Sequence[Batch]
    reported: Sequence[Batch]
    pairs: Sequence[Any]
    notes: Mapping[str, Any]
    full_quality: float
    vocabulary: Mapping[str, Any]


@dataclass(frozen=True)
class OtherInputs:
    """What some recipes take beside model and data."""

    # Folder of an earlier state of the model: what it was tuned from, or of its first steps.
    base: str | Path | None = None
    # File of a related, larger task or of a general domain, in the format of the data.
    related: str | Path | None = None
    groups: bool = False  # whether the `source` of a related pair says for whom quality shall be the same


def add_inputs(prepared: Prepared, other: OtherInputs, base: nn.Module | None, *, tokens: int, seed: int) -> Prepared:
    """The same with an earlier state of the model, which is `base`, and related data in its subject.

    Refused are groups without related data or a source, or of a model that is not a reranker; and a base of other
    shapes. Errors of files are those of `prepare`.
    """
    subject, loaded = prepared.subject, prepared.loaded
    if other.groups and (other.related is None or loaded.kind != "reranker"):
        raise UsageError("groups are those of a reranker's related pairs", where="groups", hint="give related data")
    if base is not None:
        subject = replace(subject, base=base)
        subject.needed_base()  # refused before hours of work
    if other.related is not None:
        options = {"rows": _ROWS, "tokens": min(tokens, loaded.form.limit), "seed": seed}
        entries = _read(loaded, other.related)
        parts = group_by_source(entries) if other.groups else {"": entries}
        if other.groups and set(parts) == {""}:
            raise InputError("no pair has a source", where=str(other.related), hint='give each line a "source"')
        batches = [
            {**batch, "groups": torch.full_like(batch["groups"], number)} if other.groups else batch
            for number, part in enumerate(parts.values())
            for batch in _batches(loaded, _labelled(loaded, part, options["tokens"]), loaded, options).batches
        ]
        subject = replace(subject, related=batches)
        check_subject(subject)
    return replace(prepared, subject=subject)


def prepare(
    loaded: Loaded,
    data: str | Path,
    *,
    held_out: str | Path | None = None,
    tokens: int = 256,
    seed: int = 0,
    vocabulary: int | None = None,
    compete: bool = False,
) -> Prepared:
    """Read data for a model; without a file of its own a fifth of the questions or texts is held out for the report.

    Args:
        loaded: The model.
        data: Pairs for rerankers and embedders, texts for decoders; see `ctxprune.shrink.data`.
        held_out: The same, for the quality in the report; questions or texts in both are not shrunk with.
        tokens: Of a row at most; the model's own limit if that is less.
        seed: Of the division and of the order.
        vocabulary: Pieces that stay, the most frequent ones in what is not held out; None: all of them.
        compete: Whether one of several recipes will be chosen; then a fifth of what is left is held out for that.

    Raises:
        InputError: A file cannot be read, or has too little; or all of the data is in `held_out`, too.
        UsageError: A number is out of range, or the vocabulary cannot be cut so.
    """
    if vocabulary is not None:
        check_vocabulary(loaded, vocabulary)
    given, kept, note = _parts(loaded, data, held_out, seed)
    both = 0
    if held_out is not None:
        given, both = _without(given, kept, str(data))
    choosing, chosen_by = kept, note
    if compete:
        given, choosing = _divided(given, seed + 1)
        chosen_by = WANT if given is choosing else "a fifth of the other questions"
    options = {"rows": _ROWS, "tokens": min(tokens, loaded.form.limit), "seed": seed}
    judged = _labelled(loaded, kept, options["tokens"])
    compared = _labelled(loaded, choosing, options["tokens"]) if compete else judged
    _check_ranked(loaded, judged, data if held_out is None else held_out)
    _check_ranked(loaded, compared, data)
    full, cut = loaded, dict[str, Any]()
    if vocabulary is not None:
        # the held-out texts choose no vocabulary, or quality would be measured on what was chosen for
        others = [text for part in (kept, choosing) if part is not given for text in _texts(part)]
        loaded, cut = prune_vocabulary(loaded, _texts(given), vocabulary, counted=others)
    calibration, measured = (_batches(loaded, part, full, options) for part in (given, judged))
    comparison = _batches(loaded, compared, full, options) if compete else measured
    subject = Subject(loaded.model, loaded.task, calibration.batches, seed=seed)
    check_subject(subject)
    whole = loaded.task.measure(loaded.model, measured.batches)
    quality = whole.value
    if cut:
        whole = loaded.task.measure(full.model, _batches(full, judged, full, options).batches)
        cut["quality"] = [whole.value, quality]
        if loaded.kind == "decoder":  # a loss is a token's, and the smaller vocabulary makes more tokens of a text
            cut["quality"][0] *= cut["tokens"][0] / cut["tokens"][1]
    notes: dict[str, Any] = {"calibration": calibration.report(), "held_out": measured.report(), "held_out_is": note}
    if both:
        notes["in_both"] = both
    notes |= _chance_note(whole, "texts" if loaded.kind == "decoder" else "questions")
    if measured.sources:
        notes["sources"] = list(measured.sources)
    if compete:
        notes |= {"chosen_by": comparison.report(), "chosen_by_is": chosen_by}
    read = Path(data).read_bytes() if Path(data).is_file() else repr(given).encode()  # a pipe is read once
    notes["sha256"] = hashlib.sha256(read).hexdigest()
    given_labels = loaded.kind == "decoder" or (loaded.kind != "pruner" and kept[0].label is not None)
    notes["labels"] = "given" if given_labels else "the full model's scores"
    full_quality = cut.get("quality", [quality])[0]
    return Prepared(loaded, subject, comparison.batches, measured.batches, kept, notes, full_quality, cut)


def _parts(
    loaded: Loaded, data: str | Path, held_out: str | Path | None, seed: int
) -> tuple[list[Any], list[Any], str]:
    """What there is to shrink with, what is held out for the report, and a note on that."""
    given = _read(loaded, data)
    if held_out is not None:
        return given, _read(loaded, held_out), "a file of its own"
    # by question and not by pair: passages of one question in both parts would leak
    given, kept = _divided(given, seed)
    return given, kept, WANT if given is kept else "a fifth of the questions"


def _without(given: list[Any], kept: Sequence[Any], path: str) -> tuple[list[Any], int]:
    """The entries without those whose question or text is in `kept`, and how many questions or texts went."""
    names = {_name(entry) for entry in kept}
    left = [entry for entry in given if _name(entry) not in names]
    if not left:
        raise InputError(
            "all of the data is in the data for evaluation, too", where=Path(path).name,
            hint="leave the file for evaluation out: a fifth of the data is held out then",
        )  # fmt: skip
    return left, len({_name(entry) for entry in given} & names)


def _chance_note(found: Measured, noun: str) -> dict[str, str]:
    """A warning, where there is one: of a model that knows nothing no figure says what shrinking costs."""
    if not found.is_chance:
        return {}
    low, high = found.interval()
    other = "an order by chance" if found.metric == "pairs in order" else "the same probability for every token"
    same = "; it may give all of them the same score" if low == high else ""
    warning = (
        f"the model is no better than chance on the held-out {noun}: {found.metric} {found.value:.3f} (95 %: {low:.3f}"
        f" to {high:.3f}), and {other} has {found.chance:.3f}{same}. What shrinking costs cannot be told from this:"
        f" check that labels and model fit, or give more {noun}"
    )
    return {"chance": warning}


def _labelled(loaded: Loaded, part: Sequence[Any], tokens: int) -> Sequence[Any]:
    """The part with labels: the full model's scores where it has none and the kind of model needs some.

    Those of an embedder are 0..1 for cosines from -1 to 1.
    """
    if loaded.kind in ("decoder", "pruner") or part[0].label is not None:
        return part
    score = scorer_of(loaded, tokens)
    asked: dict[str, dict[str, float]] = {}
    for pair in part:
        asked.setdefault(pair.question, {})[pair.passage] = 0.0
    for question, passages in asked.items():
        group = Question(question, tuple(passages), (0.0,) * len(passages))
        passages.update(zip(passages, score(group), strict=True))
    labels = [asked[pair.question][pair.passage] for pair in part]
    if loaded.kind == "embedder":
        labels = [max(label + 1, 0.0) / 2 for label in labels]
    return [replace(pair, label=label) for pair, label in zip(part, labels, strict=True)]


def _check_ranked(loaded: Loaded, part: Sequence[Any], path: str | Path) -> None:
    """Refuse data that tell no better passage from a worse one: their quality would be 0 or 1 whatever a model does."""
    if loaded.kind in ("decoder", "pruner") or _contrasting(part):
        return
    where, labels = Path(path).name, {pair.label for pair in part}
    if len({(pair.question, pair.passage) for pair in part}) == len({pair.question for pair in part}):
        raise InputError("no question has two passages, so nothing is ranked", where=where, hint="give some more")
    same = f"every label is {labels.pop():g}" if len(labels) == 1 else "no question has passages of different labels"
    hint = 'label passages of both kinds, or leave "label" out: the model\'s own scores stand in then'
    raise InputError(f"{same}, so no passage is better than another", where=where, hint=hint)


def _contrasting(part: Sequence[Any]) -> set[str]:
    """Questions that have passages with different labels."""
    labels: dict[str, set[float | None]] = {}
    for pair in part:
        labels.setdefault(pair.question, set()).add(pair.label)
    return {question for question, found in labels.items() if len(found) > 1}


def _read(loaded: Loaded, path: str | Path) -> list[Any]:
    return list(read_texts(path)) if loaded.kind == "decoder" else list(read_pairs(path))


def _texts(entries: Sequence[Any]) -> list[str]:
    """Every text once."""
    parts = [[entry] if isinstance(entry, str) else [entry.question, entry.passage] for entry in entries]
    return list(dict.fromkeys(text for part in parts for text in part))


def _divided(entries: list[Any], seed: int) -> tuple[list[Any], list[Any]]:
    names = sorted({_name(entry) for entry in entries})
    if not isinstance(entries[0], str) and entries[0].label is not None:
        # quality is measured on what is held out, which needs a better and a worse passage
        names = sorted(_contrasting(entries)) or names
    if len(names) < _LEAST:
        return entries, entries
    chosen = set(random.Random(seed).sample(names, max(len(names) // 5, 2)))
    kept = [entry for entry in entries if _name(entry) in chosen]
    return [entry for entry in entries if _name(entry) not in chosen], kept


def _name(entry: Any) -> str:
    return entry if isinstance(entry, str) else str(entry.question)


def _batches(loaded: Loaded, entries: Sequence[Any], full: Loaded, options: Mapping[str, int]) -> Calibration:
    if loaded.kind == "pruner":
        from ctxprune.shrink.data.windows import batches_of_windows

        return batches_of_windows(entries, loaded.form, full, **options)
    make: Any = {"decoder": batches_of_texts, "embedder": batches_of_questions}.get(loaded.kind, batches_of)
    try:
        found: Calibration = make(entries, loaded.form, **options)
    except UsageError as error:
        raise UsageError(error.what, where="tokens", hint=error.hint) from error
    return found
