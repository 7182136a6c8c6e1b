"""A pruning result as one HTML fragment: every unit in place, kept or struck out, with its reason and score."""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING

from ctxprune.utils.markup import escape

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ctxprune.pruning.verdicts import Verdict

__all__ = ["render"]

_STARTS_LINE = re.compile(r"[-*+•]\s|[0-9]{1,3}[.)]\s|#{1,6}\s|[>|]|```")
_CELLS = " | "  # between the cells of a row
_STYLE = """
.ctxprune{--ink:#1b1f24;--paper:#fff;--line:#d0d7de;--dim:#57606a;--strike:#afb8c1;--kept:#d3f5dc;--bound:#d8ecff;
  font:14px/1.6 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:60em;
  border:1px solid var(--line);border-radius:6px;padding:12px 16px;box-sizing:border-box;color-scheme:light dark}
@media(prefers-color-scheme:dark){.ctxprune{--ink:#e6edf3;--paper:#0d1117;--line:#30363d;--dim:#8b949e;--strike:#586069;
  --kept:#12401f;--bound:#0f3358}}
.ctxprune header{border-bottom:1px solid var(--line);margin-bottom:10px;padding-bottom:10px}
.ctxprune header b{display:block;font-size:16px;overflow-wrap:anywhere}
.ctxprune small{color:var(--dim);display:block;overflow-wrap:anywhere}
.ctxprune .text{white-space:pre-wrap;overflow-wrap:anywhere}
.ctxprune .text+small{margin-top:12px;border-top:1px solid var(--line);padding-top:8px}
.ctxprune mark,.ctxprune i{font-style:normal;background:var(--kept);color:inherit;border-radius:3px;padding:1px 2px;
  -webkit-box-decoration-break:clone;box-decoration-break:clone}
.ctxprune .bound{background:var(--bound)}
.ctxprune del,.ctxprune i.gone{color:var(--dim);background:none;text-decoration:line-through var(--strike) 1px}
.ctxprune mark,.ctxprune del{unicode-bidi:plaintext}
@media(max-width:30em){.ctxprune{padding:8px 10px;border-left:0;border-right:0;border-radius:0}}
@media print{.ctxprune{border:0;max-width:none}}
"""

_LEGEND = (("all", "kept"), ("bound", "kept along with it, or pinned"), ("gone", "dropped"))


def render(query: str, account: str, units: Sequence[Verdict], names: Sequence[str] = ()) -> str:
    """The units of a result as one HTML fragment under the question and the account; see `Pruned.to_html`."""
    # Everything inline and escaped: the fragment is shown in notebooks and mailed around, and its texts are hostile.
    sources = "".join(_render_sources(units, names))
    legend = "".join(f'<i class="{name}">{text}</i> ' for name, text in _LEGEND)
    return (
        f'<section class="ctxprune"><style>{_STYLE}</style><header><b>{escape(query)}</b>'
        f"<small>{escape(account)}</small><small>{legend}</small></header>{sources}</section>"
    )


def _render_sources(units: Sequence[Verdict], names: Sequence[str]) -> Iterable[str]:
    """Every source text under its name; a single one without a name has no heading."""
    for source, own in groupby(units, key=lambda unit: unit.source):
        found = list(own)
        if source is not None or names:
            place = source or 0
            name = names[place] if place < len(names) else f"text {place + 1}"
            yield f"<small>{escape(f'{name}: {sum(unit.kept for unit in found)} of {len(found)} units')}</small>"
        yield f'<div class="text">{_body(found)}</div>'


def _body(units: Iterable[Verdict]) -> str:
    parts: list[str] = []
    before: Verdict | None = None
    for unit in units:
        parts += [_separator(before, unit), _unit(unit)]
        before = unit
    return "".join(parts)


def _separator(before: Verdict | None, unit: Verdict) -> str:
    """The separator of two units, by their spans: several characters between them are mostly the end of a line."""
    if before is None:
        return ""
    if unit.span is None or before.span is None or _CELLS in unit.text or _CELLS in before.text:
        return "\n"
    between = min(unit.span[0] - before.span[1], 2)
    if between < 0:  # one stands inside of the other
        return "\n"
    return "\n" if between and _STARTS_LINE.match(unit.text) else ("", " ", "\n")[between]


def _unit(unit: Verdict) -> str:
    title = escape(f"unit {unit.index}: {unit.reason}, score {unit.score:.3f}, {unit.tokens} tokens")
    text = escape(unit.text)
    if not unit.kept:
        return f'<del title="{title}">{text}</del>'
    bound = "" if unit.reason in ("selected", "share") else ' class="bound"'
    return f'<mark{bound} title="{title}">{text}</mark>'
