"""A model with a smaller vocabulary: fewer rows of embeddings, and the tokenizer that names those alone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import nn

from ctxprune.errors import UsageError
from ctxprune.models.windows import FIXED
from ctxprune.shrink.io.companions import follow_ids
from ctxprune.shrink.io.loaded import Loaded
from ctxprune.shrink.model.families import family_of
from ctxprune.shrink.model.subject import config_value, module_of, parameter_of
from ctxprune.shrink.model.surgery import remove
from ctxprune.shrink.model.tasks.yes_no import YesNo
from ctxprune.train.vocabulary import (
    choose_vocabulary,
    count_tokens,
    cut_tokenizer,
    load_tokenizer,
    unknown_id,
    vocabulary_ids,
)


def check_vocabulary(loaded: Loaded, most: int) -> None:
    """Refuse what `prune_vocabulary` cannot do, before any work: unknown tokenizers, and cuts to none or no fewer."""
    count = len(vocabulary_ids(json.loads(loaded.form.tokenizer.to_str())))
    if most < 1:
        raise UsageError(f"the vocabulary is to have {most} pieces", hint="give a number of pieces, 1 or more")
    if most >= count:
        hint = "give fewer, or leave the vocabulary whole"
        raise UsageError(f"{most:,} pieces are no cut: the vocabulary has {count:,}", hint=hint)


def prune_vocabulary(
    loaded: Loaded, texts: Sequence[str], most: int, *, counted: Sequence[str] = ()
) -> tuple[Loaded, dict[str, Any]]:
    """The model with the pieces that texts are made of: the most frequent ones there and, less so, elsewhere.

    What spells every text stays (`ctxprune.train.vocabulary_kinds`), so that a text has as few unknown words as before,
    in more tokens. Special pieces keep their ids where these are under the number of pieces; where not, configuration
    and model follow. Of a model that writes words the output has the same pieces.

    Args:
        loaded: With a tokenizer of the kinds WordPiece, BPE or Unigram; it stays as it is.
        texts: What is in them stays first.
        most: Pieces that stay; more do where single characters and special pieces are more.
        counted: Texts that tokens are counted in beside `texts`.

    Returns:
        The smaller model, and plain values, each before and after: `pieces`; `bytes` of the embeddings; `tokens` and
        `unknown` ones of all given texts. Beside them `asked`, which is `most`.

    Raises:
        UsageError: As `check_vocabulary`; or every piece is needed, or an id would change that the model's code names,
            or the model has not a row for each piece, or parts from which none can be taken.
    """
    check_vocabulary(loaded, most)
    document = json.loads(loaded.form.tokenizer.to_str())
    ids = vocabulary_ids(document)
    known = set(ids.values())
    order = choose_vocabulary(document, texts, most, fixed=_fixed(loaded) & known, kept=_named(loaded) & known)
    if len(order) == len(ids):
        raise UsageError(f"all {len(ids):,} pieces are needed to read every text", hint="leave the vocabulary as it is")
    cut = cut_tokenizer(document, order)
    places = {old: new for new, old in enumerate(order)}
    form = replace(
        loaded.form, tokenizer=Tokenizer.from_str(json.dumps(cut)), pad=places.get(loaded.form.pad, loaded.form.pad)
    )
    task = loaded.task.renumber(places) if isinstance(loaded.task, YesNo) else loaded.task
    small = replace(loaded.with_model(_cut(loaded.model, order)), form=form, task=task)
    if loaded.kind != "pruner":
        _renumber(small.model, places)
    found: dict[str, Any] = {"asked": most, "pieces": [len(ids), len(order)]}
    tables = [module_of(own, family_of(own).describe(own).embeddings).weight for own in (loaded.model, small.model)]
    found["bytes"] = [int(table.numel() * table.element_size()) for table in tables]
    for part in (document, cut):
        unknown = unknown_id(part)
        counts = count_tokens(load_tokenizer(part), [*texts, *counted], size=max(vocabulary_ids(part).values()) + 1)
        found.setdefault("tokens", []).append(int(counts.sum()))
        found.setdefault("unknown", []).append(0 if unknown is None else int(counts[unknown]))
    return small, found


def _fixed(loaded: Loaded) -> set[int]:
    """Ids that the model's own code names."""
    if loaded.kind == "pruner":
        return set(FIXED)
    # RoBERTa counts positions from behind the id of padding
    counted = ("roberta", "camembert")
    return {loaded.form.pad} if str(config_value(loaded.model, "model_type", "")).endswith(counted) else set()


def _named(loaded: Loaded) -> set[int]:
    """Ids that the configuration or the task names, which follow their pieces."""
    if loaded.kind == "pruner":
        return set()
    answers = {loaded.task.yes, loaded.task.no} if isinstance(loaded.task, YesNo) else set()
    model: Any = loaded.model
    values = (value for name, value in model.config.to_dict().items() if name.endswith("_token_id"))
    listed = (number for value in values for number in (value if isinstance(value, list) else [value]))
    return {loaded.form.pad, *answers, *(number for number in listed if isinstance(number, int))}


def _renumber(model: Any, places: Mapping[int, int]) -> None:
    """Ids in the configurations and in modules that look for padding, as their pieces are numbered now."""
    for config in (model.config, getattr(model, "generation_config", None)):
        for name, value in (config.to_dict() if config is not None else {}).items():
            if name.endswith("_token_id") and value is not None:
                setattr(config, name, follow_ids(value, places))
    for module in model.modules():
        if isinstance(old := vars(module).get("padding_idx"), int):
            module.padding_idx = places.get(old)
        if "vocab_size" in vars(module):
            module.vocab_size = model.config.vocab_size


def _cut(model: nn.Module, order: Sequence[int]) -> nn.Module:
    """The model with the rows of `order` alone, in that order."""
    group = family_of(model).describe(model).groups["vocabulary", -1]
    if max(order) >= group.count:
        what = f"the model has {group.count:,} rows of embeddings, and the tokenizer ids up to {max(order):,}"
        raise UsageError(what, hint="its vocabulary cannot be cut")
    mask = torch.zeros(group.count, dtype=torch.bool)
    mask[list(order)] = True
    small = remove(model, {group.key: mask})
    # removal keeps the old order; special pieces may have to stand elsewhere
    places = mask.cumsum(0)[list(order)] - 1
    done: set[int] = set()
    for part in group.slices:
        entry = parameter_of(small, part.parameter)
        if id(entry) not in done:  # tied ones are turned once
            done.add(id(entry))
            entry.data = entry.data.index_select(part.axis, places)
    return small
