"""Pressing a cache again and again while a model reads into it, token by token or chunk by chunk."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import torch
from transformers.cache_utils import DynamicSlidingWindowLayer

from ctxprune.errors import BudgetError
from ctxprune.kv.cache.layer import PrunedLayer
from ctxprune.kv.cache.positions import turn_together
from ctxprune.kv.cache.pruned_cache import count_bytes
from ctxprune.kv.cache.repress import HeldTokens, RecentInputs
from ctxprune.kv.model.attention import Attention, cache_layer_of, find_argument
from ctxprune.kv.model.checks import check_layer
from ctxprune.kv.model.inputs import check_left_padding, find_padding
from ctxprune.kv.reading.held_plan import HeldView, choose_held, observe_held
from ctxprune.kv.reading.limits import ByteLimit, LayerSize
from ctxprune.kv.reading.view import LayerView

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn
    from transformers.cache_utils import Cache

    from ctxprune.kv.cache.store import Storage
    from ctxprune.kv.model.rotary import Rotary
    from ctxprune.kv.reading.layer_press import LayerPress
    from ctxprune.kv.reading.limits import Limit

__all__ = ["StepPress"]


@dataclass(frozen=True)
class StepPress:
    """Presses the layers of one cache whenever a limit asks for it; hooks call it around each attention module.

    It has no state of its own: copies of a cache share it.

    Attributes:
        press: Chooses among the tokens held.
        limit: When, and how many.
        storage: How kept tokens are stored; None: unpacked.
        rotary: The model's rotary embedding if positions are made consecutive at each press; None: original ones.
    """

    press: LayerPress
    limit: Limit
    storage: Storage | None = None
    rotary: Rotary | None = None

    def __deepcopy__(self, memo: dict[int, Any]) -> StepPress:
        """Itself: a copy would hold its own rotary module of the model and learned filters."""
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """A pickled cache has none, as it holds modules of the model; reading into such a cache raises."""
        return type(None), ()

    @property
    def window(self) -> int:
        """How many tokens' inputs a press needs."""
        return self.press.query_window or 0

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def begin_call(self, cache: Any, modules: Sequence[nn.Module], mask: Any, new: int) -> None:
        """Before the decoder: remember the padding, and press layers in which the new tokens would not fit.

        Here, and not behind the call before, as drafts that were rejected have been cropped by now; and not in each
        layer, as positions of re-rotated caches must be settled before the model computes its angles.

        Args:
            cache: The cache.
            modules: The attention modules of the model.
            mask: The call's mask, (batch, tokens read and new), 0 for padding; None: no padding.
            new: Number of new tokens.

        Raises:
            UsageError: The mask has another shape, or there is padding behind tokens.
            BudgetError: One token a head does not fit.
        """
        cache.padding = find_padding(mask, cache.get_seq_length() + new)
        if cache.padding is not None:
            check_left_padding(cache.padding)
        for module in modules:
            layer = _own_layer(cache, module)
            if layer is None or not layer.is_initialized:
                continue
            layer.padded = 0 if cache.padding is None else int((~cache.padding).sum(dim=1).max())
            size = self._size(cache, layer)
            kept = self.limit.before(size, new)
            if kept is not None:
                self._press(cache, module, [kept] * len(layer.keys), 0, size)

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def after_attention(self, cache: Any, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Record the inputs, and press the layer if it exceeds its limit: after a call of many tokens."""
        layer = _own_layer(cache, module)
        if layer is None:
            return
        hidden = find_argument(module, "hidden_states", args, kwargs)
        self._check(layer, module, args, kwargs)
        if self._needs_queries:
            self._record(layer, hidden, *Attention(module, module.layer_idx).angles(args, kwargs))
        size = self._size(cache, layer)
        reads = _tokens_read(layer, cache.padding)
        due = self.limit.after(size, self._budget_view(cache, module, size.tokens), reads)
        if due is not None:
            self._press(cache, module, *due, size)

    def end_call(self, cache: Cache) -> None:
        """After the decoder: free what windows of unpressed layers left behind, and check a budget of bytes.

        Raises:
            BudgetError: The cache is larger than its budget.
        """
        cache.padding = None
        for layer in cache.layers:
            # transformers keeps views of all tokens of a call.
            if isinstance(layer, DynamicSlidingWindowLayer) and layer.is_initialized and not layer.record_past:
                layer.keys, layer.values = layer.keys.clone(), layer.values.clone()
        if isinstance(self.limit, ByteLimit) and (held := count_bytes(cache)) > self.limit.nbytes:
            raise BudgetError(
                f"the cache holds {held} bytes, {self.limit.nbytes} are allowed",
                hint="raise nbytes: layers that are not pressed, or a storage, take more than was predicted",
            )

    def release(self, cache: Cache) -> None:
        """End the steps: the cache stays as it is, without the inputs that presses need."""
        cache.steps = None
        for layer in cache.layers:
            if isinstance(layer, PrunedLayer):
                layer.end_steps()

    @property
    def _needs_queries(self) -> bool:
        return bool(self.window) or self.press.accumulates

    def _check(self, layer: PrunedLayer, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """In the first call of a layer: raises UsageError where it, or its attention for this press, is not served."""
        attention, hidden = Attention(module, module.layer_idx), find_argument(module, "hidden_states", args, kwargs)
        if hidden is None:
            raise attention.unsupported("is not called with the hidden states of the tokens that it caches")
        if layer.kept is not None or layer.keys.shape[-2] != hidden.shape[1]:
            return
        unscorable = check_layer(attention, layer.keys, args, kwargs)
        if unscorable is not None and self._needs_queries:
            raise unscorable

    def _record(self, layer: PrunedLayer, hidden: Tensor, cos: Tensor, sin: Tensor) -> None:
        new = hidden.shape[1]
        # Tokens may be cropped before the next press: a whole window is left behind `every` of them.
        most, needed = self.window + self.limit.every, self.window
        if self.press.accumulates:
            # All inputs since the last press: a crop leaves just those that are still to be summed up.
            most, needed = new if layer.recent is None else layer.recent.count + new, 0
        now = RecentInputs(hidden.detach(), cos.detach(), sin.detach(), needed)
        layer.recent = now.last(most) if layer.recent is None else layer.recent.extend(now, most)

    def _press(self, cache: Any, module: nn.Module, kept: list[int], spare: int, size: LayerSize) -> None:
        layer: PrunedLayer = cache.layers[module.layer_idx]
        spare = min(spare, layer.keys.shape[-2])
        held = HeldTokens.of(layer.kept, layer.keys, layer.values, layer.pressed, cache.padding)
        whole = self._held_view(cache, module, held, spare)
        if self.press.accumulates:
            layer.attended = observe_held(whole)
            empty = whole.view.hidden[:, :0]
            whole = replace(whole, view=replace(whole.view, attended=layer.attended, hidden=empty), inputs=None)
            layer.recent = None if layer.recent is None else layer.recent.last(0)
        count = whole.view.tokens
        settled = held.first(count)
        while True:
            chosen = choose_held(self.press, whole, kept)
            own = chosen[..., :count]
            if self.limit.fits(size, own.sum(dim=-1).flatten().tolist(), spare) or max(kept) == 1:
                break
            # Uneven heads may take more bytes than even ones.
            kept = [max(each - max(each // 64, 1), 1) for each in kept]
        if self.rotary is not None:
            settled = self._turn(layer, module, settled, own, spare)
        layer.press_again(settled, own, spare)
        if layer.attended is not None:
            layer.attended = _keep_attended(layer, layer.attended, own, spare)
        if self.storage is not None:
            layer.pack(self.storage)

    def _turn(self, layer: PrunedLayer, module: nn.Module, held: HeldTokens, chosen: Tensor, spare: int) -> HeldTokens:
        """Move the chosen tokens, and the spare ones behind them, to consecutive positions."""
        rotary, attention = self.rotary, Attention(module, module.layer_idx)
        if rotary is None:
            return held
        real = chosen.new_ones(chosen.shape) if held.real is None else held.real
        turned = turn_together(rotary, attention, held.keys, chosen & real, held.real)
        by = real.sum(dim=-1)[:, 0] - (chosen & real).sum(dim=-1)[:, 0]
        layer.shift = by if layer.shift is None else layer.shift + by
        if spare:
            count = layer.keys.shape[-2]
            late = rotary.turn(attention, layer.keys[..., count - spare :, :], -by[:, None, None].expand(-1, 1, spare))
            layer.keys = torch.cat([layer.keys[..., : count - spare, :], late], dim=-2)
        return replace(held, keys=turned)

    def _held_view(self, cache: Any, module: nn.Module, held: HeldTokens, spare: int) -> HeldView:
        layer: PrunedLayer = cache.layers[module.layer_idx]
        seen, slots = layer.get_seq_length(), held.keys.shape[-2]
        recent = layer.recent
        empty = held.keys.new_empty(len(held.keys), 0, 1)
        hidden, cos, sin = (empty, empty, empty) if recent is None else (recent.hidden, recent.cos, recent.sin)
        first = seen - hidden.shape[1]
        positions = None if cache.padding is None else _input_positions(cache.padding[:, :seen], hidden.shape[1])
        if self.rotary is not None and recent is not None:
            positions = _consecutive_positions(held, recent.count)
            cos, sin = (each.to(held.keys.dtype) for each in self.rotary.at(positions))
        attended = layer.attended
        if attended is not None:
            attended = torch.nn.functional.pad(attended, (0, slots - attended.shape[-1]))
        view = replace(
            self._budget_view(cache, module, slots),
            keys=held.keys,
            values=held.values,
            hidden=hidden,
            cos=cos,
            sin=sin,
            question=spare,
            positions=positions,
            first=first,
            attended=attended,
            visible_to=_visible_to(held, seen) if self.press.accumulates else None,
        )
        inputs = None if cache.padding is None else cache.padding[:, seen - hidden.shape[1] : seen]
        return HeldView(view, held.real, None if inputs is None or bool(inputs.all()) else inputs)

    def _budget_view(self, cache: Any, module: nn.Module, tokens: int) -> LayerView:
        """The view as far as budgets need it: order, counts and window, on keys without channels."""
        layer: PrunedLayer = cache.layers[module.layer_idx]
        pressable = [number for number, each in enumerate(cache.layers) if isinstance(each, PrunedLayer)]
        bare = layer.keys.new_empty(*layer.keys.shape[:2], tokens, 0)
        recent = bare.new_empty(len(bare), 0 if layer.recent is None else layer.recent.count, 0)
        return LayerView(
            attention=Attention(module, module.layer_idx),
            order=pressable.index(module.layer_idx),
            layers=len(pressable),
            keys=bare,
            values=bare,
            hidden=recent,
            cos=recent,
            sin=recent,
            dropped=layer.get_seq_length() - tokens,
        )

    def _size(self, cache: Any, layer: PrunedLayer) -> LayerSize:
        batch, heads, tail, _ = layer.keys.shape
        widths = layer.keys.shape[-1], layer.values.shape[-1]
        tokens, size = tail, layer.keys.element_size()
        if layer.kept is not None:
            counts = layer.kept.counts
            tokens += counts.longest if counts.even else int(-(-counts.each.sum(dim=1).max() // heads))
        recent, other = layer.recent, [each for each in cache.layers if not isinstance(each, PrunedLayer)]
        by_bytes = isinstance(self.limit, ByteLimit)
        return LayerSize(
            tokens=tokens,
            recent=0 if recent is None else recent.count,
            seen=layer.get_seq_length(),
            heads=batch * heads,
            width=sum(widths),
            widest=max(widths),
            itemsize=size,
            input_bytes=_input_bytes(recent),
            layers=len(cache.layers) - len(other),
            other_bytes=sum(_most_bytes(each, batch * heads * sum(widths) * size) for each in other) if by_bytes else 0,
            nbytes=count_bytes(SimpleNamespace(layers=[layer])) if by_bytes else 0,
            score_bytes=4 if self.press.accumulates else 0,
            storage=self.storage,
        )


def _own_layer(cache: Any, module: nn.Module) -> PrunedLayer | None:
    """The layer of an attention module; None where it cannot be pressed, or is another module's (Gemma 3n)."""
    number = cache_layer_of(module)
    if number != module.layer_idx or number >= len(cache.layers):
        return None
    layer = cache.layers[number]
    return layer if isinstance(layer, PrunedLayer) else None


def _input_positions(padding: Tensor, count: int) -> Tensor:
    """Positions of the last `count` tokens read, (batch, count): padding is not counted; 0 for padding."""
    return (padding.cumsum(dim=1) - 1).clamp(min=0)[:, padding.shape[1] - count :]


def _consecutive_positions(held: HeldTokens, count: int) -> Tensor:
    """Positions of the last `count` tokens in a re-rotated cache, which holds tokens of consecutive ones from 0 on."""
    ends = torch.full((len(held.keys),), held.keys.shape[-2], device=held.keys.device)
    ends = ends if held.real is None else held.real[:, 0].sum(dim=-1)
    return (ends[:, None] - count + torch.arange(count, device=ends.device)).clamp(min=0)


def _tokens_read(layer: PrunedLayer, padding: Tensor | None) -> list[int]:
    seen = layer.get_seq_length()
    return [seen] * len(layer.keys) if padding is None else padding[:, :seen].sum(dim=1).tolist()


def _visible_to(held: HeldTokens, seen: int) -> Tensor:
    """How many tokens read so far can attend to each token held: there is no padding behind a token."""
    return seen - held.columns.clamp(max=seen - 1)


def _keep_attended(layer: PrunedLayer, attended: Tensor, chosen: Tensor, spare: int) -> Tensor:
    """The sums of the tokens kept, in the slots of the layer's kept tokens, then those of the spare ones."""
    if layer.kept is None:
        return attended
    counts, tail = layer.kept.counts, attended[..., attended.shape[-1] - spare :]
    kept = counts.padded(attended[..., : attended.shape[-1] - spare][chosen])
    return torch.cat([kept, tail], dim=-1)


def _input_bytes(recent: RecentInputs | None) -> int:
    if recent is None:
        return 0
    return sum(len(held) * held.shape[2] * held.element_size() for held in recent.tensors().values())


def _most_bytes(layer: Any, token_bytes: int) -> int:
    """Bytes that a layer which is not pressed takes at most; windows are taken to have the shape of pressed layers."""
    if isinstance(layer, DynamicSlidingWindowLayer):
        return int(layer.sliding_window) * token_bytes
    return count_bytes(SimpleNamespace(layers=[layer]))
