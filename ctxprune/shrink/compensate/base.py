"""The interface of a compensator."""

from typing import Any, Protocol

from ctxprune.shrink.types import Mapping, Subject, Tensor


class Compensator(Protocol):
    """Changes the subject's model in place, before removal, so that the kept units make up for the removed ones.

    `kept` is what an allocator gave: bool (count,) by group, or bool of the parameter's shape by its name for single
    weights. It is given back, changed where the method chooses anew.
    """

    def __call__(self, subject: Subject, kept: Mapping[Any, Tensor]) -> Mapping[Any, Tensor]:
        """The same choice, or a better one."""
        ...
