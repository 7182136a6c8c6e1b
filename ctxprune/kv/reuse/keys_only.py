"""A cache without the hidden states that it was computed from, made available to presses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from ctxprune.errors import UsageError
from ctxprune.kv.cache.layer import PrunedLayer
from ctxprune.kv.cache.masks import pressed_layers
from ctxprune.kv.model.attention import Attention, attentions_of
from ctxprune.kv.model.inputs import as_row
from ctxprune.kv.model.rotary import Rotary
from ctxprune.kv.reading.prefilled import Prefilled
from ctxprune.kv.reading.view import LayerView

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn

    from ctxprune.kv.cache.pruned_cache import PrunedCache
    from ctxprune.kv.model.capture import AttentionInputs

__all__ = ["as_prefilled"]


@torch.no_grad()  # type: ignore[untyped-decorator]
def as_prefilled(
    model: nn.Module,
    cache: PrunedCache,
    ids: Tensor | Sequence[int],
    *,
    question: Tensor | Sequence[int] | None = None,
) -> Prefilled:
    """Make a joined cache available to presses: `as_prefilled(model, cache, ids).press(KeyDiff(0.5))`.

    It can be pressed by presses that use only keys and values (Random, StreamingLLM, FixedPattern, Knorm, KeyDiff,
    QFilter, LagKV), and by KVzip, which reads on from it. Presses that use attention need queries, which a joined cache
    has not kept. With a question, the question's queries are computed, which is enough for presses whose observation
    window is not longer than it (SnapKV, PyramidKV, TOVA, SimLayerKV, ThinK and wrappers around them).
    ExpectedAttention, ObservedAttention, LearnedDrop and Merge use the hidden states of all tokens and raise
    UsageError: press each passage as it is read instead, with `PassageStore(press=...)`.

    Args:
        model: The model whose cache it is.
        cache: A cache of one row that was not pressed; it is not changed.
        ids: The ids of the cached sequence, (n,) or (1, n).
        question: Ids of the question, (m,) or (1, m), read behind it for choosing only, and not kept; None: none, or
            `Prefilled.ask` reads it later.

    Raises:
        UsageError: The cache is pressed, or holds another number of tokens.
    """
    device = next(model.parameters()).device
    row = as_row(ids, device)
    if pressed_layers(cache):
        raise UsageError("this cache is pruned already", hint="press it once")
    if cache.get_seq_length() != row.shape[1]:
        raise UsageError(
            f"the cache holds {cache.get_seq_length()} tokens and {row.shape[1]} ids are given",
            hint="give the ids it stands for",
        )
    cos, sin = Rotary(model).at(torch.arange(row.shape[1], device=device)[None])
    attentions = [each for each in attentions_of(model) if isinstance(cache.layers[each.layer], PrunedLayer)]
    width = int(model.config.get_text_config().hidden_size)
    views = []
    for order, attention in enumerate(attentions):
        layer = cache.layers[attention.layer]
        # NaN stands for hidden states that are unknown, expanded from one number so that it takes no memory.
        views.append(
            LayerView(
                attention=_KeysOnlyAttention(attention.module, attention.layer),
                order=order,
                layers=len(attentions),
                keys=layer.keys,
                values=layer.values,
                hidden=layer.keys.new_full((1, 1, 1), float("nan")).expand(-1, row.shape[1], width),
                cos=cos.to(layer.keys.dtype),
                sin=sin.to(layer.keys.dtype),
            )
        )
    opened = Prefilled(model, cache.copy(), row, None, views=views)
    return opened if question is None else opened.ask(as_row(question, device))


@dataclass(frozen=True)
class _KeysOnlyAttention(Attention):
    """An attention module whose inputs are known only for the question; those of other tokens are NaN."""

    def inputs(
        self, hidden: Tensor, angles: tuple[Tensor, Tensor], start: int = 0, positions: Tensor | None = None
    ) -> AttentionInputs:
        if bool(hidden.isnan().any()):
            raise UsageError(
                "this press uses queries, which a joined cache has not kept",
                hint="use Knorm or KeyDiff, give a question that is as long as the press's window, or press each "
                "passage: PassageStore(press=...)",
            )
        return super().inputs(hidden, angles, start, positions)
