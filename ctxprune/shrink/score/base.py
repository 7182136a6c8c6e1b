"""What scores share: the columns that read units, and the parts of a parameter that are each unit's."""

from ctxprune.shrink.model.subject import parameter_of
from ctxprune.shrink.types import Group, Slice, Subject, Tensor


def column_squares(subject: Subject, group: Group) -> Tensor:
    """Squared norm of each column of the matrix that reads a group's units: float64 (count * block,)."""
    weight: Tensor = parameter_of(subject.model, f"{group.consumer}.weight")
    return weight.detach().double().square().sum(0)


def unit_parts(entry: Tensor, part: Slice, count: int) -> Tensor:
    """What of a parameter is each unit's: (count, rest)."""
    span = entry.movedim(part.axis, 0)[part.start : part.start + count * part.size]
    return span.reshape(count, -1)
