"""One HTML page that shows what a linker kept, what it dropped, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctxprune.utils.markup import escape
from ctxprune.utils.page import render_bar, render_card, render_details, render_document, render_facts, render_table

from ..schema.schema import ColumnRef

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..schema.schema import ForeignKey, Table
    from ..values.base import ValueHit
    from .base import Linked

__all__ = ["link_page"]

_MOST_DROPPED_TABLES = 200  # whose names are written out


def link_page(linked: Linked, question: str, evidence: str = "") -> str:
    """A whole HTML document about one linked question.

    All text is escaped; there are no scripts and no references to other places. Tables come most likely first, columns
    in their own order; dropped ones are listed with their scores, folded away.

    Args:
        linked: What a linker gave back.
        question, evidence: What was asked; the words of value hits are marked in it.
    """
    kept = {table.name: table for table in linked.schema.tables}
    tables = sorted(kept.values(), key=lambda table: -linked.table_scores.get(table.name, 0.0))
    dropped = [table for table in linked.full.tables if table.name not in kept]
    hint = f'<p class="soft">{_marked(evidence, linked.hits, len(question) + 1)}</p>' if evidence else ""
    body = "".join(_table(linked, table) for table in tables)
    return render_document(
        f"{linked.full.name}: what was kept",
        f"{hint}{_account(linked)}{body}{_joins(linked.schema.foreign_keys)}{_dropped(linked, dropped)}",
        kind="Linked schema", heading=_marked(question, linked.hits, 0),
    )  # fmt: skip


def _account(linked: Linked) -> str:
    schema, full = linked.schema, linked.full
    share = 100 * schema.n_columns / full.n_columns if full.n_columns else 100.0
    facts = [
        ("database", escape(full.name)),
        ("tables kept", f"{len(schema.tables)} <small>of {len(full.tables)}</small>"),
        ("columns kept", f"{schema.n_columns} <small>of {full.n_columns}, {share:.0f} %</small>"),
    ]
    if linked.tokenizer:
        tokens = f"{linked.tokens_after:,} <small>of {linked.tokens_before:,}</small>"
        facts.append((f"tokens kept, {linked.tokenizer}", tokens))
    return render_facts(facts)


def _table(linked: Linked, table: Table) -> str:
    whole = linked.full.table(table.name)
    rows = [_row(linked, table, column.name, column.type) for column in table.columns]
    gone = [column.name for column in whole.columns if column.name not in table]
    names = ", ".join(
        f"<code>{escape(name)}</code> {linked.scores.get(ColumnRef(table.name, name), 0.0):.2f}" for name in gone
    )
    note = render_details(f"{_counted(len(gone), 'column')} dropped", f'<p class="soft">{names}</p>') if gone else ""
    comment = f'<p class="soft">{escape(whole.comment)}</p>' if whole.comment else ""
    score, counts = linked.table_scores.get(table.name, 0.0), f"{len(table.columns)} of {len(whole.columns)} columns"
    shown = render_table(
        ("column", "type", "score", "why it was kept"), rows, label=f"Columns of {table.name}",
        kinds=("code", "type", "score", "reasons"),
    )  # fmt: skip
    title = f"<code>{escape(table.name)}</code> <small>score {score:.2f}, {counts}</small>"
    return render_card(title, f"{comment}{shown}{note}")


def _row(linked: Linked, table: Table, name: str, kind: str) -> tuple[str, ...]:
    ref = ColumnRef(table.name, name)
    score = linked.scores.get(ref, 0.0)
    why = "".join(map(_reason, linked.reasons.get(ref, ())))
    return f"<code>{escape(name)}</code>", f"<small>{escape(kind)}</small>", f"{render_bar(score)}{score:.2f}", why


def _reason(text: str) -> str:
    kind = " value" if text.startswith("value:") else " joined" if text.startswith(("joins ", "primary key")) else ""
    return f'<span class="why{kind}">{escape(text)}</span>'


def _joins(keys: Sequence[ForeignKey]) -> str:
    if not keys:
        return ""
    lines = "".join(f"<p>{_join(key)}</p>" for key in keys)
    return render_card("Joins", lines)


def _join(key: ForeignKey) -> str:
    pairs = zip(key.columns, key.ref_columns, strict=True)
    text = " and ".join(f"{key.table}.{column} = {key.ref_table}.{other}" for column, other in pairs)
    return f"<code>{escape(text)}</code>" + (' <span class="soft">inferred</span>' if key.inferred else "")


def _dropped(linked: Linked, tables: Sequence[Table]) -> str:
    if not tables:
        return ""
    ranked = sorted(tables, key=lambda table: -linked.table_scores.get(table.name, 0.0))
    names = [
        f"<code>{escape(table.name)}</code> {linked.table_scores.get(table.name, 0.0):.2f}"
        for table in ranked[:_MOST_DROPPED_TABLES]
    ]
    rest = f" and {len(ranked) - _MOST_DROPPED_TABLES} more" if len(ranked) > _MOST_DROPPED_TABLES else ""
    shown = render_details("with their scores", f'<p class="soft">{", ".join(names)}{rest}</p>')
    return render_card(f"{_counted(len(ranked), 'table')} dropped", shown)


def _marked(text: str, hits: Iterable[ValueHit], offset: int) -> str:
    """`text`, escaped, with the characters that led to stored values marked; spans count from `offset`."""
    spans = {(hit.span[0] - offset, hit.span[1] - offset) for hit in hits}
    parts, at = [], 0
    for start, end in sorted(spans, key=lambda span: (span[0], -span[1])):
        if start < at or end > len(text):
            continue
        parts += [escape(text[at:start]), f'<mark class="value">{escape(text[start:end])}</mark>']
        at = end
    return "".join([*parts, escape(text[at:])])


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
