"""A given uniform shape: the same number of units in every layer, so that plain loaders read the result.

Xia and others, Sheared LLaMA: Accelerating Language Model Pre-training via Structured Pruning, ICLR 2024.
"""

import math
from dataclasses import dataclass

import torch

from ctxprune.errors import UsageError
from ctxprune.shrink.model.coupled import coupled_costs
from ctxprune.shrink.model.subject import config_value
from ctxprune.shrink.types import Budget, Key, Mapping, Subject, Tensor
from ctxprune.utils.validation import Checked, check_whole, checked_field


@dataclass(frozen=True)
class Shape(Checked):
    """Units that stay in each group, by kind; of each group those of the highest scores.

    Attributes:
        neuron, head, width, layer: How many; "head" of key and value heads where queries share them. 0 = by the budget:
            all kinds with 0 keep the same share, the largest that meets it. Where heads and width both go and the
            model's configuration ties the one to the other (BERT), the width follows the heads. A pooler keeps its
            outputs, so a BERT that has one is read by plain loaders only where its width stays.
    """

    neuron: int = checked_field(0, check_whole, minimum=0)
    head: int = checked_field(0, check_whole, minimum=0)
    width: int = checked_field(0, check_whole, minimum=0)
    layer: int = checked_field(0, check_whole, minimum=0)

    def __call__(self, subject: Subject, scores: Mapping[Key, Tensor], budget: Budget) -> dict[Key, Tensor]:
        """bool (count,) by group.

        Raises:
            UsageError: The shape costs more than the budget leaves, or there are not so many units.
        """
        counts = self.counts(subject, {key: len(score) for key, score in scores.items()}, budget)
        kept = {}
        for key, score in scores.items():
            kept[key] = torch.zeros(len(score), dtype=torch.bool)
            kept[key][score.argsort(descending=True, stable=True)[: counts[key]]] = True
        return kept

    def counts(self, subject: Subject, sizes: Mapping[Key, int], budget: Budget) -> dict[Key, int]:
        """How many units stay in each group; see `__call__` for what is raised."""
        prices = coupled_costs(subject.model, budget.measure)
        wanted = float(prices.cost({})) - budget.remove * (1 - 1e-9)
        tied = config_value(subject.model, "head_dim") is None
        # a count changes only at these shares, so that a search over them is exact
        shares = sorted({number / size for size in sizes.values() for number in range(1, size + 1)})
        low, high = 0, len(shares)  # the first `low` shares are cheap enough
        while low < high:
            middle = (low + high + 1) // 2
            chosen = self._at(shares[middle - 1], sizes, tied=tied)
            masks = {key: torch.arange(sizes[key]) < count for key, count in chosen.items()}
            low, high = (middle, high) if float(prices.cost(masks)) <= wanted else (low, middle - 1)
        if low == 0:
            what, hint = "as many units in each layer cannot meet the budget", "raise the target or take another recipe"
            raise UsageError(what, where="shape.v1", hint=hint)
        return self._at(shares[low - 1], sizes, tied=tied)

    def _at(self, share: float, sizes: Mapping[Key, int], *, tied: bool) -> dict[Key, int]:
        found = {}
        asked = {"neuron": self.neuron, "head": self.head, "kv_group": self.head, "width": self.width}
        asked["layer"] = self.layer
        # one count for all layers cannot be more than the smallest layer has
        least = {kind: min(size for key, size in sizes.items() if key[0] == kind) for kind, _ in sizes}
        for key in sizes:
            given = asked.get(key[0])
            if given is None:
                raise UsageError(f"a shape says nothing of units of kind {key[0]!r}", hint="neuron, head, width, layer")
            if given > least[key[0]]:
                raise UsageError(f"{given} units of kind {key[0]!r} shall stay, of {least[key[0]]}", where="shape.v1")
            found[key] = given or max(math.floor(share * least[key[0]] + 1e-9), 1)
        # BERT's configuration has no size of a head: it is the width over the number of heads
        heads = next((key for key in found if key[0] == "head"), None)
        if tied and heads is not None and ("width", -1) in found and not self.width:
            found["width", -1] = found[heads] * sizes["width", -1] // least["head"]
        return found
