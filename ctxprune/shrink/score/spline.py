"""Redundant splits: units whose hyperplanes cut the input space where others cut it already.

You, Balestriero and others, Max-Affine Spline Insights Into Deep Network Pruning, TMLR 2022: a unit bends its layer's
map at the hyperplane w x + b = 0, and of two units with nearly the same hyperplane one is enough.
"""

from dataclasses import dataclass

import torch

from ctxprune.errors import UsageError
from ctxprune.shrink.model.subject import parameter_of
from ctxprune.shrink.score.base import unit_parts
from ctxprune.shrink.types import Group, Key, Sequence, Subject, Tensor
from ctxprune.utils.validation import Checked, check_number, checked_field


@dataclass(frozen=True)
class Spline(Checked):
    """The distance 1 - |cos(w, w')| + offset * |b / |w| -+ b' / |w'|| at which a unit becomes one of the closest pair.

    The minus for normals of one direction, the plus for opposite ones. Of the closest pair the unit with the smaller w
    goes, again and again. Of units with several rows (gated neurons, heads) w is all that reads the residual.

    Attributes:
        offset: Weight of the difference in offsets, from 0 up.
    """

    offset: float = checked_field(1.0, check_number, minimum=0)

    def __call__(self, subject: Subject, groups: Sequence[Group]) -> dict[Key, Tensor]:
        """float64 (count,), from 0 up; no data."""
        return {group.key: _removal_distances(*self._distances(subject, group)) for group in groups}

    def _distances(self, subject: Subject, group: Group) -> tuple[Tensor, Tensor]:
        """Between units: (count, count); and the sizes of their normals: (count,)."""
        parts: dict[int, list[Tensor]] = {1: [], 2: []}
        for part in group.slices:
            entry = parameter_of(subject.model, part.parameter).detach().double()
            if not part.parameter.startswith(f"{group.consumer}.") and entry.ndim in parts:
                parts[entry.ndim].append(unit_parts(entry, part, group.count))
        if not parts[2]:
            raise UsageError(f"units of kind {group.kind!r} have no hyperplane", where="spline.v1")
        normals, biases = torch.cat(parts[2], 1), torch.cat(parts[1], 1) if parts[1] else torch.zeros(group.count, 1)
        sizes = normals.norm(dim=1).clamp(min=1e-30)
        cosines = (normals / sizes[:, None]) @ (normals / sizes[:, None]).T
        offsets = biases.double() / sizes[:, None]
        apart = torch.where(cosines < 0, torch.cdist(offsets, -offsets), torch.cdist(offsets, offsets))
        return (1 - cosines.abs()).clamp(min=0) + self.offset * apart, sizes


def _removal_distances(distances: Tensor, sizes: Tensor) -> Tensor:
    """When each unit goes: float64 (count,); the last one goes with the one before it."""
    distances = distances.clone().fill_diagonal_(torch.inf)
    nearest, which = distances.min(1)
    scores = torch.zeros(len(sizes), dtype=torch.float64)
    left = torch.ones(len(sizes), dtype=torch.bool)
    for _ in range(len(sizes) - 1):
        one = int(nearest.argmin())
        other = int(which[one])
        gone = one if sizes[one] < sizes[other] else other
        scores[gone] = nearest[one]
        left[gone] = False
        distances[gone], distances[:, gone], nearest[gone] = torch.inf, torch.inf, torch.inf
        # only those whose nearest unit has gone look for another one
        for place in (left & (which == gone)).nonzero().flatten().tolist():
            nearest[place], which[place] = distances[place].min(0)
    scores[left] = scores.max()
    return scores
