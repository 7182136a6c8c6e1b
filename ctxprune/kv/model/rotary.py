"""Rotation of keys from one position to another, for re-rotated caches and joined passages.

Rotary embeddings (Su et al., "RoFormer", arXiv:2104.09864) compose: a key at position p, rotated by q - p, is the key
at position q. This requires frequencies that do not depend on the length of the sequence.
"""

from __future__ import annotations

import copy
import inspect
from typing import TYPE_CHECKING, Any

import torch

from ctxprune.errors import UsageError
from ctxprune.kv.model.attention import decoder_of
from ctxprune.utils.foreign import foreign_attribute, optional_member

if TYPE_CHECKING:
    from torch import Tensor, nn

    from ctxprune.kv.model.attention import Attention

__all__ = ["Rotary", "angles", "rotary_embedding"]

_FIXED = ("default", "linear", "llama3", "yarn", "proportional")


def rotary_embedding(model: nn.Module) -> nn.Module | None:
    """The rotary embedding that the layers of a model share; None where there is none."""
    # Decoders with learned or ALiBi positions have no such attribute.
    embedding: nn.Module | None = foreign_attribute(decoder_of(model), "rotary_emb", "pos_emb")
    return embedding


class Rotary:
    """The rotary embedding of a model.

    Raises:
        UsageError: Its layers share none, or its frequencies depend on the length.
    """

    def __init__(self, model: nn.Module) -> None:
        embedding: Any = rotary_embedding(model)
        if embedding is None or len(inspect.signature(embedding.forward).parameters) != 2:
            raise UsageError(f"{type(model).__name__} has no rotary embedding shared by its layers", hint=_HINT)
        kind = optional_member(embedding, "rope_type", "default")
        if kind not in _FIXED:
            raise UsageError(f"the frequencies of {kind!r} rotary embeddings depend on the length", hint=_HINT)
        self._embedding = embedding
        self._scale = float(optional_member(embedding, "attention_scaling", 1.0))

    def at(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """cos and sin of integer positions (batch, n), float32 (batch, n, rotary width), scaled as in the model."""
        return _as_pair(self._embedding(torch.zeros((), dtype=torch.float32, device=positions.device), positions))

    def turn(self, attention: Attention, keys: Tensor, by: Tensor) -> Tensor:
        """Keys (batch, heads, n, d) rotated by integer distances (batch, heads or 1, n), computed in float32."""
        batch, heads, count, width = keys.shape
        by = by.expand(batch, heads, count).reshape(batch * heads, count)
        cos, sin = self.at(by)
        flat = keys.float().reshape(batch * heads, 1, count, width)
        # The keys were scaled once when the model made them: the rotation itself must not scale them again.
        turned = attention.turn(flat, cos / self._scale, sin / self._scale)
        return turned.view(batch, heads, count, width).to(keys.dtype)


def angles(embedding: nn.Module | None, attention: Attention, positions: Tensor) -> tuple[Tensor, Tensor]:
    """cos and sin of integer positions (batch, n) for one layer, float32 (batch, n, rotary width), as in the model;
    where frequencies depend on the length, those for the highest of the positions.

    Raises:
        UsageError: There is no such embedding, or it takes unknown arguments.
    """
    known = [] if embedding is None else list(inspect.signature(embedding.forward).parameters)
    by_layer = "layer_type" in known
    if embedding is None or len(known) != 2 + by_layer:
        raise UsageError(
            f"the model of {type(attention.module).__name__} has no rotary embedding shared by its layers",
            where=f"layer {attention.layer}",
            hint="use a press that needs no positions of later tokens, such as snapkv",
        )
    if optional_member(embedding, "rope_type", "default") not in _FIXED:
        # A call may change its frequencies for later calls.
        embedding = copy.deepcopy(embedding)
    more = (_layer_type(attention),) if by_layer else ()
    return _as_pair(embedding(torch.zeros((), dtype=torch.float32, device=positions.device), positions, *more))


def _as_pair(made: Any) -> tuple[Tensor, Tensor]:
    """cos and sin of what an embedding gives: a pair, or complex numbers (Llama 4, DeepSeek-V2)."""
    return (made.real, made.imag) if isinstance(made, torch.Tensor) else (made[0], made[1])


def _layer_type(attention: Attention) -> str:
    """The kind of a layer, by which models with several rotary embeddings choose one (Gemma 3, OLMo 3)."""
    found = foreign_attribute(attention.module, "layer_type", "attention_type")
    if isinstance(found, str):
        return found
    kinds = optional_member(optional_member(attention.module, "config"), "layer_types")
    if not kinds:
        raise attention.unsupported("does not say which of the model's rotary embeddings it uses")
    return str(kinds[attention.layer])


_HINT = "use positions='original'"
