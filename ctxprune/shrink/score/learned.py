"""Scores that a preparation learned while it trained the model (gates, movement, regularisation)."""

from dataclasses import dataclass
from typing import Any

from ctxprune.errors import UsageError
from ctxprune.shrink.model.subject import parameter_of
from ctxprune.shrink.types import Sequence, Subject, Tensor


@dataclass(frozen=True)
class Learned:
    """What `Subject.learned` holds for each group or parameter; one round, since removal makes it out of date."""

    def __call__(self, subject: Subject, groups: Sequence[Any]) -> dict[Any, Tensor]:
        """float (count,) by group, or of the parameter's shape by its name.

        Raises:
            UsageError: Nothing was learned of one of them, or it has another shape by now.
        """
        found = {}
        for group in groups:
            key = group if isinstance(group, str) else group.key
            shape = parameter_of(subject.model, group).shape if isinstance(group, str) else (group.count,)
            if key not in subject.learned or tuple(subject.learned[key].shape) != tuple(shape):
                raise UsageError(
                    f"no score was learned for {key}",
                    where="learned.v1",
                    hint="give the stage a preparation that learns scores, and one round",
                )
            found[key] = subject.learned[key]
        return found
