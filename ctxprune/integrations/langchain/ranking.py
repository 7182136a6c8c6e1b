"""Which earlier messages a query is about, by their best sentence, row, record or item."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.context import Context, Unit
from ctxprune.integrations.langchain.notes import text_form
from ctxprune.integrations.recall.base import digest
from ctxprune.rag.jsondocument import json_lists
from ctxprune.rag.passages.passages import Passage
from ctxprune.scorers import SCORERS
from ctxprune.scorers.base import as_scorer

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from ctxprune.integrations.langchain.messages import Memo
    from ctxprune.integrations.recall import StoredMessage

__all__ = ["Ranking", "is_seen", "rank_sources", "read_parts"]

_LINES = frozenset({"csv", "log", "table", "tsv"})
_MARKS = re.compile(r'[\[\]{}":,]+')
_READ = 50  # parts that the scorer itself reads, the best by words
_LOOKED_UP = 2_000  # of the best by words, among which those that were not seen are taken
_RANKS = 5  # of reciprocal ranks: the first few of each list weigh much


@dataclass(frozen=True)
class _Parts(Context[str]):
    """Parts of several texts, to be scored together."""

    texts: Sequence[str]

    @property
    def units(self) -> tuple[Unit, ...]:
        return tuple(Unit(text) for text in self.texts)

    def render(self, kept: Collection[int]) -> str:
        return "\n".join(self.texts[index] for index in sorted(kept))


def read_parts(text: str) -> list[str]:
    """The lines of a table or log, the items of JSON lists, the sentences of any other text; none is empty."""
    form = text_form(text)
    lists = json_lists(text) if form == "json" else None
    if lists is not None:
        parts = [unit.text for unit in lists.units]
    else:
        parts = text.splitlines() if form in _LINES else [unit.text for unit in Passage(text).units]
    return [part for part in parts if part.strip()]


def is_seen(text: str, seen: Sequence[str]) -> bool:
    """Whether a part stands in one of the texts that a model saw."""
    return any(text.strip() in shown for shown in seen)


@dataclass(frozen=True)
class Ranking:
    """What a query is about.

    Attributes:
        about: Ids of the messages that share a word with it, the best first, those before others that hold something
            which was not seen.
        others: Ids of the others, the latest first.
        parts: The best parts, with the ids of their messages, the best first.
        unseen: Those of them that were not seen.
    """

    about: list[str]
    others: list[str]
    parts: list[tuple[str, str]]
    unseen: list[tuple[str, str]]


def rank_sources(
    query: str, sources: Mapping[str, StoredMessage], scorer: Any, memo: Memo, *, seen: Sequence[str] = ()
) -> Ranking:
    """Rank messages by their best parts.

    Args:
        query: What is looked for.
        sources: By id, oldest first.
        scorer: Reads the parts that are the best by words.
        memo: Keeps the parts of messages.
        seen: Texts that were shown.
    """
    parts: list[tuple[str, str]] = []
    for id_, source in sources.items():
        # Not by the id, which is short: another conversation may have another text under it.
        own: list[str] = memo.get(("parts", digest(*source.texts)), partial(_read_all, source.texts))
        parts += [(id_, part) for part in own]
    best, unseen = _rank_parts(query, parts, scorer, seen)
    about = list(dict.fromkeys(id_ for id_, _ in [*unseen, *best]))
    return Ranking(about, [id_ for id_ in list(sources)[::-1] if id_ not in about], best, unseen)


def _read_all(texts: Sequence[str]) -> list[str]:
    return [part for text in texts for part in read_parts(text)]


def _rank_parts(
    query: str, parts: list[tuple[str, str]], scorer: Any, seen: Sequence[str]
) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """The parts that share a word with the query, the best first, and those of them that were not seen."""
    if not parts:
        return [], []
    words = SCORERS.get("lexical.v1")().score(query, _Parts([part for _, part in parts]))
    likely = [index for index in np.argsort(-words, kind="stable")[:_LOOKED_UP].tolist() if words[index] > 0]
    if not likely:
        return [], []
    # What was seen is looked up for the best alone: each part in each text would be quadratic.
    new = list(islice((index for index in likely if not is_seen(parts[index][1], seen)), _READ))
    order = sorted({*likely[:_READ], *new}, key=likely.index)
    read = as_scorer(scorer).score(query, _Parts([_plain(parts[index][1]) for index in order]))
    # Both ranks count: names and numbers decide by words, and what is asked of them by the scorer.
    places = np.empty(len(order))
    places[np.argsort(-read, kind="stable")] = np.arange(len(order))
    fused = 1 / (_RANKS + np.arange(len(order))) + 1 / (_RANKS + places)
    ranked = [order[index] for index in np.argsort(-fused, kind="stable").tolist()]
    unseen = set(new)
    return [parts[index] for index in ranked], [parts[index] for index in ranked if index in unseen]


def _plain(part: str) -> str:
    """The words of an item of JSON: beside sentences its marks would count against it."""
    return _MARKS.sub(" ", part).strip() or part if part[0] in '[{"' else part
