"""The gates of a model: two small projections and a bias per layer."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from ctxprune.errors import UsageError
from ctxprune.kv.gates.entmax import alpha_sigmoid
from ctxprune.kv.model.attention import attentions_of, cache_layer_of
from ctxprune.kv.model.files import ModelFile
from ctxprune.kv.model.layer_modules import LayerModules
from ctxprune.utils.foreign import optional_member
from ctxprune.utils.validation import check_whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from torch import Tensor

__all__ = ["Gates", "LayerGate", "log_keep"]

_CLOSED = 1e-20  # smaller gates count as 0: the gradient of their logarithm would overflow


class LayerGate(nn.Module):  # type: ignore[misc]
    """The gate of one layer: I[n, j] = query(h_n) . key(h_j) / sqrt(width) + bias, h the attention's input.

    Args:
        hidden: Size of h.
        width: Interaction dimension.
        bias: Initial bias; above 0 tokens are kept.
    """

    def __init__(self, hidden: int, width: int, bias: float) -> None:
        super().__init__()
        self.width = width
        self.query = nn.Linear(hidden, width, bias=False)
        self.key = nn.Linear(hidden, width, bias=False)
        self.bias = nn.Parameter(torch.tensor(float(bias)))

    def parts(self, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """Query and key parts of tokens (batch, n, hidden size), each (batch, n, width)."""
        hidden = hidden.to(self.query.weight.dtype)
        return self.query(hidden), self.key(hidden)

    def logits(self, query: Tensor, key: Tensor) -> Tensor:
        """I of (batch, steps, width) against (batch, tokens, width), (batch, steps, tokens)."""
        return torch.einsum("bqr,bnr->bqn", query, key) * self.width**-0.5 + self.bias


class Gates(LayerModules):
    """One `LayerGate` for each layer with full attention, by the layer's index.

    Args:
        layers: Indices of the layers.
        hidden: Hidden size of the model.
        width: Interaction dimension r, 1 or more.
        bias: Initial bias. At first, a token is kept with probability sigmoid(bias) at each step.
        seed: Random seed of the projections.

    Raises:
        UsageError: A number is out of its range.
    """

    format = ModelFile(
        "gates",
        "ctxprune-kv-gates",
        1,
        ("layers", "hidden", "width"),
        "load them with the model they were trained with",
    )

    def __init__(
        self, layers: Iterable[int], hidden: int, width: int = 16, *, bias: float = 6.0, seed: int = 0
    ) -> None:
        check_whole("hidden", hidden, minimum=1)
        check_whole("width", width, minimum=1)
        super().__init__(layers, partial(LayerGate, hidden, width, bias), seed=seed)
        self.hidden, self.width = hidden, width

    @classmethod
    def of(cls, model: nn.Module, width: int = 16, *, bias: float = 6.0, seed: int = 0) -> Gates:
        """New gates for a model's layers with full attention, on its device, float32.

        Raises:
            UsageError: The model has no such layer, layers share their keys, or a number is out of its range.
        """
        config: Any = next(iter(attentions_of(model))).module.config
        gates = cls(_full_layers(model), int(config.hidden_size), width, bias=bias, seed=seed)
        gates.to(next(model.parameters()).device)
        return gates

    def __getitem__(self, layer: int) -> LayerGate:
        gate: Any = self.by_layer[str(layer)]
        found: LayerGate = gate
        return found

    def check(self, model: nn.Module) -> None:
        """Raises UsageError unless the gates have the model's layers and its hidden size."""
        config: Any = next(iter(attentions_of(model))).module.config
        if self.layers != _full_layers(model) or self.hidden != config.hidden_size:
            raise UsageError(
                f"these gates are for layers {self.layers} of hidden size {self.hidden}",
                hint=f"the model has full attention in {_full_layers(model)} and hidden size {config.hidden_size}",
            )

    def save(self, path: str | Path, model: nn.Module, **notes: Any) -> None:
        """Write them to one safetensors file, for this model alone; on an error no partial file is left.

        Args:
            path: The file; its folder must exist.
            model: The model as it was trained with them: with other weights the file is refused.
            notes: JSON-safe values to keep with them, such as the recipe.

        Raises:
            UsageError: The gates do not fit the model.
            InputError: The file cannot be written.
        """
        self.check(model)
        self.write(path, model, notes, hidden=self.hidden, width=self.width)

    @classmethod
    def load(cls, path: str | Path, model: nn.Module) -> Gates:
        """Read saved gates for the model they were saved with, onto its device.

        Raises:
            InputError: There is no such file, or it was saved for another model.
            FormatError: It is truncated, damaged, or of another format or version.
        """
        gates = cls.read(path, model)
        gates.to(next(model.parameters()).device)
        return gates

    @classmethod
    def read_sizes(cls, tensors: Mapping[str, Tensor], layer: int) -> dict[str, int]:
        """Hidden size and interaction dimension of a layer; raises KeyError where its tensors are missing."""
        width, hidden = tensors[f"by_layer.{layer}.query.weight"].shape
        return {"hidden": hidden, "width": width}


def log_keep(logits: Tensor, alpha: float, own: Tensor) -> Tensor:
    """Logarithm of keep[n, j], the product over all steps t up to n of the gate of I[t, j]; -inf where a gate is 0.

    Args:
        logits: I, (batch, steps, tokens); steps in order.
        alpha: Of the gate's sigmoid; see `ctxprune.kv.gates.entmax`.
        own: bool, broadcast to the logits: True where the step is not after the token, so that the gate has no effect.
    """
    # A gate of exactly 0 is a masked 1 here: log 0 has no finite gradient, and the cumulated count closes it for good.
    gates = alpha_sigmoid(logits, alpha).masked_fill(own, 1.0)
    closed = gates < _CLOSED
    logs = gates.masked_fill(closed, 1.0).log().cumsum(dim=-2)
    return logs.masked_fill(closed.cumsum(dim=-2) > 0, float("-inf"))


def _full_layers(model: nn.Module) -> list[int]:
    attentions = attentions_of(model)
    if any(cache_layer_of(each.module) != each.layer for each in attentions):
        raise UsageError(
            f"{type(model).__name__} has layers that share keys and values", hint="gates need layers with their own"
        )
    kinds = optional_member(attentions[0].module.config, "layer_types")
    return [each.layer for each in attentions if kinds is None or kinds[each.layer] == "full_attention"]
