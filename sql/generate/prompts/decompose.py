"""The prompts of decomposition: splitting a question, and answering one of its parts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctxprune.llm.base import Message

from ...render._text import datum
from ...render.base import render
from .base import context_lines, dialect_name, one_line, order_line, user_message

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...guard.execution import Outcome
    from ..base import Request

__all__ = ["DecomposePrompt", "SubQuestion", "format_outcome", "read_sub_questions"]

_ITEM = re.compile(r"^[ \t>*#-]*(?:(?:sub-?)?question[ \t]*)?\d{1,2}[ \t]*[.):][ \t*]*(\S.*)$", re.IGNORECASE | re.M)
_ROWS, _CELL, _COLUMNS = 3, 40, 8


@dataclass(frozen=True, slots=True)
class SubQuestion:
    """One sub-question with the query that answers it and what that gave, each on one line; "" where not known.

    Attributes:
        question, sql, outcome: The three.
        failed: There is no query, or it fails.
        refined: How often the query was written again.
    """

    question: str
    sql: str = ""
    outcome: str = ""
    failed: bool = False
    refined: int = 0

    @property
    def note(self) -> str:
        """For the notes of a candidate."""
        refined = f" (refined {self.refined} time{'' if self.refined == 1 else 's'})" if self.refined else ""
        return f"part: {self.question}{refined}"


@dataclass(frozen=True)
class DecomposePrompt:
    """What `DecomposeGenerator` sends.

    Attributes:
        form: Renderer of the schema.
        most: Sub-questions at most, the question itself included, 2 or more.
    """

    form: str = "ddl.v1"
    most: int = 4
    name: str = "decompose"
    stop: tuple[str, ...] = ()

    def split(self, request: Request) -> Sequence[Message]:
        """Asks for the sub-questions."""
        order = (
            f"To answer this question with {dialect_name(request.schema.dialect)} queries, split it into at most "
            f"{self.most} simpler questions, each building on the ones before. The last one is the question itself. "
            "A simple question stays one. Write only the numbered questions, one a line."
        )
        return user_message(render(request.schema, self.form), request, order=order)

    def read_parts(self, text: str, question: str) -> tuple[str, ...]:
        """The sub-questions of the answer to `split`, `most` at most; the last is always `question`."""
        return read_sub_questions(text, question, self.most)

    def messages(self, request: Request) -> Sequence[Message]:
        """Asks for the query at once, as for a question of one part."""
        return user_message(render(request.schema, self.form), request)

    def answer(self, request: Request, done: Sequence[SubQuestion], question: str) -> Sequence[Message]:
        """Asks for the query of one sub-question, with the queries of those before and what they gave."""
        if not done:
            order = order_line(request).replace("the question.", "this part of it.")
            lines = [f"Part 1: {one_line(question)}", order]
        else:
            lines = ["Parts of the question, with a query for each:"]
            for number, part in enumerate(done, 1):
                lines += [f"Part {number}: {one_line(part.question)}", f"SQL: {one_line(part.sql) or 'none'}"]
                lines += [f"Result: {part.outcome}"] if part.outcome else []
            lines.append(f"Part {len(done) + 1}: {one_line(question)}")
            dialect = dialect_name(request.schema.dialect)
            lines.append(f"Write one {dialect} query that answers part {len(done) + 1}. Answer with the SQL only.")
        head = [render(request.schema, self.form), "", *context_lines(request)]
        return [Message("user", "\n".join([*head, *lines]))]


def read_sub_questions(text: str, question: str, most: int) -> tuple[str, ...]:
    """The sub-questions of an answer, `most` at most; the last is always `question` as it was asked.

    What is no numbered line is passed over; without two numbered lines the question is its only part.
    """
    found = [one_line(match[1], 300) for match in _ITEM.finditer(text[:20_000])]
    # A line with SELECT is an answer that came too early, not a question.
    unique = list(dict.fromkeys(part for part in found if "SELECT " not in part.upper()))
    # The last part is replaced by the question itself, which models like to shorten.
    return (*unique[:-1][: most - 1], question)


def format_outcome(outcome: Outcome, *, rows: int = _ROWS) -> str:
    """What a query gave, on one line: the error, or the number of rows and the first of them as data.

    Args:
        outcome: How it ended.
        rows: Rows that are shown at most; 0 where cells must not be shown.
    """
    if outcome.result is None:
        return f"error: {one_line(outcome.error, 200)}"
    count = len(outcome.result.rows)
    text = f"{count}{'+' if outcome.result.truncated else ''} row{'' if count == 1 else 's'}"
    shown = [_row(row) for row in outcome.result.rows[:rows]]
    return f"{text}: {' '.join(shown)}" if shown else text


def _row(row: Sequence[object]) -> str:
    # Cells are data of the database: `datum` quotes and shortens them so that none can pose as an instruction.
    cells = ["NULL" if cell is None else datum(cell, _CELL) for cell in row[:_COLUMNS]]
    return f"({', '.join(cells)}{', …' if len(row) > _COLUMNS else ''})"
