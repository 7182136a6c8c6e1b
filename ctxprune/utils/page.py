"""One design for every HTML page and fragment: the stylesheet, and the parts that reports are made of.

Everything is self-contained: no scripts, nothing from other places. Parameters that are called HTML have been escaped
by the caller (`ctxprune.utils.markup.escape`); all others are escaped here.
"""

from __future__ import annotations

import base64
import hashlib
import math
import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from ctxprune.utils.markup import escape

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "render_bar",
    "render_card",
    "render_details",
    "render_document",
    "render_facts",
    "render_table",
    "stylesheet",
    "whole_stylesheet",
]

_TICKS = "M25 0v16M50 0v16M75 0v16M100 0v16"
_WIDE = {"statement", "prose", "reasons", "bars", "code"}  # kinds of columns that use all the room there is
_PART = re.compile(r"/\* part: (\w+) \*/")


def whole_stylesheet() -> str:
    """The stylesheet as it is written, with comments."""
    return files("ctxprune.utils").joinpath("style.css").read_text(encoding="utf-8")


@cache
def stylesheet(*parts: str) -> str:
    """The named parts of the stylesheet, without comments and needless blanks.

    Args:
        parts: "colours", "base", "units" (kept and dropped text), "report", "chart" (SVG).

    Raises:
        KeyError: There is no such part.
    """
    _, *pieces = _PART.split(whole_stylesheet())
    named = dict(zip(pieces[::2], pieces[1::2], strict=True))
    text = re.sub(r"/\*.*?\*/", "", "".join(named[part] for part in parts), flags=re.DOTALL)
    return re.sub(r";?\s*([{};])\s*|(?<=[:,])\s+|\s+(?=\s)", r"\1", text).strip()


def render_document(
    title: str,
    body: str,
    *,
    kind: str = "",
    heading: str | None = None,
    about: str = "",
    reading: bool = False,
) -> str:
    """A whole document.

    Args:
        title: In the browser's tab; also the heading unless there is one.
        body: HTML below the heading.
        kind: What sort of report it is, in a few words above the heading.
        heading: HTML of the heading.
        about: A line below the heading.
        reading: Whether the body is text, so that the page is no wider than its lines.
    """
    style = stylesheet("colours", "base", "units", "report")
    # Nothing may load or run, not even a style attribute that slipped in: this very stylesheet is the only exception.
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    layout = "report reading" if reading else "report"
    above = f'<p class="kind">{escape(kind)}</p>' if kind else ""
    below = f'<p class="soft">{escape(about)}</p>' if about else ""
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><meta name="referrer" content="no-referrer">'
        f"<title>{escape(title)}</title><style>{style}</style></head>"
        f'<body class="ctxprune"><main class="{layout}">'
        f"{above}<h1>{_heading(heading, title)}</h1>{below}{body}</main></body></html>\n"
    )


def render_card(title: str, body: str) -> str:
    """A framed section; both are HTML."""
    return f'<section class="card"><h2>{title}</h2>{body}</section>'


def render_facts(pairs: Iterable[tuple[str, str]]) -> str:
    """The figures at the top of a page: names and HTML; those without a value are left out."""
    shown = "".join(f"<div><dt>{escape(name)}</dt><dd>{value}</dd></div>" for name, value in pairs if value)
    return f'<dl class="facts">{shown}</dl>'


def render_table(
    heads: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    label: str,
    kinds: Sequence[str] = (),
) -> str:
    """A table in a region of its own, which scrolls where the window is too narrow for it.

    Args:
        heads: Of the columns; the first column names its row.
        rows: Cells as HTML, as many as there are heads.
        label: What the table has, for those who do not see it.
        kinds: A class for each column: "number", "statement" (SQL), "prose", "score", "bars", "reasons", "name", "code"
            and "type" (of a column of a database), or "".
    """
    classes = [f' class="{kind}"' if kind else "" for kind in kinds] or [""] * len(heads)
    above = "".join(f'<th scope="col"{kind}>{escape(head)}</th>' for head, kind in zip(heads, classes, strict=True))
    shown = "".join(_row(row, classes) for row in rows)
    compact = "" if _WIDE & set(kinds) else " compact"
    return (
        f'<div class="scroll" role="region" aria-label="{escape(label)}" tabindex="0"><table class="grid{compact}">'
        f"<thead><tr>{above}</tr></thead><tbody>{shown}</tbody></table></div>"
    )


def render_bar(share: float, kind: str = "", *, interval: tuple[float, float] | None = None) -> str:
    """A bar across its place, as an SVG element that screen readers pass over: the figure stands beside it.

    Args:
        share: Of the width, 0 to 1; what is outside is cut, and NaN is nothing.
        kind: A class: "s0" and "s1" of two series, "bad", "few".
        interval: Two shares between which a line is drawn; the quarters have ticks.
    """
    width, classes = _percent(share), f" {kind}" if kind else ""
    ticks = line = ""
    top, height = 0, 16
    if interval is not None:
        low, high = map(_percent, interval)
        shape = f'd="M{low} 8H{high}M{low} 4v8M{high} 4v8"'
        # On a ground of the card's colour the line is seen on the bar, too.
        ticks, line = f'<path class="ticks" d="{_TICKS}"/>', f'<path class="halo" {shape}/><path {shape}/>'
        top, height, classes = 3, 10, f" interval{classes}"
    return (
        f'<svg class="bar{classes}" viewBox="0 0 100 16" preserveAspectRatio="none" aria-hidden="true">{ticks}'
        f'<rect y="{top}" width="{width}" height="{height}"/>{line}</svg>'
    )


def render_details(summary: str, body: str) -> str:
    """HTML that opens when its summary is chosen."""
    return f"<details><summary>{escape(summary)}</summary>{body}</details>"


def _heading(heading: str | None, title: str) -> str:
    """Never blank, which would be no heading for those who jump from one to the next."""
    return next((text for text in (heading or "", escape(title)) if text.strip()), "Report")


def _row(cells: Sequence[object], classes: Sequence[str]) -> str:
    first, *others = zip(cells, classes, strict=True)
    rest = "".join(f"<td{kind}>{cell}</td>" for cell, kind in others)
    return f'<tr><th scope="row"{first[1]}>{first[0]}</th>{rest}</tr>'


def _percent(share: float) -> float:
    return 0.0 if math.isnan(share) else round(100 * min(max(share, 0.0), 1.0), 1)
