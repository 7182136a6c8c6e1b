"""Experts: the error of their block's output without them."""

from dataclasses import dataclass
from itertools import combinations
from math import ceil, comb

import torch

from ctxprune.shrink.measure.experts import block_of, record_routing
from ctxprune.shrink.measure.gates import apply_gates
from ctxprune.shrink.model.subject import module_of
from ctxprune.shrink.types import Group, Key, Sequence, Subject, Tensor
from ctxprune.utils.validation import Checked, check_whole, checked_field


@dataclass(frozen=True)
class ExpertError(Checked):
    """Of all sets of experts that may go of a block, the one whose going changes its output least, ||F(x) - F'(x)||^2.

    Lu and others, Not All Experts are Equal: Efficient Expert Pruning and Skipping for Mixture-of-Experts Large
    Language Models, ACL 2024. As many go of each block as the budget says; where there are more sets than `most`,
    experts go one by one, each time the one that adds least. Experts that stay are scored by what would be lost after
    that. Skipping at run time is `skip_experts.v1`. One pass, unlabelled.

    Attributes:
        most: Sets that are tried.
        samples: Most tokens that are looked at.
    """

    most: int = checked_field(100, check_whole)
    samples: int = checked_field(2048, check_whole)

    def __call__(self, subject: Subject, groups: Sequence[Group]) -> dict[Key, Tensor]:
        """float32 (count,): places in the order of going, from 0 up."""
        found = record_routing(subject, groups)
        scores = {}
        for group in groups:
            here = found[block_of(group)]
            chosen = torch.randperm(len(here.inputs), generator=subject.generator(6))[: self.samples]
            order = self._order(subject, group, here.inputs[chosen], here.weights[chosen].mean(0).tolist())
            scores[group.key] = torch.tensor([float(order.index(expert)) for expert in range(group.count)])
        return scores

    def _order(self, subject: Subject, group: Group, rows: Tensor, use: Sequence[float]) -> list[int]:
        """The experts, those that go first in front; of those that may not go the least used."""
        least = module_of(subject.model, group.reader).top_k
        count = min(ceil(subject.needed_budget().share * group.count - 1e-9), group.count - least)
        gone: list[int] = []
        if comb(group.count, max(count, 0)) <= self.most:
            sets = list(combinations(range(group.count), max(count, 0)))
            errors = [self._error(subject, group, rows, chosen) for chosen in sets]
            gone = list(sets[errors.index(min(errors))])
        while len(gone) < group.count - least:
            left = [expert for expert in range(group.count) if expert not in gone]
            gone.append(min(left, key=lambda expert: (self._error(subject, group, rows, (*gone, expert)), expert)))
        return gone + sorted((e for e in range(group.count) if e not in gone), key=lambda e: use[e])

    def _error(self, subject: Subject, group: Group, rows: Tensor, gone: Sequence[int]) -> float:
        if not gone:
            return 0.0
        gate = torch.ones(group.count)
        gate[list(gone)] = 0
        block = module_of(subject.model, block_of(group))
        with torch.no_grad():
            whole = block(rows[None])
            with apply_gates(subject.model, {group.key: gate}):
                return float((block(rows[None]) - whole).square().sum())
