"""A judge for close votes: a chat model chooses between the two best supported results."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ctxprune.errors import ModelError
from ctxprune.llm.base import Message, Sampling
from ctxprune.llm.calls import ask_model
from ctxprune.utils.validation import check_number, check_range

from ..generate.prompts.base import one_line
from .base import SELECTORS, Selector, as_selector

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxprune.llm.base import ChatModel

    from .base import Executed, Selection, SelectionContext

__all__ = ["JudgedSelector", "format_rows"]

_CELL = 40  # characters of a cell that the model is shown


@SELECTORS.register("judged.v1")
@dataclass(frozen=True)
class JudgedSelector(Selector):
    """Wraps a selector: where its confidence is below `below` and there are two groups, a chat model decides between
    the first two. A model that fails or answers neither leaves the choice as it was; the reason says so.

    Attributes:
        model: The chat model.
        base: Makes the groups and the first choice.
        below: 0..1; the model is asked when the first choice's confidence is under it.
        seconds: Deadline of the question to the model.
        rows: Rows of each result that the model is shown, 0 or more; their number it is told in any case.

    Raises:
        UsageError: `below` or `rows` is out of its range.
    """

    model: ChatModel
    base: Selector
    below: float = 0.6
    seconds: float = 60.0
    rows: int = 3

    def __post_init__(self) -> None:
        object.__setattr__(self, "base", as_selector(self.base))
        check_range("below", self.below)
        check_number("rows", self.rows, minimum=0)

    def select(self, question: str, executed: Sequence[Executed]) -> Selection:
        """The base's choice, or the second group's shortest member where the model prefers it."""
        return self._judge(question, executed, self.base.select(question, executed))

    def select_in(self, context: SelectionContext, executed: Sequence[Executed]) -> Selection:
        """`select`, whose base looks at the whole context."""
        return self._judge(context.question, executed, self.base.select_in(context, executed))

    def _judge(self, question: str, executed: Sequence[Executed], first: Selection) -> Selection:
        if first.index is None or len(first.groups) < 2 or first.confidence >= self.below:
            return first
        one, rival = first.representatives(executed, 2)
        text = _prompt(question, executed[one], executed[rival], self.rows)
        sampling = Sampling(max_tokens=4, seconds=self.seconds)
        try:
            answer = ask_model(self.model, [Message("user", text)], sampling)[0].text
        except ModelError:  # its words stand in the trace
            return replace(first, reason=f"{first.reason}; not judged, the model failed")
        # Anything but B leaves the vote as it was: a model that fails must not decide.
        letter = _letter(answer)
        if letter == "B":
            return first.promote(rival, 1, "a chat model preferred the second group")
        verdict = "a chat model agreed" if letter else "the model named neither of the first two groups"
        return replace(first, reason=f"{first.reason}; {verdict}")

    def without_cells(self) -> JudgedSelector:
        """The same, with no row shown."""
        return replace(self, rows=0, base=self.base.without_cells())


def _prompt(question: str, first: Executed, second: Executed, most: int) -> str:
    parts = [f"Question: {one_line(question)}"]
    parts += [
        f"{name}: {one_line(item.sql)}\nResult of {name}: {format_rows(item, most)}"
        for name, item in (("A", first), ("B", second))
    ]
    parts.append("Which query answers the question, A or B? Answer with one letter.")
    return "\n".join(parts)


def format_rows(item: Executed, most: int) -> str:
    """The first `most` rows of a result on one line, and how many there are."""
    if item.result is None:
        return "none"
    rows = [", ".join(one_line(str(cell), _CELL) for cell in row) for row in item.result.rows[:most]]
    count = len(item.result.rows)
    return f"{count} row{'' if count == 1 else 's'}" + (": " if rows else "") + " | ".join(rows)


def _letter(answer: str) -> str:
    found = re.search(r"\b([AB])\b", answer)
    return found[1] if found else ""
