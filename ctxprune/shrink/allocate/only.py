"""Sublayers of one kind alone: in retrievers feed-forward parts can go, and attention matters."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

from ctxprune.errors import UsageError
from ctxprune.shrink.allocate.base import drop_lowest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from ctxprune.shrink.model.anatomy import Key
    from ctxprune.shrink.model.budget import Budget
    from ctxprune.shrink.model.subject import Subject

__all__ = ["Only"]


@dataclass(frozen=True)
class Only:
    """The sublayers of a kind with the lowest scores go, as many as fit into the budget: the rest is for other stages.

    Attributes:
        sublayer: "ffn", "attention", "mixer" or "moe".
        least: Sublayers of that kind that stay.
    """

    sublayer: str = "ffn"
    least: int = 1

    def __post_init__(self) -> None:
        if self.sublayer not in ("attention", "ffn", "mixer", "moe"):
            raise UsageError(f"sublayer is {self.sublayer!r}", hint="attention, ffn, mixer or moe")

    def __call__(self, subject: Subject, scores: Mapping[Key, Tensor], budget: Budget) -> dict[Key, Tensor]:
        """bool (count,) by group; one sublayer goes at least.

        Raises:
            UsageError: The units are not sublayers, or none of that kind can go.
        """
        if set(scores) != {("sublayer", -1)}:
            raise UsageError("only sublayers are chosen here", where="only.v1", hint='units = ["sublayer"]')
        places = [place for place, entry in enumerate(subject.anatomy.sublayers) if entry.kind == self.sublayer]
        if len(places) <= self.least:
            raise UsageError(f"{len(places)} sublayers are of kind {self.sublayer!r}", where="only.v1")
        own, costs = scores["sublayer", -1][places], budget.costs["sublayer", -1][places]
        fits = max(int((costs.sort().values.cumsum(0) <= budget.remove).sum()), 1)
        part = replace(budget, costs={("sublayer", -1): costs}, remove=float("inf"), at_once=fits)
        part = replace(part, at_once=min(fits, len(places) - self.least))
        mask = torch.ones(len(scores["sublayer", -1]), dtype=torch.bool)
        mask[places] = drop_lowest({("sublayer", -1): own}, part, least=self.least)["sublayer", -1]
        return {("sublayer", -1): mask}
