"""Keywords of a question from a language model, looked up as if the question had quoted them. None by default.

The spans of a question need no model. One helps where the question says a value in other words than the data.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from ctxprune.errors import ModelError, UsageError
from ctxprune.llm.base import Message, Sampling
from ctxprune.llm.calls import ask_model
from ctxprune.llm.langchain import as_chat_model

from .base import ValueLookup, as_value_lookup
from .restrict import can_leave_out, restrict

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from ctxprune.llm.base import ChatModel

    from ..schema.schema import ColumnRef
    from .base import ValueHit

__all__ = ["ChatKeywords", "KeywordLookup", "KeywordModel"]

_LONGEST = 100
_MOST_HITS = 24
_ASK = (
    "Which words or short phrases of this question may be values stored in a database (names, places, categories, "
    "codes, dates)? Also give each as a database might spell it. Answer with a JSON list of strings and nothing else."
)


class KeywordModel(Protocol):
    """Anything that names keywords of a question."""

    def __call__(self, question: str, evidence: str) -> Sequence[str]:
        """Keywords, the best first; () where there are none."""
        ...


@dataclass(frozen=True)
class KeywordLookup(ValueLookup):
    """A value look-up that also looks up what a keyword model names.

    Attributes:
        index: Where values are looked up, such as a `ValueIndex`.
        model: Names the keywords. What it raises comes through.
        most: Keywords that are looked up at most, 1 or more.

    Raises:
        UsageError: `most` is below 1.
    """

    index: ValueLookup
    model: KeywordModel
    most: int = 10

    def __post_init__(self) -> None:
        if self.most < 1:
            raise UsageError(f"most must be at least 1, got {self.most}", where="most")

    @property
    def hidden(self) -> tuple[ColumnRef, ...]:
        """As `ValueIndex.hidden`."""
        return as_value_lookup(self.index).hidden

    @property
    def leaves_out(self) -> bool:
        """Whether what `within` gives depends on no value of another column: whether that holds for the index."""
        return can_leave_out(self.index)

    def within(self, columns: Collection[ColumnRef]) -> KeywordLookup:
        """As `ValueIndex.within`."""
        return replace(self, index=restrict(self.index, columns))

    def lookup(self, question: str, evidence: str = "") -> Sequence[ValueHit]:
        """Hits of the question and of its keywords, likeliest first, at most 24 where keywords add any.

        A keyword that stands in the question (or evidence) keeps its place as the span; of another the span is the
        whole question.
        """
        hits = list(self.index.lookup(question, evidence))
        if not question.strip():
            return hits
        text = f"{question}\n{evidence}" if evidence else question
        known = {(hit.ref, hit.value) for hit in hits}
        for keyword in _usable(self.model(question, evidence))[: self.most]:
            at = text.casefold().find(keyword.casefold())
            span = (at, at + len(keyword)) if at >= 0 and at + len(keyword) <= len(text) else (0, len(question))
            # quoted, so that the index takes the keyword as one value
            for hit in self.index.lookup(f'"{keyword}"'):
                if (hit.ref, hit.value) not in known:
                    known.add((hit.ref, hit.value))
                    hits.append(replace(hit, span=span))
        return sorted(hits, key=lambda hit: -hit.likelihood)[:_MOST_HITS]


@dataclass(frozen=True)
class ChatKeywords:
    """A keyword model made of a chat model.

    Attributes:
        model: A `ChatModel` or any chat model of LangChain.
        seconds: Deadline. A model that fails or is late names no keywords; the trace of a pipeline has its error.
    """

    model: ChatModel
    seconds: float = 20.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "model", as_chat_model(self.model))

    def __call__(self, question: str, evidence: str) -> Sequence[str]:
        """Keywords from one answer; () where the model failed or answered no list."""
        hint = f"\nHint: {evidence}" if evidence else ""
        message = Message("user", f"{_ASK}\n\nQuestion: {question}{hint}")
        try:
            answer = ask_model(self.model, [message], Sampling(max_tokens=200, seconds=self.seconds))[0].text
        except ModelError:
            return ()
        return _list_in(answer)


def _list_in(answer: str) -> tuple[str, ...]:
    """The strings of the first JSON list in an answer; else its lines as a list of points; () for prose."""
    match = re.search(r"\[[^\[\]]*\]", answer)
    if match:
        try:
            return tuple(one for one in json.loads(match.group()) if isinstance(one, str))
        except ValueError:
            pass
    points = re.findall(r"^\s*(?:[-*\u2022]|\d+[.)])\s+(.+)$", answer, re.MULTILINE)
    return tuple(point.strip().strip("\"'`") for point in points)


def _usable(keywords: Sequence[str]) -> list[str]:
    plain = (" ".join(keyword.replace('"', " ").split()) for keyword in keywords)
    return [keyword for keyword in dict.fromkeys(plain) if 0 < len(keyword) <= _LONGEST]
