"""Where official and safe mode do not agree on an item, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .outcome import ERRORS

if TYPE_CHECKING:
    from .outcome import Result
    from .report import Evaluation

__all__ = ["differences"]


def differences(official: Evaluation, safe: Evaluation) -> list[dict[str, Any]]:
    """Items on which the verdicts or the classes of error differ, in the items' order, JSON-safe.

    Each has "index", "db_id", "official" and "safe" (each with "right" and "error"; None where the mode did not score
    the item) and "why".
    """
    left = {one.index: one for one in official.results}
    right = {one.index: one for one in safe.results}
    found = []
    for index in sorted(left.keys() | right.keys()):
        one, other = left.get(index), right.get(index)
        if one is None or other is None or (one.right, one.error) != (other.right, other.error):
            known = one if one is not None else right[index]
            found.append(
                {
                    "index": index,
                    "db_id": known.db_id,
                    "official": _verdict(one),
                    "safe": _verdict(other),
                    "why": _why(one, other),
                }
            )
    return found


def _verdict(result: Result | None) -> dict[str, Any] | None:
    return None if result is None else {"right": result.right, "error": result.error}


def _why(official: Result | None, safe: Result | None) -> str:
    if official is None:
        return "official mode did not score it"
    if safe is None:
        return "safe mode did not score it"
    causes = [
        f"{name} mode: {ERRORS.get(one.error, one.error)}{f' ({one.message})' if one.message else ''}"
        for name, one in (("official", official), ("safe", safe))
        if one.error
    ]
    if official.changed:
        causes.append("the prediction changed the private copy, and the reference ran after it")
    return "; ".join(causes) or (
        "both ran: the rows differ, as by text that is not UTF-8, by leftover files that official mode takes for test"
        " databases, or by values that change from run to run"
    )
