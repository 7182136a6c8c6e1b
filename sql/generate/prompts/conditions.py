"""The prompts of incremental generation: targets and conditions, one condition more, and a sub-query to refine."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctxprune.llm.base import Message

from ...render.base import render
from .base import context_lines, dialect_name, one_line, user_message
from .decompose import DecomposePrompt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..base import Request
    from .decompose import SubQuestion

__all__ = ["ConditionsPrompt"]

_TARGETS = re.compile(r"^[ \t>*#-]*targets?[ \t*]*:[ \t*]*(\S.*)$", re.IGNORECASE | re.MULTILINE)
_CONDITION = re.compile(
    r"^[ \t>*#-]*(?:conditions?[ \t]*)?\d{1,2}[ \t]*[.):][ \t*]*(\S.*)$", re.IGNORECASE | re.MULTILINE
)
_NONE = re.compile(r"\W*(?:none|no (?:further )?conditions?|n/?a)\W*", re.IGNORECASE)


@dataclass(frozen=True)
class ConditionsPrompt(DecomposePrompt):
    """What `IncrementalGenerator` sends.

    A part asks for the targets under the first conditions, one more in each part, and the last part is the question as
    it was asked. Attributes as those of `DecomposePrompt`.
    """

    name: str = "conditions"

    def split(self, request: Request) -> Sequence[Message]:
        """Asks for the targets and conditions."""
        order = (
            'Do not answer the question yet. Write on one line "Targets:" and what the question wants returned, then '
            f"its conditions, numbered, one a line, at most {self.most}: everything that restricts, groups, orders or "
            'limits the result. Use the words of the question. Without conditions write "1. none".'
        )
        return user_message(render(request.schema, self.form), request, order=order)

    def read_parts(self, text: str, question: str) -> tuple[str, ...]:
        """The sub-questions, `most` at most; the last is always `question`.

        Without targets or with fewer than two conditions the question is its only part.
        """
        text = text[:20_000]
        targets = _TARGETS.search(text)
        if targets is None:
            return (question,)
        found = [one_line(match[1], 300) for match in _CONDITION.finditer(text, targets.end())]
        # A line with SELECT is an answer that came too early, not a condition.
        wanted = (item for item in found if not _NONE.fullmatch(item) and "SELECT " not in item.upper())
        conditions = list(dict.fromkeys(wanted))
        head = one_line(targets[1], 300)
        # With its last condition a part is the question itself, so that one condition makes no step of its own.
        steps = range(1, min(len(conditions), self.most))
        return (*(f"{head}; conditions: {'; '.join(conditions[:count])}" for count in steps), question)

    def answer(self, request: Request, done: Sequence[SubQuestion], question: str) -> Sequence[Message]:
        """Asks for the query of one part, by extending that of the last part that works."""
        working = [part for part in done if not part.failed]
        if not working:
            # Nothing to build on: the question is asked without the frame of parts, a part as the first one.
            return self.messages(request) if question == request.question else super().answer(request, (), question)
        base = working[-1]
        lines = [f"Part 1: {one_line(base.question)}", f"SQL: {one_line(base.sql)}"]
        lines += [f"Result: {base.outcome}"] if base.outcome else []
        lines += [
            f"Part 2: {one_line(question)}",
            f"Write one {dialect_name(request.schema.dialect)} query for part 2: add to the query of part 1 what part "
            "2 asks for beyond it, and change the rest only where it is wrong. Answer with the SQL only.",
        ]
        return self._message(request, lines)

    def refine(self, request: Request, part: SubQuestion) -> Sequence[Message]:
        """Asks for another query of one part, after what its query gave."""
        return self._message(
            request,
            [
                f"Part 1: {one_line(part.question)}",
                f"SQL: {one_line(part.sql)}",
                f"Result: {part.outcome}",
                "The query fails." if part.failed else "The query gives nothing, but part 1 expects an answer.",
                f"Write the corrected {dialect_name(request.schema.dialect)} query for part 1. Use only tables and "
                "columns from above, and texts as they are stored. Answer with the SQL only.",
            ],
        )

    def _message(self, request: Request, lines: Sequence[str]) -> Sequence[Message]:
        head = [render(request.schema, self.form), "", *context_lines(request)]
        return [Message("user", "\n".join([*head, *lines]))]
