"""Whether a model and its calibration data are fit to be worked on, before anything is done."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from ctxprune.errors import InputError
from ctxprune.shrink.model.subject import Subject, config_value
from ctxprune.shrink.model.tasks.base import Batch


def check_subject(subject: Subject) -> None:
    """Look at weights and batches.

    Raises:
        InputError: A weight is not finite or in half precision; a batch lacks what all need, has no token in a row, or
            has tokens that the model does not know or places for.
    """
    for path, entry in subject.model.named_parameters():
        if not bool(torch.isfinite(entry).all()):
            raise InputError("the model has weights that are not finite", where=path, hint="load it anew")
        if entry.dtype == torch.float16:
            raise InputError("the model is in half precision", where=path, hint="load it in float32: model.float()")
    # rows of the table, not of the tokenizer: tables are often rounded up
    vocabulary = len(subject.model.get_submodule(subject.anatomy.embeddings).weight)
    most = longest_input(subject.model)
    for name, batches in (("calibration", subject.calibration), ("related", subject.related)):
        for number, batch in enumerate(batches):
            _check_batch(batch, vocabulary, most, f"batch {number} of the {name} data")


def longest_input(model: Any) -> int | None:
    """The most tokens that a model reads at once; None where it does not say.

    Learned positions end where their table does; of others the configuration says how far they were trained.
    """
    for name, module in model.named_modules():
        if isinstance(module, nn.Embedding) and name.rpartition(".")[2] in ("places", "position_embeddings"):
            # the table of positions is larger than the longest input by the places before the first
            first = module.padding_idx  # RoBERTa counts from the place after that of padding
            return len(module.weight) - (0 if first is None else first + 1)
    found = config_value(model, "max_position_embeddings")
    return int(found) if found else None


def _check_batch(batch: Batch, vocabulary: int, most: int | None, where: str) -> None:
    for name in ("input_ids", "attention_mask"):
        if name not in batch:
            raise InputError(f"there is no {name}", where=where, hint="make batches by ctxprune.shrink.data")
    ids, mask = batch["input_ids"], batch["attention_mask"]
    if ids.ndim != 2 or ids.shape != mask.shape:
        what = f"input_ids are {tuple(ids.shape)}, attention_mask is {tuple(mask.shape)}"
        raise InputError(what, where=where, hint="give both as (rows, tokens)")
    if not len(ids) or not bool(mask.any(dim=1).all()):
        raise InputError("there is no row, or one without a token", where=where, hint="leave empty texts out")
    if most is not None and ids.shape[1] > most:
        hint = "cut the texts"
        raise InputError(f"a row has {ids.shape[1]} tokens, and the model reads {most}", where=where, hint=hint)
    if int(ids.max()) >= vocabulary or int(ids.min()) < 0:
        hint = "take the model's tokenizer"
        raise InputError(f"token {int(ids.max())} is none of the model's {vocabulary}", where=where, hint=hint)
