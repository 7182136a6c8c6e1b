"""Random scores: what every other method is compared with."""

from dataclasses import dataclass
from typing import Any

import torch

from ctxprune.shrink.model.subject import parameter_of
from ctxprune.shrink.types import Sequence, Subject, Tensor


@dataclass(frozen=True)
class Random:
    """Uniform in 0..1, by the subject's seed; of structures and of single weights."""

    def __call__(self, subject: Subject, groups: Sequence[Any]) -> dict[Any, Tensor]:
        """The scores."""
        generator = subject.generator()
        return {
            (key := group if isinstance(group, str) else group.key): torch.rand(
                (group.count,) if not isinstance(group, str) else parameter_of(subject.model, key).shape,
                generator=generator,
            )
            for group in groups
        }
