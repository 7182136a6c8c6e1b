"""What a prompt is: messages from a request, with data kept inside its own lines."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...values.base import ValueHit
    from ..base import Request
    from ..model import Message

__all__ = ["Prompt", "dialect_name", "hit_lines", "one_line", "prompt_text"]


class Prompt(Protocol):
    """Writes a request as messages. The schema stands first and the question last, so that questions on one database
    share their beginning and a server's prefix cache saves the work."""

    @property
    def name(self) -> str:
        """For traces."""
        ...

    @property
    def stop(self) -> tuple[str, ...]:
        """Texts at which an answer ends."""
        ...

    def messages(self, request: Request) -> Sequence[Message]:
        """The conversation to send."""
        ...


_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


def one_line(text: str, limit: int = 2_000) -> str:
    """`text` as one line of at most `limit` characters that cannot open a fence or a chat template's control token."""
    text = " ".join(_CONTROL.sub(" ", text).split())
    text = text.replace("<|", "< |").replace("|>", "| >").replace("```", "'''")
    return text if len(text) <= limit else text[: limit - 1] + "…"


_DIALECTS = {"sqlite": "SQLite", "postgres": "PostgreSQL", "mysql": "MySQL", "duckdb": "DuckDB"}


def dialect_name(dialect: str) -> str:
    """sqlglot's name of a dialect as people write it."""
    return _DIALECTS.get(dialect, dialect)


def hit_lines(hits: Sequence[ValueHit], limit: int = 8) -> list[str]:
    """Matched stored values as `table.column = 'value'`, best first, each once, values over 80 characters left out."""
    lines = []
    for hit in sorted(hits, key=lambda hit: -hit.score):
        if len(hit.value) > 80:
            continue
        value = one_line(hit.value, 160).replace("'", "''")
        lines.append(f"{_name(hit.ref.table)}.{_name(hit.ref.column)} = '{value}'")
    return list(dict.fromkeys(lines))[:limit]


def _name(name: str) -> str:
    plain = one_line(name, 120)
    return plain if re.fullmatch(r"\w+", plain) else '"' + plain.replace('"', '""') + '"'


def prompt_text(messages: Sequence[Message]) -> str:
    """The conversation as one text, for traces."""
    return "\n\n".join(f"[{message.role}]\n{message.content}" for message in messages)
