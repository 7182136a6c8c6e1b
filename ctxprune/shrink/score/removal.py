"""What happens without units: the loss, or how far the output moves, while they are masked.

One unit at a time: Kim and others, Shortened LLaMA (2024), perplexity without each block, all scored once; Song and
others, SLEB (ICML 2024), the same, scored anew after each removal; Zhong and others, BlockPruner (Findings of ACL
2025), the same of attention and feed-forward parts; Zhang and others, FinerCut (2024), the change of the output; Sandri
and others, 2SSP (TMLR 2025), attention parts alone. By chunk: Muñoz and others, MultiPruner (2025), units ordered by
magnitude, and the layer narrowed whose last chunk costs the least perplexity.
"""

from dataclasses import dataclass

import torch

from ctxprune.shrink.measure.depth import SUBLAYERS, sublayer_places
from ctxprune.shrink.measure.removal import MEASURES, losses_without
from ctxprune.shrink.score.magnitude import Magnitude
from ctxprune.shrink.types import Group, Key, Sequence, Subject, Tensor
from ctxprune.utils.validation import Checked, check_choice, check_range, checked_field


@dataclass(frozen=True)
class Removal(Checked):
    """The loss, or the change of the output against the teacher's, with some units masked and all others there.

    One forward pass over the data for each unit, or chunk. Labels where the task's loss needs them.

    Attributes:
        measure: "loss" (of the task), "divergence" (the task's, from the teacher), or one of `MEASURES`.
        samples: Most rows of calibration that are read; 0 = all.
        only: Kind of the sublayers that are tried, all others scoring infinity; "" = all units.
        chunk: Share of a group's units, those of the smallest weights, that are masked together, one at least; all
            others score above every chunk, by magnitude. 0 = each unit by itself.
    """

    measure: str = checked_field("loss", check_choice, ("loss", "divergence", *MEASURES))
    samples: int = 0
    only: str = checked_field("", check_choice, SUBLAYERS)
    chunk: float = checked_field(0.0, check_range)

    def __call__(self, subject: Subject, groups: Sequence[Group]) -> dict[Key, Tensor]:
        """float64 (count,): higher = more is lost without the unit."""
        if self.chunk:
            return self._by_chunk(subject, groups)
        scores = {}
        for group in groups:
            places = sublayer_places(subject.anatomy, [group], self.only) if self.only else list(range(group.count))
            # row u masks unit u and leaves the others open
            gates = (1 - torch.eye(group.count))[places]
            scores[group.key] = torch.full((group.count,), torch.inf, dtype=torch.float64)
            scores[group.key][places] = self._losses(subject, [{group.key: gate} for gate in gates])
        return scores

    def _by_chunk(self, subject: Subject, groups: Sequence[Group]) -> dict[Key, Tensor]:
        sizes = Magnitude()(subject, groups)
        chunks = {
            key: size.argsort(stable=True)[: max(round(self.chunk * len(size)), 1)] for key, size in sizes.items()
        }
        gates = [{key: torch.ones(len(sizes[key])).index_fill(0, chunk, 0)} for key, chunk in chunks.items()]
        losses, scores = self._losses(subject, gates), {}
        for (key, size), loss in zip(sizes.items(), losses, strict=True):
            scores[key] = losses.max() + 1 + size / size.max().clamp(min=1e-12)
            scores[key][chunks[key]] = loss
        return scores

    def _losses(self, subject: Subject, gates: Sequence[dict[Key, Tensor]]) -> Tensor:
        return losses_without(subject, gates, measure=self.measure, samples=self.samples)
