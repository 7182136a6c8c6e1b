"""What a reply says beside its rows, cut so that it leaves the rows room."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ctxprune.integrations.sql_tools.budget import cut_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ctxprune.integrations.sql_tools.budget import ContentBudget
    from ctxprune.sql.guard import Verdict
    from ctxprune.sql.pipeline.answer import Answer

__all__ = ["describe_answer", "fit_frame", "fit_verdict"]

_TEXT = 600  # characters of a sentence: far longer than any of ours, which may quote a question or an error
# The most that an answer tells of its doubts and of the words that its query does not use: a question of thousands of
# words may have as many of these.
_DOUBTS = 6
_WORDS = 20
_WORD = 60  # characters of one of them, which may be a text without blanks
_SHORTEST = 8  # characters that a text is not cut below; of some scripts each takes several tokens
_SQL_SHARE = 6  # a reply gives at most this part of itself to a statement, which is told for reading alone
_ROWS_SHARE = 8  # of the tokens of a reply; this part of each of its copies is left to the rows
_ROWS_TOKENS = 120  # that are left to the rows, with their notes, at least
_TEXTS = ("reason", "question_back", "sql")
_ROWS = {"columns": [], "rows": [], "row_count": 10**6, "truncated": False}


def fit_verdict(verdict: Verdict, frame: Mapping[str, Any], budget: ContentBudget) -> dict[str, Any]:
    """The content of a reply with what the guard says of a statement.

    Args:
        verdict: Of the guard.
        frame: What the reply says besides.
        budget: Of the reply.
    """
    found = {"allowed": verdict.allowed, "reason": cut_text(verdict.reason, _TEXT), "sql": verdict.sql}
    return fit_frame({**frame, **found}, budget, with_rows=False)


def describe_answer(answer: Answer, frame: Mapping[str, Any], budget: ContentBudget) -> dict[str, Any]:
    """The content of a reply with an answer, but for its rows. `note` says which parts did not fit.

    Args:
        answer: Of a pipeline.
        frame: What the reply says besides.
        budget: Of the reply.
    """
    found = {
        "outcome": answer.outcome,
        "confidence": round(answer.confidence, 3),
        "sql": answer.sql,
        "reason": cut_text(answer.reason, _TEXT),
        "doubts": [cut_text(str(doubt), _TEXT) for doubt in answer.doubts],
        "unused": [cut_text(word, _WORD) for word in answer.unused],
        "question_back": cut_text(answer.question_back, _TEXT),
        "other_sql": _cut_sql(answer.other_sql, budget),
    }
    return fit_frame({**frame, **found}, budget)


def fit_frame(frame: dict[str, Any], budget: ContentBudget, *, with_rows: bool = True) -> dict[str, Any]:
    """A frame that leaves room for rows: without `other_sql`, `unused` and the last `doubts`, and with shorter texts,
    as far as needed. What is left out is told in `note`, where the reply has rows.

    Args:
        frame: The content of a reply but for its rows.
        budget: Of the reply.
        with_rows: Whether there will be rows.
    """
    rows = _ROWS if with_rows else {}
    reserve = max(_ROWS_TOKENS, budget.tokens // _ROWS_SHARE) if with_rows else 0
    part = {**frame, "sql": _cut_sql(frame["sql"], budget)}
    for name, most in (("doubts", _DOUBTS), ("unused", _WORDS)):
        if name in frame:
            part[name] = frame[name][:most]
    while True:
        if note := "; ".join(_describe_dropped(frame, part)):
            part["note"] = note
        if budget.fits(part | rows) and budget.left(part | rows) >= reserve:
            return part
        if not _drop_least(part):
            return part


def _cut_sql(sql: str, budget: ContentBudget) -> str:
    return cut_text(sql, 2 * budget.tokens // _SQL_SHARE)


def _drop_least(frame: dict[str, Any]) -> bool:
    """Take away what is needed least; False where nothing more can go."""
    if frame.get("other_sql"):
        frame["other_sql"] = ""
    elif frame.get("unused"):
        frame["unused"] = []
    elif frame.get("doubts"):
        frame["doubts"] = frame["doubts"][:-1]
    else:
        longest = max((name for name in _TEXTS if name in frame), key=lambda name: len(frame[name]))
        if len(frame[longest]) <= _SHORTEST:
            return False
        frame[longest] = cut_text(frame[longest], len(frame[longest]) // 2)
    return True


def _describe_dropped(frame: dict[str, Any], part: dict[str, Any]) -> Iterator[str]:
    if frame.get("other_sql") and not part["other_sql"]:
        yield "other_sql did not fit"
    for name, noun in (("unused", "unused words"), ("doubts", "doubts")):
        shown, count = len(part.get(name, ())), len(frame.get(name, ()))
        if shown < count:
            yield f"{shown} of {count} {noun} are shown"
