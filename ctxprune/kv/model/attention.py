"""An attention module of transformers as presses use it: queries, keys, rotary embedding, sizes.

Queries and keys come from the module's own code (`ctxprune.kv.model.capture`). Modules that compute attention without
the attention functions of transformers are recognised by their attributes: separate query and key projections
(`q_proj`, `k_proj`) or one matrix (`qkv_proj`), norms of queries and keys. Keys computed in either way are compared
with those in the cache, so that a module of another design is refused and never scored wrongly.
"""

from __future__ import annotations

import inspect
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from ctxprune.errors import UsageError
from ctxprune.kv.model.capture import CACHE_NAMES, AttentionInputs, capture_inputs, split_angles
from ctxprune.kv.model.refusals import check_name
from ctxprune.utils.foreign import foreign_attribute, optional_member
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
    "head_count",
]

Angles = tuple["Tensor", "Tensor"]

_FEW = 8  # tokens whose attention costs less than asking first whether a module computes its own
# Attributes that only modules of linear attention and state-space models have; some of them have heads as well.
_LINEAR = ("A_log", "conv1d", "q_conv1d", "slope_rate", "conv_kernel_size", "ssm_state_size")
_WIDTHS = ("head_dim", "head_size", "qk_head_dim")
_WEIGHTS = ("k_proj", "qkv_proj", "query_key_value", "c_attn", "Wqkv", "kv_proj", "kv_a_proj_with_mqa")


@dataclass(frozen=True)
class Attention:
    """One attention module, with the index of its layer."""

    module: nn.Module
    layer: int

    @property
    def heads(self) -> int:
        """Number of query heads."""
        return head_count(self.module)

    @property
    def output(self) -> nn.Module:
        """The output projection, (heads * d) -> hidden size."""
        for name in ("o_proj", "dense", "out_proj"):
            found: nn.Module | None = optional_member(self.module, name)
            if found is not None and optional_member(found, "weight") is not None:
                return found
        raise self.unsupported("has no output projection that is known")

    @property
    def key_weight(self) -> Tensor:
        """The weight of the key projection, or of a joint projection that makes the keys.

        Raises:
            UsageError: There is none that is known.
        """
        for name in _WEIGHTS:
            found = optional_member(self.module, name)
            if found is not None and optional_member(found, "weight") is not None:
                weight: Tensor = found.weight.detach()
                return weight
        raise self.unsupported(f"has none of {', '.join(_WEIGHTS)}")

    def angles(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Angles:
        """cos and sin of a call of the module, (batch or 1, n, rotary width); the width is 0 where it gets none."""
        hidden = find_argument(self.module, "hidden_states", args, kwargs)
        return split_angles(self.module, find_argument(self.module, "position_embeddings", args, kwargs), hidden)

    def positions(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor | None:
        """Positions of the tokens of a call of the module, long (batch or 1, n); None where it gets none, or several
        for each token."""
        found = find_argument(self.module, "position_ids", args, kwargs)
        return found if isinstance(found, torch.Tensor) and found.ndim == 2 else None

    def inputs(
        self, hidden: Tensor, angles: Angles, start: int = 0, positions: Tensor | None = None
    ) -> AttentionInputs:
        """What attention gets for the module's input, (batch, n, hidden size).

        Queries of some models depend on the column of their token (Llama 4) or on its position (Ministral 3).

        Args:
            hidden: The input.
            angles: cos and sin of these tokens.
            start: Column of the first token, in the sequence read with its padding and dropped tokens.
            positions: The tokens' positions, long (batch or 1, n); None: their columns.

        Raises:
            UsageError: The class computes its keys in an unknown way.
        """
        few = hidden.shape[1] <= _FEW
        one = None if positions is None else positions[:, :1]
        if few or capture_inputs(self.module, hidden[:, :1], _first(angles), start, one) is not None:
            # One token first: a module with attention of its own would compute all of it.
            found = capture_inputs(self.module, hidden, angles, start, positions)
            if found is not None:
                return found
        width = int(foreign_attribute(self.module, *_WIDTHS, default=0))
        if not width:
            raise self.unsupported("has no width of heads")
        queries, keys = (self.rotate(self.project(hidden, which, width), *angles) for which in ("q", "k"))
        cap = optional_member(self.module, "attn_logit_softcapping")
        # Classes without `scaling` use the usual 1 / sqrt(head_dim).
        scaling = float(optional_member(self.module, "scaling", width**-0.5))
        return AttentionInputs(queries, keys, scaling, None if cap is None else float(cap))

    def raw_inputs(
        self, hidden: Tensor, cos: Tensor, start: int = 0, positions: Tensor | None = None
    ) -> AttentionInputs:
        """As `inputs`, before the rotary embedding, which is as wide as `cos`.

        Raises:
            UsageError: The rotary embedding is not known, or is not the last step in making queries and keys.
        """
        self.check_rotation(hidden[:1, :1], cos)
        return self.inputs(hidden, _identity(hidden, cos.shape[-1]), start, positions)

    def rotate(self, states: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """`states` (batch, heads, tokens, d) turned by cos and sin, (batch or 1, tokens, rotary d), as the model does.

        Raises:
            UsageError: The file that defines the module has no `apply_rotary_pos_emb`.
        """
        if not cos.shape[-1]:
            return states
        # Partial and interleaved rotary embeddings differ by architecture: the model's own function is used.
        turn = optional_member(sys.modules[type(self.module).__module__], "apply_rotary_pos_emb")
        if turn is None:
            raise self.unsupported("has no rotary embedding that is known")
        known = inspect.signature(turn).parameters
        if "tensor" in known:
            # GPT-J and CodeGen: heads come after tokens, and an angle is for two channels.
            part, rest = states[..., : 2 * cos.shape[-1]], states[..., 2 * cos.shape[-1] :]
            return torch.cat([turn(part.transpose(1, 2), sin, cos).transpose(1, 2), rest], dim=-1)
        # gpt-oss has one angle for a pair of channels, the others one for each channel.
        width = cos.shape[-1] * (2 if optional_member(sys.modules[turn.__module__], "_apply_rotary_emb") else 1)
        part = states[..., :width]
        if "k" not in known:
            # One state at a time (Gemma 3n, Gemma 4).
            turned: Tensor = turn(part, cos, sin)
        else:
            turned = turn(part, part[..., :1, :] if cos.shape[-2] == 1 else part, cos, sin)[0]
        return turned if width == states.shape[-1] else torch.cat([turned, states[..., width:]], dim=-1)

    def turn(self, states: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """`rotate` in layers whose keys are rotated, once it is checked; `states` themselves in others."""
        # Keys are turned in float32 also where the model computes in half precision.
        own = next((each.dtype for each in self.module.parameters() if each.is_floating_point()), states.dtype)
        like = states.new_zeros(1, 1, int(self._config_value("hidden_size")), dtype=own)
        return self.rotate(states, cos, sin) if self.check_rotation(like, cos) else states

    def check_rotation(self, like: Tensor, cos: Tensor) -> bool:
        """Whether the layer's keys depend on angles as wide as `cos`: not all of SmolLM3, Cohere 2 or EXAONE 4 do.

        `like` has the dtype, the device and the width of the module's input.

        Raises:
            UsageError: `rotate` does not turn raw queries and keys into those of the model.
        """
        width = cos.shape[-1]
        if not width:
            return False
        hidden = self._sample(like)
        there = _turned(hidden, width)
        raw, turned = self.inputs(hidden, _identity(hidden, width)), self.inputs(hidden, there)
        if raw.latent:
            raise self.unsupported("caches latents, and makes keys of them only in attention (MLA)")
        if torch.equal(raw.keys, turned.keys):
            return False
        for before, after in ((raw.queries, turned.queries), (raw.keys, turned.keys)):
            if not _are_close(self.rotate(before, *there), after):
                raise self.unsupported("does not end with its rotary embedding (norms come after it)")
        return True

    def check(self, inputs: AttentionInputs, keys: Tensor) -> None:
        """Compare computed keys of the last tokens with those in the cache, (batch, kv_heads, n, d).

        Raises:
            UsageError: They differ, as the class computes its keys in an unknown way.
        """
        theirs = keys[..., keys.shape[-2] - inputs.keys.shape[-2] :, :]
        if inputs.keys.shape != theirs.shape or not _are_close(inputs.keys, theirs):
            raise self.unsupported("computes its keys in an unknown way")
        if not (inputs.latent or (inputs.as_cached and inputs.queries.shape[-1] == keys.shape[-1])):
            raise self.unsupported("makes keys of what it caches only in attention")

    def unsupported(self, what: str) -> UsageError:
        """The error for a class that cannot be served."""
        return UsageError(
            f"{type(self.module).__name__} {what}",
            where=f"layer {self.layer}",
            hint="use a press of keys and values alone: knorm, keydiff (docs/choose/kv_architectures.md)",
        )

    def _sample(self, like: Tensor) -> Tensor:
        """Two tokens of numbers that are all different, (1, 2, hidden size)."""
        width = like.shape[-1]
        return torch.linspace(-1, 1, 2 * width, device=like.device).sin().to(like.dtype).view(1, 2, width)

    def project(self, hidden: Tensor, which: str, head_dim: int) -> Tensor:
        """Queries ("q") or keys ("k") by the module's projection and norm alone, (batch, heads, n, head_dim).

        Raises:
            UsageError: It has no projection that is known.
        """
        projected = self._project_all(hidden, which)
        norm = self._find_norm(which)
        if norm is not None and norm.weight.shape[-1] == projected.shape[-1]:
            # Normalises all heads together (OLMo 2).
            projected, norm = norm(projected), None
        if projected.shape[-1] % head_dim:
            raise self.unsupported(
                f"has a {which} projection of {projected.shape[-1]} values, not a multiple of {head_dim}"
            )
        states: Tensor = projected.view(*projected.shape[:2], -1, head_dim)
        if which == "q" and states.shape[2] != self.heads:
            # For instance with gates of the output behind the queries.
            raise self.unsupported(f"has queries of {states.shape[2]} heads instead of {self.heads}")
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
            raise self.unsupported("computes attention in its own code")
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
        value = optional_member(optional_member(self.module, "config"), name)
        if value is None:
            raise self.unsupported(f"has no {name} in its configuration")
        return value


def _first(angles: Angles) -> Angles:
    return angles[0][:, :1], angles[1][:, :1]


def _identity(hidden: Tensor, width: int) -> Angles:
    """cos and sin that turn nothing."""
    return hidden.new_ones(1, hidden.shape[1], width), hidden.new_zeros(1, hidden.shape[1], width)


def _turned(hidden: Tensor, width: int) -> Angles:
    """cos and sin of one angle in all channels, which is a rotation in every layout of pairs."""
    still, _ = _identity(hidden, width)
    return still * 0.6, still * 0.8


def _are_close(ours: Tensor, theirs: Tensor) -> bool:
    # Half precision rounds differently for two tokens than for a whole context: the check is against other designs,
    # not against rounding.
    loose = 1e-3 if theirs.dtype in (torch.float32, torch.float64) else 5e-2
    ours, theirs = ours.detach().float(), theirs.detach().float()
    return bool(torch.allclose(ours, theirs, rtol=loose, atol=loose * float(theirs.abs().amax().clamp(min=1e-6))))


def head_count(module: nn.Module) -> int:
    """Number of query heads of an attention module.

    Raises:
        UsageError: Neither it nor its configuration has them.
    """
    names = ("num_heads", "num_attention_heads", "n_heads")
    found = foreign_attribute(module, *names)
    found = foreign_attribute(optional_member(module, "config"), *names) if found is None else found
    if not isinstance(found, int):
        raise UsageError(f"{type(module).__name__} has no number of heads", hint="see docs/choose/kv_architectures.md")
    return found


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
    text: nn.Module | None = optional_member(base, "language_model")
    if text is not None:
        return text
    # OPT's head calls the decoder within its base model, not the base model.
    inner: nn.Module | None = optional_member(base, "decoder")
    return base if inner is None or optional_member(base, "encoder") is not None else inner


def attentions_of(model: nn.Module) -> list[Attention]:
    """The attention modules that take a cache, in the order of their layers.

    Raises:
        UsageError: There are none, or the architecture is refused.
    """
    decoder = decoder_of(model)
    check_name(model)
    found = {}
    for module in decoder.modules():
        layer = optional_member(module, "layer_idx")
        if isinstance(layer, int) and _is_attention(module):
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
    return next((name for name in CACHE_NAMES if name in known), CACHE_NAMES[0])


def find_argument(module: nn.Module, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The argument `name` of a call of `module`, by keyword or by position; None where it is not passed.

    `name` "cache" stands for both names of the cache.
    """
    names = CACHE_NAMES if name == "cache" else (name,)
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
    config = optional_member(module, "config")
    modes = optional_member(config, "kv_sharing_modes")
    if config is None or modes is None or modes[number] != "reuse":
        return number
    kinds = config.layer_types
    return next(layer for layer in range(number) if modes[layer] == "store" and kinds[layer] == kinds[number])


def _is_attention(module: nn.Module) -> bool:
    if foreign_attribute(module, *_WIDTHS) is None or foreign_attribute(module, *_LINEAR) is not None:
        return False
    return any(name in inspect.signature(module.forward).parameters for name in CACHE_NAMES)
