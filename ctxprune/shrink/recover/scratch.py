"""The baseline of every pruned model: the same shape with random weights, trained for as long.

Liu and others, Rethinking the Value of Network Pruning, ICLR 2019. "Trained from scratch" learns from labels,
"distilled from scratch" from the unpruned model. Differs: as many steps as recovery has, not those of full training
(the paper's Scratch-B), since the question is what a user with that budget should do.
"""

from dataclasses import dataclass, replace

import torch
from torch import nn

from ctxprune.errors import UsageError
from ctxprune.shrink.learning.losses import LOSSES
from ctxprune.shrink.recover.base import Training
from ctxprune.shrink.recover.tune import Tune
from ctxprune.shrink.types import Subject
from ctxprune.utils.validation import check_choice, check_number, check_whole, checked_field


@dataclass(frozen=True)
class Scratch(Training):
    """Draws new random weights, then trains all of them. Masked weights stay zero.

    Attributes:
        towards: "labels" or "teacher" (distilled from scratch).
        loss: As in `tune.v1`.
        embeddings: "fresh" or "kept": whether the word embeddings are drawn anew too.
    """

    steps: int = checked_field(100, check_whole)
    rate: float = checked_field(3e-4, check_number, over=0)
    loss: str = checked_field("output", check_choice, LOSSES)
    embeddings: str = checked_field("fresh", check_choice, ("fresh", "kept"))

    def __call__(self, subject: Subject) -> Subject:
        """The subject with a new model of the same shape.

        Raises:
            UsageError: It is to learn from labels, and the calibration data has none.
        """
        rank = any("groups" in batch for batch in subject.calibration)
        if self.towards == "labels" and rank and not all("labels" in batch for batch in subject.calibration):
            raise UsageError("there are no labels to train from scratch with", hint="distil from scratch: towards")
        fresh = subject.copy()
        reset_weights(fresh, embeddings=self.embeddings == "fresh")
        return replace(Tune(self.steps, self.rate, self.towards, self.loss)(fresh), teacher=subject.teacher)


def reset_weights(subject: Subject, *, embeddings: bool = True) -> None:
    """Weights as before any training, in place, by the subject's seed.

    Matrices and embeddings are normal with deviation 0.02, norms 1, biases 0; other parameters (of state-space mixers:
    decays and the like) stay as they are, since they are no random numbers even in a fresh model.
    """
    generator = subject.generator(3)
    words = f"{subject.anatomy.embeddings}.weight"
    norms = set(subject.anatomy.norms)
    with torch.no_grad():
        for path, module in subject.model.named_modules():
            own = dict(module.named_parameters(recurse=False))
            weight, bias = own.get("weight"), own.get("bias")
            if weight is not None and (embeddings or f"{path}.weight" != words):
                if path in norms or isinstance(module, nn.LayerNorm):
                    weight.fill_(1.0)
                elif weight.ndim >= 2:
                    weight.copy_(0.02 * torch.randn(weight.shape, generator=generator))
            if bias is not None:
                bias.zero_()
        # fused experts are bare parameters of a module and have been passed over above
        for name, entry in subject.model.named_parameters():
            owner, _, last = name.rpartition(".")
            if last not in ("weight", "bias") and entry.ndim >= 2 and "mixer" not in owner:
                entry.copy_(0.02 * torch.randn(entry.shape, generator=generator))  # experts in one tensor
        for path, mask in subject.masks.items():
            subject.model.get_parameter(path).mul_(mask)
