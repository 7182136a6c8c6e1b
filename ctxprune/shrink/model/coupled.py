"""The cost of choices over kinds of units that contain one another: layers, sublayers, their units, the width.

A unit counts only where its sublayer, its layer and the width that it reads are there. With probabilities in place of
masks the same sum is the expected cost of independent gates, with gradients (Xia and others, CoFi, ACL 2022).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ctxprune.errors import UsageError
from ctxprune.shrink.model.anatomy import Anatomy, Group, Key
from ctxprune.shrink.model.cost import TOKENS, cost, unit_costs
from ctxprune.shrink.model.families import family_of
from ctxprune.shrink.model.subject import parameter_of


@dataclass(frozen=True)
class CoupledCosts:
    """What a model costs by its units.

    Attributes:
        anatomy: Of the model.
        units: By group the cost of one unit: the part that goes with the width, and the rest.
        outside: Cost outside the layers that goes with the width.
        fixed: Cost that never goes.
    """

    anatomy: Anatomy
    units: Mapping[Key, tuple[float, float]]
    outside: float
    fixed: float

    def cost(self, gates: Mapping[Key, Tensor]) -> Tensor:
        """The cost that is left: a float64 scalar. Gates are bool or float (count,), 0..1; what has none stays."""
        one = torch.ones((), dtype=torch.float64)
        wide = gates["width", -1].double().mean() if ("width", -1) in gates else one
        total = self.fixed + self.outside * wide
        # sublayers are numbered through all layers, as the units of ("sublayer", -1) are
        place = 0
        for layer in self.anatomy.layers:
            there = gates["layer", -1][layer.index].double() if ("layer", -1) in gates else one
            for sublayer in layer.sublayers:
                open_ = gates["sublayer", -1][place].double() if ("sublayer", -1) in gates else one
                place += 1
                for key in sublayer.groups:
                    # what reads or writes the residual shrinks with the width, too; the rest does not
                    across, rest = self.units[key]
                    count = gates[key].double().sum() if key in gates else one * self.anatomy.groups[key].count
                    if key[0] == "head" and ("dimension", layer.index) in gates:  # all of a head goes with its size
                        count = count * gates["dimension", layer.index].double().mean()
                    total = total + there * open_ * count * (across * wide + rest)
        return total


def coupled_costs(model: nn.Module, measure: str) -> CoupledCosts:
    """The costs of a model's units as they hang together, in "flops", "latency" (as flops), "parameters" or "bytes"."""
    if measure == "weights":
        raise UsageError("structures are not counted in weights", where="measure", hint="flops, parameters or bytes")
    anatomy = family_of(model).describe(model)
    keys = [key for sublayer in anatomy.sublayers for key in sublayer.groups]
    prices = unit_costs(model, [anatomy.groups[key] for key in keys], measure)
    width = anatomy.groups.get(("width", -1))
    wide = {(part.parameter, part.axis) for part in width.slices} if width else set()
    units = {}
    for key in keys:
        whole = float(prices[key][0])
        across = _across(model, anatomy, anatomy.groups[key], wide, measure)
        units[key] = (across, whole - across)
    inside = sum(anatomy.groups[key].count * sum(units[key]) for key in keys)
    total = cost(model, "flops" if measure == "latency" else measure)
    outside = 0.0
    if measure not in ("flops", "latency") and width:
        inner = {part.parameter for key in keys for part in anatomy.groups[key].slices}
        # tied embeddings count once
        held = {id(entry): entry for name, _ in wide if name not in inner for entry in [parameter_of(model, name)]}
        per_byte = measure == "bytes"
        outside = float(sum(entry.numel() * (entry.element_size() if per_byte else 1) for entry in held.values()))
    return CoupledCosts(anatomy, units, outside, total - inside - outside)


def _across(model: nn.Module, anatomy: Anatomy, group: Group, wide: set[tuple[str, int]], measure: str) -> float:
    """What of a unit's cost goes with the width."""
    total = 0.0
    for part in group.slices:
        entry = parameter_of(model, part.parameter)
        if any((part.parameter, axis) in wide for axis in range(entry.ndim) if axis != part.axis):
            share = next((value for path, value in anatomy.active.items() if part.parameter.startswith(path)), 1.0)
            per = {"parameters": 1.0, "bytes": entry.element_size()}.get(measure, TOKENS * share)
            total += entry.numel() / entry.shape[part.axis] * part.size * per
    return total
