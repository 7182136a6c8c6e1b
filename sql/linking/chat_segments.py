"""A chat model invents the schema that a question would need; its elements are the segments that choose columns."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctxprune.errors import ModelError
from ctxprune.llm.base import Message, Sampling
from ctxprune.llm.calls import ask_model
from ctxprune.text.words import STOP_WORDS, fold
from ctxprune.utils.validation import check_whole

from ..generate.prompts.base import one_line
from .collective import content_phrases, invented_elements

if TYPE_CHECKING:
    from ctxprune.llm.base import ChatModel

__all__ = ["ChatSegments"]

_LOG = logging.getLogger(__name__)
_MOST_LINES, _MOST_SEGMENTS, _LONGEST = 12, 40, 400  # tables, elements, and characters of a line that are read
# The whole line, but for a mark of a list or DDL before it and punctuation after it: no table stands inside a sentence.
_TABLE = re.compile(
    r"\s*(?:[-*•]|\d{1,3}[.)])?\s*(?:create\s+table\s+)?([\w .`\"-]{1,80})\(([^()]*)\)[\s.,;`*]*", re.IGNORECASE
)
_MOST_WORDS = 4  # of a table's name
_SQL = frozenset(
    {"avg", "by", "case", "cast", "coalesce", "count", "date", "distinct", "from", "having", "in", "insert",
     "join", "length", "lower", "max", "min", "not", "on", "over", "round", "select", "sum", "trim", "union",
     "update", "upper", "using", "values", "where"}
)  # fmt: skip
_TASK = (
    "Invent the smallest database schema that answers the user's question. Write one line for each table:"
    " table(column, column). Write nothing else."
)
# As turns of a conversation: a small model would continue examples that stand in its own question.
_EXAMPLES = (
    Message("user", "Which singers from France sold more than a million records in 2010?"),
    Message("assistant", "singer(name, country)\nrecord sale(singer name, year, copies sold)"),
    Message("user", "How many patients older than 60 had an abnormal glucose test?"),
    Message("assistant", "patient(patient id, birth date)\nlaboratory test(patient id, glucose, test date)"),
)


@dataclass(frozen=True)
class ChatSegments:
    """Cuts a question into the elements of a schema that a chat model invents for it.

    After Kothyari et al. 2023, "CRUSH4SQL: Collective Retrieval Using Schema Hallucination For Text2SQL". For
    `CollectiveSchemaScorer(segments=...)` and `SchemaPool(segments=...)`. Where the model fails, or writes no table,
    the question's own phrases are used; the failed call stands in the trace, and the reason in the log.

    Attributes:
        model: The chat model.
        with_phrases: The question's and the evidence's own phrases come along, after the invented elements.
        max_tokens, seconds: Limits of the answer.

    Raises:
        UsageError: A limit is out of its range.
    """

    model: ChatModel
    with_phrases: bool = False
    max_tokens: int = 64
    seconds: float = 60.0

    def __post_init__(self) -> None:
        check_whole("max_tokens", self.max_tokens)
        self._sampling()

    def __call__(self, question: str, evidence: str = "") -> list[str]:
        """The segments: "patient birth date" for `patient(birth date)`; at most 40 of them, and the phrases.

        [] where question and evidence hold nothing to ask about; no model is asked then.
        """
        phrases = content_phrases(question, evidence)
        if not phrases:
            return []
        asked = one_line(question) + (f" Hint: {one_line(evidence)}" if evidence.strip() else "")
        messages = [Message("system", _TASK), *_EXAMPLES, Message("user", asked)]
        try:
            text = ask_model(self.model, messages, self._sampling())[0].text
        except ModelError as error:
            _LOG.warning("the question's own phrases stand in for an invented schema: %s", error)
            return phrases
        found = _read_schema(text)
        if not found:
            _LOG.info("the model invented no table; the question's own phrases are used")
            return phrases
        return list(dict.fromkeys([*found, *phrases])) if self.with_phrases else found

    def _sampling(self) -> Sampling:
        return Sampling(max_tokens=self.max_tokens, seconds=self.seconds, stop=("\n\n",))


def _read_schema(text: str) -> list[str]:
    """The elements of the tables that stand in an answer, whatever stands around them."""
    lines = []
    for line in text.splitlines():
        found = _TABLE.fullmatch(line[:_LONGEST])
        if found is not None:
            table, columns = (part.replace("`", " ").replace('"', " ").strip(" -.") for part in found.groups())
            if _is_table_name(table):
                lines.append(f"{table}({columns})")
    return invented_elements(lines[:_MOST_LINES])[:_MOST_SEGMENTS]


def _is_table_name(text: str) -> bool:
    """Whether it may name a table: no SQL before a parenthesis ("SELECT count"), no prose ("I would use orders")."""
    words = [fold(word) for word in text.split()]
    is_short = 0 < len(words) <= _MOST_WORDS and any(char.isalpha() for char in text)
    return is_short and words[0] not in STOP_WORDS and _SQL.isdisjoint(words)
