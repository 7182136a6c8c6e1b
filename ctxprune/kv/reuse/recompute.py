"""Selective recomputation of joined keys and values, for the tokens that would change most."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import torch
from transformers.cache_utils import DynamicCache, DynamicLayer

from ctxprune.errors import UsageError
from ctxprune.kv.model.attention import attentions_of, cache_argument_name, decoder_of, find_argument
from ctxprune.kv.model.hooks import Hooks
from ctxprune.utils.foreign import optional_member

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["recompute_tokens"]


@torch.no_grad()  # type: ignore[untyped-decorator]
def recompute_tokens(
    model: nn.Module, pairs: list[tuple[Tensor, Tensor]], ids: Tensor, first: int, share: float
) -> Tensor:
    """Run a share of the tokens through the model with attention to the whole joined sequence, and overwrite their keys
    and values.

    The first two layers are computed for all tokens from `first` on; those whose values in the second layer differ most
    from the joined ones (squared norm of the difference, over all heads) are computed in the other layers as well.

    Args:
        model: A decoder with full attention in every layer.
        pairs: Keys and values of each layer, (1, kv_heads, n, head_dim), changed in place.
        ids: Ids of the whole sequence, (1, n).
        first: Number of tokens at the start that are exact.
        share: Share of the other tokens, 0 < share <= 1; at least one token.

    Returns:
        Indices of the tokens that were computed in every layer, long, ascending.

    Raises:
        UsageError: The model's attention does not take masks.
    """
    kind = optional_member(model.config, "_attn_implementation", "sdpa")
    if kind not in ("sdpa", "eager"):
        raise UsageError(
            f"tokens cannot be recomputed with {kind!r} attention",
            hint="load the model with attn_implementation='sdpa' or 'eager'",
        )
    run = _RecomputePass(pairs, first, share)
    decoder = decoder_of(model)
    positions = torch.arange(first, ids.shape[1], device=ids.device)[None]
    with Hooks() as hooks:
        # The choice is made in the second layer's attention, and takes effect before the third.
        for layer in _decoder_layers(model)[2:]:
            hooks.before(layer, run.narrow)
        decoder(
            input_ids=ids[:, first:],
            position_ids=positions,
            use_cache=True,
            **{cache_argument_name(decoder): run.cache},
        )
    return run.chosen + first


class _RecomputePass:
    """One pass: the tokens being computed, and the cache that they are written to."""

    def __init__(self, pairs: list[tuple[Tensor, Tensor]], first: int, share: float) -> None:
        keys = pairs[0][0]
        self.first, self.total = first, keys.shape[-2] - first
        self.share = share
        self.chosen = torch.arange(self.total, device=keys.device)
        self.cache = DynamicCache()
        self.cache.layers = [_OverwrittenLayer(self, number, *pair) for number, pair in enumerate(pairs)]
        # A mask, and its rows of the chosen tokens: layers share one mask.
        self._masks: tuple[Tensor | None, Tensor] | None = None

    def choose(self, deviation: Tensor) -> None:
        """Choose the tokens with the largest deviation, (tokens,); ties go to the earlier one."""
        count = max(int(self.total * Fraction(str(self.share))), 1)
        order = deviation.argsort(descending=True, stable=True)[:count]
        self.chosen = order.sort().values

    def narrow(
        self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
        """Before a decoder layer: reduce its inputs to the chosen tokens; other callers' passes are not changed."""
        if find_argument(module, "cache", args, kwargs) is not self.cache:
            return None
        hidden = find_argument(module, "hidden_states", args, kwargs)
        if hidden.shape[1] == self.total:
            hidden = hidden[:, self.chosen]
        turns = find_argument(module, "position_embeddings", args, kwargs)
        mask = find_argument(module, "attention_mask", args, kwargs)
        kwargs = {
            **kwargs,
            "attention_mask": self._mask_rows(mask),
            "position_embeddings": tuple(each[:, self.chosen] for each in turns),
        }
        places = find_argument(module, "position_ids", args, kwargs)
        if places is not None:
            kwargs["position_ids"] = places[:, self.chosen]
        if not args:
            return (), {**kwargs, "hidden_states": hidden}
        return (hidden,), kwargs

    def _mask_rows(self, mask: Tensor | None) -> Tensor:
        """The rows of a mask, or of the causal one for None, that belong to the chosen tokens."""
        if self._masks is None or self._masks[0] is not mask:
            if mask is None:
                columns = torch.arange(self.first + self.total, device=self.chosen.device)
                rows = (columns[None] <= (self.chosen + self.first)[:, None])[None, None]
            else:
                rows = mask[..., self.chosen, :]
            self._masks = mask, rows
        return self._masks[1]


class _OverwrittenLayer(DynamicLayer):  # type: ignore[misc]
    """A layer of joined keys and values in which the tokens being computed are overwritten."""

    def __init__(self, run: _RecomputePass, number: int, keys: Tensor, values: Tensor) -> None:
        super().__init__()
        self.lazy_initialization(keys, values)
        self.keys, self.values = keys, values
        self._run, self._number = run, number

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:  # noqa: ARG002
        """Overwrite the tokens being computed and return all; the second layer chooses which are computed further."""
        run = self._run
        places = run.chosen + run.first
        if self._number == 1:
            change = value_states.float() - self.values[:, :, places].float()
            run.choose(change.square().sum(dim=(0, 1, 3)))
        # In place: the caller's pairs are the result.
        self.keys[:, :, places] = key_states
        self.values[:, :, places] = value_states
        return self.keys, self.values

    def get_seq_length(self) -> int:
        """Number of exact tokens at the start, which count as read."""
        return self._run.first

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """The size of a mask over the whole sequence, and its offset, 0."""
        return self._run.first + query_length, 0


def _decoder_layers(model: nn.Module) -> list[nn.Module]:
    """The decoder layers (parents of attention modules), in order."""
    inner = {id(attention.module) for attention in attentions_of(model)}
    return [module for module in decoder_of(model).modules() if any(id(child) in inner for child in module.children())]
