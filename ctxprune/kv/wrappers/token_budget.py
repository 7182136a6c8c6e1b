"""A limit on the tokens of each head, whatever the length of the context."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctxprune.kv.selection import top_over_heads
from ctxprune.kv.wrappers.wrapper import Wrapper
from ctxprune.utils.validation import check_whole

if TYPE_CHECKING:
    from torch import Tensor

    from ctxprune.kv.reading.view import LayerView

__all__ = ["TokenBudget", "cap_choice"]


@dataclass(frozen=True)
class TokenBudget(Wrapper):
    """Keeps at most a number of tokens of the context in each head, however long it is; the inner press's ratio is not
    used, and `ratio` is 0, as it depends on the context. Where the inner press shares a layer's budget between heads
    (AdaKV), the limit applies to their mean.

    Attributes:
        tokens: Tokens of a head, 1 or more.
    """

    tokens: int = 1024

    def __post_init__(self) -> None:
        super().__post_init__()
        check_whole("tokens", self.tokens, minimum=1)
        self._set(ratio=0.0)

    def budget(self, view: LayerView) -> int:
        """The limit, or the length of a shorter context."""
        return min(self.tokens, view.tokens)

    def select(self, view: LayerView, scores: Tensor, kept: int) -> Tensor:
        """The inner press's choice, limited to the budget."""
        return cap_choice(self.press.select(view, scores, kept), scores, kept)


def cap_choice(chosen: Tensor, scores: Tensor, kept: int) -> Tensor:
    """`chosen` (batch, heads, n), limited to its highest scores in rows with over `kept` tokens a head on average."""
    # Some presses keep more than their budget (LearnedDrop, SimLayerKV).
    room = kept * chosen.shape[1]
    if int(chosen.sum(dim=(1, 2)).amax()) <= room:
        return chosen
    return chosen & top_over_heads(scores, room, first=chosen)
