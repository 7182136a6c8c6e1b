"""Experts that a token hardly needs are skipped at run time."""

from dataclasses import dataclass

from ctxprune.shrink.measure.experts import block_of, record_routing
from ctxprune.shrink.model.families.base import replace_module
from ctxprune.shrink.model.pathways import Skipping
from ctxprune.shrink.model.subject import module_of
from ctxprune.shrink.types import Subject
from ctxprune.utils.validation import Checked, check_range, checked_field


@dataclass(frozen=True)
class SkipExperts(Checked):
    """Each router leaves out experts whose weight is below beta times the first one's; see `Skipping`.

    Lu and others, Not All Experts are Equal: Efficient Expert Pruning and Skipping for Mixture-of-Experts Large
    Language Models, ACL 2024: beta of a block is the median over calibration tokens of the second weight by the first.
    With more than two experts a token, the median is over all but the first, and each is compared by itself.

    Attributes:
        quantile: Of the ratios, 0..1: about the share of second experts that is skipped (the paper: 0.5).
    """

    quantile: float = checked_field(0.5, check_range)

    def __call__(self, subject: Subject) -> Subject:
        """The same subject, its routers replaced; unlabelled data. Notes `skipping`: beta and share by block.

        A router that gives a token to one expert stays as it is, and is not noted.
        """
        groups = subject.groups(["expert"])
        found = record_routing(subject, groups)
        subject.notes["skipping"] = {}
        for group in groups:
            router = module_of(subject.model, group.reader)
            if router.top_k < 2:
                continue
            values = found[block_of(group)].weights.topk(router.top_k, dim=1).values
            beta = float((values[:, 1:] / values[:, :1]).flatten().quantile(self.quantile))
            share = float((values >= beta * values[:, :1]).double().mean())
            subject.notes["skipping"][block_of(group)] = [beta, share]
            replace_module(subject.model, group.reader, Skipping(router, beta, share).eval())
        return subject
