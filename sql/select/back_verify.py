"""Back-verification: a chat model says which question a query answers, and that is compared with the asked one.

Idea: the back-verify rule of BEATS, by words instead of a second judgement of the model.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ctxprune.errors import ModelError
from ctxprune.llm.base import Message, Sampling
from ctxprune.llm.calls import ask_model
from ctxprune.text.words import terms
from ctxprune.utils.validation import check_number, check_range

from ..generate.prompts.base import one_line
from .base import SELECTORS, Selector, as_selector

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxprune.llm.base import ChatModel

    from .base import Executed, Selection, SelectionContext

__all__ = ["BackVerifySelector", "measure_agreement", "read_back"]


@SELECTORS.register("back_verify.v1")
@dataclass(frozen=True)
class BackVerifySelector(Selector):
    """Wraps a selector: where its confidence is below `below`, the model writes the question of each of the first
    groups, and a later group is chosen whose question agrees better with the asked one, by `margin` or more.

    One call a group, on its SQL alone: no row is shown. `measure_agreement` compares. With a single group there is no
    call, and a model that fails leaves the choice as it was; the reason says so.

    No default: with a model of 0.5B parameters over `trust.v1` it makes as many answers wrong as right.

    Attributes:
        model: The chat model.
        base: Makes the groups and their order.
        below: 0..1; the model is asked when the first choice's confidence is under it.
        groups: How many groups are read back, 2 or more.
        margin: 0..1, of the agreement.
        seconds: Deadline of every call.

    Raises:
        UsageError: A number is out of its range.
    """

    model: ChatModel
    base: Selector
    below: float = 0.6
    groups: int = 3
    margin: float = 0.1
    seconds: float = 60.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "base", as_selector(self.base))
        check_range("below", self.below)
        check_range("margin", self.margin)
        check_number("groups", self.groups, minimum=2)

    def select(self, question: str, executed: Sequence[Executed]) -> Selection:
        """The base's choice, or the shortest member of the group that reads back best."""
        return self._verify(question, executed, self.base.select(question, executed))

    def select_in(self, context: SelectionContext, executed: Sequence[Executed]) -> Selection:
        """`select`, whose base looks at the whole context."""
        return self._verify(context.question, executed, self.base.select_in(context, executed))

    def _verify(self, question: str, executed: Sequence[Executed], first: Selection) -> Selection:
        if first.index is None or len(first.groups) < 2 or first.confidence >= self.below:
            return first
        places = first.representatives(executed, self.groups)
        try:
            found = [measure_agreement(question, read_back(self.model, executed[p].sql, self.seconds)) for p in places]
        except ModelError:  # its words stand in the trace
            return replace(first, reason=f"{first.reason}; not read back, the model failed")
        # Of equal agreement the earlier group, which the base prefers.
        best = max(range(len(places)), key=lambda place: (found[place], -place))
        if best == 0 or found[best] < found[0] + self.margin:
            return replace(first, reason=f"{first.reason}; read back, it agrees to {found[0]:.2f} with the question")
        reason = f"read back, it agrees to {found[best]:.2f} with the question, the first result to {found[0]:.2f}"
        return first.promote(places[best], best, reason)

    def without_cells(self) -> BackVerifySelector:
        """The same over a base that shows no cell either."""
        return replace(self, base=self.base.without_cells())


def read_back(model: ChatModel, sql: str, seconds: float) -> str:
    """The question that a query answers, in the words of the model, which sees the SQL alone.

    Raises:
        ModelError: The model failed, or took longer than `seconds`.
    """
    text = f"{one_line(sql)}\nWrite the one question in plain words that this query answers. Answer with it only."
    return ask_model(model, [Message("user", text)], Sampling(max_tokens=64, seconds=seconds))[0].text


def measure_agreement(asked: str, read_back: str) -> float:
    """Similarity of two questions, 0..1: the Dice coefficient of their terms.

    Terms are stemmed words without stop words, as the lexical scorers count them; a text without any agrees to 0.
    """
    one, other = frozenset(terms(asked)), frozenset(terms(read_back))
    return 2 * len(one & other) / (len(one) + len(other)) if one and other else 0.0
