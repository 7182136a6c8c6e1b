"""The interface of a score."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from ctxprune.shrink.subject import Subject

__all__ = ["Score"]


class Score(Protocol):
    """How much each unit matters; higher = keep. Never changes the model.

    Of structures: groups in, float (count,) by the group's key out. Of single weights: names of parameters in, float of
    the parameter's shape by its name out.
    """

    def __call__(self, subject: Subject, groups: Sequence[Any]) -> dict[Any, Tensor]:
        """The scores."""
        ...
