"""An answer as text for a model, within a token budget."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctxprune.errors import BudgetError
from ctxprune.integrations.sql_tools.budget import cut_text, escape_text
from ctxprune.text.chat_marks import escape_marks
from ctxprune.tokens import as_counter
from ctxprune.utils.validation import check_whole

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from ctxprune.sql.pipeline.answer import Answer

__all__ = ["DEFAULT_ROWS", "AnswerWriter", "answer_text"]

DEFAULT_ROWS = 20
_CELL = 200  # characters of a cell that are shown
_DOUBTS = 4  # that are told
_SHORTER = (600, 200, 80, 20)  # characters of the SQL and of the column names where the budget is small
_BREAKS = str.maketrans({"\n": "\\n", "\r": "\\r", "\t": "\\t", "\x00": "\\0", "\u2028": "\\n", "\u2029": "\\n"})


def answer_text(answer: Answer, *, rows: int = DEFAULT_ROWS, budget: int = 1000, counter: Any = None) -> str:
    """An answer for a model to read: the SQL, outcome and confidence, the first rows, then how many there are.

    Behind the outcome stand the doubts, and of a tentative answer the next best query, so that an agent can check them
    or ask back. A refusal gives its reason in place of the SQL and the rows.

    Cells are cut at 200 characters, and their line breaks are written as \\n. To keep to the budget, rows are left out
    whole, from the end; then the next best query and the doubts; then the SQL and the column names are cut.

    Args:
        answer: One with rows, or a refusal.
        rows: Rows shown at most, from 0 up.
        budget: Tokens at most, from 1 up.
        counter: Counts tokens; see `ctxprune.as_counter`.

    Raises:
        UsageError: A number is out of its range.
        BudgetError: Not even the outcome fits.
    """
    return AnswerWriter(rows, budget, counter).write(answer)


class AnswerWriter:
    """Writes answers for a model, each within the same limits; see `answer_text`."""

    def __init__(self, rows: int, budget: int, counter: Any = None) -> None:
        check_whole("rows", rows, minimum=0)
        check_whole("budget", budget)
        self._rows, self._budget, self._counter = rows, budget, as_counter(counter)

    def write(self, answer: Answer) -> str:
        """The text.

        Raises:
            BudgetError: Not even the outcome fits.
        """
        for text in _write_refusal(answer) if answer.refusal is not None else _write_rows(answer, self._rows):
            visible = escape_text(text)
            if self._counter.count(visible) <= self._budget:
                return visible
        raise BudgetError(f"the answer does not fit into {self._budget} tokens", hint="raise the budget")


def _write_rows(answer: Answer, most: int) -> Iterator[str]:
    """The text, and ever shorter forms of it."""
    lines = [" | ".join(map(_write_cell, row)) for row in answer.rows[:most]]
    for head in _write_heads(answer):
        for kept in _fewer(len(lines)):
            yield "\n".join([*head, *lines[:kept], _count_rows(answer, kept)])


def _write_heads(answer: Answer) -> Iterator[list[str]]:
    """What stands before the rows, and ever less of it."""
    sql, names = f"SQL: {answer.sql}", " | ".join(map(_write_cell, answer.columns))
    yield [sql, _outcome(answer), *_doubts(answer), *_other_readings(answer), names]
    yield [sql, _outcome(answer), *_doubts(answer), names]
    yield [sql, _outcome(answer), names]
    for length in _SHORTER:
        yield [cut_text(sql, length), _outcome(answer), cut_text(names, length)]


def _write_refusal(answer: Answer) -> Iterator[str]:
    """The text, and ever shorter forms of it."""
    reason = f"No answer: {answer.reason}"
    back = [f"Ask back: {_write_cell(answer.question_back)}"] if answer.question_back else []
    yield "\n".join([reason, _outcome(answer), *_doubts(answer), *back])
    yield "\n".join([reason, _outcome(answer)])
    for length in _SHORTER:
        yield "\n".join([cut_text(reason, length), _outcome(answer)])


def _outcome(answer: Answer) -> str:
    return f"Outcome: {answer.outcome}, confidence {answer.confidence:.2f}"


def _doubts(answer: Answer) -> Iterator[str]:
    if answer.doubts:
        yield f"Doubts: {'; '.join(_write_cell(str(doubt)) for doubt in answer.doubts[:_DOUBTS])}"


def _other_readings(answer: Answer) -> Iterator[str]:
    if answer.other_sql:
        yield f"Another reading: {answer.other_sql}"
    if answer.question_back:
        yield f"Ask back: {_write_cell(answer.question_back)}"


def _count_rows(answer: Answer, shown: int) -> str:
    total = len(answer.rows)
    more = "over " if answer.result is not None and answer.result.truncated else ""
    return f"({more}{total} rows, the first {shown} shown)" if shown < total or more else f"({total} rows)"


def _fewer(size: int) -> Iterator[int]:
    """size, then ever less of it, down to 0."""
    while size:
        yield size
        size = min(size - 1, size * 9 // 10)
    yield 0


def _write_cell(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    # Marks first: the "n" of a line break that is written out would stand before them like a letter of a word.
    return cut_text(escape_marks(str(value)).translate(_BREAKS), _CELL)
