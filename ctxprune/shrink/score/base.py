"""The interface of a score."""

from typing import Any, Protocol

from ctxprune.shrink.types import Sequence, Slice, Subject, Tensor


class Score(Protocol):
    """How much each unit matters; higher = keep. Never changes the model.

    Of structures: groups in, float (count,) by the group's key out. Of single weights: names of parameters in, float of
    the parameter's shape by its name out.
    """

    def __call__(self, subject: Subject, groups: Sequence[Any]) -> dict[Any, Tensor]:
        """The scores."""
        ...


def unit_parts(entry: Tensor, part: Slice, count: int) -> Tensor:
    """What of a parameter is each unit's: (count, rest)."""
    span = entry.movedim(part.axis, 0)[part.start : part.start + count * part.size]
    return span.reshape(count, -1)
