"""Hooks on a running model: their removal, and those that scale units, the default of `Family.lay_gate`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from ctxprune.errors import UsageError
from ctxprune.shrink.model.anatomy import Anatomy, Group
from ctxprune.shrink.model.norms import norm_epsilon


@contextmanager
def temporary_hooks() -> Iterator[list[Any]]:
    """A list for handles of hooks; they are removed at the end, whatever happens."""
    # filled inside, not given as an argument: if the fourth module is missing, the hooks of the first three are removed
    handles: list[Any] = []
    try:
        yield handles
    finally:
        for handle in handles:
            handle.remove()


def lay_gate(model: nn.Module, anatomy: Anatomy, group: Group, gate: Tensor) -> list[Any]:
    """Handles of hooks that scale a group's units by its gate; arguments and errors as `Family.lay_gate`."""
    if group.kind == "layer":
        return [
            model.get_submodule(layer.path).register_forward_hook(_skipping(gate, layer.index), with_kwargs=True)
            for layer in anatomy.layers
        ]
    if group.kind == "sublayer":
        return [
            model.get_submodule(sublayer.output).register_forward_hook(_scaling(gate, place))
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

    return [model.get_submodule(group.consumer).register_forward_pre_hook(before)]


def _skipping(gate: Tensor, index: int) -> Callable[..., Any]:
    def after(_: nn.Module, given: tuple[Any, ...], named: dict[str, Any], result: Any) -> Any:
        entered = given[0] if given else named["hidden_states"]
        left = result[0] if isinstance(result, tuple) else result
        # a closed layer passes on what entered it, so that the residual goes on without it
        mixed = entered + gate[..., index, None].to(left.dtype) * (left - entered)
        return (mixed, *result[1:]) if isinstance(result, tuple) else mixed

    return after


def _scaling(gate: Tensor, place: int) -> Callable[..., Any]:
    return lambda _, __, result: result * gate[..., place, None].to(result.dtype)


def _lay_width(model: nn.Module, anatomy: Anatomy, gate: Tensor) -> list[Any]:
    masked = {anatomy.embedded, *(sublayer.output for sublayer in anatomy.sublayers)}
    if anatomy.post_norm:
        inside = model.get_submodule(anatomy.embedded)
        # a post-norm model normalises its embeddings: masked after that norm they would count in its statistics
        masked.discard(anatomy.embedded)
        tables = {name for name, entry in inside.named_modules() if isinstance(entry, nn.Embedding)}
        masked |= {f"{anatomy.embedded}.{name}" for name in tables} or {anatomy.embedded}
    return width_hooks(model, sorted(masked), anatomy.norms, gate)


def width_hooks(model: nn.Module, masked: Sequence[str], norms: Sequence[str], gate: Tensor) -> list[Any]:
    """Handles of hooks: what enters the residual and what sublayers add is masked; norms see what is kept alone."""

    def scale(_: nn.Module, __: Any, result: Any) -> Any:
        return result * gate.to(result.dtype)

    handles = [model.get_submodule(path).register_forward_hook(scale) for path in masked]
    return handles + [model.get_submodule(path).register_forward_hook(_norm_of_kept(gate)) for path in norms]


def _norm_of_kept(gate: Tensor) -> Callable[..., Any]:
    """The norm's statistics over the kept dimensions, each weighted by its gate."""

    def after(module: Any, given: tuple[Any, ...], result: Tensor) -> Tensor:
        states = given[0].float()
        weights = gate.to(states.dtype)
        # statistics over the kept dimensions are those of a model that has these dimensions alone
        count = weights.sum()
        if isinstance(module, nn.LayerNorm):
            mean = (states * weights).sum(-1, keepdim=True) / count
            centred = states - mean
            spread = (centred.pow(2) * weights).sum(-1, keepdim=True) / count
            normed = centred * torch.rsqrt(spread + module.eps) * module.weight
            normed = normed if module.bias is None else normed + module.bias
        else:
            power = (states.pow(2) * weights).sum(-1, keepdim=True) / count
            normed = states * torch.rsqrt(power + norm_epsilon(module)) * module.weight
        return (normed * weights).to(result.dtype)

    return after
