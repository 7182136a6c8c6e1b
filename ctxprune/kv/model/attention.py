"""An attention module of transformers as presses use it: projections, rotary embedding, sizes.

Modules are recognised by their attributes, not by their class: separate query and key projections (`q_proj`, `k_proj`)
or one matrix (`qkv_proj`), norms of queries and keys, full or partial rotary embeddings. Keys computed in this way are
compared with those in the cache, so that a module of another design is refused and never scored wrongly.
"""

from __future__ import annotations

import inspect
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from ctxprune.errors import UsageError
from ctxprune.utils.foreign import optional_member
from ctxprune.utils.validation import describe_type

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn

__all__ = [
    "Attention",
    "attentions_of",
    "bind_arguments",
    "cache_argument_name",
    "cache_layer_of",
    "decoder_of",
    "find_argument",
]

_CACHE_NAMES = ("cache", "past_key_values")  # the second one is deprecated since transformers 5.2x


@dataclass(frozen=True)
class Attention:
    """One attention module, with the index of its layer."""

    module: nn.Module
    layer: int

    @property
    def heads(self) -> int:
        """Number of query heads."""
        return int(self._config_value("num_attention_heads"))

    @property
    def scaling(self) -> float:
        """The factor that dot products of queries and keys are multiplied with."""
        # Classes without `scaling` use the usual 1 / sqrt(head_dim).
        return float(optional_member(self.module, "scaling", optional_member(self.module, "head_dim", 1) ** -0.5))

    @property
    def softcap(self) -> float | None:
        """The cap c of c * tanh(logit / c); None where the model has none."""
        cap = optional_member(self.module, "attn_logit_softcapping")
        return None if cap is None else float(cap)

    @property
    def output(self) -> nn.Module:
        """The output projection, (heads * d) -> hidden size."""
        for name in ("o_proj", "dense", "out_proj"):
            found: nn.Module | None = optional_member(self.module, name)
            if found is not None and optional_member(found, "weight") is not None:
                return found
        raise self._unsupported("has no output projection that is known")

    @property
    def key_weight(self) -> Tensor:
        """The weight of the key projection, or of the joint projection of queries, keys and values."""
        for name in ("k_proj", "qkv_proj"):
            found = optional_member(self.module, name)
            if found is not None:
                weight: Tensor = found.weight.detach()
                return weight
        raise self._unsupported("has neither k_proj nor qkv_proj")

    def queries(self, hidden: Tensor, head_dim: int) -> Tensor:
        """Queries before the rotary embedding, (batch, heads, tokens, head_dim), from the module's input.

        Raises:
            UsageError: The class is not supported.
        """
        return self._project(hidden, "q", head_dim)

    def keys(self, hidden: Tensor, head_dim: int) -> Tensor:
        """Keys before the rotary embedding, (batch, kv_heads, tokens, head_dim); errors as `queries`."""
        return self._project(hidden, "k", head_dim)

    def rotate(self, states: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """`states` (batch, heads, tokens, d) turned by cos and sin, (batch or 1, tokens, rotary d), as the model does.

        Raises:
            UsageError: The file that defines the module has no `apply_rotary_pos_emb`.
        """
        # Partial and interleaved rotary embeddings differ by architecture: the model's own function is used.
        turn = optional_member(sys.modules[type(self.module).__module__], "apply_rotary_pos_emb")
        if turn is None:
            raise self._unsupported("has no rotary embedding that is known")
        width = cos.shape[-1]
        part = states[..., :width]
        if "k" not in inspect.signature(turn).parameters:
            # One state at a time (Gemma 3n, Gemma 4).
            turned: Tensor = turn(part, cos, sin)
        else:
            turned = turn(part, part[..., :1, :] if cos.shape[-2] == 1 else part, cos, sin)[0]
        return turned if width == states.shape[-1] else torch.cat([turned, states[..., width:]], dim=-1)

    def check(self, hidden: Tensor, keys: Tensor, cos: Tensor, sin: Tensor) -> None:
        """Recompute the last two keys and compare them with those in the cache.

        Raises:
            UsageError: They differ, as the class computes its keys in an unknown way, or they are not finite.
        """
        ours = self.rotate(self.keys(hidden[:, -2:], keys.shape[-1]), cos[:, -2:], sin[:, -2:]).float()
        theirs = keys[..., -2:, :].float()
        # Half precision rounds differently for two tokens than for a whole context: the check is against other designs,
        # not against rounding.
        loose = 1e-3 if keys.dtype in (torch.float32, torch.float64) else 5e-2
        if not bool(theirs.isfinite().all()):
            raise UsageError(
                "the model's keys are not finite numbers",
                where=f"layer {self.layer}",
                hint="it overflows: load it in bfloat16 or float32",
            )
        if ours.shape != theirs.shape or not torch.allclose(
            ours, theirs, rtol=loose, atol=loose * float(theirs.abs().amax().clamp(min=1e-6))
        ):
            raise self._unsupported("computes its keys in an unknown way")

    def _project(self, hidden: Tensor, which: str, head_dim: int) -> Tensor:
        projected = self._project_all(hidden, which)
        norm = self._find_norm(which)
        if norm is not None and norm.weight.shape[-1] == projected.shape[-1]:
            # Normalises all heads together (OLMo 2).
            projected, norm = norm(projected), None
        if projected.shape[-1] % head_dim:
            raise self._unsupported(
                f"has a {which} projection of {projected.shape[-1]} values, not a multiple of {head_dim}"
            )
        states: Tensor = projected.view(*projected.shape[:2], -1, head_dim)
        if which == "q" and states.shape[2] != self.heads:
            # For instance with gates of the output behind the queries (Qwen3-Next).
            raise self._unsupported(f"has queries of {states.shape[2]} heads instead of {self.heads}")
        if norm is not None:
            states = norm(states)
        return states.transpose(1, 2)

    def _project_all(self, hidden: Tensor, which: str) -> Tensor:
        single = optional_member(self.module, f"{which}_proj")
        if single is not None:
            projected: Tensor = single(hidden)
            return projected
        joint = optional_member(self.module, "qkv_proj")
        if joint is None:
            raise self._unsupported(f"has neither {which}_proj nor qkv_proj")
        width = int(optional_member(self.module, "head_dim", 0)) or self._config_value("hidden_size") // self.heads
        # A joint projection has the rows of all queries first, then those of keys, then those of values.
        query, key = self.heads * width, int(self._config_value("num_key_value_heads")) * width
        whole: Tensor = joint(hidden)
        return whole[..., :query] if which == "q" else whole[..., query : query + key]

    def _find_norm(self, which: str) -> Any:
        for name in (f"{which}_norm", f"{which}_layernorm"):
            norm = optional_member(self.module, name)
            if norm is not None and optional_member(norm, "weight") is not None:
                return norm
        return None

    def _config_value(self, name: str) -> Any:
        config = optional_member(self.module, "config")
        value = optional_member(config, name)
        if value is None:
            raise self._unsupported(f"has no {name} in its configuration")
        return value

    def _unsupported(self, what: str) -> UsageError:
        return UsageError(
            f"{type(self.module).__name__} {what}",
            where=f"layer {self.layer}",
            hint="KV presses serve rotary attention with q_proj and k_proj, or qkv_proj (Llama, Qwen, Gemma, Phi)",
        )


def decoder_of(model: nn.Module) -> nn.Module:
    """The model without its head: the module that takes `input_ids` and passes the cache to its layers.

    Raises:
        UsageError: It is not a torch module.
    """
    if not isinstance(model, torch.nn.Module):
        raise UsageError(
            f"the model is {describe_type(model)}", hint="a decoder of transformers, such as load_decoder gives"
        )
    base: nn.Module = optional_member(model, "base_model", model)
    # Multimodal models keep their decoder in `language_model`.
    text = optional_member(base, "language_model")
    return base if text is None else text


def attentions_of(model: nn.Module) -> list[Attention]:
    """The attention modules that take a cache, in the order of their layers.

    Raises:
        UsageError: There are none.
    """
    found = {}
    for module in decoder_of(model).modules():
        layer = optional_member(module, "layer_idx")
        if isinstance(layer, int) and optional_member(module, "head_dim") is not None and _takes_cache(module):
            found[layer] = Attention(module, layer)
    if not found:
        raise UsageError(
            f"{type(model).__name__} has no attention module that takes a cache",
            hint="pass a decoder of transformers, such as AutoModelForCausalLM gives",
        )
    return [found[layer] for layer in sorted(found)]


def cache_argument_name(module: nn.Module) -> str:
    """The name under which `module.forward` takes the cache."""
    known = inspect.signature(module.forward).parameters
    return next((name for name in _CACHE_NAMES if name in known), _CACHE_NAMES[0])


def find_argument(module: nn.Module, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The argument `name` of a call of `module`, by keyword or by position; None where it is not passed.

    `name` "cache" stands for both names of the cache.
    """
    names = _CACHE_NAMES if name == "cache" else (name,)
    for each in names:
        if kwargs.get(each) is not None:
            return kwargs[each]
    if args:
        order = list(inspect.signature(module.forward).parameters)
        for each in names:
            if each in order and order.index(each) < len(args):
                return args[order.index(each)]
    return None


def bind_arguments(module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """All arguments of a call of `module`, by name."""
    if not args:
        return dict(kwargs)
    return {**dict(zip(inspect.signature(module.forward).parameters, args, strict=False)), **kwargs}


def cache_layer_of(module: nn.Module) -> int:
    """The layer of the cache that an attention module reads: its own, or the one whose keys and values it shares
    (Gemma 3n)."""
    number: int = module.layer_idx
    modes = optional_member(module.config, "kv_sharing_modes")
    if modes is None or modes[number] != "reuse":
        return number
    kinds = module.config.layer_types
    return next(layer for layer in range(number) if modes[layer] == "store" and kinds[layer] == kinds[number])


def _takes_cache(module: nn.Module) -> bool:
    return any(name in inspect.signature(module.forward).parameters for name in _CACHE_NAMES)
