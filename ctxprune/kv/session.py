"""The hooks of one press on one model, for as long as a `with` is open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from ctxprune.errors import UsageError
from ctxprune.kv.attention import argument, attentions_of, cache_argument, decoder_of
from ctxprune.kv.cache import PrunedCache, prepare_layers
from ctxprune.kv.finish import check_positions, finish
from ctxprune.kv.layer import PrunedLayer
from ctxprune.kv.masks import attach
from ctxprune.kv.prefilled import Prefilled
from ctxprune.kv.press import planned
from ctxprune.kv.view import LayerView

if TYPE_CHECKING:
    from types import TracebackType

    from torch import Tensor, nn
    from torch.utils.hooks import RemovableHandle

    from ctxprune.kv.attention import Attention
    from ctxprune.kv.press import Press
    from ctxprune.kv.store import Storage

__all__ = ["Reader", "Session"]


class Session:
    """Presses every context that a model reads into an empty cache; a context manager that leaves the model as it was.

    Args:
        model: A decoder of transformers.
        press: What chooses; None: nothing is dropped, and every context read is kept in `prefilled`.
        positions: "original" or "rerotated".
        storage: How kept tokens are stored; None: as they are.
        question: How many of the last tokens are the question.

    Raises:
        UsageError: The model or an option cannot be served.
    """

    def __init__(
        self,
        model: nn.Module,
        press: Press | None,
        *,
        positions: str = "original",
        storage: Storage | None = None,
        question: int = 0,
    ) -> None:
        check_positions(positions, model)
        self.model, self.press, self.positions, self.storage = model, press, positions, storage
        self.question = question
        self.prefilled: Prefilled | None = None
        self._decoder = decoder_of(model)
        self._attentions = attentions_of(model)
        self._handles: list[RemovableHandle] = []
        self._reading: Prefilled | None = None  # the call under way, if it is one to press

    def __enter__(self) -> Session:
        if self._handles:
            raise UsageError("this press is open already", hint="leave the first `with` before entering again")
        self._handles = [
            self._decoder.register_forward_pre_hook(self._begin, with_kwargs=True),
            self._decoder.register_forward_hook(self._end, with_kwargs=True, always_call=True),
            *(each.module.register_forward_hook(self._after(each), with_kwargs=True) for each in self._attentions),
        ]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles, self._reading = [], None

    def _begin(
        self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
        self._reading = None
        cache = argument(module, "cache", args, kwargs)
        if cache is not None and cache.get_seq_length():
            return None  # tokens after the context
        use = argument(module, "use_cache", args, kwargs)
        if use is False or (use is None and not getattr(self.model.config, "use_cache", True)):
            return None
        made = cache is None
        cache = PrunedCache(self.model) if made else cache
        if not made:
            prepare_layers(cache)
            attach(self.model, cache)
        ids = argument(module, "input_ids", args, kwargs)
        inputs = argument(module, "inputs_embeds", args, kwargs) if ids is None else ids
        real = _real(argument(module, "attention_mask", args, kwargs), inputs)
        self._reading = Prefilled(self.model, cache, ids, real, question=self.question, storage=self.storage)
        return (args, {**kwargs, cache_argument(module): cache}) if made else None

    def _after(self, attention: Attention) -> Any:
        @torch.no_grad()  # type: ignore[untyped-decorator]
        def read(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], _: Any) -> None:
            reading = self._reading
            if reading is None or attention.layer >= len(reading.cache.layers):
                return
            layer = reading.cache.layers[attention.layer]
            if not isinstance(layer, PrunedLayer):
                return
            view = self._view(attention, layer, module, args, kwargs)
            reading.positions = argument(module, "position_ids", args, kwargs)
            if self.press is None or self.press.joint:
                reading.views.append(view)
            else:
                reading.order += 1
                plan = planned(self.press, view, reading.real)
                layer.press(plan, self.question)

        return read

    def _view(
        self, attention: Attention, layer: PrunedLayer, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> LayerView:
        reading = self._reading
        hidden = argument(module, "hidden_states", args, kwargs)
        turns = argument(module, "position_embeddings", args, kwargs)
        if reading is None or hidden is None or turns is None or layer.keys.shape[-2] != hidden.shape[1]:
            raise UsageError(
                f"{type(module).__name__} is not called with hidden_states and position_embeddings",
                hint="KV presses serve the rotary decoders of transformers",
            )
        cos, sin = turns
        attention.check(hidden, layer.keys, cos, sin)
        positions = argument(module, "position_ids", args, kwargs)
        return LayerView(
            attention=attention,
            order=len(reading.views) + reading.order,
            layers=sum(isinstance(each, PrunedLayer) for each in reading.cache.layers),
            keys=layer.keys,
            values=layer.values,
            hidden=hidden,
            cos=cos,
            sin=sin,
            question=self.question,
            positions=positions if getattr(positions, "ndim", 0) == 2 else None,
            rotary=getattr(self._decoder, "rotary_emb", None),
        )

    def _end(self, _: nn.Module, __: tuple[Any, ...], ___: dict[str, Any], output: Any) -> None:
        reading, self._reading = self._reading, None
        if reading is None or output is None:  # the call failed
            return
        if not any(isinstance(layer, PrunedLayer) for layer in reading.cache.layers):
            raise UsageError(
                f"{type(self.model).__name__} has no layer with full attention",
                hint="sliding windows and linear attention hold little, and are left whole",
            )
        self.prefilled = reading
        if self.press is None:
            return
        if self.press.joint:
            for view, plan in zip(reading.views, self.press.plans(reading), strict=True):
                reading.cache.layers[view.attention.layer].press(plan, self.question)
        finish(reading, self.press, positions=self.positions, storage=self.storage)


def _real(mask: Tensor | None, inputs: Tensor) -> Tensor | None:
    """Which inputs are tokens, bool (batch, n); None where all are."""
    if mask is None:
        return None
    if not isinstance(mask, torch.Tensor) or mask.ndim != 2:
        raise UsageError("a context to press needs a mask of two dimensions", hint="(batch, tokens), 0 for padding")
    real = mask[:, : inputs.shape[1]].to(device=inputs.device, dtype=torch.bool)
    return None if bool(real.all()) else real


class Reader:
    """Keeps what attention modules are given while one cache is read on; a context manager.

    Attributes:
        read: By layer the hidden states, cos and sin of the new tokens.
    """

    def __init__(self, model: nn.Module, cache: Any) -> None:
        self.read: dict[int, tuple[Tensor, Tensor, Tensor]] = {}
        self._cache, self._attentions = cache, attentions_of(model)
        self._handles: list[RemovableHandle] = []

    def __enter__(self) -> Reader:
        self._handles = [
            each.module.register_forward_pre_hook(self._keep, with_kwargs=True) for each in self._attentions
        ]
        return self

    def __exit__(self, *_: object) -> None:
        for handle in self._handles:
            handle.remove()

    def _keep(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if argument(module, "cache", args, kwargs) is self._cache:
            cos, sin = argument(module, "position_embeddings", args, kwargs)
            self.read[module.layer_idx] = argument(module, "hidden_states", args, kwargs), cos, sin
