"""Real removal: smaller matrices, fewer modules; and the same as masks, which is what surgery is tested against."""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from ctxprune.errors import UsageError
from ctxprune.shrink.model.anatomy import Anatomy, Group, Key
from ctxprune.shrink.model.families import family_of
from ctxprune.shrink.model.modules import custom_modules
from ctxprune.shrink.model.subject import parameter_of

Kept = Mapping[Key, Tensor]
"""By group which of its units stay: bool (count,); a group that is not named stays whole."""


def remove(model: nn.Module, kept: Mapping[Key, Tensor]) -> nn.Module:
    """A smaller copy of the model, without the units that are not kept.

    A group with no unit left takes its sublayer out. Masked single weights are not its business.

    Args:
        model: Of a known family; left as it is.
        kept: By group: bool (count,), True = stays.

    Raises:
        UsageError: A group is not the model's, a mask has another length, or no layer or width would be left.
    """
    family = family_of(model)
    anatomy = family.describe(model)
    _check(anatomy, kept)
    if any(key[0] not in ("layer", "sublayer") for key in kept) and custom_modules(model):
        what = "a model with factorised, routed or mapped parts loses whole sublayers and layers alone"
        raise UsageError(what, where=next(iter(custom_modules(model))), hint="take units out before that")
    # cut as a copy, so that a choice which is refused half-way leaves the model as it was
    small = copy.deepcopy(model)
    # matrices with a side of 0 break most kernels: the whole sublayer goes instead
    gone = {key for key, mask in kept.items() if not bool(mask.any())}
    _cut(small, [(anatomy.groups[key], mask) for key, mask in kept.items() if key not in gone])
    for key, mask in kept.items():
        if key[0] == "dimension":
            family.narrow_heads(small, key[1], int(mask.sum()))
    sublayer_mask = kept.get(("sublayer", -1))
    for place, sublayer in enumerate(anatomy.sublayers):
        if gone & set(sublayer.groups) and not gone >= set(sublayer.groups):
            what = f"all units of one kind would go from {sublayer.path}, and others stay"
            raise UsageError(what, where="kept", hint="keep one")
        chosen = sublayer_mask is not None and not bool(sublayer_mask[place])
        if chosen or (sublayer.groups and all(key in gone for key in sublayer.groups)):
            family.drop_sublayer(small, sublayer)
    if ("layer", -1) in kept:
        family.drop_layers(small, [int(index) for index in kept["layer", -1].nonzero().flatten()])
    family.adapt(small)
    return small


def level_parts(groups: Sequence[Group], kept: Mapping[Key, Tensor], scores: Mapping[Key, Tensor]) -> dict[Key, Tensor]:
    """A choice in which each part of a group keeps as many units: those of the part's highest scores.

    As many as the parts keep on average, rounded down so that a budget which was met is still met, and one at least.
    """
    levelled = dict(kept)
    for group in groups:
        if group.parts > 1 and group.key in kept and bool(kept[group.key].any()):
            number = max(int(kept[group.key].sum()) // group.parts, 1)
            # stable, so that the first of equal scores stays on every machine
            order = scores[group.key].view(group.parts, -1).argsort(dim=1, descending=True, stable=True)
            mask = torch.zeros_like(order, dtype=torch.bool).scatter_(1, order[:, :number], value=True)
            levelled[group.key] = mask.flatten()
    return levelled


def _check(anatomy: Anatomy, kept: Mapping[Key, Tensor]) -> None:
    for key, mask in kept.items():
        group = anatomy.groups.get(key)
        if group is None:
            raise UsageError(f"the model has no units {key[0]!r} in layer {key[1]}", where="kept")
        if mask.dtype != torch.bool or mask.shape != (group.count,):
            hint = f"give bool ({group.count},)"
            raise UsageError(f"the mask of {key[0]!r} in layer {key[1]} is {mask.dtype} {tuple(mask.shape)}", hint=hint)
        # a group that no sublayer lists only cuts what others hold, so that nothing goes in its stead
        alone = key[0] != "sublayer" and not any(key in sublayer.groups for sublayer in anatomy.sublayers)
        if alone and not bool(mask.any()):
            raise UsageError(f"no unit of kind {key[0]!r} would be left", where="kept", hint="keep one at least")
        if len(mask.view(group.parts, -1).sum(1).unique()) > 1:
            what = f"the {group.parts} parts of {key[0]!r} in layer {key[1]} would keep different numbers of units"
            raise UsageError(what, where="kept", hint="make them equal by ctxprune.shrink.model.surgery.level_parts")


def _cut(model: nn.Module, chosen: list[tuple[Group, Tensor]]) -> None:
    """Select the kept indices of each parameter, once along each of its axes."""
    # several groups may cut one axis (query, key and value in one matrix): their masks are joined first
    stays: dict[tuple[str, int], Tensor] = {}
    for group, mask in chosen:
        for part in group.slices:
            place = part.parameter, part.axis
            if place not in stays:
                stays[place] = torch.ones(parameter_of(model, part.parameter).shape[part.axis], dtype=torch.bool)
            span = slice(part.start, part.start + group.count * part.size)
            stays[place][span] &= mask.cpu().repeat_interleave(part.size)
    axes: defaultdict[str, list[tuple[int, Tensor]]] = defaultdict(list)
    for (path, axis), mask in stays.items():
        axes[path].append((axis, mask))
    done: dict[int, nn.Parameter] = {}
    for path, cuts in axes.items():
        _set(model, path, cuts, done)
    for module in model.modules():
        resize(module)


def _set(model: nn.Module, path: str, cuts: list[tuple[int, Tensor]], done: dict[int, nn.Parameter]) -> None:
    """Put the smaller parameter in place of the old one, wherever it is used (tied weights stay tied)."""
    old = parameter_of(model, path)
    # a tied parameter was replaced under its other name
    if any(old is new for new in done.values()):
        return
    value = old.detach()
    for axis, mask in cuts:
        value = value.index_select(axis, mask.nonzero().flatten().to(value.device))
    new = nn.Parameter(value.clone(), requires_grad=old.requires_grad)
    done[id(old)] = new
    replace_parameter(model, old, new)


def replace_parameter(model: nn.Module, old: nn.Parameter, new: nn.Parameter) -> None:
    """Put a parameter in the place of another one in every module that holds it, so that tied weights stay tied."""
    for module in model.modules():
        for name, entry in list(module._parameters.items()):
            if entry is old:
                module._parameters[name] = new


def resize(module: nn.Module) -> None:
    """Set a module's size attributes to those of its weights."""
    if isinstance(module, nn.Linear):
        module.out_features, module.in_features = module.weight.shape
    elif isinstance(module, nn.Embedding):
        module.num_embeddings, module.embedding_dim = module.weight.shape
    elif isinstance(module, nn.LayerNorm):
        module.normalized_shape = tuple(module.weight.shape)
    # a depthwise convolution has as many groups as channels
    elif isinstance(module, nn.Conv1d) and module.groups > 1:
        module.in_channels = module.out_channels = module.groups = module.weight.shape[0]
