"""From pairs to batches: groups stay together, rows of like length too, and what was cut is counted."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor

from ctxprune.errors import InputError, UsageError
from ctxprune.shrink.data.pairs import Pair
from ctxprune.shrink.io.loaded import Encoded, InputFormat

__all__ = ["Calibration", "InputFormat", "batches_of"]


@dataclass(frozen=True)
class Calibration:
    """Batches, and counts for the report.

    Attributes:
        batches: As `ctxprune.shrink.model.tasks.Batch`.
        rows: All in all.
        groups: Questions; of texts their number.
        cut: Rows that were longer than the limit and lost their end.
        tokens: Real tokens, padding not counted.
        longest: Tokens of the longest row.
        divided: Questions with more rows than go into one batch, whose rows are therefore compared in parts.
        sources: Names of what `sources` in the batches counts; none where all rows are of one source.
        places: Of each row of the batches, in order, which of the pairs or texts it is.
    """

    batches: tuple[Mapping[str, Tensor], ...]
    rows: int
    groups: int
    cut: int
    tokens: int
    longest: int
    divided: int = 0
    sources: tuple[str, ...] = ()
    places: tuple[int, ...] = ()

    def report(self) -> dict[str, int]:
        """The figures as plain numbers."""
        return {name: value for name, value in vars(self).items() if name not in ("batches", "places", "sources")}


def batches_of(
    pairs: Sequence[Pair], tokenizer: InputFormat | Tokenizer, *, rows: int = 16, tokens: int = 256, seed: int = 0
) -> Calibration:
    """Batches of pairs in the model's own format, in a seeded order.

    Grades above 1 are divided by the largest one, so that labels are 0..1.

    Args:
        pairs: Two or more; labels and teachers' scores in all of them or in none.
        tokenizer: The model's format; a bare tokenizer stands for BERT's.
        rows: Of a batch at most. A question's rows share a batch unless there are more of them.
        tokens: Of a row at most.
        seed: Of the batches' order.

    Raises:
        UsageError: A number is out of range.
        InputError: There are fewer than two pairs, or labels or teachers' scores in some of them alone.
    """
    check_enough(len(pairs), rows)
    named: dict[str, list[Any]] = {
        "labels": [pair.label for pair in pairs],
        "teacher": [pair.teacher for pair in pairs],
    }
    # a batch with some labels would be trained on the teacher as a whole
    for name, values in named.items():
        if None in values and set(values) != {None}:
            what = f"some pairs have a {name.removesuffix('s')} and some have none"
            raise InputError(what, hint="give it to all or to none")
    form = tokenizer if isinstance(tokenizer, InputFormat) else InputFormat(tokenizer)
    encoded = form.pairs([(pair.question, pair.passage) for pair in pairs], tokens)
    numbers = {question: number for number, question in enumerate(dict.fromkeys(pair.question for pair in pairs))}
    groups = [numbers[pair.question] for pair in pairs]
    # grades become 0..1, whatever the scale of the file
    highest = max([1.0, *(value for value in named["labels"] if value is not None)])
    named["labels"] = [None if value is None else value / highest for value in named["labels"]]
    names = source_names(pair.source for pair in pairs)
    made, parts = [], _parts(encoded, groups, rows, random.Random(seed))
    for part in parts:
        batch = pad_batch([encoded[place] for place in part], form)
        batch["groups"] = torch.tensor([groups[place] for place in part])
        if names:
            batch["sources"] = torch.tensor([names.index(pairs[place].source) for place in part])
        for name, values in named.items():
            if None not in values:
                batch[name] = torch.tensor([values[place] for place in part], dtype=torch.float32)
        made.append(batch)
    divided = sum(count > rows for count in Counter(groups).values())
    return describe_batches(made, encoded, len(numbers), divided=divided, sources=names, parts=parts)


def batches_of_questions(
    pairs: Sequence[Pair], form: InputFormat, *, rows: int = 16, tokens: int = 256, seed: int = 0
) -> Calibration:
    """Batches for bi-encoders: a question's row, then its passages' rows, each a text of its own; in seeded order.

    `ctxprune.shrink.model.tasks.embedding` reads them. Rows are of a batch at most, but for a question with more
    passages, which is not divided; arguments and errors otherwise as `batches_of`.
    """
    check_enough(len(pairs), rows)
    asked: dict[str, list[Pair]] = {}
    for pair in pairs:
        asked.setdefault(pair.question, []).append(pair)
    highest = max([1.0, *(pair.label for pair in pairs if pair.label is not None)])
    names = source_names(own[0].source for own in asked.values())
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
        if names:
            own = [list(asked.values())[number][0].source for number in batch["groups"].tolist()]
            batch["sources"] = torch.tensor([names.index(source) for source in own])
        labels = [label for _, own_labels, _ in part for label in own_labels]
        if -2.0 not in labels:
            batch["labels"] = torch.tensor(labels)
        made.append(batch)
    return describe_batches(made, [entry for encoded, _, _ in chunks for entry in encoded], len(asked), sources=names)


def source_names(sources: Iterable[str]) -> tuple[str, ...]:
    """The different sources, sorted; none where there is only one."""
    found = sorted(set(sources))
    return tuple(found) if len(found) > 1 else ()


def check_enough(count: int, rows: int) -> None:
    """Refuse what no statistics can be taken of, pairs or texts under two, and batches of no row."""
    if rows < 1:
        raise UsageError(f"rows is {rows}", hint="give 1 or more")
    if count < 2:
        hint = "give two at least, better 100"
        raise InputError(f"there {'is one row' if count else 'are no rows'} to calibrate with", hint=hint)


def describe_batches(
    batches: Sequence[Mapping[str, Tensor]],
    encoded: Sequence[Encoded],
    groups: int,
    *,
    divided: int = 0,
    sources: tuple[str, ...] = (),
    parts: Sequence[Sequence[int]] = (),
) -> Calibration:
    """The batches with their figures; `parts` says for each batch which rows it has."""
    lengths, cut = [len(entry.ids) for entry in encoded], sum(entry.cut for entry in encoded)
    places = tuple(place for part in parts for place in part)
    figures = (len(encoded), groups, cut, sum(lengths), max(lengths), divided)
    return Calibration(tuple(batches), *figures, sources, places)


def pad_batch(encoded: Sequence[Encoded], form: InputFormat) -> dict[str, Any]:
    """One batch, as long as its longest row: int64 (rows, tokens) each."""
    longest = max(len(entry.ids) for entry in encoded)
    ids = [entry.ids + [form.pad] * (longest - len(entry.ids)) for entry in encoded]
    mask = [[1] * len(entry.ids) + [0] * (longest - len(entry.ids)) for entry in encoded]
    batch = {"input_ids": torch.tensor(ids), "attention_mask": torch.tensor(mask)}
    if form.segments:
        types = [entry.types + [0] * (longest - len(entry.types)) for entry in encoded]
        batch["token_type_ids"] = torch.tensor(types)
    return batch


def _parts(encoded: Sequence[Encoded], groups: Sequence[int], rows: int, rng: random.Random) -> list[list[int]]:
    """Places of each batch's rows: groups of like length together, batches in a random order."""
    members: defaultdict[int, list[int]] = defaultdict(list)
    for place, number in enumerate(groups):
        members[number].append(place)
    chunks = [part[at : at + rows] for part in members.values() for at in range(0, len(part), rows)]
    chunks.sort(key=lambda part: max(len(encoded[place].ids) for place in part))
    made: list[list[int]] = []
    for part in chunks:
        if made and len(made[-1]) + len(part) <= rows:
            made[-1] += part
        else:
            made.append(list(part))
    rng.shuffle(made)
    return made
