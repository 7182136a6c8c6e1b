"""A learned threshold for each layer and input, so that the number of kept tokens follows the context."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import TYPE_CHECKING, ClassVar

import torch

from ctxprune.errors import UsageError
from ctxprune.kv.presses.base import Press
from ctxprune.kv.selection import top
from ctxprune.kv.wrappers.thresholds import Thresholds, measure_evidence
from ctxprune.kv.wrappers.token_budget import TokenBudget
from ctxprune.kv.wrappers.wrapper import Wrapper
from ctxprune.utils.validation import describe_type, is_number

if TYPE_CHECKING:
    from torch import Tensor

    from ctxprune.kv.reading.prefilled import Prefilled
    from ctxprune.kv.reading.view import LayerView

__all__ = ["LearnedThreshold"]


@dataclass(frozen=True)
class LearnedThreshold(Wrapper):
    """Keeps the tokens whose importance is above a threshold that small learned heads set for each layer and input, so
    that the total follows the input too (Ye et al., "ATP-LLaVA", arXiv:2412.00447). Importance is the inner press's
    score relative to its head's mean (the relevance) plus a learned multiple of how little a token's value repeats an
    earlier one (the redundancy).

    `ratio` is the share that is dropped on average over texts like those of the calibration: of one text more or less
    is dropped. At least one token of each head is kept, and `ceiling` limits every head.

    Not from the paper: its pruning by spatial position, which text has not, and dropping tokens between layers while
    the prompt is read; the whole context is read, and its cache is pressed.

    Attributes:
        thresholds: Trained by `train_thresholds` with this model and inner press.
        ceiling: Maximum tokens of a head, as a multiple of the average, 1 or more; None: no limit.

    Raises:
        UsageError: There are no thresholds, or the inner press is joint or has a limit of tokens.
    """

    outermost: ClassVar[bool] = True
    thresholds: Thresholds | None = None
    ceiling: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self._set(learned=True)
        if self.joint or isinstance(self.press, TokenBudget):
            raise UsageError(
                f"LearnedThreshold cannot wrap {type(self.press).__name__}",
                hint="a press that scores each layer alone; ceiling= limits the tokens of a head",
            )
        if not isinstance(self.thresholds, Thresholds):
            raise UsageError(
                f"thresholds is {describe_type(self.thresholds)}",
                hint="train_thresholds(model, press, samples), or Thresholds.load(path, model)",
            )
        if self.ceiling is not None and (not is_number(self.ceiling) or self.ceiling < 1):
            raise UsageError(f"ceiling is {self.ceiling!r}", hint="a multiple of the average, 1 or more")
        self.thresholds.cutoff(0.5)

    @property
    def query_window(self) -> None:
        """None: a threshold is set once, for the whole context."""
        return

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def score(self, view: LayerView) -> Tensor:
        """Margins above the threshold, (batch, kv_heads, n); infinity for the question, and where the inner press has
        it.

        Raises:
            UsageError: There is no threshold for the layer.
        """
        inner = self.press.cached_score(view)
        margins = torch.full(inner.shape, float("inf"), device=inner.device)
        own = inner[..., : view.tokens]
        if view.tokens and self.thresholds is not None:
            found = self.thresholds.margins(view.attention.layer, measure_evidence(view, own))
            margins[..., : view.tokens] = found.masked_fill(own == float("inf"), float("inf"))
        return margins

    def scores(self, prefilled: Prefilled) -> list[Tensor]:
        """Margins of every layer."""
        return Press.scores(self, prefilled)

    def select(self, view: LayerView, scores: Tensor, kept: int) -> Tensor:
        """Tokens above the cut-off, at least one in each head and at most `ceiling` times the average."""
        average = kept - view.question
        cutoff = 0.0 if self.thresholds is None else self.thresholds.cutoff(average / max(view.read, 1))
        chosen = (scores >= cutoff) | top(scores, view.question + min(view.tokens, 1))
        if self.ceiling is None:
            return chosen
        most = min(ceil(average * Fraction(str(float(self.ceiling)))), view.tokens)
        return chosen & top(scores, most + view.question)
