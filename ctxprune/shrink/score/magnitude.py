"""Single weights: their size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctxprune.shrink.model.subject import parameter_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from ctxprune.shrink.model.subject import Subject

__all__ = ["Magnitude"]


@dataclass(frozen=True)
class Magnitude:
    """|W|; no data.

    Zhu and Gupta, To Prune, or Not to Prune, ICLR workshop 2018, and all since Han and others, 2015.
    """

    def __call__(self, subject: Subject, groups: Sequence[str]) -> dict[str, Tensor]:
        """Of the parameter's shape by its name, from 0 up."""
        return {name: parameter_of(subject.model, name).detach().abs() for name in groups}
