"""Several inputs in one pass: rows are mixed before the layers of an encoder and told apart behind them.

Murahari and others, DataMUX: Data Multiplexing for Neural Networks, NeurIPS 2022, and MUX-PLMs, 2023: each of N rows is
multiplied by a random vector of its place, the mean of them goes through the layers, and a small network gives each
row's states back from the mean and a learned key of its place.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers.modeling_outputs import BaseModelOutputWithPastAndCrossAttentions

from ctxprune.shrink.model.pathways import CustomModule


class Multiplexed(CustomModule):
    """An encoder whose layers see one row for each `count` rows of a batch, in the order in which they stand.

    What a row becomes depends on the rows beside it; the last row fills up a batch that `count` does not divide.

    Args:
        encoder: As it was: its layers are `layer`, each of (states, mask).
        count: Rows that are mixed, from 2 up.
        seed: Of the vectors that rows are multiplied by; they are saved with the weights.
    """

    vectors: Tensor
    setting_names = ("count",)

    def __init__(self, encoder: Any, count: int, seed: int = 0) -> None:
        super().__init__()
        self.layer, self.count = encoder.layer, count
        width = next(len(entry.weight) for entry in encoder.layer.modules() if isinstance(entry, nn.LayerNorm))
        generator = torch.Generator().manual_seed(seed)
        self.register_buffer("vectors", torch.randn(count, width, generator=generator))
        self.keys = nn.Parameter(torch.randn(count, width, generator=generator))
        self.apart, self.back = nn.Linear(2 * width, width), nn.Linear(width, width)
        with torch.no_grad():
            for linear in (self.apart, self.back):
                linear.weight.copy_(torch.randn(linear.weight.shape, generator=generator) / linear.in_features**0.5)
                linear.bias.zero_()

    @property
    def share(self) -> float:
        """Of the layers' matrices' elements, those that a row meets, with those that tell rows apart."""
        held = sum(entry.numel() for entry in self.layer.parameters() if entry.ndim >= 2)
        own = self.apart.weight.numel() + self.back.weight.numel()
        return min(1 / self.count + own / max(held, 1), 1.0)

    def forward(
        self, hidden_states: Tensor, attention_mask: Tensor | None = None, **_: Any
    ) -> BaseModelOutputWithPastAndCrossAttentions:
        """(rows, tokens, width) to a `last_hidden_state` of the same shape."""
        rows = len(hidden_states)
        mixed = (_grouped(hidden_states, self.count) * self.vectors[:, None]).mean(1)
        if attention_mask is not None:
            # a place that any of the rows has is there: masks are True, or 0 and far below it
            attention_mask = _grouped(attention_mask, self.count).amax(1)
        for layer in self.layer:
            found = layer(mixed, attention_mask)
            mixed = found[0] if isinstance(found, tuple) else found
        spread = mixed[:, None].expand(-1, self.count, -1, -1)
        keys = self.keys[:, None].expand_as(spread)
        told = self.back(functional.gelu(self.apart(torch.cat([spread, keys], dim=-1)))) + spread
        states = functional.layer_norm(told, told.shape[-1:])
        return BaseModelOutputWithPastAndCrossAttentions(last_hidden_state=states.flatten(0, 1)[:rows])


def _grouped(entry: Tensor, count: int) -> Tensor:
    """(rows, ...) to (groups, count, ...), the last row repeated where one group is not full."""
    missing = -len(entry) % count
    if missing:
        entry = torch.cat([entry, entry[-1:].expand(missing, *entry.shape[1:])])
    return entry.reshape(len(entry) // count, count, *entry.shape[1:])
