"""Names that the annotations of pieces share, so that each piece imports them in one line."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from torch import Tensor, nn

from ctxprune.shrink.model.anatomy import Anatomy, Group, Key, Layer, Slice, Sublayer
from ctxprune.shrink.model.budget import Budget
from ctxprune.shrink.model.subject import Subject
from ctxprune.shrink.model.tasks.base import Batch

__all__ = [
    "Anatomy",
    "Batch",
    "Budget",
    "Callable",
    "Group",
    "Iterable",
    "Iterator",
    "Key",
    "Layer",
    "Mapping",
    "Sequence",
    "Slice",
    "Subject",
    "Sublayer",
    "Tensor",
    "nn",
]
