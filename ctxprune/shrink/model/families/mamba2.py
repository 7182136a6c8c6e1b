"""Mamba-2: state-space models whose heads have one decay each and share B and C in groups."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor, nn
from torch.nn import functional

from ctxprune.shrink.model import structure
from ctxprune.shrink.model.anatomy import Anatomy, Group, Key, Slice, Sublayer
from ctxprune.shrink.model.families.base import Family
from ctxprune.shrink.model.families.mamba import Mamba


class Mamba2(Mamba):
    """Mixers whose in_proj makes gate, x, B, C and step size at once.

    Heads go within their group, as many of one as of another, and channels within their head, for each group of B and
    C is read by as many heads and each head has as many channels (Taghibakhshi and others, 2025, group-aware pruning).
    A dimension of the state goes from all groups. The channels' cost is part of the heads'.
    """

    name = "mamba2"
    scalar_decay: ClassVar[bool] = True

    def lay_gate(self, model: nn.Module, anatomy: Anatomy, group: Group, gate: Tensor) -> list[Any]:
        """Before the gated norm, whose statistics are then those of what is kept."""
        if group.kind not in ("channel", "ssm_head"):
            return Family.lay_gate(self, model, anatomy, group, gate)  # a state has no place: the scan is one function
        scale = gate.repeat_interleave(group.block, dim=-1)

        def before(_: nn.Module, given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
            return (given[0] * scale.to(given[0].dtype), *given[1:])

        def after(norm: Any, given: tuple[Tensor, Tensor], result: Tensor) -> Tensor:
            states = given[0].float() * functional.silu(given[1].float())
            power = states.unflatten(-1, (-1, norm.group_size)).square().mean(-1, keepdim=True)
            share = scale.float().unflatten(-1, (-1, norm.group_size)).mean(-1, keepdim=True).clamp(min=1e-12)
            # the norm has divided by the mean square over all of a group's channels, with zeros for those that go
            epsilon = norm.variance_epsilon
            ratio = ((power + epsilon) / (power / share + epsilon)).sqrt()
            return (result.unflatten(-1, (-1, norm.group_size)) * ratio.to(result.dtype)).flatten(-2)

        norm = model.get_submodule(f"{group.consumer.rpartition('.')[0]}.norm")
        return [norm.register_forward_pre_hook(before), norm.register_forward_hook(after)]

    def _mixer(self, mixer: Any, path: str, index: int, groups: dict[Key, Group]) -> Sublayer:
        here, heads, inner = f"{path}.mixer", len(mixer.A_log), mixer.out_proj.weight.shape[1]
        states, size = mixer.ssm_state_size, inner // heads
        made, mixed, output = f"{here}.in_proj", f"{here}.conv1d", Slice(f"{here}.out_proj.weight", 1, size=size)
        wide = inner + 2 * mixer.n_groups * states  # of what the convolution mixes: x, B and C

        def channels(block: int) -> tuple[Slice, ...]:
            parts = [
                *structure.rows(mixer.in_proj, made, size=block),
                *structure.rows(mixer.in_proj, made, inner, block),
            ]
            parts += [*structure.rows(mixer.conv1d, mixed, size=block), Slice(f"{here}.norm.weight", 0, size=block)]
            return (*parts, Slice(output.parameter, 1, size=block))

        own = [*structure.rows(mixer.in_proj, made, inner + wide), *(Slice(f"{here}.{name}", 0) for name in _OF_HEADS)]
        read = [
            entry
            for start in range(inner, wide, states)  # B of each group, then C of each
            for entry in (
                *structure.rows(mixer.in_proj, made, inner + start),
                *structure.rows(mixer.conv1d, mixed, start),
            )
        ]
        found = [
            Group(
                "ssm_head", index, heads, (*channels(size), *own), f"{here}.out_proj", size, made, parts=mixer.n_groups
            ),
            Group("channel", index, inner, channels(1), f"{here}.out_proj", 1, made, parts=heads),
            Group("state", index, states, tuple(read)),
        ]
        groups |= {group.key: group for group in found}
        return Sublayer(
            "mixer", index, here, f"{here}.out_proj", f"{path}.norm", (("ssm_head", index), ("state", index))
        )

    def _adapt_mixer(self, mixer: Any) -> tuple[int, ...]:
        mixer.num_heads, mixer.conv_dim = len(mixer.A_log), mixer.conv1d.weight.shape[0]
        mixer.head_dim = mixer.intermediate_size // mixer.num_heads
        mixer.ssm_state_size = (mixer.conv_dim - mixer.intermediate_size) // (2 * mixer.n_groups)
        mixer.norm.group_size = mixer.intermediate_size // mixer.n_groups
        return mixer.num_heads, mixer.head_dim, mixer.ssm_state_size, mixer.hidden_size

    def _follow(self, config: Any, heads: int, size: int, states: int, width: int) -> None:  # type: ignore[override]
        # a configuration has the channels as a whole multiple of the width
        if heads * size % width == 0:
            config.num_heads, config.head_dim, config.expand = heads, size, heads * size // width
            config.state_size = states


_OF_HEADS = ("A_log", "D", "dt_bias")
