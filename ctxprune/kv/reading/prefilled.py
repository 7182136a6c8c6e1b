"""A context that a model has read: press it as often as you like, without reading it again."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import torch

from ctxprune.errors import UsageError
from ctxprune.kv.reading.attention import cache_argument, decoder_of
from ctxprune.kv.reading.checks import check_known, check_press, check_storage, kind_of

if TYPE_CHECKING:
    from torch import Tensor, nn
    from transformers.cache_utils import Cache

    from ctxprune.kv.cache.pruned_cache import PrunedCache
    from ctxprune.kv.cache.store import Storage
    from ctxprune.kv.presses.base import Press
    from ctxprune.kv.reading.view import LayerView

__all__ = ["Prefilled", "check_ids", "compress", "positions_of", "prefill", "read_context"]


@dataclass
class Prefilled:
    """What a model holds after reading a context.

    Attributes:
        model: The model.
        cache: Its cache, whole.
        ids: The ids that were read, (batch, n); None where embeddings were.
        real: Which of them are tokens, bool (batch, n); None where all are.
        question: How many of the last ones are the question.
        views: One view for each layer with full attention.
        positions: Positions of the tokens, (batch or 1, n); None: 0 to n - 1.
        order: How many layers were pressed while reading, without leaving a view.
        storage: How kept tokens will be stored; None: as they are.
        before: The cache as it was before the question was read: layers that are left whole cannot forget it; None
            where all layers can, or there is no question.
    """

    model: nn.Module
    cache: Cache
    ids: Tensor | None
    real: Tensor | None
    question: int = 0
    views: list[LayerView] = field(default_factory=list)
    positions: Tensor | None = None
    order: int = 0
    storage: Storage | None = None
    before: Cache | None = None

    @property
    def context_cache(self) -> Cache:
        """The cache of the context alone, as far as layers that are left whole go."""
        return self.cache if self.before is None else self.before

    def remember(self) -> Prefilled:
        """Forget the scores of presses, and from now on keep them for other ratios; returns itself."""
        self.views = [replace(view, memory={}) for view in self.views]
        return self

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def press(self, press: Press, *, positions: str = "original", storage: Storage | None = None) -> PrunedCache:
        """A new cache with what the press keeps; the question's tokens stand behind it as if read after it.

        Errors as `ctxprune.kv.compress`.
        """
        from ctxprune.kv.cache.finish import check_positions, finish
        from ctxprune.kv.cache.layer import PrunedLayer
        from ctxprune.kv.cache.masks import pressed_layers
        from ctxprune.kv.cache.pruned_cache import PrunedCache, cache_copy

        check_press(press)
        check_storage(storage)
        check_positions(positions, self.model)
        if pressed_layers(self.cache) or not self.views:
            raise UsageError("this cache is pruned already", hint="read the context again with ctxprune.kv.prefill")
        plans = press.plans(replace(self, storage=storage))
        cache = PrunedCache(self.model)
        cache.layers = cache_copy(self.context_cache).layers
        for view, plan in zip(self.views, plans, strict=True):
            layer = cache.layers[view.attention.layer] = PrunedLayer.holding(view.keys, view.values)
            layer.press(plan, self.question)
        finish(
            Prefilled(self.model, cache, self.ids, self.real, self.question, self.views, self.positions),
            press,
            positions=positions,
            storage=storage,
        )
        return cache

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def ask(self, question: Tensor) -> Prefilled:
        """The same context with a question behind it, (batch or 1, m): only the question is read; this one stays.

        Raises:
            UsageError: The ids are empty or not of that shape, or there is a question already.
        """
        from ctxprune.kv.cache.pruned_cache import cache_copy
        from ctxprune.kv.reading.session import Reader

        if self.question:
            raise UsageError("this context has a question already", hint="ask the one that prefill(model, ids) gave")
        rows = self.views[0].keys.shape[0]
        question = _for_rows(question, rows, self.views[0].keys.device)
        check_known(self.model, question)
        count, cache = question.shape[1], cache_copy(self.cache)
        start = torch.full((rows,), self.views[0].total) if self.real is None else self.real.sum(dim=1)
        positions = start[:, None].to(question.device) + torch.arange(count, device=question.device)
        given: dict[str, Any] = {}
        real = None
        if self.real is not None:
            real = torch.cat([self.real, torch.ones_like(question, dtype=torch.bool)], dim=1)
            given = {"attention_mask": real.long()}
        with Reader(self.model, cache) as reader:
            decoder = decoder_of(self.model)
            given[cache_argument(decoder)] = cache
            decoder(input_ids=question, position_ids=positions, use_cache=True, **given)
        old = None if self.positions is None else torch.cat([self.positions.expand(rows, -1), positions], dim=1)
        views = [
            replace(
                view,
                keys=cache.layers[view.attention.layer].keys,
                values=cache.layers[view.attention.layer].values,
                hidden=torch.cat([view.hidden, hidden], dim=1),
                cos=torch.cat([view.cos.expand(len(cos), -1, -1), cos], dim=1),
                sin=torch.cat([view.sin.expand(len(sin), -1, -1), sin], dim=1),
                question=count,
                positions=old,
                memory=None,
            )
            for view in self.views
            for hidden, cos, sin in [reader.read[view.attention.layer]]
        ]
        ids = None if self.ids is None else torch.cat([self.ids, question], dim=1)
        return Prefilled(self.model, cache, ids, real, count, views, old, before=self.cache)


def prefill(model: nn.Module, ids: Tensor, *, mask: Tensor | None = None, question: Tensor | None = None) -> Prefilled:
    """Read a context, and keep what presses need to choose from it.

    Args:
        model: A decoder of transformers.
        ids: Token ids of the context, (batch, n), n at least 1.
        mask: 0 for padding, left or right, (batch, n); None: none.
        question: Token ids of a question, (batch or 1, m), read behind the context: what looks at it, for presses that
            know their question.

    Raises:
        UsageError: The ids are empty or not of that shape, or the model cannot be served.
    """
    read: Prefilled = read_context(model, None, ids, mask=mask, question=question)
    return read


def compress(
    model: nn.Module,
    ids: Tensor,
    press: Press,
    *,
    mask: Tensor | None = None,
    question: Tensor | None = None,
    positions: str = "original",
    storage: Storage | None = None,
) -> PrunedCache:
    """Read a context and keep what the press chooses: a cache for `model.generate(all ids, cache=cache)`.

    Args:
        model: A decoder of transformers.
        ids: Token ids of the context, (batch, n), n at least 1.
        press: What chooses.
        mask: 0 for padding, left or right, (batch, n); None: none.
        question: Token ids of the question, (batch or 1, m): the press chooses for it (question-aware). They are read
            to choose, and not kept: pass them with the rest as without.
        positions: "original", or "rerotated" for models near the end of their range.
        storage: How kept tokens are stored, for instance `Kivi(bits=4)`; None: as they are.

    Raises:
        UsageError: The ids are empty or not of that shape, or the model or an option cannot be served.
    """
    read = read_context(model, press, ids, mask=mask, question=question, positions=positions, storage=storage)
    cache: PrunedCache = read.cache
    return cache


@torch.no_grad()  # type: ignore[untyped-decorator]
def read_context(
    model: nn.Module,
    press: Press | None,
    ids: Tensor,
    *,
    mask: Tensor | None = None,
    question: Tensor | None = None,
    **options: Any,
) -> Prefilled:
    """Let a model read a context, and its question behind it, in a session of a press; see `compress`."""
    from ctxprune.kv.cache.pruned_cache import all_pressed
    from ctxprune.kv.reading.session import Session

    check_ids(ids, mask)
    count = 0
    if question is not None and not all_pressed(model):  # the others have to be kept as they are before the question
        asked: Prefilled = read_context(model, None, ids, mask=mask).ask(question)
        return asked if press is None else replace(asked, cache=asked.press(press, **options))
    if question is not None:
        question = _for_rows(question, len(ids), ids.device)
        count = question.shape[1]
        ids = torch.cat([ids, question], dim=1)
        mask = None if mask is None else torch.cat([mask, torch.ones_like(question)], dim=1)
    session = Session(model, press, question=count, alone=True, **options)
    check_known(model, ids)
    given = {} if mask is None else {"attention_mask": mask, "position_ids": positions_of(mask)}
    with session:
        decoder_of(model)(input_ids=ids, use_cache=True, **given)
    if session.prefilled is None:
        raise UsageError(f"{type(model).__name__} did not fill a cache", hint="pass a decoder of transformers")
    return session.prefilled


def check_ids(ids: Tensor, mask: Tensor | None = None) -> None:
    """Raises UsageError unless `ids` is a (batch, n) of integers, not empty, and the mask has its shape."""
    if not isinstance(ids, torch.Tensor) or ids.ndim != 2 or not ids.numel() or not _whole(ids):
        raise UsageError(f"the ids are {_what(ids)}", hint="a tensor of integers (batch, tokens) with a token at least")
    if mask is not None and not isinstance(mask, torch.Tensor):
        raise UsageError(f"the mask is {kind_of(mask)}", hint="a tensor of the ids' shape, 0 for padding")
    if mask is not None and mask.shape != ids.shape:
        raise UsageError(f"the mask is {tuple(mask.shape)}, the ids are {tuple(ids.shape)}", hint="make them equal")


def _whole(ids: Tensor) -> bool:
    return not (ids.is_floating_point() or ids.is_complex() or ids.dtype == torch.bool)


def _what(ids: object) -> str:
    if not isinstance(ids, torch.Tensor):
        return type(ids).__name__
    return f"{tuple(ids.shape)}" + ("" if _whole(ids) else f" of {ids.dtype}")


def _for_rows(question: Tensor, rows: int, device: torch.device) -> Tensor:
    """A question's ids, (1 or rows, m), for each row of a batch."""
    check_ids(question)
    if question.shape[0] not in (1, rows):
        raise UsageError(
            f"the question has {question.shape[0]} rows, the context {rows}", hint="one for all rows, or one for each"
        )
    return question.to(device).expand(rows, -1)


def positions_of(mask: Tensor) -> Tensor:
    """Positions as `generate` gives them, long (batch, n), for a mask (batch, n): counted over tokens alone."""
    return (mask.long().cumsum(dim=-1) - 1).clamp(min=0)
