"""Recovery on the data of a related task, before that on the task itself."""

from dataclasses import dataclass, field, replace
from typing import Any

from ctxprune.errors import InputError
from ctxprune.shrink.recover.base import run_inner
from ctxprune.shrink.types import Mapping, Subject


@dataclass(frozen=True)
class OnRelated:
    """Another recovery, on `Subject.related`: what it learns there is carried over to the task that is trained next.

    Xu and others, Transfer Learning for Structured Pruning under Limited Task Data, 2023.

    Attributes:
        recover: The recovery: a piece with its parameters, as in a recipe; its `steps` are set by this one.
        steps: Of the optimiser.
    """

    recover: Mapping[str, Any] = field(default_factory=lambda: {"piece": "tune.v1"})
    steps: int = 100

    def __call__(self, subject: Subject) -> Subject:
        """The subject as the recovery leaves it, with its own data.

        Raises:
            InputError: There is no related data.
        """
        if not subject.related:
            raise InputError("there is no related data", where="on_related.v1", hint="give some: --related FILE")
        trained = run_inner(self.recover, replace(subject, calibration=subject.related), self.steps)
        return replace(trained, calibration=subject.calibration)
