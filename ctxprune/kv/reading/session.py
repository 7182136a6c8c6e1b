"""A press on a model within a `with` block: contexts are pressed while the model reads them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import torch

from ctxprune.errors import UsageError
from ctxprune.kv.cache.layer import PrunedLayer
from ctxprune.kv.cache.masks import claim_cache, release_cache, steps_of, two_presses
from ctxprune.kv.cache.positions import check_positions
from ctxprune.kv.cache.pruned_cache import PrunedCache, can_press_all, check_pressable, prepare_layers
from ctxprune.kv.cache.store import check_storage
from ctxprune.kv.model.attention import attentions_of, bind_arguments, cache_argument_name, decoder_of, find_argument
from ctxprune.kv.model.checks import check_layer
from ctxprune.kv.model.hooks import Hooks
from ctxprune.kv.model.inputs import find_padding, has_right_padding
from ctxprune.kv.model.rotary import rotary_embedding
from ctxprune.kv.reading.chunks import ChunkedGeneration
from ctxprune.kv.reading.prefilled import Prefilled, check_press
from ctxprune.kv.reading.view import LayerView
from ctxprune.utils.foreign import optional_member

if TYPE_CHECKING:
    from types import TracebackType

    from torch import nn

    from ctxprune.kv.cache.store import Storage
    from ctxprune.kv.model.attention import Attention
    from ctxprune.kv.reading.prefilled import AbstractPress

__all__ = ["ReusableSession", "Session"]


class Session:
    """Presses every context that a model reads into an empty cache; a context manager that restores the model.

    Args:
        model: A decoder of transformers.
        press: Chooses the tokens to keep; None: nothing is dropped, and the context read is kept in `prefilled`.
        positions: "original" or "rerotated".
        storage: How kept tokens are stored; None: unpacked.
        question: How many of the last tokens belong to the question.
        own_thread: Whether only calls from the thread that enters are pressed.
        chunks: Presses contexts that `generate` reads in chunks in place of this session; None: nothing does.

    Raises:
        UsageError: The model or an option is not supported.
    """

    def __init__(
        self,
        model: nn.Module,
        press: AbstractPress | None,
        *,
        positions: str = "original",
        storage: Storage | None = None,
        question: int = 0,
        own_thread: bool = False,
        chunks: ChunkedGeneration | None = None,
    ) -> None:
        if press is not None:
            check_press(press)
        check_storage(storage)
        check_positions(positions, model)
        self.model, self.press, self.positions, self.storage = model, press, positions, storage
        self.question, self.own_thread, self._chunks = question, own_thread, chunks
        self.prefilled: Prefilled | None = None
        self._decoder = decoder_of(model)
        self._attentions = attentions_of(model)
        self._hooks = Hooks()
        self._thread = 0
        # Current calls to press, by the id of their cache.
        self._in_progress: dict[int, Prefilled] = {}

    def __enter__(self) -> Session:
        self._thread = threading.get_ident()
        self._hooks.before(self._decoder, self._begin_call)
        self._hooks.after(self._decoder, self._end_call, always=True)
        for each in self._attentions:
            self._hooks.after(each.module, self._attention_hook(each))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hooks.remove()
        # Calls that an interrupt ended did not reach their last hook.
        for reading in self._in_progress.values():
            release_cache(reading.cache)
        self._in_progress = {}

    def _begin_call(
        self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
        if self.own_thread and threading.get_ident() != self._thread:
            return None
        cache = find_argument(module, "cache", args, kwargs)
        if cache is not None and (cache.get_seq_length() or self._reads_chunks(cache)):
            # Tokens behind a context that was read before, or chunks of one, which are pressed in steps.
            return None
        use = find_argument(module, "use_cache", args, kwargs)
        if use is False or (use is None and not optional_member(self.model.config, "use_cache", True)):
            return None
        made = cache is None
        if not made and steps_of(cache) is not None:
            raise two_presses()
        if made:
            # The model would make a cache of its own, which cannot be pressed.
            cache = PrunedCache(self.model)
        else:
            prepare_layers(cache, self.model)
        ids = find_argument(module, "input_ids", args, kwargs)
        inputs = find_argument(module, "inputs_embeds", args, kwargs) if ids is None else ids
        mask = find_argument(module, "attention_mask", args, kwargs)
        # A mask may be longer than the tokens read so far.
        real = find_padding(mask[:, : inputs.shape[1]] if isinstance(mask, torch.Tensor) and mask.ndim == 2 else mask)
        real = None if real is None else real.to(inputs.device)
        if real is not None and not can_press_all(self.model) and has_right_padding(real):
            raise UsageError(
                "padding is on the right, and would fill the windows of layers that are not pressed",
                hint="pad on the left, or read one row at a time",
            )
        claim_cache(cache)
        self._in_progress[id(cache)] = Prefilled(
            self.model, cache, ids, real, question=self.question, storage=self.storage
        )
        return ((), {**bind_arguments(module, args, kwargs), cache_argument_name(module): cache}) if made else None

    def _reads_chunks(self, cache: Any) -> bool:
        steps = steps_of(cache)
        return steps is not None and self._chunks is not None and self._chunks.owns(steps)

    def _attention_hook(self, attention: Attention) -> Any:
        @torch.no_grad()  # type: ignore[untyped-decorator]
        def read(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], _: Any) -> None:
            reading = self._in_progress.get(id(find_argument(module, "cache", args, kwargs)))
            # A module that shares the keys of another layer (Gemma 3n) has no layer of its own in the cache.
            if reading is None or attention.layer >= len(reading.cache.layers):
                return
            layer = reading.cache.layers[attention.layer]
            if not isinstance(layer, PrunedLayer):
                return
            if layer.kept is not None:
                raise two_presses()
            view = self._build_view(attention, reading, args, kwargs)
            reading.positions = find_argument(module, "position_ids", args, kwargs)
            if self.press is None or self.press.joint:
                reading.views.append(view)
            else:
                # At once, so that at most one layer is held whole.
                reading.order += 1
                plan = self.press.plan_batch(view, reading.real)
                layer.press(plan, self.question)

        return read

    def _build_view(
        self, attention: Attention, reading: Prefilled, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> LayerView:
        module, layer = attention.module, reading.cache.layers[attention.layer]
        hidden = find_argument(module, "hidden_states", args, kwargs)
        if hidden is None or layer.keys.shape[-2] != hidden.shape[1]:
            raise attention.unsupported("is not called with the hidden states of the tokens that it caches")
        cos, sin = attention.angles(args, kwargs)
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
            positions=attention.positions(args, kwargs),
            rotary=rotary_embedding(self.model),
            unscorable=check_layer(attention, layer.keys, args, kwargs),
        )

    def _end_call(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        reading = self._in_progress.pop(id(find_argument(module, "cache", args, kwargs)), None)
        if reading is not None:
            release_cache(reading.cache)
        if reading is None or output is None:
            # Another call, or one that failed.
            return
        check_pressable(reading.cache, self.model)
        self.prefilled = reading
        if self.press is None:
            return
        if self.press.joint:
            # Joint presses need the scores of all layers, which are complete only now.
            for view, plan in zip(reading.views, self.press.plans(reading), strict=True):
                reading.cache.layers[view.attention.layer].press(plan, self.question)
        reading.complete_cache(self.press, positions=self.positions, storage=self.storage)


class ReusableSession:
    """A press on a model, as a context manager that can be entered more than once; each time opens a session."""

    def __init__(self, model: nn.Module, press: AbstractPress, **options: Any) -> None:
        self._model, self._press, self._options = model, press, options
        self._sessions: list[Session] = []
        self._chunks: list[ChunkedGeneration] = []

    def __enter__(self) -> None:
        chunks = ChunkedGeneration(self._model, self._press, **self._options)
        session = Session(self._model, self._press, chunks=chunks, **self._options)
        session.__enter__()
        self._sessions.append(session)
        self._chunks.append(chunks)
        chunks.open()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._sessions:
            raise UsageError("this session is not open", hint="`with press(model):` enters and leaves it")
        self._chunks.pop().close()
        self._sessions.pop().__exit__(kind, error, trace)
