"""Other units of the same layer, as many: what goes together counts, not each by itself.

Kwon and others, A Fast Post-Training Pruning Framework for Transformers, NeurIPS 2022: with the block of the Fisher
information of a layer's gates, taking out the set R raises the loss by half of E[(sum over R of dL/dm_u)^2].
"""

from dataclasses import dataclass

import torch

from ctxprune.shrink.measure.gradients import gate_gradients
from ctxprune.shrink.types import Key, Mapping, Subject, Tensor


@dataclass(frozen=True)
class Rearrange:
    """Swaps units from the lowest diagonal and from the choice as it is, and takes the better of both ends."""

    def __call__(self, subject: Subject, kept: Mapping[Key, Tensor]) -> Mapping[Key, Tensor]:
        """Masks with as many units as before; one forward and backward pass, labels (a decoder's are its tokens)."""
        chosen = {key: mask for key, mask in kept.items() if bool(mask.any()) and not bool(mask.all())}
        groups = [subject.anatomy.groups[key] for key in chosen]
        slopes = gate_gradients(subject, groups) if groups else {}
        return {**kept, **{key: rearrange(mask, slopes[key].double()) for key, mask in chosen.items()}}


def rearrange(mask: Tensor, slopes: Tensor) -> Tensor:
    """A mask with as many units, whose gone ones have a squared sum of slopes (rows, units) that is not higher."""
    fisher = slopes.T @ slopes
    order = fisher.diagonal().argsort(stable=True)
    number = int((~mask).sum())
    # swaps end in a local optimum; two starts, and the better end
    best = min(
        (_swapped(start, fisher) for start in (order[:number], (~mask).nonzero().flatten())),
        key=lambda gone: float(fisher[gone][:, gone].sum()),
    )
    found = torch.ones_like(mask)
    found[best] = False
    return found


def _swapped(gone: Tensor, fisher: Tensor) -> Tensor:
    """Each unit outside is tried once, lowest diagonal first: it comes in and the best to leave goes out."""
    inside = torch.zeros(len(fisher), dtype=torch.bool)
    inside[gone] = True
    against = fisher[:, gone].sum(1)
    for unit in fisher.diagonal().argsort(stable=True).tolist():
        if inside[unit]:
            continue
        inside[unit] = True
        # sums are updated instead of computed anew: a swap costs one column
        against += fisher[:, unit]
        left = torch.where(inside, fisher.diagonal() - 2 * against, torch.inf)
        leaving = int(left.argmin())
        inside[leaving] = False
        against -= fisher[:, leaving]
    return inside.nonzero().flatten()
