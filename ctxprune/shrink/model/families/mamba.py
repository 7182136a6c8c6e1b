"""Mamba and Mamba-2: selective state-space models, one mixer a layer."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ctxprune.shrink.model import structure
from ctxprune.shrink.model.anatomy import Anatomy, Group, Key, Slice, Sublayer
from ctxprune.shrink.model.families.base import LayeredFamily, Nothing, find_module, has_parameter
from ctxprune.shrink.model.families.llama import residual_anatomy


class Mamba(LayeredFamily):
    """Models whose layers have a `mixer` with in_proj, conv1d, A_log and out_proj: Mamba's, and those of `mamba2`.

    Dimensions of the state (Ghattas, Hassid and Schwartz, On Pruning State-Space LLMs, 2025) are units beside the
    channels, and their cost is part of the channels'.
    """

    name = "mamba"
    scalar_decay: ClassVar[bool] = False  # A_log is a number a head in Mamba-2, and a matrix before

    def is_base(self, module: nn.Module) -> bool:
        """Whether layers have Mamba's mixers, or had them."""
        layers = find_module(module, "layers")
        if not isinstance(layers, nn.ModuleList) or not len(layers) or find_module(module, "embeddings") is None:
            return False
        mixers = [find_module(layer, "mixer") for layer in layers]
        return all(isinstance(mixer, Nothing) or has_parameter(mixer, "A_log") for mixer in mixers)

    def matches(self, model: nn.Module) -> bool:
        """Whether the model has mixers of this kind; one without any is taken for the first Mamba."""
        found = self.find_base(model)
        mixers = [layer.mixer for layer in found[1].layers if not isinstance(layer.mixer, Nothing)] if found else []
        return found is not None and any(mixer.A_log.ndim == 1 for mixer in mixers) is self.scalar_decay

    def describe(self, model: nn.Module) -> Anatomy:
        """The model as it is now."""
        prefix, base = self.base(model)
        layers, groups = structure.describe_layers(base.layers, f"{prefix}layers.", self._sublayers)
        return residual_anatomy(self.name, model, (prefix, base), layers, groups, words="embeddings")

    def lay_gate(self, model: nn.Module, anatomy: Anatomy, group: Group, gate: Tensor) -> list[Any]:
        """A channel is read twice: where step, B and C are made of all channels, and at the output; a state by C."""
        if group.kind not in ("channel", "state"):
            return super().lay_gate(model, anatomy, group, gate)
        if group.kind == "state":

            def after(_: nn.Module, __: Any, result: Tensor) -> Tensor:
                kept = gate.to(result.dtype)
                rest, read = result.split([result.shape[-1] - group.count, group.count], dim=-1)
                return torch.cat([rest, read * kept], dim=-1)

            return [model.get_submodule(group.reader).register_forward_hook(after)]

        def before(_: nn.Module, given: tuple[Any, ...]) -> tuple[Any, ...]:
            return (given[0] * gate.to(given[0].dtype), *given[1:])

        mixer = group.consumer.rpartition(".")[0]
        return [
            model.get_submodule(f"{mixer}.{name}").register_forward_pre_hook(before) for name in ("x_proj", "out_proj")
        ]

    def drop_sublayer(self, model: nn.Module, sublayer: Sublayer) -> None:
        """The mixer goes: x -> x. Its norm stays, for the layer asks for the type of its weights."""
        model.get_submodule(sublayer.path.rpartition(".")[0]).mixer = Nothing()

    def adapt(self, model: nn.Module) -> None:
        """Sizes of modules and configuration follow the weights, places in the cache the layers that are there."""
        base = self.base(model)[1]
        base.config.vocab_size, base.config.hidden_size = base.embeddings.weight.shape
        shapes = set()
        for place, layer in enumerate(base.layers):
            layer.layer_idx = place
            if isinstance(layer.mixer, Nothing):
                continue
            layer.mixer.layer_idx = place
            layer.mixer.hidden_size, layer.mixer.intermediate_size = layer.mixer.out_proj.weight.shape
            shapes.add(self._adapt_mixer(layer.mixer))
        if len(shapes) == 1:
            self._follow(base.config, *shapes.pop())

    def _sublayers(self, layer: Any, path: str, index: int, groups: dict[Key, Group]) -> list[Sublayer]:
        return [] if isinstance(layer.mixer, Nothing) else [self._mixer(layer.mixer, path, index, groups)]

    def _mixer(self, mixer: Any, path: str, index: int, groups: dict[Key, Group]) -> Sublayer:
        """The mixer of a layer; adds the groups of its units."""
        here, count, states = f"{path}.mixer", mixer.out_proj.weight.shape[1], mixer.A_log.shape[1]
        slices = [
            *structure.rows(mixer.in_proj, f"{here}.in_proj"),
            # the second half of in_proj is the gate, with a row for each channel
            *structure.rows(mixer.in_proj, f"{here}.in_proj", start=count),
            *structure.rows(mixer.conv1d, f"{here}.conv1d"),
            Slice(f"{here}.x_proj.weight", 1),
            *structure.rows(mixer.dt_proj, f"{here}.dt_proj"),
            Slice(f"{here}.A_log", 0),
            Slice(f"{here}.D", 0),
            Slice(f"{here}.out_proj.weight", 1),
        ]
        group = Group("channel", index, count, tuple(slices), f"{here}.out_proj", 1, f"{here}.in_proj")
        rank = mixer.x_proj.weight.shape[0] - 2 * states
        parts = [Slice(f"{here}.x_proj.weight", 0, start) for start in (rank, rank + states)]
        groups[group.key] = group
        groups["state", index] = Group(
            "state", index, states, (*parts, Slice(f"{here}.A_log", 1)), reader=f"{here}.x_proj"
        )
        return Sublayer("mixer", index, here, f"{here}.out_proj", f"{path}.norm", (group.key,))

    def _adapt_mixer(self, mixer: Any) -> tuple[int, ...]:
        """Sizes of a mixer follow its weights; gives those that the configuration has."""
        mixer.ssm_state_size = mixer.A_log.shape[1]
        return mixer.intermediate_size, mixer.ssm_state_size

    def _follow(self, config: Any, inner: int, states: int) -> None:
        """Sizes of the configuration, where all mixers agree."""
        config.intermediate_size, config.state_size = inner, states
