"""Names that the annotations of pieces share, and the Protocol of each kind of piece that a registry holds."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from torch import Tensor, nn

from ctxprune.shrink.model.anatomy import Anatomy, Group, Key, Layer, Slice, Sublayer
from ctxprune.shrink.model.budget import Budget
from ctxprune.shrink.model.subject import Subject
from ctxprune.shrink.model.tasks.base import Batch

__all__ = [
    "Allocator",
    "Anatomy",
    "Batch",
    "Budget",
    "Callable",
    "Compensator",
    "Group",
    "Iterable",
    "Iterator",
    "Key",
    "Layer",
    "Mapping",
    "Recovery",
    "Score",
    "Selector",
    "Sequence",
    "Slice",
    "Subject",
    "Sublayer",
    "Tensor",
    "nn",
]


class Score(Protocol):
    """How much each unit or weight matters; higher = keep. Never changes the model.

    Of structures: groups in, float (count,) by the group's key out. Of single weights: names of parameters in, float of
    the parameter's shape by its name out.
    """

    def __call__(self, subject: Subject, groups: Sequence[Any], /) -> Mapping[Any, Tensor]:
        """The scores."""
        ...


class Allocator(Protocol):
    """Chooses the units or weights that are kept.

    For structures: scores (count,) by the group's key in, bool (count,) by the key out, True = stays. For single
    weights: scores of the parameter's shape by its name in, bool of that shape out.
    """

    def __call__(self, subject: Subject, scores: Mapping[Any, Tensor], budget: Budget, /) -> Mapping[Any, Tensor]:
        """The choice."""
        ...


class Compensator(Protocol):
    """Changes the subject's model in place, before removal, so that the kept units make up for the removed ones.

    `kept` is what an allocator gave: bool (count,) by the group's key, or bool of the parameter's shape by its name. It
    is given back, changed where the method chooses anew.
    """

    def __call__(self, subject: Subject, kept: Mapping[Any, Tensor], /) -> Mapping[Any, Tensor]:
        """The same choice, or a better one."""
        ...


class Recovery(Protocol):
    """Trains the subject's model, in place or as a new one; masked weights stay zero."""

    def __call__(self, subject: Subject, /) -> Subject:
        """The subject with the recovered model."""
        ...


class Selector(Protocol):
    """Chooses rows of the calibration batches. Rows of one question (`groups`) go or stay together."""

    def __call__(self, subject: Subject, share: float, /) -> Tensor:
        """bool (rows,), True = stays: about `share` of the rows (0..1), one group at least."""
        ...
