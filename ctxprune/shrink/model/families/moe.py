"""Mixtures of experts (Mixtral, Qwen2-MoE, Qwen3-MoE): Llama's attention, experts in fused tensors behind a router."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from ctxprune.errors import InputError
from ctxprune.shrink.model import structure
from ctxprune.shrink.model.anatomy import Anatomy, Group, Key, Slice, Sublayer
from ctxprune.shrink.model.families import llama
from ctxprune.shrink.model.families.base import copy_sizes, find_module, has_parameter
from ctxprune.utils.foreign import optional_member

_STRIDE = 16  # bytes; torch's grouped product, which transformers takes for experts, refuses rows of other sizes


class Moe(llama.Llama):
    """Decoders whose layers have `mlp.gate`, a router of one matrix, and `mlp.experts` with gate_up_proj and down_proj.

    Units are experts, groups of heads, neurons of a shared expert and of dense layers, width, depth and vocabulary.
    Neurons inside routed experts are no units: one expert's have nothing to do with another's, and the fused tensors
    give all the same number. Removing experts lowers bytes and parameters, and no multiply-adds: a token still goes
    through as many.
    """

    name = "moe"
    marker = "mlp.experts"

    def matches(self, model: nn.Module) -> bool:
        """Whether the model has experts behind a router of one matrix that softmax and top-k read."""
        found = self.find_base(model)
        blocks = [layer.mlp for layer in found[1].layers if _has_experts(layer)] if found else []
        return bool(blocks) and all(
            has_parameter(block.experts, "gate_up_proj")
            and [name for name, _ in block.gate.named_parameters()] == ["weight"]
            for block in blocks
        )

    def describe(self, model: nn.Module) -> Anatomy:
        """The model as it is now."""
        prefix, base = self.base(model)
        layers, groups = structure.describe_layers(base.layers, f"{prefix}layers.", _sublayers)
        more: list[Slice] = []
        active: dict[str, float] = {}
        for index, layer in enumerate(base.layers):
            if _has_experts(layer):
                here, gate = f"{prefix}layers.{index}.mlp", layer.mlp.gate
                axes = {"gate.weight": 1, "experts.gate_up_proj": 2, "experts.down_proj": 1}
                more += [Slice(f"{here}.{name}", axis) for name, axis in axes.items()]
                active[f"{here}.experts."] = gate.top_k * vars(gate).get("share", 1.0) / len(gate.weight)
        found = llama.residual_anatomy(self.name, model, (prefix, base), layers, groups, more=more)
        return replace(found, active=active)

    def lay_gate(self, model: nn.Module, anatomy: Anatomy, group: Group, gate: Tensor) -> list[Any]:
        """An expert's gate scales its probability before the top ones are taken; at 0 it is never chosen."""
        if group.kind != "expert":
            return super().lay_gate(model, anatomy, group, gate)
        return [model.get_submodule(group.reader).register_forward_hook(_routed(gate))]

    def drop_layers(self, model: nn.Module, kept: Sequence[int]) -> None:
        """Keep these layers."""
        base = self.base(model)[1]
        dense = vars(base.config).get("mlp_only_layers")  # Qwen's alone
        if dense:
            base.config.mlp_only_layers = [place for place, index in enumerate(kept) if index in dense]
        super().drop_layers(model, kept)

    def adapt(self, model: nn.Module) -> None:
        """Sizes of modules and configuration follow the weights; a router takes no more experts than there are."""
        found = self.find_base(model) or llama.Llama().base(model)  # whose experts have all gone
        base, counts, chosen = found[1], set(), set()
        llama.adapt_residual(base)
        llama.adapt_neurons(base)
        for layer in base.layers:
            if not _has_experts(layer):
                continue
            router = _adapt_block(layer.mlp)
            if (router.hidden_dim * router.weight.element_size()) % _STRIDE:
                base.config._experts_implementation = "eager"
                layer.mlp.experts.eager = True  # no model that transformers builds has it: such a folder is not plain
            counts.add(router.num_experts)
            chosen.add(router.top_k)
        # both names work where a configuration maps one to the other, so the class decides which of them is set
        name = "num_local_experts" if optional_member(base.config, "num_local_experts") is not None else "num_experts"
        copied = ["hidden_size", "vocab_size"]
        if len(counts) == 1:
            setattr(base.config, name, counts.pop())
            copied.append("num_experts")
        if len(chosen) == 1:
            base.config.num_experts_per_tok = chosen.pop()
            copied.append("num_experts_per_tok")
        shared = {layer.mlp.shared_expert.intermediate_size for layer in base.layers if _shares(layer.mlp)}
        if len(shared) == 1:
            base.config.shared_expert_intermediate_size = shared.pop()
        copy_sizes(model, base.config, copied)


def _adapt_block(block: Any) -> Any:
    """Sizes of a block's router and experts follow the weights; gives the router."""
    router, experts = block.gate, block.experts
    router.num_experts, router.hidden_dim = router.weight.shape
    # with fewer experts than a token used to go through all of them are taken
    router.top_k = min(router.top_k, router.num_experts)
    if "top_k" in vars(block):  # Mixtral's block keeps a second copy
        block.top_k = router.top_k
    experts.num_experts, experts.hidden_dim, experts.intermediate_dim = experts.down_proj.shape
    if _shares(block):
        block.shared_expert.intermediate_size = block.shared_expert.down_proj.weight.shape[1]
    return router


def _has_experts(layer: nn.Module) -> bool:
    """Whether the layer's feed-forward part is experts; dense layers may stand between them."""
    return find_module(layer, "mlp.experts") is not None


def _shares(block: nn.Module) -> bool:
    return find_module(block, "shared_expert") is not None


def _sublayers(layer: Any, path: str, index: int, groups: dict[Key, Group]) -> list[Sublayer]:
    found = llama.attention(layer, path, index, groups)
    return found + (_experts if _has_experts(layer) else llama.ffn)(layer, path, index, groups)


def _experts(layer: Any, path: str, index: int, groups: dict[Key, Group]) -> list[Sublayer]:
    here, block = f"{path}.mlp", layer.mlp
    names = ("experts.gate_up_proj", "experts.down_proj", "gate.weight")
    slices = tuple(Slice(f"{here}.{name}", 0) for name in names)
    found = [Group("expert", index, len(block.gate.weight), slices, reader=f"{here}.gate")]
    if _shares(block):
        found.append(llama.gated_neurons(block.shared_expert, f"{here}.shared_expert", index))
    groups |= {group.key: group for group in found}
    norm = f"{path}.post_attention_layernorm"
    return [Sublayer("moe", index, here, here, norm, tuple(group.key for group in found))]


def _routed(gate: Tensor) -> Any:
    def after(router: Any, _: Any, result: tuple[Tensor, Tensor, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        logits, scores, _ = result
        share = gate.to(torch.float32)
        # one gate a row, and the router sees rows and tokens on one axis
        if share.ndim == 3:  # rows and tokens stand on one axis
            share = share.expand(-1, len(logits) // len(share), -1).reshape(logits.shape)
        plain, gated = _chosen(router, logits, torch.ones_like(share)), _chosen(router, logits, share)
        # the choice is computed anew with gates: a router of another rule would silently give other experts
        if not torch.allclose(plain[0], scores.float(), atol=1e-4):
            raise InputError("the router does not choose by softmax and top-k", hint="its experts cannot be gated")
        return logits, gated[0].to(scores.dtype), gated[1]

    return after


def _chosen(router: Any, logits: Tensor, share: Tensor) -> tuple[Tensor, Tensor]:
    weighted = torch.softmax(logits.float(), dim=-1) * share
    weighted = weighted / weighted.sum(-1, keepdim=True)
    values, places = torch.topk(weighted, router.top_k, dim=-1)
    if vars(router).get("norm_topk_prob", True):  # Mixtral's router always does
        values = values / values.sum(-1, keepdim=True)
    return values, places
