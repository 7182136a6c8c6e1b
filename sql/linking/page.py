"""One HTML page that shows what a linker kept, what it dropped, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctxprune.utils.markup import escape

from ..schema.schema import ColumnRef

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..schema.schema import ForeignKey, Table
    from ..values.base import ValueHit
    from .base import Linked

__all__ = ["link_page"]

_MOST_DROPPED_TABLES = 200  # whose names are written out
_STYLE = """
:root{--ink:#1b1f24;--soft:#57606a;--line:#d0d7de;--page:#f6f8fa;--card:#fff;--bar:#2da44e;--key:#ddf4ff;
  --value:#fff8c5;--why:#eaeef2}
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9198a1;--line:#3d444d;--page:#0d1117;--card:#151b23;
  --bar:#3fb950;--key:#0c2d4f;--value:#4b3a05;--why:#262c36}}
*{box-sizing:border-box}body{margin:0;padding:24px;font:15px/1.5 system-ui,sans-serif;color:var(--ink);
  background:var(--page)}main{max-width:70em;margin:0 auto}h1{font-size:1.35em;margin:0;overflow-wrap:anywhere}
p{margin:.4em 0;overflow-wrap:anywhere}.soft{color:var(--soft)}
h1 mark,p mark{background:var(--value);color:inherit;border-radius:3px;padding:0 2px}
dl{display:flex;flex-wrap:wrap;gap:8px 32px;margin:16px 0}dt{color:var(--soft);font-size:.85em}
dd{margin:0;font-size:1.3em;font-variant-numeric:tabular-nums}
section{background:var(--card);border:1px solid var(--line);border-radius:8px;margin:12px 0;padding:12px 16px;
  overflow-x:auto}
h2{font-size:1.05em;margin:0 0 6px;overflow-wrap:anywhere}h2 small{font-weight:normal;color:var(--soft)}
table{border-collapse:collapse;width:100%}td{padding:4px 12px 4px 0;vertical-align:top;
  border-top:1px solid var(--line);overflow-wrap:anywhere}td:first-child{width:26%}td:nth-child(2){width:14%}
td:nth-child(3){width:8em;white-space:nowrap;font-variant-numeric:tabular-nums}
.bar{display:inline-block;width:5em;height:.55em;border-radius:3px;background:var(--why);margin-right:.5em;
  overflow:hidden}.bar i{display:block;height:100%;background:var(--bar)}
.why{display:inline-block;background:var(--why);border-radius:10px;padding:0 8px;margin:0 4px 2px 0;font-size:.88em}
.why.value{background:var(--value)}.why.key{background:var(--key)}
@media(max-width:640px){tr{display:flex;flex-wrap:wrap;align-items:baseline;border-top:1px solid var(--line)}
  td:nth-child(n){border:0;width:auto}td:nth-child(1){flex:1 0 50%}td:nth-child(4){flex:1 0 100%}}
details{margin-top:6px;color:var(--soft)}summary{cursor:pointer}code{font:.92em ui-monospace,monospace}
"""


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
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(linked.full.name)}: what was kept</title><style>{_STYLE}</style></head><body><main>"
        f"<h1>{_marked(question, linked.hits, 0)}</h1>{hint}{_account(linked)}"
        f"{''.join(_table(linked, table) for table in tables)}{_joins(linked.schema.foreign_keys)}"
        f"{_dropped(linked, dropped)}</main></body></html>\n"
    )


def _account(linked: Linked) -> str:
    schema, full = linked.schema, linked.full
    share = 100 * schema.n_columns / full.n_columns if full.n_columns else 100.0
    facts = [
        ("database", escape(full.name)),
        ("tables", f"{len(schema.tables)} of {len(full.tables)}"),
        ("columns", f"{schema.n_columns} of {full.n_columns} ({share:.0f} %)"),
    ]
    if linked.tokenizer:
        facts.append((f"tokens, {escape(linked.tokenizer)}", f"{linked.tokens_before:,} → {linked.tokens_after:,}"))
    return f"<dl>{''.join(f'<div><dt>{name}</dt><dd>{value}</dd></div>' for name, value in facts)}</dl>"


def _table(linked: Linked, table: Table) -> str:
    whole = linked.full.table(table.name)
    rows = "".join(_row(linked, table, column.name, column.type) for column in table.columns)
    gone = [column.name for column in whole.columns if column.name not in table]
    names = ", ".join(
        f"<code>{escape(name)}</code> {linked.scores.get(ColumnRef(table.name, name), 0.0):.2f}" for name in gone
    )
    note = f"<details><summary>{_counted(len(gone), 'column')} dropped</summary>{names}</details>" if gone else ""
    about = f" {escape(whole.comment)}" if whole.comment else ""
    score, counts = linked.table_scores.get(table.name, 0.0), f"{len(table.columns)} of {len(whole.columns)} columns"
    return (
        f"<section><h2><code>{escape(table.name)}</code> <small>score {score:.2f}, {counts}{about}</small></h2>"
        f"<table>{rows}</table>{note}</section>"
    )


def _row(linked: Linked, table: Table, name: str, kind: str) -> str:
    ref = ColumnRef(table.name, name)
    score = linked.scores.get(ref, 0.0)
    width = round(100 * min(max(score, 0.0), 1.0))
    return (
        f"<tr><td><code>{escape(name)}</code></td><td class='soft'>{escape(kind)}</td>"
        f"<td><span class='bar'><i style='width:{width}%'></i></span>{score:.2f}</td>"
        f"<td>{''.join(map(_reason, linked.reasons.get(ref, ())))}</td></tr>"
    )


def _reason(text: str) -> str:
    kind = "value" if text.startswith("value:") else "key" if text.startswith(("joins ", "primary key")) else ""
    return f'<span class="why {kind}">{escape(text)}</span>'


def _joins(keys: Sequence[ForeignKey]) -> str:
    if not keys:
        return ""
    lines = "".join(f"<p>{_join(key)}</p>" for key in keys)
    return f"<section><h2>Joins</h2>{lines}</section>"


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
    return (
        f"<section><h2>{_counted(len(ranked), 'table')} dropped</h2><details><summary>with their scores</summary>"
        f"{', '.join(names)}{rest}</details></section>"
    )


def _marked(text: str, hits: Iterable[ValueHit], offset: int) -> str:
    """`text`, escaped, with the characters that led to stored values marked; spans count from `offset`."""
    spans = {(hit.span[0] - offset, hit.span[1] - offset) for hit in hits}
    parts, at = [], 0
    for start, end in sorted(spans, key=lambda span: (span[0], -span[1])):
        if start < at or end > len(text):
            continue
        parts += [escape(text[at:start]), f"<mark>{escape(text[start:end])}</mark>"]
        at = end
    return "".join([*parts, escape(text[at:])])


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
