"""Refits norms after layers or sublayers go: a removed part shifts the scale of the residual, above all with post-norm.

Of this library; the spec's remark that a norm has to follow where BERT loses a layer. Closed form, one least-squares
line a dimension.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from ctxprune.shrink.measure.activations import watch_modules
from ctxprune.shrink.measure.depth import runs_of
from ctxprune.shrink.measure.gates import apply_gates
from ctxprune.shrink.model.norms import fit_norm
from ctxprune.shrink.model.subject import module_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn

    from ctxprune.shrink.model.anatomy import Anatomy, Key
    from ctxprune.shrink.model.subject import Subject

__all__ = ["RefitNorm", "norm_io"]


@dataclass(frozen=True)
class RefitNorm:
    """Scale and shift of the norm that follows a removed layer or sublayer, so that it gives what the whole model has.

    In post-norm models that is the last norm before a removed run of layers, which then gives the run's output, or the
    norm that is left of a sublayer; in pre-norm models the next norm, with its own output as the goal. From bottom to
    top, each on what those below make of the data. Unlabelled data; other kinds of units are left alone.

    Attributes:
        rest: Whether all norms above the first gap are refitted, too.
    """

    rest: bool = False

    def __call__(self, subject: Subject, kept: Mapping[Key, Tensor]) -> Mapping[Key, Tensor]:
        """The same choice."""
        depth = {key: mask for key, mask in kept.items() if key[0] in ("layer", "sublayer") and not bool(mask.all())}
        if not depth:
            return kept
        # the goals are the outputs before the first norm is changed
        whole = copy.deepcopy(subject.model)
        gates = {key: mask.float() for key, mask in depth.items()}
        for path, goal in _sites(subject.anatomy, depth, rest=self.rest):
            states, _ = norm_io(subject, path, subject.model, gates)
            _, wanted = norm_io(subject, goal, whole, {})
            fit_norm(module_of(subject.model, path), states, wanted)
        return kept


def norm_io(subject: Subject, path: str, model: nn.Module, gates: Mapping[Key, Tensor]) -> tuple[Tensor, Tensor]:
    """Inputs and outputs of a norm at all real tokens of the calibration data, under gates: (tokens, width) each."""
    found: dict[bool, list[Tensor]] = {False: [], True: []}
    with torch.no_grad(), apply_gates(model, gates):
        for batch in subject.needed_calibration():
            with (
                watch_modules(model, [path], batch, lambda _, states: found[False].append(states)),
                watch_modules(model, [path], batch, lambda _, states: found[True].append(states), outputs=True),
            ):
                subject.task.output(model, batch)
    return torch.cat(found[False]), torch.cat(found[True])


def _sites(anatomy: Anatomy, depth: Mapping[Key, Tensor], *, rest: bool) -> list[tuple[str, str]]:
    """Norms to refit, in order, each with the norm whose output in the whole model is the goal."""
    here = {sublayer.norm: sublayer.layer for sublayer in anatomy.sublayers}
    order = [path for path in anatomy.norms if path not in here]
    # the embeddings' norm comes first in post-norm models, the last norm last in pre-norm ones
    order = [*[path for path in order if anatomy.post_norm], *here, *[path for path in order if not anatomy.post_norm]]
    goals: dict[str, str] = {}
    alive = dict.fromkeys(order, True)
    after = dict(zip(order, [*order[1:], ""], strict=True))
    none = torch.zeros(0, dtype=torch.bool)
    for start, end in runs_of(~depth.get(("layer", -1), none)):
        inside = [path for path in order if start <= here.get(path, -1) < end]
        alive |= dict.fromkeys(inside, False)
        if inside and anatomy.post_norm:
            goals[order[order.index(inside[0]) - 1]] = inside[-1]
        elif inside:
            goals[after[inside[-1]]] = after[inside[-1]]
    for place in (~depth.get(("sublayer", -1), none)).nonzero().flatten().tolist():
        path = anatomy.sublayers[place].norm
        # of a removed sublayer a post-norm model keeps the norm, a pre-norm model does not
        alive[path] = anatomy.post_norm
        path = path if anatomy.post_norm else after[path]
        goals[path] = path
    goals.pop("", None)
    if rest and goals:
        first = min(order.index(path) for path in goals)
        goals = {path: goals.get(path, path) for path in order[first:]}
    return [(path, goals[path]) for path in order if path in goals and alive[path]]
