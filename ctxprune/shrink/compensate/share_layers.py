"""FlexiGPT: a pruned layer is replaced by one that is left, with a low-rank difference and scales of its own.

Smith and others, FlexiGPT: Pruning and Extending Large Language Models with Low-Rank Weight Sharing, NAACL 2025.
Layers of the least influence go; each takes the weights of the layer that a low-rank difference brings nearest to its
own.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from ctxprune.errors import UsageError
from ctxprune.shrink.model.cost import cost
from ctxprune.shrink.model.families.base import replace_module
from ctxprune.shrink.model.shared import SharedLinear, low_rank
from ctxprune.shrink.score.influence import Influence
from ctxprune.shrink.types import Key, Layer, Mapping, Sequence, Subject, Tensor
from ctxprune.utils.validation import Checked, check_range, checked_field


@dataclass(frozen=True)
class ShareLayers(Checked):
    """Layers that were to go share the weights of others; more follow until the budget is met, by influence.

    Norms and biases stay each layer's own. Stored weights become fewer, multiply-adds do not. Unlabelled data.

    Attributes:
        rank: Of the difference, as a share of a matrix's shorter side, above 0 and under 1; 1 at least.
    """

    rank: float = checked_field(0.05, check_range, open_low=True, open_high=True)

    def __call__(self, subject: Subject, kept: Mapping[Key, Tensor]) -> Mapping[Key, Tensor]:
        """All layers stay; which shares whose weights goes to the subject's notes as "shared" (layer, base).

        Raises:
            UsageError: The budget is not met with one layer left of its own.
        """
        budget, mask = subject.needed_budget(), kept["layer", -1]
        (influence,) = Influence()(subject, subject.groups(["layer"])).values()
        # first those that the allocator chose, then by influence
        order = sorted(range(len(mask)), key=lambda place: (bool(mask[place]), float(influence[place])))
        limit = cost(subject.model, budget.measure) - budget.remove
        layers = subject.anatomy.layers
        owned = {place: _linears(subject.model, layers[place]) for place in order}
        # a shared layer saves less than a removed one, so more may have to share
        for number in range(max(int((~mask).sum()), 1), len(mask)):
            for place, modules in owned.items():  # a base of the last try may share now, so all begin anew
                for name, module in modules.items():
                    replace_module(subject.model, f"{layers[place].path}.{name}", module)
            subject.notes["shared"] = []
            for place in order[:number]:
                self._share(subject, place, order[number:])
            if cost(subject.model, budget.measure) <= limit * (1 + 1e-9):
                break
        else:
            raise UsageError(f"sharing layers does not save so much {budget.measure}", hint="raise the target")
        return {**kept, ("layer", -1): torch.ones_like(mask)}

    def _share(self, subject: Subject, place: int, bases: Sequence[int]) -> None:
        layers = subject.anatomy.layers
        own = _linears(subject.model, layers[place])
        # the base is the layer whose difference of this rank is best: neighbours are not always the nearest
        losses = {base: self._distance(own, _linears(subject.model, layers[base])) for base in bases}
        chosen = min(bases, key=lambda base: (losses[base], base))
        base = _linears(subject.model, layers[chosen])
        for name, module in own.items():
            replace_module(
                subject.model, f"{layers[place].path}.{name}", SharedLinear(base[name], module, self._rank(module))
            )
        subject.notes["shared"].append((place, chosen))

    def _rank(self, module: nn.Linear) -> int:
        return max(round(self.rank * min(module.weight.shape)), 1)

    def _distance(self, own: Mapping[str, nn.Linear], base: Mapping[str, nn.Linear]) -> float:
        """Sum over matrices of the square that no difference of the rank makes good; infinite for other shapes."""
        total = 0.0
        for name, module in own.items():
            if name not in base or base[name].weight.shape != module.weight.shape:
                return float("inf")
            difference = (module.weight - base[name].weight).detach()
            up, down = low_rank(difference, self._rank(module))
            total += float((difference - up @ down).square().sum())
        return total


def _linears(model: nn.Module, layer: Layer) -> dict[str, Any]:
    """Linear modules of a layer by their names inside it."""
    inside = model.get_submodule(layer.path)
    return {name: module for name, module in inside.named_modules() if isinstance(module, nn.Linear)}
