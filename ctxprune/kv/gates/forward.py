"""Gates in a forward pass over whole sequences: no token is removed, log keep is added to the attention logits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from ctxprune.errors import UsageError
from ctxprune.kv.gates.entmax import check_alpha
from ctxprune.kv.gates.gates import log_keep
from ctxprune.kv.model.attention import attentions_of, bind_arguments, find_argument
from ctxprune.kv.model.hooks import Hooks
from ctxprune.utils.foreign import optional_member

if TYPE_CHECKING:
    from types import TracebackType

    from torch import Tensor, nn

    from ctxprune.kv.gates.gates import Gates

__all__ = ["BiasedForward", "GatedForward", "as_bias", "check_masks"]


class BiasedForward:
    """A context manager within which layers of a model attend with a bias on their logits; subclasses compute the bias.

    Calls must be of whole sequences, without a filled cache. Padding may be on either side, with a mask.

    Args:
        model: A decoder of transformers, with sdpa or eager attention.
        layers: Indices of the layers with a bias.

    Attributes:
        logs: The bias of the last call, by layer, (batch, n, n) or (1, n, n), -inf to 0; values above the diagonal are
            ignored.

    Raises:
        UsageError: The model computes attention without masks.
    """

    def __init__(self, model: nn.Module, layers: list[int]) -> None:
        self.model = model
        self.layers = layers
        self.logs: dict[int, Tensor] = {}
        self._hooks = Hooks()
        check_masks(model)

    def log(self, layer: int, hidden: Tensor) -> Tensor:
        """The bias of a layer from the attention's input (batch, n, hidden size)."""
        raise NotImplementedError

    def __enter__(self) -> Any:
        for each in attentions_of(self.model):
            if each.layer in self.layers:
                self._hooks.before(each.module, self._before)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hooks.remove()

    def penalty(self) -> Tensor:
        """Mean of keep[n, j] over layers, rows and j < n, a scalar with a gradient; 0 for sequences of one token."""
        return torch.stack([_below(logs.exp()) for logs in self.logs.values()]).mean()

    def held(self) -> float:
        """Share of the context that is kept: tokens with keep above 0, the newest included, over all tokens read."""
        shares = []
        for logs in self.logs.values():
            seen = torch.ones(logs.shape[-2:], dtype=torch.bool, device=logs.device).tril()
            shares.append(float(((logs > float("-inf")) & seen).sum() / (seen.sum() * len(logs))))
        return sum(shares) / max(len(shares), 1)

    def _before(
        self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        layer: int = module.layer_idx
        hidden = find_argument(module, "hidden_states", args, kwargs)
        cache = find_argument(module, "cache", args, kwargs)
        if cache is not None and cache.get_seq_length(layer):
            raise UsageError(
                "gates in training need whole sequences", hint="pass no cache; to generate, ctxprune.kv.dropping"
            )
        # In training no call may continue another: the gates of earlier steps would be missing from the product.
        logs = self.logs[layer] = self.log(layer, hidden)
        count = hidden.shape[1]
        mask = find_argument(module, "attention_mask", args, kwargs)
        if mask is None:
            mask = torch.ones(count, count, dtype=torch.bool, device=hidden.device).tril()[None, None]
        # Added to the logits: softmax then weights each token by its keep probability.
        biased = as_bias(mask, hidden.dtype) + logs[:, None].to(hidden.dtype)
        return (), {**bind_arguments(module, args, kwargs), "attention_mask": biased}


class GatedForward(BiasedForward):
    """A context manager within which a model attends through gates: for training, or hard gates over a whole text.

    Args:
        model: A decoder of transformers, with sdpa or eager attention.
        gates: Its gates; gradients flow to them and to the model.
        alpha: Of the gates' sigmoid, 1 or more; infinity for hard gates.

    Raises:
        UsageError: alpha is out of its range, the gates do not fit, or the model computes attention without masks.
    """

    def __init__(self, model: nn.Module, gates: Gates, alpha: float) -> None:
        check_alpha(alpha)
        gates.check(model)
        super().__init__(model, gates.layers)
        self.gates, self.alpha = gates, alpha

    def log(self, layer: int, hidden: Tensor) -> Tensor:
        """Log keep of all tokens at all steps, float32 (batch, n, n)."""
        gate, count = self.gates[layer], hidden.shape[1]
        own = torch.ones(count, count, dtype=torch.bool, device=hidden.device).triu()
        return log_keep(gate.logits(*gate.parts(hidden)), self.alpha, own)


def as_bias(mask: Tensor, dtype: torch.dtype) -> Tensor:
    """A mask as an additive bias of logits."""
    if mask.dtype != torch.bool:
        return mask
    return torch.zeros(mask.shape, dtype=dtype, device=mask.device).masked_fill_(~mask, torch.finfo(dtype).min)


def check_masks(model: nn.Module) -> None:
    """Raises UsageError unless the model's attention takes a mask, to which a bias can be added."""
    for each in attentions_of(model):
        kind = optional_member(each.module.config, "_attn_implementation")
        if kind not in ("sdpa", "eager"):
            raise UsageError(
                f"gates cannot act in {kind} attention",
                hint="load the model with attn_implementation='sdpa' or 'eager'",
            )


def _below(keep: Tensor) -> Tensor:
    count = keep.shape[-1]
    below = torch.ones(count, count, dtype=torch.bool, device=keep.device).tril(-1)
    return keep.masked_fill(~below, 0.0).sum() / max(len(keep) * count * (count - 1) / 2, 1)
