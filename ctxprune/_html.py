"""A result as HTML."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ctxprune.result import Pruned, Verdict

__all__ = ["escape", "render"]

_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_STYLE = """
.ctxprune{font:14px/1.55 system-ui,sans-serif;color:#1b1f24;background:#fff;max-width:60em;
  border:1px solid #d0d7de;border-radius:6px;padding:12px 16px}
.ctxprune header{border-bottom:1px solid #d0d7de;margin-bottom:8px;padding-bottom:8px}
.ctxprune header b{display:block;overflow-wrap:anywhere}.ctxprune small{color:#57606a}
.ctxprune .text{white-space:pre-wrap;overflow-wrap:anywhere}
.ctxprune mark{background:#dafbe1;color:inherit;border-radius:3px;padding:0 2px}
.ctxprune mark.bound{background:#ddf4ff}.ctxprune del{color:#6e7781}
"""


def render(result: Pruned[Any]) -> str:
    """`result` as one HTML fragment; see `Pruned.to_html`."""
    kept = sum(unit.kept for unit in result.units)
    account = (
        f"{kept} of {len(result.units)} units, {result.tokens_after} of {result.tokens_before} tokens"
        f" ({result.counter}); scorer {result.scorer}, policy {result.policy}"
    )
    return (
        f'<section class="ctxprune"><style>{_STYLE}</style><header><b>{escape(result.query)}</b>'
        f'<small>{escape(account)}</small></header><div class="text">{_body(result)}</div></section>'
    )


def _body(result: Pruned[Any]) -> str:
    parts: list[str] = []
    before: Verdict | None = None
    for unit in result.units:
        parts += [_separator(before, unit), _unit(unit)]
        before = unit
    return "".join(parts)


def _separator(before: Verdict | None, unit: Verdict) -> str:
    if before is None:
        return ""
    if unit.span is None or before.span is None:
        return "\n"
    if unit.source != before.source:
        return "\n\n"
    return " " if unit.span[0] > before.span[1] else ""


def _unit(unit: Verdict) -> str:
    title = escape(f"unit {unit.index}: {unit.reason}, score {unit.score:.3f}, {unit.tokens} tokens")
    text = escape(unit.text)
    if not unit.kept:
        return f'<del title="{title}">{text}</del>'
    bound = "" if unit.reason == "selected" else ' class="bound"'
    return f'<mark{bound} title="{title}">{text}</mark>'


def escape(text: str) -> str:
    """`text` for the inside of an element or of a quoted attribute; what no page may hold becomes U+FFFD."""
    return html.escape(_UNPRINTABLE.sub("\ufffd", text), quote=True)
