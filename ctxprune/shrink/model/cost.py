"""What a model costs: parameters, bytes, multiply-adds; as a whole and by unit.

Multiply-adds are those of the layers for one sequence: a matrix costs its elements times the tokens, attention twice
the tokens squared times the heads' sizes (specs: 4 n d h + 2 n^2 h, 2 n d f). Embeddings cost bytes and no time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from ctxprune.errors import UsageError
from ctxprune.shrink.model.anatomy import Anatomy, Group, Key
from ctxprune.shrink.model.families import family_of
from ctxprune.shrink.model.modules import active_shares, count_elements
from ctxprune.shrink.model.subject import module_of, parameter_of

__all__ = ["MEASURES", "SINGLE", "TOKENS", "Target", "cost", "deltas", "matrices", "unit_costs"]

MEASURES = ("bytes", "deltas", "flops", "latency", "parameters", "values", "weights")
TOKENS = 128
"""Of the sequence that multiply-adds are counted for."""
SINGLE = ("deltas", "values", "weights")
"""Measures of single weights: shapes stay as they are, so that nothing runs faster."""


@dataclass(frozen=True, slots=True)
class Target:
    """How much of a measure a model may keep.

    Attributes:
        measure: "flops" (multiply-adds of the layers), "latency" (measured), "bytes", "parameters"; or of the layers'
            matrices "weights" (that are not zero), "deltas" (that differ from the base model's), "values" (that are
            different in size, matrix by matrix: what is stored where weights share them).
        keep: The share of what it was that may be left, above 0 and under 1.

    Raises:
        UsageError: The measure is unknown, or the share is out of range.
    """

    measure: str
    keep: float

    def __post_init__(self) -> None:
        if self.measure not in MEASURES:
            raise UsageError(f"measure is {self.measure!r}", hint=f"one of {', '.join(MEASURES)}")
        if not 0 < self.keep < 1:
            hint = "give a share above 0 and under 1 of what the model has now"
            raise UsageError(f"keep is {self.keep!r}", hint=hint)


def cost(model: nn.Module, measure: str, *, tokens: int = TOKENS, masks: Mapping[str, Tensor] | None = None) -> float:
    """What a whole model costs, in the measure's unit; masked weights count for "weights" alone.

    Latency is refused, which is measured (`ctxprune.shrink.run.timing`), and so are deltas, which need a base model.
    """
    if measure == "weights":
        return float(
            sum(int((masks or {}).get(path, parameter_of(model, path) != 0).sum()) for path in matrices(model))
        )
    if measure == "values":
        return float(sum(len(parameter_of(model, path).detach().abs().unique()) for path in matrices(model)))
    if measure == "flops":
        anatomy = family_of(model).describe(model)
        found = unit_costs(model, [anatomy.groups["layer", -1]], measure, tokens=tokens)
        return float(found["layer", -1].sum())
    per = {"parameters": lambda entry: entry.numel(), "bytes": lambda entry: entry.numel() * entry.element_size()}
    if measure not in per:
        raise UsageError(f"{measure!r} is no measure of a model at rest", hint="time it by ctxprune.shrink.run.timing")
    return float(sum(per[measure](entry) for entry in model.parameters()))


def deltas(model: nn.Module, base: nn.Module) -> float:
    """Weights of the layers' matrices that differ from an earlier state of the model."""
    return float(sum(int((parameter_of(model, path) != parameter_of(base, path)).sum()) for path in matrices(model)))


def matrices(model: nn.Module) -> list[str]:
    """Dotted names of the layers' matrices, whose single weights can be pruned."""
    anatomy = family_of(model).describe(model)
    inside = tuple(f"{layer.path}." for layer in anatomy.layers)
    return [
        name
        for name, entry in model.named_parameters()
        # of state-space mixers: decay rates and depthwise filters multiply element by element, and dt_proj is never
        # called as a module, so that nothing is known of its inputs
        if name.startswith(inside)
        and entry.ndim >= 2
        and not name.endswith(("A_log", "conv1d.weight", "dt_proj.weight"))
    ]


def unit_costs(model: nn.Module, groups: Sequence[Group], measure: str, *, tokens: int = TOKENS) -> dict[Key, Tensor]:
    """What each unit costs: float64 (count,) by group. For "latency" as "flops", which time follows."""
    anatomy = family_of(model).describe(model)
    anatomy = replace(anatomy, active={**active_shares(model), **anatomy.active})
    found = {}
    for group in groups:
        if group.kind == "sublayer":
            parts = [_sublayer(model, anatomy, sublayer.groups, measure, tokens) for sublayer in anatomy.sublayers]
            found[group.key] = torch.tensor(parts, dtype=torch.float64)
        elif group.kind == "layer":
            keys = [[key for sublayer in layer.sublayers for key in sublayer.groups] for layer in anatomy.layers]
            parts = [_sublayer(model, anatomy, entry, measure, tokens) for entry in keys]
            found[group.key] = torch.tensor(parts, dtype=torch.float64)
        else:
            found[group.key] = torch.full(
                (group.count,), _unit(model, anatomy, group, measure, tokens), dtype=torch.float64
            )
    return found


def _sublayer(model: nn.Module, anatomy: Anatomy, keys: Sequence[Key], measure: str, tokens: int) -> float:
    groups = [anatomy.groups[key] for key in keys]
    return sum(group.count * _unit(model, anatomy, group, measure, tokens) for group in groups)


def _unit(model: nn.Module, anatomy: Anatomy, group: Group, measure: str, tokens: int) -> float:
    time = measure in ("flops", "latency")
    inside = tuple(f"{layer.path}." for layer in anatomy.layers)
    total, seen, held = 0.0, set(), []
    for part in group.slices:
        entry = parameter_of(model, part.parameter)
        table = isinstance(module_of(model, part.parameter.rpartition(".")[0]), nn.Embedding)
        # a bias or a table look-up takes no multiply-adds, and those of a model are its layers'
        if time and (entry.ndim < 2 or table or not part.parameter.startswith(inside)):
            continue
        # by identity and place: query, key and value of one matrix are three slices of one parameter
        if (place := (id(entry), part.axis, part.start)) in seen:  # tied weights are there once
            continue
        seen.add(place)
        held.append(entry)  # a product of factors lives for as long as its place is compared
        size = count_elements(model, part.parameter, entry) / entry.shape[part.axis] * part.size
        if time:
            # of experts behind a router a token meets a few
            size *= next((share for path, share in anatomy.active.items() if part.parameter.startswith(path)), 1.0)
        total += size * (tokens if time else entry.element_size() if measure == "bytes" else 1)
    if not time or group.kind not in ("dimension", "head", "kv_group"):
        return total
    share = next((share for path, share in anatomy.active.items() if group.consumer.startswith(path)), 1.0)
    return total + 2.0 * tokens**2 * group.block * share
