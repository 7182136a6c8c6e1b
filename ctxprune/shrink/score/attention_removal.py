"""2SSP's second stage: what the loss is without each attention part.

Sandri and others, 2SSP: A Two-Stage Framework for Structured Pruning of LLMs, TMLR 2025: whole attention parts go, each
time the one without which the perplexity is lowest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from ctxprune.errors import UsageError
from ctxprune.shrink.measure.removal import losses_without

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from ctxprune.shrink.model.anatomy import Group, Key
    from ctxprune.shrink.model.subject import Subject

__all__ = ["AttentionRemoval"]


@dataclass(frozen=True)
class AttentionRemoval:
    """The task's loss with one attention part masked; other parts score infinity, so that they go last.

    Attributes:
        samples: Most rows of calibration that are read; 0 = all.
    """

    samples: int = 0

    def __call__(self, subject: Subject, groups: Sequence[Group]) -> dict[Key, Tensor]:
        """float64 (sublayers,); one forward pass for each attention part, labels where the task's loss needs them.

        Raises:
            UsageError: The groups are not the sublayers.
        """
        sublayers = subject.anatomy.sublayers
        if [group.kind for group in groups] != ["sublayer"]:
            raise UsageError("attention parts are sublayers", where="units", hint='give units = ["sublayer"]')
        places = [place for place, sublayer in enumerate(sublayers) if sublayer.kind == "attention"]
        gates = [{groups[0].key: gate} for gate in (1 - torch.eye(len(sublayers)))[places]]
        scores = torch.full((len(sublayers),), torch.inf, dtype=torch.float64)
        if places:
            scores[places] = losses_without(subject, gates, samples=self.samples)
        return {groups[0].key: scores}
