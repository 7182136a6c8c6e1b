"""Batches for the pruner: each question's passages in windows, their sentences as units."""

from __future__ import annotations

import random
from collections.abc import Sequence

import torch

from ctxprune.errors import UsageError
from ctxprune.shrink.data.batches import Calibration, check_enough
from ctxprune.shrink.data.pairs import Pair
from ctxprune.shrink.io.loaded import InputFormat, Loaded
from ctxprune.shrink.model.tasks.pruner import Pruner, pruner_batch
from ctxprune.train.batches import View, collate, encode, view
from ctxprune.train.examples import Example, split_sentences
from ctxprune.train.sentence_sets import Document

_LEAST = 128  # tokens of a window


def batches_of_windows(
    pairs: Sequence[Pair], form: InputFormat, judge: Loaded, *, rows: int = 16, tokens: int = 256, seed: int = 0
) -> Calibration:
    """Windows as the pruner reads them; which sentences count, pairs do not say, so the full model does.

    Labels of pairs are those of documents, and the full model's where they have none. That model, the `judge`, reads
    the same in its own form. A batch has so many questions at most, a window so many tokens, 128 or more; other
    arguments and errors as `batches_of`.
    """
    check_enough(len(pairs), rows)
    if tokens < _LEAST:
        raise UsageError(f"tokens is {tokens}", where="tokens", hint=f"the pruner reads windows of {_LEAST} or more")
    asked: dict[str, list[Pair]] = {}
    for pair in pairs:
        asked.setdefault(pair.question, []).append(pair)
    examples = [_example(question, own) for question, own in asked.items()]
    limit = max(min(tokens, form.limit), _LEAST)
    views = _views(examples, form, limit, seed)
    judged = views if judge.form is form else _views(examples, judge.form, limit, seed)
    labelled = all(pair.label is not None for pair in pairs)
    made = []
    for at in range(0, len(views), rows):
        batch = pruner_batch(collate(views[at : at + rows]))
        with torch.no_grad():
            logits = Pruner().output(judge.model, pruner_batch(collate(judged[at : at + rows])))
        units = len(batch["unit_labels"])
        batch["unit_labels"] = (logits[:units] > 0).float()
        if not labelled:
            batch["document_labels"] = (logits[units:] > 0).float()
        made.append(batch)
    lengths = [len(window.ids) for entry in views for window in entry.windows]
    return Calibration(tuple(made), len(lengths), len(asked), 0, sum(lengths), max(lengths))


def _views(examples: Sequence[Example], form: InputFormat, limit: int, seed: int) -> list[View]:
    """Those with a token; of one seed in one order, whatever the vocabulary."""
    found = [view(made, None, limit=limit) for made in encode(examples, form.tokenizer)]
    found = [entry for entry in found if entry.windows]
    random.Random(seed).shuffle(found)
    return found


def _example(question: str, pairs: Sequence[Pair]) -> Example:
    documents = []
    for pair in pairs:
        sentences = tuple(split_sentences(pair.passage))
        documents.append(Document("", sentences, (False,) * len(sentences)))
    relevant = tuple(bool(pair.label) for pair in pairs)
    return Example("pairs", "passage", question, tuple(documents), relevant)
