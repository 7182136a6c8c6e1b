"""Unit tests in plain words: a chat model writes them, then judges the results by them.

Idea: the unit tester of CHESS (Talaei et al. 2024).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ctxprune.errors import ModelError
from ctxprune.llm.base import Message, Sampling
from ctxprune.llm.calls import ask_model
from ctxprune.utils.validation import check_number

from ..generate.prompts.base import one_line
from .base import SELECTORS, Selector, as_selector
from .judge import format_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxprune.llm.base import ChatModel

    from .base import Executed, Selection, SelectionContext

__all__ = ["UnitTestSelector"]


@SELECTORS.register("tests.v1")
@dataclass(frozen=True)
class UnitTestSelector(Selector):
    """Wraps a selector: its first groups are tested, and the one that passes most tests is chosen; ties keep the order.

    One call writes the tests, one call a test judges all groups. Nothing is asked where there is a single group, and a
    model that fails leaves the choice as it was; the reason says so.

    Attributes:
        model: The chat model.
        base: Makes the groups and their order.
        tests: How many are asked for, 1 or more.
        groups: How many groups are tested, 2 or more.
        rows: Rows of each result that the model is shown, 0 or more.
        seconds: Deadline of every call.

    Raises:
        UsageError: A number is out of its range.
    """

    model: ChatModel
    base: Selector
    tests: int = 5
    groups: int = 4
    rows: int = 3
    seconds: float = 60.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "base", as_selector(self.base))
        check_number("tests", self.tests, minimum=1)
        check_number("groups", self.groups, minimum=2)
        check_number("rows", self.rows, minimum=0)

    def select(self, question: str, executed: Sequence[Executed]) -> Selection:
        """The base's choice, or the shortest member of the group that passes more tests."""
        return self._test(question, executed, self.base.select(question, executed))

    def select_in(self, context: SelectionContext, executed: Sequence[Executed]) -> Selection:
        """`select`, whose base looks at the whole context."""
        return self._test(context.question, executed, self.base.select_in(context, executed))

    def _test(self, question: str, executed: Sequence[Executed], first: Selection) -> Selection:
        if first.index is None or len(first.groups) < 2:
            return first
        places = first.representatives(executed, self.groups)
        shown = [
            f"{number}: {one_line(executed[place].sql)}\nResult of {number}: {format_rows(executed[place], self.rows)}"
            for number, place in enumerate(places, 1)
        ]
        try:
            passed = self._passed(question, shown)
        except ModelError:  # its words stand in the trace
            return replace(first, reason=f"{first.reason}; not tested, the model failed")
        # Of equal counts the earlier group, which the base prefers.
        best = max(range(len(places)), key=lambda place: (passed[place], -place))
        if best == 0:
            return replace(first, reason=f"{first.reason}; no other result passed more unit tests")
        reason = f"passed {passed[best]} unit tests, the first result {passed[0]}"
        return first.promote(places[best], best, reason)

    def without_cells(self) -> UnitTestSelector:
        """The same, with no row shown."""
        return replace(self, rows=0, base=self.base.without_cells())

    def _passed(self, question: str, shown: Sequence[str]) -> list[int]:
        candidates = "\n".join(shown)
        head = f"Question: {one_line(question)}\n{candidates}\n"
        wish = f"Write {self.tests} short tests, one a line, that a right query passes and some of these fail."
        lines = self._ask(head + wish, 60 * self.tests).splitlines()
        tests = [text for line in lines if (text := re.sub(r"^[\s\d.)*-]+", "", line).strip())][: self.tests]
        passed = [0] * len(shown)
        for test in tests:
            answer = self._ask(f"{head}Test: {test}\nWhich queries pass? Answer with their numbers, or with none.", 20)
            # A set: a number that is named twice passes once.
            for number in {int(digits) for digits in re.findall(r"\d{1,3}", answer)}:
                if 1 <= number <= len(shown):
                    passed[number - 1] += 1
        return passed

    def _ask(self, text: str, tokens: int) -> str:
        return ask_model(self.model, [Message("user", text)], Sampling(max_tokens=tokens, seconds=self.seconds))[0].text
