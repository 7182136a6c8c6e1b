"""Tool results with questions: what one call of a tool gives, and which of its strings answer which question."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from ctxprune.rag.evaluation.field_set import evidence_text

_DEV = 3  # of ten results, those in the part "dev"


@dataclass(frozen=True)
class Question:
    """A question with what answers it.

    Attributes:
        text: What a user asks.
        evidence: Any one of these groups of strings, each with white space removed, answers it.
    """

    text: str
    evidence: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class ToolResult:
    """What one call of a tool gives.

    Attributes:
        name: Unique: data set, document and, behind "#", which part of it.
        tool: Name of the tool.
        group: By which figures are reported.
        text: All of it.
        questions: Whose evidence is in the text.
    """

    name: str
    tool: str
    group: str
    text: str
    questions: tuple[Question, ...]

    @property
    def part(self) -> str:
        """ "dev" or "test", by the data set's own division or else by the document."""
        if self.name.startswith("own-"):
            return "dev" if self.name.startswith("own-dev") else "test"
        document = self.name.partition("#")[0]
        return "dev" if int(hashlib.sha256(document.encode()).hexdigest(), 16) % 10 < _DEV else "test"

    @property
    def data_set(self) -> str:
        """The set that it is from."""
        return self.name.partition("-")[0]


def squeeze(text: str) -> str:
    """The text without white space: other line breaks and indents do not hide evidence."""
    return "".join(text.split())


def visible_forms(text: str) -> tuple[str, ...]:
    """The forms in which evidence is looked for: the text itself, and where it may be a page what a reader sees."""
    return (squeeze(text), squeeze(evidence_text(text, "html"))) if "<" in text else (squeeze(text),)


def holds_evidence(question: Question, forms: Sequence[str]) -> bool:
    """Whether one group of evidence strings is in these texts, each string in any of them."""
    return any(all(any(string in form for form in forms) for string in group) for group in question.evidence)


def keep_answered(result: ToolResult) -> ToolResult:
    """The result with those of its questions that its text answers."""
    forms = visible_forms(result.text)
    kept = {question.text: question for question in result.questions if holds_evidence(question, forms)}
    return ToolResult(result.name, result.tool, result.group, result.text, tuple(kept.values()))
