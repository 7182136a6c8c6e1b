"""PASER: recovery data where pruning hurt most, cluster by cluster.

He and others, PASER: Post-Training Data Selection for Efficient Pruned Large Language Model Recovery, 2025. Rows are
clustered by their representation, so that a cluster is a capability; each cluster gets a part of the budget in
proportion to how much its rows lost; inside, rows that lost much for little cost come first (their divergence over the
logarithm of the cost, which grows with the square of length). Against negative transfer a row is left out that
conflicts with those chosen before: two of its concepts are known from them, but never stood together (the paper's graph
of consistent concepts). So fewer rows than the share may be chosen.

Differs: representations are the teacher's own states and clusters those of k-means, where the paper takes a sentence
encoder, diffusion and spectral clustering; the divergence is the task's, not Jensen-Shannon; a row's concepts are its
rarest tokens of those that stand in two groups or more, where the paper has a model extract them.
"""

import math
from collections import Counter
from dataclasses import dataclass
from itertools import combinations

import torch

from ctxprune.shrink.learning.clustering import k_means, sampled_centres
from ctxprune.shrink.select.base import group_means, group_numbers, representations, row_divergences
from ctxprune.shrink.types import Sequence, Subject, Tensor
from ctxprune.utils.validation import Checked, check_range, check_whole, checked_field


@dataclass(frozen=True)
class Paser(Checked):
    """Groups by cluster and by what the model lost on them against its teacher; no labels.

    Attributes:
        clusters: At most; as many as there are groups where those are fewer.
        concepts: Of a group, for the search of conflicts; 0 = none is left out.
    """

    clusters: int = checked_field(8, check_whole)
    concepts: int = checked_field(3, check_whole, minimum=0)

    def __call__(self, subject: Subject, share: float) -> Tensor:
        """bool (rows,); the number of groups that were left out as conflicting is noted as "conflicts"."""
        check_range("share", share, open_low=True)
        groups = group_numbers(subject)
        count = int(groups.max()) + 1
        teacher = subject.teacher or subject.model
        points = group_means(representations(subject, teacher), groups)
        which = k_means(points, sampled_centres(points, self.clusters, subject.generator(6)))
        lost = group_means(row_divergences(subject), groups)
        lengths = torch.cat([batch["attention_mask"].sum(1) for batch in subject.needed_calibration()])
        worth = lost / (1 + group_means(lengths, groups).square()).log()
        wanted = max(round(share * count), 1)
        means = torch.stack([lost[which == number].mean() for number in which.unique()])
        parts = means / means.sum() if float(means.sum()) > 0 else torch.full_like(means, 1 / len(means))
        order = worth.argsort(descending=True, stable=True).tolist()
        known = _Concepts(_rarest(subject, groups, self.concepts))
        chosen: set[int] = set()
        for number, part in zip(which.unique().tolist(), parts.tolist(), strict=True):
            members = [group for group in order if int(which[group]) == number]
            chosen |= known.take(members, math.floor(part * wanted))
        chosen |= known.take([group for group in order if group not in chosen], wanted - len(chosen))
        subject.notes["conflicts"] = len(known.refused - chosen)
        return torch.isin(groups, torch.tensor(sorted(chosen)))


class _Concepts:
    """Concepts of the groups that were taken, and which of them stood together in one."""

    def __init__(self, of_group: Sequence[Sequence[int]]) -> None:
        self._of_group = of_group
        self._known: set[int] = set()
        self._together: set[tuple[int, int]] = set()
        self.refused: set[int] = set()

    def take(self, groups: Sequence[int], most: int) -> set[int]:
        """The first of these groups that conflict with none that was taken, up to so many."""
        taken: set[int] = set()
        for group in groups:
            if len(taken) >= most:
                break
            pairs = set(combinations(self._of_group[group], 2))
            if any(one in self._known and other in self._known for one, other in pairs - self._together):
                self.refused.add(group)
                continue
            taken.add(group)
            self._known.update(self._of_group[group])
            self._together |= pairs
        return taken


def _rarest(subject: Subject, groups: Tensor, most: int) -> list[list[int]]:
    """Of each group so many tokens that are in the fewest groups, but in two at least; sorted."""
    rows = [
        ids[mask.bool()].tolist()
        for batch in subject.needed_calibration()
        for ids, mask in zip(batch["input_ids"], batch["attention_mask"], strict=True)
    ]
    tokens: list[set[int]] = [set() for _ in range(int(groups.max()) + 1)]
    for group, row in zip(groups.tolist(), rows, strict=True):
        tokens[group].update(row)
    counts = Counter(token for own in tokens for token in own)
    shared = [sorted((token for token in own if counts[token] > 1), key=lambda t: (counts[t], t)) for own in tokens]
    return [sorted(own[:most]) for own in shared]
