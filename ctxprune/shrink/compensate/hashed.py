"""Parameter sharing: weights that stand in one bucket are one number."""

from dataclasses import dataclass

import torch

from ctxprune.shrink.learning.training import TOWARDS, Schedule, loss_towards, train
from ctxprune.shrink.model.families.base import replace_module
from ctxprune.shrink.model.modules import HashedLinear
from ctxprune.shrink.model.subject import module_of
from ctxprune.shrink.types import Mapping, Subject, Tensor
from ctxprune.utils.validation import Checked, check_choice, check_number, check_whole, checked_field


@dataclass(frozen=True)
class Hashed(Checked):
    """W = sign * values[bucket]: chunks of a matrix are laid by a seeded draw on a shorter array, and so share numbers.

    Desai and Shrivastava, In Defense of Parameter Sharing for Model-Compression, ICLR 2024. A chunk is of neighbours in
    a row, as in ROAST; every place of the array is used as often as another, give or take one (their STABLE mapping).
    The array starts as the mean of what it stands for, and is trained with each gradient divided by how often its
    number is used; a folder stores it with the seed, and no matrix. Here a trained model is shared, not one from
    scratch, and matrix by matrix, not all from one array.

    The target is in "values"; of the choice before it only the number that stays in each matrix counts. Zeros are none.

    Attributes:
        chunk: Neighbours that are laid together.
        steps: Of the optimiser; 0 for none.
        rate: Peak learning rate.
        towards: "teacher" or "labels".
    """

    chunk: int = checked_field(4, check_whole)
    steps: int = checked_field(200, check_whole, minimum=0)
    rate: float = checked_field(1e-3, check_number, over=0)
    towards: str = checked_field("teacher", check_choice, TOWARDS)

    def __call__(self, subject: Subject, kept: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """The same choice; the model is changed in place."""
        seeds = torch.randint(2**31, (len(kept),), generator=subject.generator(4)).tolist()
        weights = []
        for seed, (name, mask) in zip(seeds, kept.items(), strict=True):
            path = name.removesuffix(".weight")
            chunk, stored = min(self.chunk, mask.numel()), max(int(mask.sum()), 1)
            made = HashedLinear(module_of(subject.model, path), chunk=chunk, stored=stored, seed=seed)
            made.share(made.layout())
            replace_module(subject.model, path, made)
            weights.append(made.weight)
        if self.steps:
            loss = loss_towards(subject, self.towards)
            train(subject, Schedule(self.steps, self.rate), parameters=weights, loss=loss)
        return kept
