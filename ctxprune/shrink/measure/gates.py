"""Gates: numbers that scale units of a running model. At 0 a unit adds nothing, as if surgery had taken it out.

One mechanism serves masked evaluation, gradients of masks (Fisher, Taylor) and masks that are learned.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from ctxprune.errors import UsageError
from ctxprune.shrink.model.families import family_of
from ctxprune.shrink.model.subject import module_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from torch import Tensor

    from ctxprune.shrink.model.anatomy import Anatomy, Group, Key

__all__ = ["gated", "width_hooks"]


@contextmanager
def gated(model: nn.Module, gates: Mapping[Key, Tensor]) -> Iterator[None]:
    """Inside, the model's units are scaled by their gates; hooks are gone afterwards, whatever happens.

    Args:
        model: Of a known family.
        gates: By group: (count,), or (rows, 1, count) for other gates in each row of a batch (not for width); any float
            type or bool; gradients go through.

    Raises:
        UsageError: A group is not the model's or has no place for a gate.
    """
    family = family_of(model)
    anatomy = family.describe(model)
    handles: list[Any] = []
    try:
        for key, gate in gates.items():
            group = anatomy.groups.get(key)
            if group is None or gate.shape[-1] != group.count:
                raise UsageError(f"no gate of shape {tuple(gate.shape)} fits {key}", where="gates")
            laid = getattr(family, "lay_gate", None)  # families with parts of their own (routers)
            handles += (laid(model, group, gate) if laid else None) or _lay(model, anatomy, group, gate)
        yield
    finally:
        for handle in handles:
            handle.remove()


def _lay(model: nn.Module, anatomy: Anatomy, group: Group, gate: Tensor) -> list[Any]:
    if group.kind == "layer":
        return [
            module_of(model, layer.path).register_forward_hook(_skipping(gate, layer.index), with_kwargs=True)
            for layer in anatomy.layers
        ]
    if group.kind == "sublayer":
        return [
            module_of(model, sublayer.output).register_forward_hook(_scaling(gate, place))
            for place, sublayer in enumerate(anatomy.sublayers)
        ]
    if group.kind == "width":
        return _lay_width(model, anatomy, gate)
    if not group.consumer:
        raise UsageError(f"units of kind {group.kind!r} cannot be masked", where="gates")

    def before(_: nn.Module, given: tuple[Any, ...]) -> tuple[Any, ...]:
        states = given[0]
        scale = gate.to(states.dtype).repeat_interleave(group.block, dim=-1)
        if scale.ndim == 3 and states.ndim == 2:  # rows and tokens on one axis, as experts see them
            scale = scale.expand(-1, len(states) // len(scale), -1).reshape(states.shape)
        return (states * scale, *given[1:])

    return [module_of(model, group.consumer).register_forward_pre_hook(before)]


def _skipping(gate: Tensor, index: int) -> Callable[..., Any]:
    def after(_: nn.Module, given: tuple[Any, ...], named: dict[str, Any], result: Any) -> Any:
        entered = given[0] if given else named["hidden_states"]
        left = result[0] if isinstance(result, tuple) else result
        mixed = entered + gate[..., index, None].to(left.dtype) * (left - entered)
        return (mixed, *result[1:]) if isinstance(result, tuple) else mixed

    return after


def _scaling(gate: Tensor, place: int) -> Callable[..., Any]:
    return lambda _, __, result: result * gate[..., place, None].to(result.dtype)


def _lay_width(model: nn.Module, anatomy: Anatomy, gate: Tensor) -> list[Any]:
    masked = {anatomy.embedded, *(sublayer.output for sublayer in anatomy.sublayers)}
    if anatomy.post_norm:
        inside = module_of(model, anatomy.embedded)
        masked.discard(anatomy.embedded)
        masked |= {
            f"{anatomy.embedded}.{name}" for name, entry in inside.named_modules() if isinstance(entry, nn.Embedding)
        }
    return width_hooks(model, sorted(masked), anatomy.norms, gate)


def width_hooks(model: nn.Module, masked: Sequence[str], norms: Sequence[str], gate: Tensor) -> list[Any]:
    """Handles of hooks: what enters the residual and what sublayers add is masked; norms see what is kept alone."""

    def scale(_: nn.Module, __: Any, result: Any) -> Any:
        return result * gate.to(result.dtype)

    handles = [module_of(model, path).register_forward_hook(scale) for path in masked]
    return handles + [module_of(model, path).register_forward_hook(_norm_of_kept(gate)) for path in norms]


def _norm_of_kept(gate: Tensor) -> Callable[..., Any]:
    """The norm's statistics over the kept dimensions, each weighted by its gate."""

    def after(module: Any, given: tuple[Any, ...], result: Tensor) -> Tensor:
        states = given[0].float()
        weights = gate.to(states.dtype)
        count = weights.sum()
        if isinstance(module, nn.LayerNorm):
            mean = (states * weights).sum(-1, keepdim=True) / count
            centred = states - mean
            spread = (centred.pow(2) * weights).sum(-1, keepdim=True) / count
            normed = centred * torch.rsqrt(spread + module.eps) * module.weight + module.bias
        else:
            power = (states.pow(2) * weights).sum(-1, keepdim=True) / count
            eps = getattr(module, "variance_epsilon", getattr(module, "eps", 1e-6))
            normed = states * torch.rsqrt(power + eps) * module.weight
        return (normed * weights).to(result.dtype)

    return after
