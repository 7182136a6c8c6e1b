"""KVzip: tokens that the model attends to while it repeats the context."""

from __future__ import annotations

import copy
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import torch

from ctxprune.errors import UsageError
from ctxprune.kv.cache.layer import PrunedLayer
from ctxprune.kv.cache.pruned_cache import copy_cache
from ctxprune.kv.model.attention import cache_argument_name, decoder_of, find_argument
from ctxprune.kv.model.hooks import Hooks
from ctxprune.kv.presses.base import Press
from ctxprune.kv.selection import Plan, keep_count, top
from ctxprune.utils.foreign import optional_member
from ctxprune.utils.validation import check_whole

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor, nn
    from transformers.cache_utils import Cache

    from ctxprune.kv.reading.prefilled import Prefilled
    from ctxprune.kv.reading.view import LayerView

__all__ = ["KVzip"]


@dataclass(frozen=True)
class KVzip(Press):
    """Scores a token by the highest attention that it gets while the model reads the context again, chunk by chunk,
    behind the context itself (Kim et al., "KVzip: Query-Agnostic KV Cache Compression with Context Reconstruction",
    arXiv:2505.23416). Every chunk attends to the whole cache. The lowest scores of all layers and heads together are
    dropped, so that heads keep different counts. Scoring costs several times as much as reading the context, most of it
    for the attention of every repeated token to every token of the context; `local` leaves that out.

    With a question, the chunks are read behind it, and attention from the question counts as well.

    Attributes:
        chunk: Tokens of the context to repeat at a time, 1 or more.
        lead: Last tokens of the previous chunk to repeat in front of a chunk, 0 or more.
        prompt: Token ids in front of each repetition, for instance of "Repeat the previous context:"; may be empty.
        sinks: First tokens to keep in each head, 0 or more.
        uniform: Whether every head keeps the same count.
        local: Whether a chunk scores its own tokens alone, by attention normalised over these and their repetition, as
            the paper's implementation does; the cost of scores then grows with the chunk, not with the context. Takes
            chunks of some hundred tokens to save much.
    """

    chunk: int = 2048
    lead: int = 8
    prompt: tuple[int, ...] = ()
    sinks: int = 4
    uniform: bool = False
    local: bool = False
    joint: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check_whole("chunk", self.chunk, minimum=1)
        check_whole("lead", self.lead, minimum=0)
        check_whole("sinks", self.sinks, minimum=0)
        for each in self.prompt:
            check_whole("an id of prompt", each, minimum=0)

    def score(self, view: LayerView) -> Tensor:
        """Raises UsageError: one layer alone cannot be scored."""
        raise UsageError(
            f"KVzip cannot score layer {view.attention.layer} alone",
            hint="take the scores of all layers: KVzip().scores(prefilled)",
        )

    def plans(self, prefilled: Prefilled) -> list[Plan]:
        """A plan for every layer, from the scores of all layers.

        Raises:
            UsageError: The context was passed as embeddings, or a padded batch has layers whose rows cannot be
                separated.
        """
        views = prefilled.views
        if not self.ratio:
            return [Plan(torch.ones_like(view.keys[..., 0], dtype=torch.bool)) for view in views]
        if prefilled.real is None:
            return [Plan(chosen) for chosen in self._choose(views, self._score_unpadded(prefilled))]
        chosen = [torch.zeros_like(view.keys[..., 0], dtype=torch.bool) for view in views]
        for number, real in enumerate(prefilled.real):
            columns = real.nonzero()[:, 0]
            if not len(columns):
                continue
            alone = _single_row(prefilled, number, columns)
            for whole, own in zip(chosen, self._choose(alone.views, self._score_unpadded(alone)), strict=True):
                whole[number][:, columns] = own[0]
        return [Plan(each) for each in chosen]

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def scores(self, prefilled: Prefilled) -> list[Tensor]:
        """The highest attention that each token of a context gets, by layer, float32 (batch, kv_heads, n), 0..1; 0 for
        padding. The context is not changed. Errors as `plans`.
        """
        if prefilled.real is None:
            return list(self._score_unpadded(prefilled))
        found = [view.keys.new_zeros(view.keys.shape[:-1], dtype=torch.float32) for view in prefilled.views]
        for number, real in enumerate(prefilled.real):
            columns = real.nonzero()[:, 0]
            if len(columns):
                for whole, own in zip(
                    found, self._score_unpadded(_single_row(prefilled, number, columns)), strict=True
                ):
                    whole[number][:, columns] = own[0]
        return found

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def _score_unpadded(self, prefilled: Prefilled) -> list[Tensor]:
        """Scores of a context without padding."""
        if prefilled.ids is None:
            raise UsageError("KVzip has no ids to repeat", hint="let the model read token ids, not embeddings")
        views, model = prefilled.views, prefilled.model
        for view in views:
            view.check_scorable()
        own = type(self), self.chunk, self.lead, self.prompt, self.local
        if views[0].memory is not None and own in views[0].memory:
            kept: list[Tensor] = views[0].memory[own]
            return kept
        found = [_question_attention(view) for view in views]
        for scored, repeated in self._repetitions(prefilled.ids[:, : views[0].tokens]):
            cache = copy_cache(prefilled.cache)
            with _record_attention(views, cache, scored if self.local else slice(0, views[0].total)) as most:
                _read_again(model, repeated, cache, _next_position(prefilled))
            for one, view in zip(found, views, strict=True):
                own_tokens = one[..., scored] if self.local else one
                torch.maximum(own_tokens, most[view.order], out=own_tokens)
        if views[0].memory is not None:
            views[0].memory[own] = found
        return found

    def _repetitions(self, ids: Tensor) -> Iterator[tuple[slice, Tensor]]:
        """For each chunk its place in the context, and the ids that repeat it."""
        prompt = ids.new_tensor(self.prompt).expand(len(ids), -1)
        for start in range(0, ids.shape[1], self.chunk):
            end = min(start + self.chunk, ids.shape[1])
            yield slice(start, end), torch.cat([prompt, ids[:, max(start - self.lead, 0) : end]], dim=1)

    def _choose(self, views: list[LayerView], scores: list[Tensor]) -> list[Tensor]:
        """The tokens to keep in each layer: the highest of all layers and heads of a row together, or the same count in
        each head."""
        kept = keep_count(views[0].tokens, self.ratio)
        ready = []
        for view, given in zip(views, scores, strict=True):
            own = self.check_scores(view, given)
            sinks = min(self.sinks, view.tokens)
            # Attention is 1 at most: sinks rank above it, the first one highest.
            own[..., :sinks] = 1 + torch.arange(sinks, 0, -1, dtype=own.dtype, device=own.device)
            ready.append(own)
        if self.uniform:
            return [top(own, kept + view.question) for view, own in zip(views, ready, strict=True)]
        heads = [own.shape[1] for own in ready]
        together = torch.cat([own.flatten(1).to(ready[0].device) for own in ready], dim=1)
        chosen = top(together, sum(heads) * (kept + views[0].question)).view(len(together), sum(heads), -1)
        return [each.to(view.keys.device) for each, view in zip(chosen.split(heads, dim=1), views, strict=True)]


def _question_attention(view: LayerView) -> Tensor:
    """The highest attention that each token gets from the question's tokens; 0 without a question."""
    if not view.question:
        return view.keys.new_zeros(view.keys.shape[:-1], dtype=torch.float32)
    return view.reduce_attention(view.queries(view.question), view.tokens, most=True)


@contextmanager
def _record_attention(views: list[LayerView], cache: Cache, scored: slice) -> Iterator[dict[int, Tensor]]:
    """Record, by the layer's order, the highest attention that the scored tokens get in calls with this cache; it is
    normalised over them and the new tokens."""
    found: dict[int, Tensor] = {}

    def after(view: LayerView) -> Any:
        def record(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], _: Any) -> None:
            if find_argument(module, "cache", args, kwargs) is not cache:
                return
            hidden = find_argument(module, "hidden_states", args, kwargs)
            angles, positions = view.attention.angles(args, kwargs), view.attention.positions(args, kwargs)
            queries = view.attention.inputs(hidden, angles, view.total, positions).queries
            # The chunk has just been appended to the cache: its queries see the context and the chunk itself.
            layer, size = cache.layers[view.attention.layer], scored.stop - scored.start
            # Values as well: attention that caches latents meets the two together.
            keys, values = (_scored_and_new(each, scored, view.total) for each in (layer.keys, layer.values))
            whole = replace(view, keys=keys, values=values)
            found[view.order] = whole.reduce_attention(queries, size, most=True)[..., :size]

        return record

    with Hooks() as hooks:
        for view in views:
            hooks.after(view.attention.module, after(view))
        yield found


def _scored_and_new(states: Tensor, scored: slice, total: int) -> Tensor:
    """Keys or values of the scored tokens and of those behind the `total` tokens of the context."""
    if scored == slice(0, total):
        return states
    return torch.cat([states[..., scored, :], states[..., total:, :]], dim=-2)


def _next_position(prefilled: Prefilled) -> Tensor:
    """The position after the last token read, long (batch or 1, 1)."""
    view = prefilled.views[0]
    if view.positions is None:
        return torch.tensor([[view.total]], device=view.keys.device)
    return view.positions[:, -1:] + 1


def _read_again(model: nn.Module, ids: Tensor, cache: Cache, start: Tensor) -> None:
    decoder = decoder_of(model)
    positions = (start + torch.arange(ids.shape[1], device=start.device)).to(ids.device).expand(len(ids), -1)
    decoder(input_ids=ids, position_ids=positions, use_cache=True, **{cache_argument_name(decoder): cache})


def _single_row(prefilled: Prefilled, number: int, columns: Tensor) -> Prefilled:
    """One row of a context, with the tokens at `columns` only."""
    views = [view.row(number, columns) for view in prefilled.views]
    cache = copy.copy(prefilled.cache)
    by_layer = {view.attention.layer: view for view in views}
    cache.layers = []
    for layer_number, layer in enumerate(prefilled.cache.layers):
        view = by_layer.get(layer_number)
        if view is None:
            cache.layers.append(_sliding_row(layer, number, columns, prefilled.real))
        else:
            cache.layers.append(PrunedLayer.holding(view.keys, view.values))
    ids = None if prefilled.ids is None else prefilled.ids[number : number + 1, columns]
    return replace(prefilled, cache=cache, ids=ids, real=None, views=views)


def _sliding_row(layer: Any, number: int, columns: Tensor, real: Tensor | None) -> Any:
    """One row of a sliding window, which holds the last tokens read."""
    held = optional_member(layer, "keys")
    read = 0 if real is None else real.shape[1]
    remaining = 0 if held is None else min(len(columns), held.shape[-2])
    # Padding on the left alone: the window of a row is then a slice of the batch's window.
    contiguous = len(columns) == read - int(columns[0])
    if held is None or not isinstance(optional_member(layer, "cumulative_length"), int) or not contiguous:
        raise UsageError(
            "KVzip cannot separate the rows of this padded batch in layers with windows or linear attention",
            hint="pad on the left, or press one row at a time",
        )
    own = copy.copy(layer)
    own.keys, own.values = held[number : number + 1, :, -remaining:], layer.values[number : number + 1, :, -remaining:]
    own.cumulative_length = len(columns)
    return own
