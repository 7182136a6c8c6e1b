"""Sheared LLaMA's dynamic batch loading: more rows of the domains whose loss is still far from the reference.

Xia and others, Sheared LLaMA, ICLR 2024, algorithm 1: with the loss l_i of domain i and its reference r_i the weights
become w_i exp(max(l_i - r_i, 0)) over their sum, every so many steps; batches are drawn by them. They start as the
domains' shares of the data; references are the unpruned model's losses. In `on_subset.v1` with `rounds` each choice is
an update. Differs: rows of a domain are not repeated, and losses are those of the data that is chosen from.
"""

from dataclasses import dataclass

import torch

from ctxprune.errors import UsageError
from ctxprune.shrink.select.base import best_share, group_means, group_numbers, row_losses
from ctxprune.shrink.types import Subject, Tensor
from ctxprune.utils.validation import check_range


@dataclass(frozen=True)
class Domains:
    """Random groups of each source in the batches (`sources`), as many as its weight says; needs a teacher.

    The weights go on from the subject's note "domain_weights", and the new ones are noted there.
    """

    def __call__(self, subject: Subject, share: float) -> Tensor:
        """bool (rows,).

        Raises:
            UsageError: There is no teacher, or the batches have no sources.
        """
        check_range("share", share, open_low=True)
        batches = subject.needed_calibration()
        if subject.teacher is None or any("sources" not in batch for batch in batches):
            raise UsageError(
                "domains are compared by source and with a teacher", hint='give each line a "source", and a full model'
            )
        domains = torch.cat([batch["sources"] for batch in batches]).unique(return_inverse=True)[1]
        sizes = domains.bincount().double()
        excess = group_means(row_losses(subject), domains)
        excess -= group_means(row_losses(subject, subject.teacher), domains)
        before = torch.tensor(subject.notes.get("domain_weights", (sizes / sizes.sum()).tolist()), dtype=torch.float64)
        weights = torch.softmax(before.log() + excess.clamp(min=0), 0)
        subject.notes["domain_weights"] = weights.tolist()
        # the k-th group of a domain comes where its weight has earned k groups: the best share is then mixed by weight
        groups = group_numbers(subject)
        drawn = torch.rand(int(groups.max()) + 1, generator=subject.generator(12))[groups]
        scores = torch.zeros(len(groups), dtype=torch.float64)
        for domain, weight in enumerate(weights):
            rows = (domains == domain).nonzero().flatten()
            order = rows[drawn[rows].argsort(stable=True)]
            scores[order] = -torch.arange(1, len(rows) + 1, dtype=torch.float64) / weight
        return best_share(subject, scores, share)
