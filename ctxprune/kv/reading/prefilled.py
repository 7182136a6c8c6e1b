"""A context that a model has read: press it any number of times without reading it again."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import torch

from ctxprune.errors import UsageError
from ctxprune.kv.cache.layer import PrunedLayer
from ctxprune.kv.cache.masks import pressed_layers
from ctxprune.kv.cache.positions import check_positions, close_gaps
from ctxprune.kv.cache.pruned_cache import PrunedCache, copy_cache
from ctxprune.kv.cache.store import check_storage
from ctxprune.kv.model.attention import attentions_of, cache_argument_name, decoder_of, find_argument
from ctxprune.kv.model.hooks import Hooks
from ctxprune.kv.model.inputs import check_ids, check_left_padding, check_vocabulary, expand_question, positions_of
from ctxprune.utils.validation import describe_type

if TYPE_CHECKING:
    from torch import Tensor, nn
    from transformers.cache_utils import Cache

    from ctxprune.kv.cache.store import Storage
    from ctxprune.kv.model.attention import Attention
    from ctxprune.kv.reading.view import LayerView
    from ctxprune.kv.selection import Plan

__all__ = ["AbstractPress", "Prefilled", "check_press"]


class AbstractPress(ABC):
    """What the reading of a context asks of a press; `ctxprune.kv.Press` implements it.

    Attributes:
        joint: Whether one layer's plan depends on other layers, so that plans are made after the last layer.
    """

    joint: ClassVar[bool] = False

    @abstractmethod
    def plan_batch(self, view: LayerView, real: Tensor | None) -> Plan:
        """The plan for one layer; `real` is False for padding, bool (batch, n), None where there is none."""

    @abstractmethod
    def plans(self, prefilled: Prefilled) -> list[Plan]:
        """A plan for every layer of a context."""

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """Name and parameters as plain values."""

    def steps(self) -> tuple[Any, Any] | None:
        """The `LayerPress` that presses again and again while tokens are read, and the `Limit` that says when; None
        for presses of a context as a whole."""
        return None

    def on_complete(self, cache: Cache) -> None:  # noqa: B027
        """Called with the finished cache; a press with a guarantee about the cache checks it here."""


def check_press(press: object) -> None:
    """Raises UsageError unless it is a press, rather than the class of one or its name."""
    if not isinstance(press, AbstractPress):
        raise UsageError(f"the press is {describe_type(press)}", hint="a press with its ratio, such as SnapKV(0.5)")


@dataclass
class Prefilled:
    """What a model holds after reading a context.

    Attributes:
        model: The model.
        cache: Its cache, with all tokens.
        ids: The ids that were read, (batch, n); None where embeddings were passed.
        real: True for tokens, False for padding, bool (batch, n); None where there is no padding.
        question: How many of the last tokens belong to the question.
        views: One view for each layer with full attention.
        positions: Positions of the tokens, (batch or 1, n); None: 0 to n - 1.
        order: Number of layers that were pressed while reading, and left no view.
        storage: How kept tokens will be stored; None: unpacked.
        before: The cache before the question was read, for layers that cannot be cropped; None where every layer can,
            or there is no question.
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
        """The cache to take layers from that are not pressed: without the question."""
        return self.cache if self.before is None else self.before

    def remember(self) -> Prefilled:
        """Clear the scores of presses, and cache them from now on for other ratios; returns itself."""
        self.views = [replace(view, memory={}) for view in self.views]
        return self

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def press(
        self, press: AbstractPress, *, positions: str = "original", storage: Storage | None = None
    ) -> PrunedCache:
        """A new cache with the tokens that the press keeps; the question is not in it.

        Errors as `ctxprune.kv.compress`.
        """
        check_press(press)
        check_storage(storage)
        check_positions(positions, self.model)
        if pressed_layers(self.cache) or not self.views:
            raise UsageError("this cache is pruned already", hint="read the context again with ctxprune.kv.prefill")
        plans = press.plans(replace(self, storage=storage))
        cache = PrunedCache(self.model)
        cache.layers = copy_cache(self.context_cache).layers
        for view, plan in zip(self.views, plans, strict=True):
            layer = cache.layers[view.attention.layer] = PrunedLayer.holding(view.keys, view.values)
            layer.press(plan, self.question)
        replace(self, cache=cache).complete_cache(press, positions=positions, storage=storage)
        return cache

    def complete_cache(self, press: AbstractPress, *, positions: str, storage: Storage | None) -> None:
        """The steps after all layers were pressed: move positions, pack, and let the press check the cache."""
        # Keys are turned before they are packed: turning them afterwards would quantise them twice.
        if positions == "rerotated":
            close_gaps(self.model, self.cache, self.positions, self.real)
        if storage is not None:
            for layer in pressed_layers(self.cache):
                layer.pack(storage)
        self.cache.press = press.describe()
        press.on_complete(self.cache)

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def ask(self, question: Tensor) -> Prefilled:
        """The same context with a question, (batch or 1, m), behind it: only the question is read; this one is not
        changed.

        Raises:
            UsageError: The ids are empty or not of that shape, or there is a question already.
        """
        if self.question:
            raise UsageError("this context has a question already", hint="ask the one that prefill(model, ids) gave")
        rows = self.views[0].keys.shape[0]
        question = expand_question(question, rows, self.views[0].keys.device)
        check_vocabulary(self.model, question)
        asked: Prefilled = replace(self, cache=copy_cache(self.cache)).read_on(question)
        views = [replace(view, question=question.shape[1]) for view in asked.views]
        return replace(asked, question=question.shape[1], views=views, before=self.cache)

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def read_on(self, ids: Tensor, *, mask: Tensor | None = None) -> Prefilled:
        """The same context with more of it behind, (batch, m), read into the same cache; this one is then used up.

        Args:
            ids: The ids.
            mask: 0 for padding, which may only be on the left of a row, (batch, m); None: no padding.

        Raises:
            UsageError: The ids are empty or not of that shape, or the mask is not; there is padding on the right; or a
                question was read behind the context, which more of it cannot follow.
        """
        check_ids(ids, mask)
        if mask is not None:
            check_left_padding(mask)
        if self.question:
            raise UsageError("this context has a question behind it", hint="read on before prefilled.ask(question)")
        if len(ids) != len(self.views[0].keys):
            raise UsageError(
                f"the ids have {len(ids)} rows, the context {len(self.views[0].keys)}", hint="more of each row"
            )
        check_vocabulary(self.model, ids)
        rows, count, cache = len(ids), ids.shape[1], self.cache
        real, given = self._extend_padding(ids, mask), {}
        # Positions count tokens, not padding: rows of a padded batch continue at different positions.
        if real is None:
            start = torch.full((rows, 1), self.views[0].total, device=ids.device)
            positions = start + torch.arange(count, device=ids.device)
        else:
            given = {"attention_mask": real.long()}
            positions = positions_of(real)[:, -count:]
        # Presses score by hidden states and rotary angles, which a cache does not keep.
        with _InputRecorder(self.model, cache) as recorder:
            decoder = decoder_of(self.model)
            given[cache_argument_name(decoder)] = cache
            decoder(input_ids=ids, position_ids=positions, use_cache=True, **given)
        old = None if self.positions is None else torch.cat([self.positions.expand(rows, -1), positions], dim=1)
        views = [
            replace(
                view,
                keys=cache.layers[view.attention.layer].keys,
                values=cache.layers[view.attention.layer].values,
                hidden=torch.cat([view.hidden, hidden], dim=1),
                cos=torch.cat([view.cos.expand(len(cos), -1, -1), cos], dim=1),
                sin=torch.cat([view.sin.expand(len(sin), -1, -1), sin], dim=1),
                positions=old,
                memory=None,
            )
            for view in self.views
            for hidden, cos, sin in [recorder.inputs[view.attention.layer]]
        ]
        whole = None if self.ids is None else torch.cat([self.ids, ids], dim=1)
        return Prefilled(self.model, cache, whole, real, views=views, positions=old)

    def _extend_padding(self, ids: Tensor, mask: Tensor | None) -> Tensor | None:
        later = torch.ones_like(ids, dtype=torch.bool) if mask is None else mask.to(ids.device).bool()
        if self.real is None and bool(later.all()):
            return None
        shape = len(ids), self.views[0].total
        real = torch.ones(shape, dtype=torch.bool, device=ids.device) if self.real is None else self.real
        return torch.cat([real, later], dim=1)


class _InputRecorder:
    """Records the inputs of attention modules while the model reads into one cache; a context manager.

    Attributes:
        inputs: Hidden states, cos and sin of the new tokens, by layer.
    """

    def __init__(self, model: nn.Module, cache: Any) -> None:
        self.inputs: dict[int, tuple[Tensor, Tensor, Tensor]] = {}
        self._cache, self._attentions = cache, attentions_of(model)
        self._hooks = Hooks()

    def __enter__(self) -> _InputRecorder:
        for each in self._attentions:
            self._hooks.before(each.module, partial(self._record, each))
        return self

    def __exit__(self, *_: object) -> None:
        self._hooks.remove()

    def _record(self, attention: Attention, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        # Other threads may call the model meanwhile: only the call that reads into this cache counts.
        if find_argument(module, "cache", args, kwargs) is self._cache:
            hidden = find_argument(module, "hidden_states", args, kwargs)
            self.inputs[attention.layer] = hidden, *attention.angles(args, kwargs)
