"""What a reply says beside its rows; where not all fits, it is cut to leave the rows room, and `note` says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ctxprune.integrations.sql_tools.budget import FittedContent, cut_text
from ctxprune.integrations.sql_tools.rows import fit_rows, write_whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ctxprune.integrations.sql_tools.budget import ContentBudget
    from ctxprune.sql.database.result_set import ResultSet
    from ctxprune.sql.guard import Verdict
    from ctxprune.sql.pipeline.answer import Answer

__all__ = ["describe_answer", "fit_frame", "fit_reply", "fit_verdict", "write_shortened"]

_TEXT = 600  # characters of a sentence: far longer than any of ours, which may quote a question or an error
# The most that an answer tells of its doubts and of the words that its query does not use: a question of thousands of
# words may have as many of these.
_DOUBTS = 6
_WORDS = 20
_WORD = 60  # characters of one of them, which may be a text without blanks
_SHORTEST = 2  # characters that a text is not cut below; of some scripts each takes several tokens
# Where not all fits, a statement is first cut to as many characters as this share of the reply's tokens: it is there to
# be read, and of a very long one the doubts say more.
_SQL_SHARE = 3
_ROWS_SHARE = 3  # of each copy of the content; this part of it is left to the rows where they need as much
_ROWS_TOKENS = 120  # that are left to the rows, with their notes, at least
_TEXTS = ("reason", "question_back", "sql")
_LISTS = {"unused": "unused words", "doubts": "doubts"}
_ROWS = {"columns": [], "rows": [], "row_count": 10**6, "truncated": False}


def fit_verdict(verdict: Verdict, frame: Mapping[str, Any], budget: ContentBudget) -> FittedContent:
    """The content of a reply with what the guard says of a statement.

    Args:
        verdict: Of the guard.
        frame: What the reply says besides.
        budget: Of the reply.
    """
    found = {"allowed": verdict.allowed, "reason": verdict.reason, "sql": verdict.sql}
    return fit_frame({**frame, **found, "note": ""}, budget)


def describe_answer(answer: Answer, frame: Mapping[str, Any]) -> dict[str, Any]:
    """The content of a reply with an answer, but for its rows; see `fit_reply`.

    Args:
        answer: Of a pipeline.
        frame: What the reply says besides.
    """
    return {
        **frame,
        "outcome": answer.outcome,
        "confidence": round(answer.confidence, 3),
        "sql": answer.sql,
        "reason": answer.reason,
        "doubts": [str(doubt) for doubt in answer.doubts],
        "unused": [*answer.unused],
        "question_back": answer.question_back,
        "other_sql": answer.other_sql,
    }


def fit_reply(frame: dict[str, Any], result: ResultSet, question: str, budget: ContentBudget) -> FittedContent:
    """A frame with as much of a result as fits; see `fit_frame` and `fit_rows`.

    Args:
        frame: The content of a reply but for its rows.
        result: What the database gave.
        question: Decides on the rows that stay; "" for the first ones.
        budget: Of the reply.

    Raises:
        BudgetError: The frame is too large even with all that can be cut gone.
    """
    part = fit_frame(frame, budget, result)
    rows = fit_rows(result, question, part.content, budget)
    return FittedContent(rows.content, complete=part.complete and rows.complete)


def fit_frame(frame: dict[str, Any], budget: ContentBudget, result: ResultSet | None = None) -> FittedContent:
    """A frame that leaves room for rows: without `other_sql`, `unused` and the last `doubts`, and with shorter texts,
    as far as needed. `note` says what is missing.

    Args:
        frame: The content of a reply but for its rows.
        budget: Of the reply.
        result: The rows that will come to it; None where the reply has none.
    """
    part = _cut_lists(frame)
    room = _Room(budget, result)
    while True:
        if note := "; ".join(_describe_dropped(frame, part)):
            part["note"] = note
        if room.is_left_by(part) or not _drop_least(part, budget):
            return FittedContent(part, complete=not note)


def write_shortened(frame: Mapping[str, Any], content: Mapping[str, Any]) -> str:
    """What a reply says in full, of the parts of a frame that it shortens; "" where it shortens none.

    Args:
        frame: As given to `fit_frame`.
        content: Of the reply that came of it.
    """
    parts = (f"{name}: {_write_field(value)}" for name, value in frame.items() if _is_cut(name, value, content[name]))
    return "\n\n".join(parts)


def _write_field(value: str | list[str]) -> str:
    return value if isinstance(value, str) else "\n".join(value)


def _is_cut(name: str, whole: Any, shown: Any) -> bool:
    return (name in _TEXTS or name in _LISTS or name == "other_sql") and shown != whole


class _Room:
    """How much of a reply a frame has to leave to the rows: a share of it, or less where they need less."""

    def __init__(self, budget: ContentBudget, result: ResultSet | None) -> None:
        self._budget, self._result = budget, result
        # Asked once with no frame: of a large result nothing more is written down.
        self._may_fit = result is not None and self._has_all_rows({})

    def is_left_by(self, frame: dict[str, Any]) -> bool:
        """Whether the frame is small enough."""
        if self._result is None:
            return self._budget.fits(frame)
        if self._may_fit and self._has_all_rows(frame):
            return True
        reserve = max(_ROWS_TOKENS, self._budget.tokens // self._budget.copies // _ROWS_SHARE)
        rows = frame | _ROWS
        return self._budget.fits(rows) and self._budget.left(rows) >= reserve

    def _has_all_rows(self, frame: dict[str, Any]) -> bool:
        return self._result is not None and write_whole(self._result, frame, self._budget) is not None


def _cut_lists(frame: dict[str, Any]) -> dict[str, Any]:
    """The frame with no more doubts and words, and no longer ones, than are ever told."""
    part = dict(frame)
    for name, most, characters in (("doubts", _DOUBTS, _TEXT), ("unused", _WORDS, _WORD)):
        if name in frame:
            part[name] = [cut_text(text, characters) for text in frame[name][:most]]
    return part


def _drop_least(frame: dict[str, Any], budget: ContentBudget) -> bool:
    """Take away what is needed least; False where nothing more can go."""
    most = {"sql": budget.tokens // _SQL_SHARE}
    for name in _TEXTS:
        # With the ellipsis that an earlier cut has left.
        if len(frame.get(name, "")) > most.get(name, _TEXT) + 1:
            frame[name] = cut_text(frame[name], max(most.get(name, _TEXT), len(frame[name]) // 2))
            return True
    if frame.get("other_sql"):
        frame["other_sql"] = ""
    elif frame.get("unused"):
        frame["unused"] = []
    elif frame.get("doubts"):
        frame["doubts"] = frame["doubts"][:-1]
    else:
        longest = max((name for name in _TEXTS if name in frame), key=lambda name: len(frame[name]))
        if len(frame[longest]) <= _SHORTEST + 1:
            return False
        frame[longest] = cut_text(frame[longest], max(_SHORTEST, len(frame[longest]) // 2))
    return True


def _describe_dropped(frame: dict[str, Any], part: dict[str, Any]) -> Iterator[str]:
    if frame.get("other_sql") and not part["other_sql"]:
        yield "other_sql did not fit"
    for name, noun in _LISTS.items():
        shown, count = len(part.get(name, ())), len(frame.get(name, ()))
        if shown < count:
            yield f"{shown} of {count} {noun} are shown"
    short = [name for name in _TEXTS if name in frame and part[name] != frame[name]]
    short += [name for name in _LISTS if any(text not in frame[name] for text in part.get(name, ()))]
    if short:
        yield f"shortened: {', '.join(short)}"
