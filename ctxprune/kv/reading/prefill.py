"""Let a model read a context: as it is, to press it later, or pressed while it is read."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch

from ctxprune.errors import UsageError
from ctxprune.kv.cache.pruned_cache import can_press_all
from ctxprune.kv.model.attention import decoder_of
from ctxprune.kv.model.inputs import check_ids, check_left_padding, check_vocabulary, expand_question, positions_of
from ctxprune.kv.reading.chunks import compress_chunks
from ctxprune.kv.reading.prefilled import check_press
from ctxprune.kv.reading.session import Session
from ctxprune.kv.reading.stepwise import StepSession
from ctxprune.utils.validation import check_whole

if TYPE_CHECKING:
    from torch import Tensor, nn

    from ctxprune.kv.cache.pruned_cache import PrunedCache
    from ctxprune.kv.cache.store import Storage
    from ctxprune.kv.reading.prefilled import AbstractPress, Prefilled

__all__ = ["compress", "prefill", "read_context"]


def prefill(
    model: nn.Module,
    ids: Tensor,
    *,
    mask: Tensor | None = None,
    question: Tensor | None = None,
    chunk: int | None = None,
) -> Prefilled:
    """Read a context, and keep everything that presses score by.

    Args:
        model: A decoder of transformers.
        ids: Token ids of the context, (batch, n), n at least 1.
        mask: 0 for padding, left or right, (batch, n); None: no padding.
        question: Token ids of a question, (batch or 1, m), read behind the context: presses that use attention score
            tokens by the question's queries.
        chunk: Tokens read at a time, which limits what the model computes at once; the whole cache is held in any case.
            None: all at once.

    Raises:
        UsageError: The ids are empty or not of that shape, or the model is not supported.
    """
    if chunk is None:
        read: Prefilled = read_context(model, None, ids, mask=mask, question=question)
        return read
    check_whole("chunk", chunk, minimum=1)
    check_ids(ids, mask)
    if mask is not None:
        check_left_padding(mask)
    parts = ids.split(chunk, dim=1)
    masks = [None] * len(parts) if mask is None else mask.split(chunk, dim=1)
    read = read_context(model, None, parts[0], mask=masks[0])
    for part, real in zip(parts[1:], masks[1:], strict=True):
        read = read.read_on(part, mask=real)
    return read if question is None else read.ask(question)


def compress(  # noqa: PLR0913 - `prefill` with a press, where it acts and how tokens are stored
    model: nn.Module,
    ids: Tensor,
    press: AbstractPress,
    *,
    mask: Tensor | None = None,
    question: Tensor | None = None,
    positions: str = "original",
    storage: Storage | None = None,
    chunk: int | None = None,
) -> PrunedCache:
    """Read a context and keep the tokens that the press chooses: a cache for `model.generate(all ids, cache=cache)`.

    Args:
        model: A decoder of transformers.
        ids: Token ids of the context, (batch, n), n at least 1.
        press: Chooses the tokens to keep.
        mask: 0 for padding, left or right, (batch, n); None: no padding.
        question: Token ids of the question, (batch or 1, m): the press chooses for it (question-aware). They are used
            for choosing only and not kept: pass them with the rest as without.
        positions: "original", or "rerotated" for models near the end of their position range.
        storage: How kept tokens are stored, for instance `Kivi(bits=4)`; None: unpacked.
        chunk: Tokens read at a time, 1 or more; the cache is pressed after each, so that it is never held whole. Each
            time the press chooses among the tokens kept so far and the new ones, and keeps its share of all tokens
            read. Presses that need the whole context at once, and questions, are refused. None: all at once.

    Raises:
        UsageError: The ids are empty or not of that shape, or the model or an option is not supported.
        BudgetError: A budget of bytes does not hold.
    """
    if chunk is not None:
        check_whole("chunk", chunk, minimum=1)
    check_press(press)
    cache: PrunedCache
    if press.steps() is not None or chunk is not None:
        cache = _compress_in_steps(model, ids, press, chunk, question, mask=mask, positions=positions, storage=storage)
        return cache
    read = read_context(model, press, ids, mask=mask, question=question, positions=positions, storage=storage)
    cache = read.cache
    return cache


@torch.no_grad()  # type: ignore[untyped-decorator]
def _compress_in_steps(
    model: nn.Module, ids: Tensor, press: AbstractPress, chunk: int | None, question: Tensor | None, **options: Any
) -> PrunedCache:
    check_ids(ids, options["mask"])
    if question is not None:
        raise UsageError(
            "tokens are dropped before the question is read",
            hint="prefill(model, ids, chunk=..., question=question).press(press) presses at the end",
        )
    cache: PrunedCache
    if (own := press.steps()) is not None:
        mask = options.pop("mask")
        cache = StepSession(model, *own, about=press.describe(), **options).read(ids, mask, chunk)
    else:
        cache = compress_chunks(model, ids, press, chunk or ids.shape[1], **options)
    return cache


@torch.no_grad()  # type: ignore[untyped-decorator]
def read_context(
    model: nn.Module,
    press: AbstractPress | None,
    ids: Tensor,
    *,
    mask: Tensor | None = None,
    question: Tensor | None = None,
    **options: Any,
) -> Prefilled:
    """Let a model read a context, and its question behind it, in a session of a press; see `compress`."""
    check_ids(ids, mask)
    count = 0
    # Sliding windows and linear attention cannot forget the question again, so that context and question are read
    # apart and these layers are taken from the cache before the question.
    if question is not None and not can_press_all(model):
        asked: Prefilled = read_context(model, None, ids, mask=mask).ask(question)
        return asked if press is None else replace(asked, cache=asked.press(press, **options))
    if question is not None:
        question = expand_question(question, len(ids), ids.device)
        count = question.shape[1]
        ids = torch.cat([ids, question], dim=1)
        mask = None if mask is None else torch.cat([mask, torch.ones_like(question)], dim=1)
    session = Session(model, press, question=count, own_thread=True, **options)
    check_vocabulary(model, ids)
    given = {} if mask is None else {"attention_mask": mask, "position_ids": positions_of(mask)}
    with session:
        decoder_of(model)(input_ids=ids, use_cache=True, **given)
    if session.prefilled is None:
        raise UsageError(f"{type(model).__name__} did not fill a cache", hint="pass a decoder of transformers")
    return session.prefilled
