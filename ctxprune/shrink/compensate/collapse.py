"""LaCo: later layers collapse into an earlier one, as long as the last states keep their direction.

Yang and others, LaCo: Large Language Model Pruning via Layer Collapse, Findings of EMNLP 2024. Layers l+1 … l+m go, and
layer l becomes w_l + sum over k of (w_{l+k} - w_l); from the top down, a merge stays if the cosine of the last layer's
states with the whole model's is above a threshold. The authors' code takes each difference from the sum so far, so that
its layer l gets the matrices of l+m and keeps its own norms: merge = "last" does the same.
"""

import copy
from dataclasses import dataclass

import torch
from torch import nn

from ctxprune.errors import InputError
from ctxprune.shrink.measure.depth import first_rows, layer_states
from ctxprune.shrink.measure.gates import apply_gates
from ctxprune.shrink.types import Key, Layer, Mapping, Sequence, Subject, Tensor
from ctxprune.utils.validation import Checked, check_choice, check_range, check_whole, checked_field


@dataclass(frozen=True)
class Collapse(Checked):
    """Merges as many layers away as the allocator took out, wherever the merges cost least; unlabelled data.

    Attributes:
        most: Layers that become one, at most.
        interval: How far down the next merge starts after one that stayed.
        threshold: Least cosine, 0..1, that is tried first; lowered by a twentieth of it until enough has gone.
        samples: Most rows of calibration that are read; 0 = all.
        merge: "sum" (the paper's formula, of all parameters) or "last" (the authors' code).
    """

    most: int = checked_field(4, check_whole, minimum=2)
    interval: int = checked_field(2, check_whole)
    threshold: float = checked_field(0.75, check_range, open_low=True)
    samples: int = 16
    merge: str = checked_field("sum", check_choice, ("last", "sum"))

    def __call__(self, subject: Subject, kept: Mapping[Key, Tensor]) -> Mapping[Key, Tensor]:
        """The choice of the layers that have merged away; the merges go to the subject's notes as "merged"."""
        mask = kept.get(("layer", -1))
        wanted = 0 if mask is None else int((~mask).sum())
        if mask is None or not wanted:
            return kept
        whole = copy.deepcopy(subject.model)
        subject.notes["merged"] = []
        alive, step = [layer.index for layer in subject.anatomy.layers], 0
        while len(mask) - len(alive) < wanted:
            # lowered in even steps to minus the threshold, then to what every merge meets, so that the loop ends
            floor = self.threshold - self.threshold * step / 20 if step <= 40 else -2.0
            alive = self._sweep(subject, whole, alive, len(mask) - wanted, floor)
            step += 1
        stays = torch.zeros_like(mask)
        stays[alive] = True
        return {**kept, ("layer", -1): stays}

    def _sweep(self, subject: Subject, whole: nn.Module, alive: list[int], left: int, floor: float) -> list[int]:
        """One way down; gives the layers that are still there, never fewer than `left`."""
        layers = subject.anatomy.layers
        place = len(alive) - 2
        while place >= 0 and len(alive) > left:
            # a merge never takes more layers than the allocator did
            count = min(self.most - 1, len(alive) - place - 1, len(alive) - left)
            group, rest = alive[place : place + count + 1], [*alive[: place + 1], *alive[place + count + 1 :]]
            # only the first layer of a group changes, so that one copy undoes a merge
            before = {name: entry.clone() for name, entry in _own(subject.model, layers[group[0]]).items()}
            merged = collapse_layers(subject.model, [layers[index] for index in group], last=self.merge == "last")
            _put(subject.model, layers[group[0]], merged)
            near = self._likeness(subject, whole, rest, len(layers))
            if near > floor:
                alive = rest
                subject.notes["merged"].append((*group, near))
                # merges next to one another would move one layer twice
                place = min(place - self.interval, len(alive) - 2)
            else:
                _put(subject.model, layers[group[0]], before)
                place -= 1
        return alive

    def _likeness(self, subject: Subject, whole: nn.Module, alive: Sequence[int], count: int) -> float:
        """Mean over rows of the cosine of the last states, all tokens of a row in one vector."""
        gate = torch.zeros(count)
        gate[list(alive)] = 1
        total, rows = 0.0, 0
        for batch in first_rows(subject, self.samples):
            lengths = batch["attention_mask"].sum(1).tolist()
            wanted = layer_states(subject, batch, model=whole)[-1].double().split(lengths)
            with apply_gates(subject.model, {("layer", -1): gate}):
                found = layer_states(subject, batch)[-1].double().split(lengths)
            for mine, theirs in zip(found, wanted, strict=True):
                total += float(torch.cosine_similarity(mine.flatten(), theirs.flatten(), dim=0))
            rows += len(lengths)
        return total / rows


def collapse_layers(model: nn.Module, layers: Sequence[Layer], *, last: bool = False) -> dict[str, Tensor]:
    """The parameters, by name inside the layer, of the first of several layers once the others have merged into it.

    Args:
        model: Of the layers.
        layers: Of one shape, in order.
        last: The matrices and their biases are the last layer's, the norms the first one's.

    Raises:
        InputError: The layers have parameters of different shapes.
    """
    base, *others = (_own(model, layer) for layer in layers)
    shapes = {name: entry.shape for name, entry in base.items()}
    if any({name: entry.shape for name, entry in other.items()} != shapes for other in others):
        raise InputError("layers of different shapes cannot merge", where=layers[0].path, hint="collapse layers first")
    if last:
        inside = model.get_submodule(layers[0].path)
        linear = {path for path, module in inside.named_modules() if isinstance(module, nn.Linear)}
        return {name: (others[-1] if name.rpartition(".")[0] in linear else base)[name] for name in base}
    return {name: entry + sum(other[name] - entry for other in others) for name, entry in base.items()}


def _own(model: nn.Module, layer: Layer) -> dict[str, Tensor]:
    return {name: entry.detach() for name, entry in model.get_submodule(layer.path).named_parameters()}


def _put(model: nn.Module, layer: Layer, values: Mapping[str, Tensor]) -> None:
    with torch.no_grad():
        for name, entry in model.get_submodule(layer.path).named_parameters():
            entry.copy_(values[name])
