"""Turning keys from one position to another: what re-rotated caches and joined passages need.

Rotary embeddings (Su et al., "RoFormer", arXiv:2104.09864) compose: a key at position p turned by q - p is the key
at q. This holds as long as the frequencies do not depend on the length of the sequence.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import torch

from ctxprune.errors import UsageError
from ctxprune.kv.attention import decoder_of

if TYPE_CHECKING:
    from torch import Tensor, nn

    from ctxprune.kv.attention import Attention

__all__ = ["Rotary"]

_FIXED = ("default", "linear", "llama3", "yarn", "proportional")


class Rotary:
    """The rotary embedding of a model.

    Raises:
        UsageError: It has none that is shared by the layers, or its frequencies depend on the length.
    """

    def __init__(self, model: nn.Module) -> None:
        embedding: Any = getattr(decoder_of(model), "rotary_emb", None)
        if embedding is None or len(inspect.signature(embedding.forward).parameters) != 2:
            raise UsageError(f"{type(model).__name__} has no rotary embedding shared by its layers", hint=_HINT)
        kind = getattr(embedding, "rope_type", "default")
        if kind not in _FIXED:
            raise UsageError(f"the frequencies of {kind!r} rotary embeddings depend on the length", hint=_HINT)
        self._embedding = embedding
        self._scale = float(getattr(embedding, "attention_scaling", 1.0))

    def at(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """cos and sin of integer positions (batch, n), float32 (batch, n, rotary width), scaled as the model does."""
        cos, sin = self._embedding(torch.zeros((), dtype=torch.float32, device=positions.device), positions)
        return cos, sin

    def turn(self, attention: Attention, keys: Tensor, by: Tensor) -> Tensor:
        """Keys (batch, heads, n, d) moved by integer positions (batch, heads or 1, n), computed in float32."""
        batch, heads, count, width = keys.shape
        by = by.expand(batch, heads, count).reshape(batch * heads, count)
        cos, sin = self.at(by)
        flat = keys.float().reshape(batch * heads, 1, count, width)
        turned = attention.rotate(flat, cos / self._scale, sin / self._scale)
        return turned.view(batch, heads, count, width).to(keys.dtype)


_HINT = "use positions='original'"
