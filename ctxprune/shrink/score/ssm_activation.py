"""How much the heads of a Mamba-2 mixer, and the channels in them, take in.

Taghibakhshi and others, Efficient Hybrid Language Model Compression through Group-Aware SSM Pruning (Minitron-SSM),
2025, arXiv 2504.11409: with s = LN(x) W_x summed over rows and tokens, (heads, channels), channel d has the l2 norm of
s[:, d], the same in all heads, and head h that of s[h, :] over the channels that are kept.
"""

from dataclasses import dataclass

from ctxprune.errors import UsageError
from ctxprune.shrink.measure.activations import read_modules
from ctxprune.shrink.model.subject import module_of
from ctxprune.shrink.types import Group, Key, Sequence, Subject, Tensor


@dataclass(frozen=True)
class SsmActivation:
    """Norms of sums over all tokens; a stage for channels before one for heads gives the paper's nested order."""

    def __call__(self, subject: Subject, groups: Sequence[Group]) -> dict[Key, Tensor]:
        """float64 (count,), from 0 up; one forward pass, no labels.

        Raises:
            UsageError: A unit is neither a head of Mamba-2 nor a channel of one.
        """
        anatomy = subject.anatomy
        for group in groups:
            if group.kind not in ("channel", "ssm_head") or ("ssm_head", group.layer) not in anatomy.groups:
                raise UsageError(f"units of kind {group.kind!r} are no heads or channels of Mamba-2", where="units")
        sums: dict[str, Tensor] = {}

        def see(path: str, made: Tensor) -> None:
            sums[path] = sums.get(path, 0.0) + made.double().sum(0)

        read_modules(subject, list({group.reader for group in groups}), see, outputs=True)
        scores = {}
        for group in groups:
            inner, heads = module_of(subject.model, group.consumer).in_features, anatomy.groups["ssm_head", group.layer]
            # in_proj gives the gate first, then x
            taken = sums[group.reader][inner : 2 * inner].view(heads.count, -1)
            scores[group.key] = taken.norm(dim=1) if group.kind == "ssm_head" else taken.norm(dim=0).repeat(heads.count)
        return scores
