"""What linkers that wrap another one share: its token counter, and the account of a schema that they changed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ctxprune.tokens import as_counter

from ..render.base import render
from ..schema.joins import JoinGraph
from ..schema.schema import ColumnRef
from .base import as_linker

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ctxprune.tokens import TokenCounter

    from ..schema.schema import Schema
    from .base import Linked, Linker

__all__ = ["counter_of", "whole", "with_columns", "with_schema"]


def counter_of(linker: Linker) -> TokenCounter:
    """What `linker` counts tokens with: its `counter`, or that of the linker that it wraps; else the bundled one."""
    inner: object = linker
    while inner is not None:
        adapted = as_linker(inner)
        if adapted.counter is not None:
            return as_counter(adapted.counter)
        inner = adapted.wrapped
    return as_counter(None)


def with_schema(
    linked: Linked, schema: Schema, reasons: Mapping[ColumnRef, tuple[str, ...]], counter: TokenCounter
) -> Linked:
    """`linked` with another schema and its reasons, and its tokens where the inner linker counted any."""
    if not linked.tokens_before:
        return replace(linked, schema=schema, reasons=reasons)
    same = linked.tokenizer == counter.name
    before = linked.tokens_before if same else counter.count(render(linked.full))
    after = before if schema is linked.full else counter.count(render(schema))
    return replace(
        linked, schema=schema, reasons=reasons, tokens_before=before, tokens_after=after, tokenizer=counter.name
    )


def whole(linked: Linked, why: str, counter: TokenCounter) -> Linked:
    """`linked` with every column kept: those that the inner linker kept for its reasons, the others for `why`."""
    reasons = {ref: linked.reasons.get(ref, (why,)) for ref in linked.full.refs()}
    return with_schema(linked, linked.full, reasons, counter)


def with_columns(linked: Linked, named: Iterable[ColumnRef], why: str, counter: TokenCounter) -> Linked:
    """`linked` with these columns of its full schema too, and the tables and keys that join them to the others."""
    new = [ref for ref in named if ref not in linked.kept]
    if not new:
        return linked
    full = linked.full
    reasons: dict[ColumnRef, tuple[str, ...]] = dict(linked.reasons)
    reasons.update(dict.fromkeys(new, (why,)))
    tables = list(dict.fromkeys([*(table.name for table in linked.schema.tables), *(ref.table for ref in new)]))
    graph = JoinGraph(full)
    tables += [full.table(name).name for name in graph.bridges(tables)]
    for ref in _keys(full, graph, tables):
        reasons.setdefault(ref, ("key",))
    schema = full.subset({*linked.kept, *reasons}, tables)
    return with_schema(linked, schema, reasons, counter)


def _keys(full: Schema, graph: JoinGraph, tables: Sequence[str]) -> list[ColumnRef]:
    refs = [ref for key in graph.between(tables) for ref in graph.ends(key)]
    return refs + [ColumnRef(full.table(t).name, name) for t in tables for name in full.table(t).primary_key]
