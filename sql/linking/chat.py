"""A chat model as linker: it names tables and columns, which are added to those of another linker."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctxprune.errors import ModelError
from ctxprune.llm.base import Message, Sampling
from ctxprune.llm.calls import ask_model

from ..generate.prompts.base import hit_lines, one_line
from ..render.base import render
from ..schema.schema import ColumnRef, Schema
from .base import LINKERS, Linker, as_linker
from .wrapped import counter_of, with_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxprune.llm.base import ChatModel
    from ctxprune.tokens import TokenCounter

    from ..values.base import ValueHit
    from .base import Linked

__all__ = ["ChatLinker"]

_QUOTES = re.compile(r"[\"'`\[\]]")


@LINKERS.register("chat.v1")
@dataclass(frozen=True)
class ChatLinker(Linker):
    """Union of another linker's columns and those a chat model names, with the keys between their tables.

    Names that the schema lacks are ignored, and a failing model adds nothing: the call stands in the trace.

    Attributes:
        model: The chat model.
        base: The other linker.
        form: Renderer of the schema.
        max_tokens, seconds: Limits of the answer.
        budget: Tokens of the schema in the prompt, by the base's counter; of a larger one the best tables are shown,
            those that the base kept first.
    """

    model: ChatModel
    base: Linker
    form: str = "compact.v1"
    max_tokens: int = 200
    seconds: float = 60.0
    budget: int = 4_000

    def __post_init__(self) -> None:
        as_linker(self.base)  # checked here, and kept as it was given: its own attributes stay within reach

    @property
    def wrapped(self) -> Linker:
        """The base linker."""
        return self.base

    def link(self, question: str, schema: Schema, *, hits: Sequence[ValueHit] = (), evidence: str = "") -> Linked:
        """Link one question."""
        linked = self.base.link(question, schema, hits=hits, evidence=evidence)
        lines = [self._shown(linked), ""]
        lines += [f"Stored value: {line}" for line in hit_lines(hits)]
        if evidence:
            lines.append(f"Hint: {one_line(evidence)}")
        lines += [
            f"Question: {one_line(question)}",
            "Which columns does a SQL query for this question need? Write table.column, one a line, nothing else.",
        ]
        sampling = Sampling(max_tokens=self.max_tokens, seconds=self.seconds)
        try:
            text = ask_model(self.model, [Message("user", "\n".join(lines))], sampling)[0].text
        except ModelError:
            return linked
        return with_columns(linked, _named(text, schema), "named by the chat model", self._counter)

    @property
    def _counter(self) -> TokenCounter:
        return counter_of(self.base)

    def _shown(self, linked: Linked) -> str:
        """The schema as text within the budget; what the base kept is the least."""
        full, counter = linked.full, self._counter
        whole = render(full, self.form)
        if counter.count(whole) <= self.budget:
            return whole
        order = sorted(full.tables, key=lambda t: (t.name not in linked.schema, -linked.table_scores.get(t.name, 0.0)))
        names, room = [], self.budget
        for table in order:
            price = counter.count(render(Schema(full.name, (table,), (), full.dialect), self.form))
            if price <= room:
                names.append(table.name)
                room -= price
        most = bisect_right(  # the longest beginning that fits with the keys between its tables
            range(1, len(names) + 1), self.budget,
            key=lambda n: counter.count(render(_tables(full, names[:n]), self.form)),
        )  # fmt: skip
        if most:
            return render(_tables(full, names[:most]), self.form)
        return render(linked.schema, self.form)


def _tables(schema: Schema, names: Sequence[str]) -> Schema:
    """These tables with all their columns."""
    return schema.subset(
        [ColumnRef(name, column.name) for name in names for column in schema.table(name).columns], names
    )


def _named(text: str, schema: Schema) -> list[ColumnRef]:
    """Every `table.column` of the schema that stands in `text`, in any case and quotation."""
    plain = re.sub(r"\s*\.\s*", ".", _bare(text))
    found: list[ColumnRef] = []
    for table in schema.tables:
        name = _bare(table.name)
        if f"{name}." in plain:
            words = ((column, re.escape(f"{name}.{_bare(column.name)}")) for column in table.columns)
            found += [ColumnRef(table.name, c.name) for c, word in words if re.search(rf"(?<!\w){word}(?!\w)", plain)]
    return found


def _bare(text: str) -> str:
    return " ".join(_QUOTES.sub("", text).casefold().split())
