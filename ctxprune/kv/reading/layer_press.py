"""What pressing in steps asks of a press: to score and choose among the tokens of one layer, any number of times."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from ctxprune.kv.reading.prefilled import AbstractPress

if TYPE_CHECKING:
    from torch import Tensor

    from ctxprune.kv.reading.view import LayerView
    from ctxprune.kv.selection import Plan

__all__ = ["LayerPress"]


class LayerPress(AbstractPress):
    """A press that scores and chooses layer by layer; `ctxprune.kv.Press` implements it.

    Attributes:
        edits: Whether it changes kept keys or values.
        outermost: Whether it plans layers as a whole, not by scores and counts.
        accumulates: Whether it scores by the attention from all tokens, which is summed up while they are read.
    """

    edits: ClassVar[bool] = False
    outermost: ClassVar[bool] = False
    accumulates: ClassVar[bool] = False

    @property
    def query_window(self) -> int | None:
        """How many of the last tokens' queries `score` reads; 0: keys and values alone; None: it needs the whole
        context at once, so that the press cannot choose again among the tokens that it kept (`Decoding`, chunks)."""
        return None

    @abstractmethod
    def score(self, view: LayerView) -> Tensor:
        """Scores (batch, kv_heads, n), higher = keep."""

    @abstractmethod
    def check_scores(self, view: LayerView, scores: Tensor) -> Tensor:
        """Scores as a new float32 tensor, with inf for the question's tokens."""

    @abstractmethod
    def budget(self, view: LayerView) -> int:
        """How many tokens of the context to keep in each head of this layer, 0..tokens."""

    @abstractmethod
    def select(self, view: LayerView, scores: Tensor, kept: int) -> Tensor:
        """The tokens to keep, bool (batch, kv_heads, n), `kept` in each head, the question's (scored inf) included."""

    @abstractmethod
    def plan(self, view: LayerView, scores: Tensor | None = None, kept: int | None = None) -> Plan:
        """The plan for a layer whose rows have no padding; see `ctxprune.kv.Press.plan`."""
