"""The run of layers that turns the residual least.

Gromov and others, The Unreasonable Ineffectiveness of the Deeper Layers (ICLR 2025): the run of n layers with the least
arccos(cos(x_l, x_{l+n})) / pi, at the last token of decoders.
"""

from dataclasses import dataclass

import torch

from ctxprune.errors import UsageError
from ctxprune.shrink.measure.depth import TOKENS, depth_group, run_changes
from ctxprune.shrink.types import Budget, Key, Mapping, Subject, Tensor
from ctxprune.utils.validation import Checked, check_choice, check_whole, checked_field


@dataclass(frozen=True)
class BestRun(Checked):
    """Of all runs that are just long enough for the budget, the one whose ends are nearest; unlabelled data.

    Single scores do not determine the length of a run; they decide between equal runs (the lower sum goes).

    Attributes:
        tokens: Which tokens count, one of `ctxprune.shrink.measure.depth.TOKENS`.
        distance: "angle" (over pi) or "cosine" (1 less it).
        first: Units at the bottom that stay.
    """

    tokens: str = checked_field("summary", check_choice, TOKENS)
    distance: str = checked_field("angle", check_choice, ("angle", "cosine"))
    first: int = checked_field(0, check_whole, minimum=0)

    def __call__(self, subject: Subject, scores: Mapping[Key, Tensor], budget: Budget) -> dict[Key, Tensor]:
        """bool (count,) by group; the distances go to the subject's notes as "runs" (first, after the last, distance).

        Raises:
            UsageError: No run that leaves a unit is long enough.
        """
        group = depth_group(budget.groups)
        # the first layers hold what all others build on
        runs = [(start, end) for start, end in run_lengths(budget, group.key) if start >= self.first]
        if not runs:
            raise UsageError("no run of units is long enough", where=group.kind, hint="raise the target")
        found = run_changes(subject, group, runs, tokens=self.tokens, angle=self.distance == "angle").tolist()
        subject.notes["runs"] = [(*run, distance) for run, distance in zip(runs, found, strict=True)]
        sums = [float(scores[group.key][start:end].sum()) for start, end in runs]
        # rounded: equal runs differ by the last digits, and the scores should decide between them
        start, end = runs[min(range(len(runs)), key=lambda number: (round(found[number], 9), sums[number]))]
        kept = torch.ones(group.count, dtype=torch.bool)
        kept[start:end] = False
        return {group.key: kept}


def run_lengths(budget: Budget, key: Key) -> list[tuple[int, int]]:
    """From each start the shortest run that meets the budget, where there is one: first place, place after the last."""
    costs = budget.costs[key]
    runs = []
    for start in range(len(costs)):
        gone, end = 0.0, start
        while end < len(costs) and gone < budget.remove * (1 - 1e-9) and end - start != budget.at_once:
            gone += float(costs[end])
            end += 1
        enough = gone >= budget.remove * (1 - 1e-9) or end - start == budget.at_once
        if enough and start < end and end - start < len(costs):
            runs.append((start, end))
    return runs
