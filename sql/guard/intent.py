"""Requests that a read-only tool cannot serve: a question that asks to change the database, or carries such SQL."""

from __future__ import annotations

import re

__all__ = ["write_request"]

_THING = (
    r"(?:table|view|database|schema|index|trigger|column|user|role|row|record|entr(?:y|ies)|all|every|everything)s?"
)
_POLITE = (
    r"(?:(?:please|now|then|and|just|can|could|would|will|you|i want (?:you )?to|i need (?:you )?to|let'?s)[\s,]+)*"
)
_SQL = re.compile(
    r"\b(?:drop\s+(?:table|view|database|schema|index|trigger|column)|delete\s+from|truncate\s+table|insert\s+into"
    r"|update\s+[\w\"`.\[\]]+\s+set|alter\s+(?:table|database|user|role)|create\s+(?:temp(?:orary)?\s+)?"
    r"(?:table|view|database|schema|index|trigger|user|role)|attach\s+database|grant\s+(?:all|select|insert|update|delete|usage)\s+(?:on|to)|pragma\s+\w+\s*=)\b",
    re.IGNORECASE,
)
_ORDER = re.compile(
    rf"(?:\A|[.;!?\n]\s*){_POLITE}(?:"
    rf"(?:delete|erase|wipe|purge|destroy|truncate|drop)\b(?!\s*(?:rates?|s\b|down|off|outs?))"
    rf"|remove\s+(?:the\s+|this\s+|that\s+|all\s+(?:the\s+|of\s+the\s+)?)?(?:\w+\s+){{0,3}}?from\s+(?:the\s+)?(?:\w+\s+)?(?:{_THING}|data)"
    rf"|insert\s+(?:a|an|one|this|the|new)\b|add\s+(?:a|an|one|this|the)?\s*(?:new\s+)?(?:\w+\s+){{0,2}}?(?:{_THING}|into)\b"
    rf"|(?:update|change|set|rename|modify|overwrite)\s+(?:the\s+|all\s+|every\s+)?(?:\S+\s+){{1,8}}?(?:to|as|=)\s"
    rf"|(?:create|alter|grant|revoke)\s+(?:a\s+|an\s+|the\s+|new\s+)*(?:table|view|database|index|trigger|user|role)\b"
    rf")|\band\s+(?:then\s+)?(?:delete|erase|wipe|drop)\s+(?:them|it|all|the|every)\b",
    re.IGNORECASE,
)


def write_request(question: str) -> str:
    """What of `question` asks for a change ("Delete all", "DROP TABLE"), as it stands there; "" for nothing.

    Only imperatives at the start of a sentence and whole SQL commands count: "Which users deleted an order?" asks for
    nothing. The guard is what keeps a database unchanged; this only spares the user a wrong answer.
    """
    found = _SQL.search(question) or _ORDER.search(question)
    return " ".join(found[0].strip(" .;!?\n").split()) if found else ""
