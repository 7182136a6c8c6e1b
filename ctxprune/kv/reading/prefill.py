"""Let a model read a context: as it is, to press it later, or pressed while it is read."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch

from ctxprune.errors import UsageError
from ctxprune.kv.cache.pruned_cache import can_press_all
from ctxprune.kv.model.attention import decoder_of
from ctxprune.kv.model.inputs import check_ids, check_vocabulary, expand_question, positions_of
from ctxprune.kv.reading.session import Session

if TYPE_CHECKING:
    from torch import Tensor, nn

    from ctxprune.kv.cache.pruned_cache import PrunedCache
    from ctxprune.kv.cache.store import Storage
    from ctxprune.kv.reading.prefilled import AbstractPress, Prefilled

__all__ = ["compress", "prefill", "read_context"]


def prefill(model: nn.Module, ids: Tensor, *, mask: Tensor | None = None, question: Tensor | None = None) -> Prefilled:
    """Read a context, and keep everything that presses score by.

    Args:
        model: A decoder of transformers.
        ids: Token ids of the context, (batch, n), n at least 1.
        mask: 0 for padding, left or right, (batch, n); None: no padding.
        question: Token ids of a question, (batch or 1, m), read behind the context: presses that use attention score
            tokens by the question's queries.

    Raises:
        UsageError: The ids are empty or not of that shape, or the model is not supported.
    """
    read: Prefilled = read_context(model, None, ids, mask=mask, question=question)
    return read


def compress(
    model: nn.Module,
    ids: Tensor,
    press: AbstractPress,
    *,
    mask: Tensor | None = None,
    question: Tensor | None = None,
    positions: str = "original",
    storage: Storage | None = None,
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

    Raises:
        UsageError: The ids are empty or not of that shape, or the model or an option is not supported.
    """
    read = read_context(model, press, ids, mask=mask, question=question, positions=positions, storage=storage)
    cache: PrunedCache = read.cache
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
