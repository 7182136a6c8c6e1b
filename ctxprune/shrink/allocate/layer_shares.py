"""Other shares for other layers: by how far a layer turns its input, or by its place.

Of a unit at the rank r of its group, 0..1, in a layer of the change I_l (run_changes), the lowest places go:

- "change", r + a I_l: Pan and others, Adapt-Pruner: Adaptive Structural Pruning for Efficient Small Language Model
  Training, 2025; I_l = 1 - cos, centred and scaled to -1..1, so that layer l loses the share S - a I_l.
- "angle", (r - 1) / sigmoid(a (I_l - mean)): Wang and others, CFSP, COLING 2025; I_l the angle in half turns, and the
  share that a layer keeps goes with the sigmoid.
- "depth", r (1 + exp(-a (l / (L - 1) - x))): Liang and others, SEAP, 2025; the share that a layer loses follows a
  logistic curve over the depth, and the ends can be spared.
"""

from dataclasses import dataclass

import torch

from ctxprune.shrink.allocate.base import drop_lowest, relative_ranks
from ctxprune.shrink.measure.depth import run_changes
from ctxprune.shrink.types import Budget, Key, Mapping, Subject, Tensor
from ctxprune.utils.validation import Checked, check_choice, check_number, check_whole, checked_field

_MIDDLE = 0.3  # x: midpoint of SEAP's logistic curve, as a share of the depth


@dataclass(frozen=True)
class LayerShares(Checked):
    """Units go by their rank in their group, moved by their layer; units that belong to no layer keep their rank.

    Attributes:
        by: "change", "angle" or "depth".
        strength: a, from 0 (the same share for all) up.
        first, last: Layers that are spared at each end, where enough others are left.
    """

    by: str = checked_field("change", check_choice, ("angle", "change", "depth"))
    strength: float = checked_field(0.03, check_number, minimum=0)
    first: int = checked_field(0, check_whole, minimum=0)
    last: int = checked_field(0, check_whole, minimum=0)

    def __call__(self, subject: Subject, scores: Mapping[Key, Tensor], budget: Budget) -> dict[Key, Tensor]:
        """bool (count,) by group; unlabelled data but for "depth"."""
        layers = len(subject.anatomy.layers)
        free = range(self.first, layers - self.last) if layers > self.first + self.last else range(layers)
        moves = self._moves(subject, free)
        places = {}
        for key, score in scores.items():
            rank, move = relative_ranks(score), moves[key[1]]
            # spared layers stand behind all others, in their own order
            moved = rank + move if self.by == "change" else rank / move if self.by == "depth" else (rank - 1) / move
            places[key] = moved if key[1] in free or key[1] < 0 else rank + 1e6
        return drop_lowest(places, budget)

    def _moves(self, subject: Subject, free: range) -> list[float]:
        """Of each layer, and at the end of groups that are of no layer."""
        layers = range(len(subject.anatomy.layers))
        if self.by == "depth":
            along = (torch.arange(len(layers)).double() - free.start) / max(len(free) - 1, 1)
            return [*torch.sigmoid(self.strength * (along - _MIDDLE)).tolist(), 0.5]
        (group,) = subject.groups(["layer"])
        changes = run_changes(subject, group, [(at, at + 1) for at in layers], angle=self.by == "angle")
        centred = changes - changes.mean()
        if self.by == "angle":
            return [*torch.sigmoid(self.strength * centred).tolist(), 0.5]
        return [*(self.strength * centred / centred.abs().max().clamp(min=1e-12)).tolist(), 0.0]
