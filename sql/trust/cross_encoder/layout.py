"""How a question and a query in words become the cross-encoder's input; training and run time use the same code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctxprune.models.windows import MOST_QUESTION, clip_ids

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["MOST_QUERY", "pair_ids"]

_CLS, _SEP = 101, 102
MOST_QUERY = 160
"""Most tokens of a query that are read; of a longer one its beginning and its end."""


def pair_ids(question: Sequence[int], query: Sequence[int]) -> tuple[list[int], int]:
    """`[CLS] question [SEP] query [SEP]` as token ids, and how many of them are the question with what is around it."""
    head = [_CLS, *clip_ids(question, MOST_QUESTION), _SEP]
    return [*head, *clip_ids(query, MOST_QUERY), _SEP], len(head)
