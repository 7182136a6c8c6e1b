"""A model with a smaller vocabulary: fewer rows of embeddings, and the tokenizer that names those alone."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from tokenizers import Tokenizer

from ctxprune.errors import UsageError
from ctxprune.models.windows import FIXED
from ctxprune.shrink.model.families import family_of
from ctxprune.shrink.model.subject import module_of, parameter_of
from ctxprune.shrink.model.surgery import remove
from ctxprune.train.vocabulary import choose_vocabulary, count_tokens, cut_tokenizer, load_tokenizer, vocabulary_ids

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn

    from ctxprune.shrink.io.loaded import Loaded

__all__ = ["check_vocabulary", "prune_vocabulary"]


def check_vocabulary(loaded: Loaded, most: int) -> None:
    """Refuse what `prune_vocabulary` cannot do, before any work.

    Raises:
        UsageError: The tokenizer is of another kind than WordPiece, or `most` is under 1 or no fewer than there are.
    """
    count = len(vocabulary_ids(json.loads(loaded.form.tokenizer.to_str())))
    if most < 1:
        raise UsageError(f"the vocabulary is to have {most} pieces", hint="give a number of pieces, 1 or more")
    if most >= count:
        raise UsageError(
            f"{most:,} pieces are no cut: the vocabulary has {count:,}",
            hint="give fewer, or leave the vocabulary whole",
        )


def prune_vocabulary(
    loaded: Loaded, texts: Sequence[str], most: int, *, counted: Sequence[str] = ()
) -> tuple[Loaded, dict[str, Any]]:
    """The model with the pieces that texts are made of: the most frequent ones there and, less so, elsewhere.

    Single characters stay, so that a text has as few unknown words as before, in more tokens (where the vocabulary has
    every character alone and inside of words, as BERT's does). Special pieces keep their ids.

    Args:
        loaded: With a tokenizer of the kind WordPiece; it stays as it is.
        texts: What is in them stays first.
        most: Pieces that stay; more do where single characters and special pieces are more.
        counted: Texts that tokens are counted in beside `texts`.

    Returns:
        The smaller model, and plain values by name, each before and after: `pieces`; `bytes` of the embeddings;
        `tokens` and `unknown` ones of all given texts. Beside them `asked`, which is `most`.

    Raises:
        UsageError: As `check_vocabulary`; or every piece is needed, or special pieces would have to change their ids,
            or the model has not a row for each piece, or parts from which none can be taken.
    """
    check_vocabulary(loaded, most)
    document = json.loads(loaded.form.tokenizer.to_str())
    ids = vocabulary_ids(document)
    order = choose_vocabulary(document, texts, most, fixed=_fixed(loaded) & set(ids.values()))
    if len(order) == len(ids):
        raise UsageError(f"all {len(ids):,} pieces are needed to read every text", hint="leave the vocabulary as it is")
    cut = cut_tokenizer(document, order)
    form = replace(loaded.form, tokenizer=Tokenizer.from_str(json.dumps(cut)))
    small = replace(loaded.with_model(_cut(loaded.model, order)), form=form)
    found: dict[str, Any] = {"asked": most, "pieces": [len(ids), len(order)]}
    found["bytes"] = [_bytes(model) for model in (loaded.model, small.model)]
    unknown = str(document["model"]["unk_token"])
    for part in (document, cut):
        names = vocabulary_ids(part)
        counts = count_tokens(load_tokenizer(part), [*texts, *counted], size=max(names.values()) + 1)
        found.setdefault("tokens", []).append(int(counts.sum()))
        found.setdefault("unknown", []).append(int(counts[names[unknown]]) if unknown in names else 0)
    return small, found


def _fixed(loaded: Loaded) -> set[int]:
    """Ids that the model's configuration or its own code names."""
    if loaded.kind == "pruner":
        return set(FIXED)
    # ids such as pad_token_id are baked into the model's own code
    config: Any = loaded.model.config
    named = (value for name, value in config.to_dict().items() if name.endswith("_token_id"))
    return {loaded.form.pad, *(value for value in named if isinstance(value, int))}


def _cut(model: nn.Module, order: Sequence[int]) -> nn.Module:
    """The model with the rows of `order` alone, in that order."""
    group = family_of(model).describe(model).groups["vocabulary", -1]
    if max(order) >= group.count:
        raise UsageError(
            f"the model has {group.count:,} rows of embeddings, and the tokenizer ids up to {max(order):,}",
            hint="its vocabulary cannot be cut",
        )
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


def _bytes(model: nn.Module) -> int:
    """Of the word embeddings."""
    table = module_of(model, family_of(model).describe(model).embeddings).weight
    return int(table.numel() * table.element_size())
