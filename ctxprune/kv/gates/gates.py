"""The gates of a model: two small projections and a bias per layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from ctxprune.errors import FormatError, UsageError
from ctxprune.kv.gates.entmax import alpha_sigmoid
from ctxprune.kv.model.attention import attentions_of, cache_layer_of
from ctxprune.kv.model.files import ModelFile, model_fingerprint, tensor_digest
from ctxprune.utils.foreign import optional_member
from ctxprune.utils.validation import check_whole

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from torch import Tensor

__all__ = ["Gates", "LayerGate", "log_keep"]

_FILE = ModelFile(
    "gates",
    "ctxprune-kv-gates",
    1,
    ("layers", "hidden", "width"),
    "load them with the model they were trained with",
)
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


class Gates(nn.Module):  # type: ignore[misc]
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

    def __init__(
        self, layers: Iterable[int], hidden: int, width: int = 16, *, bias: float = 6.0, seed: int = 0
    ) -> None:
        super().__init__()
        check_whole("hidden", hidden, minimum=1)
        check_whole("width", width, minimum=1)
        self.hidden, self.width = hidden, width
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.by_layer = nn.ModuleDict({str(layer): LayerGate(hidden, width, bias) for layer in layers})
        if not self.by_layer:
            raise UsageError("there is no layer to gate", hint="a model with full attention in a layer at least")

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

    @property
    def layers(self) -> list[int]:
        """Indices of the gated layers, ascending."""
        return sorted(int(layer) for layer in self.by_layer)

    @property
    def digest(self) -> str:
        """sha256 of all weights, first 16 hex digits."""
        return tensor_digest(self.state_dict().values())

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
        about = {"layers": self.layers, "hidden": self.hidden, "width": self.width, "notes": notes}
        _FILE.write(path, model_fingerprint(model), about, self.state_dict())

    @classmethod
    def load(cls, path: str | Path, model: nn.Module) -> Gates:
        """Read saved gates for the model they were saved with, onto its device.

        Raises:
            InputError: There is no such file, or it was saved for another model.
            FormatError: It is truncated, damaged, or of another format or version.
        """
        about, tensors = _FILE.read(path, model)
        try:
            gates = cls(about["layers"], about["hidden"], about["width"])
            gates.load_state_dict(tensors)
        except (KeyError, TypeError, RuntimeError) as error:
            raise FormatError(
                f"a part of the gates is missing ({error})", where=str(path), hint="save them again"
            ) from error
        gates.to(next(model.parameters()).device)
        return gates


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
