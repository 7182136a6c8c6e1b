"""What an attention module passes to its attention function: queries, keys, scaling, caps and sinks, from its own code.

transformers lets a configuration name the attention function. A copy of the module that names `_NAME` runs the model's
own projections, norms, biases, rotary embedding and query scaling, and stops where attention would begin. So no design
of an architecture has to be written a second time here.
"""

from __future__ import annotations

import copy
import inspect
import sys
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import torch
from transformers import AttentionInterface

from ctxprune.utils.foreign import optional_member

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor, nn

__all__ = ["CACHE_NAMES", "AttentionInputs", "capture_inputs", "join_angles", "split_angles"]

# The second one is deprecated since transformers 5.2x; GPT-NeoX, BLOOM, Falcon and GPT-BigCode use the third.
CACHE_NAMES = ("cache", "past_key_values", "layer_past")
_NAME = "ctxprune_capture"


@dataclass(frozen=True)
class AttentionInputs:
    """The inputs of one attention function.

    Attributes:
        queries: (batch, heads, n, d), after the rotary embedding.
        keys: (batch, kv_heads, n, d), as they go into the cache.
        scaling: The factor that dot products are multiplied with.
        softcap: The cap c of c * tanh(logit / c); None: no cap.
        sinks: A logit for each head that takes part in the softmax without a token, (heads,); None: no sinks.
        as_cached: Whether attention gets keys and values as they are in the cache, heads in the same order.
        latent: Whether the cache holds one latent for all heads as its keys, and the rotated part of the keys as its
            values (DeepSeek's MLA); queries are then those that meet the two together, (batch, heads, n, rank + rope).
    """

    queries: Tensor
    keys: Tensor
    scaling: float
    softcap: float | None = None
    sinks: Tensor | None = None
    as_cached: bool = True
    latent: bool = False


class _Stop(Exception):  # noqa: N818
    """Leaves the module's forward with the inputs of its attention function."""

    def __init__(self, *found: Any) -> None:
        super().__init__()
        self.found = found


def _stop(_: nn.Module, query: Tensor, key: Tensor, value: Tensor, *__: Any, **options: Any) -> None:
    raise _Stop(query, key, value, options)


AttentionInterface.register(_NAME, _stop)


class _Recorder:
    """Stands in for a cache that has read `start` tokens, and records what is written to it."""

    def __init__(self, start: int) -> None:
        self.start = start
        self.keys: Tensor | None = None
        self.values: Tensor | None = None

    def update(self, keys: Tensor, values: Tensor, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        self.keys, self.values = keys, values
        return keys, values

    def get_seq_length(self, *_: Any) -> int:
        return self.start


def capture_inputs(
    module: nn.Module,
    hidden: Tensor,
    angles: tuple[Tensor, Tensor],
    start: int = 0,
    positions: Tensor | None = None,
) -> AttentionInputs | None:
    """The inputs of a module's attention function for new tokens; None where it computes attention in its own code.

    Args:
        module: The attention module.
        hidden: Its input, (batch, n, hidden size).
        angles: cos and sin as `split_angles` gives them, (batch or 1, n, rotary width).
        start: Column of the first token in the sequence read.
        positions: The tokens' positions, long (batch or 1, n); None: their columns.
    """
    config = optional_member(module, "config")
    if config is None:
        return None
    twin, twin.config = copy.copy(module), copy.copy(config)  # shares the weights, but not the name of the function
    twin.config._attn_implementation_internal = _NAME
    recorder = _Recorder(start)
    if positions is None:
        positions = torch.arange(start, start + hidden.shape[1], device=hidden.device)[None]
    # Some projections take contiguous tensors only (GPT-2), which parts of a batch are not.
    given = {"hidden_states": hidden.contiguous(), "attention_mask": None, "position_ids": positions}
    given |= {"position_embeddings": join_angles(module, angles), **dict.fromkeys(CACHE_NAMES, recorder)}
    known = _parameters(type(module).forward)
    options: dict[str, Any] = {name: given[name] for name in known if name in given}
    options |= {
        name: None
        for name, each in known.items()
        if name not in (*options, "self") and each.kind is each.POSITIONAL_OR_KEYWORD and each.default is each.empty
    }
    try:
        # Not `twin(...)`: the hooks on the module would see the call.
        type(module).forward(twin, **options)
    except _Stop as found:
        return _inputs_of(module, recorder, *found.found)
    except torch.OutOfMemoryError:
        raise
    except (TypeError, ValueError, AttributeError, LookupError, RuntimeError):
        # Code of an unknown design, called without arguments that it needs.
        return None
    return None


@cache
def _parameters(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    """The parameters of a function of a model's file; reading a signature takes longer than projecting a token."""
    return inspect.signature(function).parameters


def _inputs_of(
    module: nn.Module, recorder: _Recorder, queries: Tensor, keys: Tensor, values: Tensor, options: dict[str, Any]
) -> AttentionInputs | None:
    unknown = [name for name, each in options.items() if name not in _KNOWN and isinstance(each, torch.Tensor)]
    if unknown or recorder.keys is None:
        # For instance biases that depend on positions.
        return None
    scaling = options.get("scaling")
    as_cached = keys is recorder.keys and values is recorder.values
    latent = not as_cached and recorder.keys.shape[1] == 1 and optional_member(module, "kv_b_proj") is not None
    return AttentionInputs(
        _absorb(module, queries) if latent else queries,
        recorder.keys,
        float(queries.shape[-1] ** -0.5 if scaling is None else scaling),
        options.get("softcap"),
        options.get("s_aux"),
        as_cached,
        latent,
    )


def _absorb(module: nn.Module, queries: Tensor) -> Tensor:
    """Queries that meet latents as the module's own meet the keys made of them: q . (W c) = (W' q) . c."""
    plain: Any = optional_member(module, "qk_nope_head_dim")
    weight = module.kv_b_proj.weight.view(queries.shape[1], -1, module.kv_b_proj.weight.shape[-1])[:, :plain]
    return torch.cat([queries[..., :plain] @ weight.to(queries.dtype), queries[..., plain:]], dim=-1)


_KNOWN = ("attention_mask", "position_ids", "cache_position", "s_aux")


def split_angles(module: nn.Module, embeddings: Any, hidden: Tensor) -> tuple[Tensor, Tensor]:
    """cos and sin of a call's `position_embeddings`; both of width 0 where the module gets none."""
    if isinstance(embeddings, torch.Tensor) and embeddings.is_complex():
        return embeddings.real, embeddings.imag
    if not isinstance(embeddings, (tuple, list)) or len(embeddings) != 2:
        none = hidden.new_zeros(1, hidden.shape[1], 0)
        return none, none
    first, second = embeddings
    return (second, first) if _angle_kind(module) == "swapped" else (first, second)


def join_angles(module: nn.Module, angles: tuple[Tensor, Tensor]) -> Any:
    """The inverse of `split_angles`; None for angles of width 0."""
    cos, sin = angles
    if not cos.shape[-1]:
        return None
    kind = _angle_kind(module)
    if kind == "complex":
        return torch.complex(cos.float(), sin.float())
    return (sin, cos) if kind == "swapped" else (cos, sin)


def _angle_kind(module: nn.Module) -> str:
    """How the module's file takes angles: "complex" (Llama 4, DeepSeek-V2), "swapped" (GPT-J, CodeGen) or "pair"."""
    source = sys.modules[type(module).__module__]
    turn = optional_member(source, "apply_rotary_pos_emb")
    if turn is None:
        other = optional_member(source, "apply_rotary_emb")
        return "complex" if other is not None and "freqs_cis" in _parameters(other) else "pair"
    order = list(_parameters(turn))
    return "swapped" if {"sin", "cos"} <= set(order) and order.index("sin") < order.index("cos") else "pair"
