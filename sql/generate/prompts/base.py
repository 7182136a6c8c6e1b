"""The interface of prompts, which write a request as messages, and the parts that prompts share."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol

from ctxprune.llm.base import Message
from ctxprune.registry import Registry
from ctxprune.text.chat_marks import escape_marks
from ctxprune.text.invisible import escape_invisible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ...schema.hits import ValueHit
    from ..base import Request
    from ..examples import Example

__all__ = [
    "PROMPTS",
    "Prompt",
    "context_lines",
    "dialect_name",
    "example_lines",
    "hit_lines",
    "one_line",
    "order_line",
    "prompt_text",
    "user_message",
    "visible_hits",
]


class Prompt(Protocol):
    """Writes a request as messages. The schema comes first and the question last, so that questions on one database
    share a prefix, which a server's prefix cache does not compute again."""

    @property
    def name(self) -> str:
        """The prompt's name in traces."""
        ...

    @property
    def stop(self) -> tuple[str, ...]:
        """Texts at which an answer ends."""
        ...

    def messages(self, request: Request) -> Sequence[Message]:
        """The conversation to send. It names no table or column outside `request.schema`, except where the question,
        the evidence or an example does.

        Raises:
            GenerationError: The prompt has a budget, and the request cannot be made to fit.
        """
        ...


PROMPTS: Registry[type[Prompt]] = Registry(
    "prompt",
    {
        "compact.v1": "ctxprune.sql.generate.prompts.compact:CompactPrompt",
        "ddl.v1": "ctxprune.sql.generate.prompts.ddl:DDLPrompt",
        "mschema.v1": "ctxprune.sql.generate.prompts.mschema:MSchemaPrompt",
        "plain.v1": "ctxprune.sql.generate.prompts.plain:PlainPrompt",
        "skeleton.v1": "ctxprune.sql.generate.prompts.skeleton:SkeletonPrompt",
        "small.v1": "ctxprune.sql.generate.prompts.small:SmallPrompt",
    },
)

_JOINERS = frozenset("\u200c\u200d")  # scripts and emoji need them
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


def one_line(text: str, limit: int | None = None) -> str:
    """`text` as one line that opens neither a fence nor a turn (see `escape_marks`), cut at `limit` characters."""
    text = " ".join(_CONTROL.sub(" ", text).split())
    # These marks would open a turn of a chat template or a fence, and data must do neither.
    text = text.replace("<|", "< |").replace("|>", "| >").replace("```", "'''")
    text = escape_marks(escape_invisible(text, keep=_JOINERS))
    return text if limit is None or len(text) <= limit else text[: limit - 1] + "…"


_DIALECTS = {"sqlite": "SQLite", "postgres": "PostgreSQL", "mysql": "MySQL", "duckdb": "DuckDB"}


def dialect_name(dialect: str) -> str:
    """sqlglot's name of a dialect as people write it."""
    return _DIALECTS.get(dialect, dialect)


def hit_lines(hits: Sequence[ValueHit], limit: int = 8) -> list[str]:
    """Matched stored values as `table.column = 'value'`, best first, each once, values over 80 characters left out."""
    lines = []
    for hit in sorted(hits, key=lambda hit: -hit.score):
        # A long text would push the schema out of a small context, and no query compares with it.
        if len(hit.value) > 80:
            continue
        value = one_line(hit.value, 160).replace("'", "''")
        lines.append(f"{_name(hit.ref.table)}.{_name(hit.ref.column)} = '{value}'")
    return list(dict.fromkeys(lines))[:limit]


def visible_hits(request: Request) -> list[ValueHit]:
    """The hits on columns of the request's schema, in the order given."""
    shown = {(ref.table.casefold(), ref.column.casefold()) for ref in request.schema.refs()}
    return [hit for hit in request.hits if (hit.ref.table.casefold(), hit.ref.column.casefold()) in shown]


def example_lines(examples: Sequence[Example], own: str = "") -> Iterator[str]:
    """Two lines an example: its question and its query; nothing where there is none.

    Those of the database called `own`, which is the one that is asked, come first, under a heading of their own.
    """
    # Examples on the same tables show names and joins; others show only the form.
    here = [example for example in examples if own and example.database == own]
    others = [example for example in examples if example not in here]
    for heading, group in (("these", here), ("other", others)):
        if group:
            yield f"Similar questions on {heading} tables, with their queries:"
        for example in group:
            yield f"Question: {one_line(example.question, 400)}"
            yield f"SQL: {one_line(example.sql, 800)}"


def context_lines(request: Request, *, values: bool = True) -> Iterator[str]:
    """Examples, matched stored values, evidence, and last the question, each on lines of its own."""
    if request.examples:
        yield from (*example_lines(request.examples, request.schema.name), "")
    lines = hit_lines(visible_hits(request)) if values else []
    if lines:
        yield f"Stored values: {'; '.join(lines)}"
    if request.evidence:
        yield f"Hint: {one_line(request.evidence)}"
    yield f"Question: {one_line(request.question)}"


def order_line(request: Request) -> str:
    """The instruction that ends a prompt."""
    dialect = dialect_name(request.schema.dialect)
    return f"Write one {dialect} query that answers the question. Answer with the SQL only."


def user_message(schema: str, request: Request, *, order: str = "", values: bool = True) -> list[Message]:
    """One user message: the schema, an empty line, `context_lines`, and the order (default `order_line`)."""
    lines = [schema, "", *context_lines(request, values=values), order or order_line(request)]
    return [Message("user", "\n".join(lines))]


def _name(name: str) -> str:
    plain = one_line(name, 120)
    return plain if re.fullmatch(r"\w+", plain) else '"' + plain.replace('"', '""') + '"'


def prompt_text(messages: Sequence[Message]) -> str:
    """The conversation as one text, for traces."""
    return "\n\n".join(f"[{message.role}]\n{message.content}" for message in messages)
