"""A pruning result as HTML: every unit in place, kept or struck out, with its reason and score."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from ctxprune.utils.markup import escape
from ctxprune.utils.page import stylesheet

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ctxprune.pruning.verdicts import Verdict

__all__ = ["render_card", "render_fragment"]

_SMALL = 40_000  # characters of all units, with an allowance for the marks of each, that are shown whole
_LARGEST = 100_000  # bytes of text and marks in the page of a larger context
_KEPT = 0.7  # of them for what is kept
_MARKS = 110  # bytes of the marks of a unit
_RUN = 260  # bytes of the marks of a run of kept units and of what was dropped before it
_LEAST = 40  # characters of dropped text beside kept text: of less nobody could tell what it was
_STARTS_LINE = re.compile(r"[-*+•]\s|[0-9]{1,3}[.)]\s|#{1,6}\s|[>|]|```")
_CELLS = " | "  # between the cells of a row
_LEGEND = (("all", "kept"), ("bound", "kept along with it, or pinned"), ("gone", "dropped"))


def render_fragment(query: str, account: str, units: Sequence[Verdict], names: Sequence[str] = ()) -> str:
    """The units of a result as one HTML fragment under the question and the account; see `Pruned.to_html`."""
    # Everything inline and escaped: the fragment is shown in notebooks and mailed around, and its texts are hostile.
    style = stylesheet("colours", "base", "units")
    return (
        f'<section class="ctxprune"><style>{style}</style><header><b>{escape(query)}</b>'
        f"<small>{escape(account)}</small><small>{_legend()}</small></header>"
        f"{_units(query, account, units, names)}</section>"
    )


def render_card(query: str, account: str, units: Sequence[Verdict], names: Sequence[str] = ()) -> str:
    """The same units and their legend as a section of a page; the question and the account name its anchors alone."""
    shown = _units(query, account, units, names)
    return f'<section class="card"><p class="legend">{_legend()}</p>{shown}</section>'


def _legend() -> str:
    return " ".join(f'<i class="{name}">{text}</i>' for name, text in _LEGEND)


def _units(query: str, account: str, units: Sequence[Verdict], names: Sequence[str]) -> str:
    sources = [(source, list(own)) for source, own in groupby(units, key=lambda unit: unit.source)]
    return "".join(_render_sources(sources, names, _Page.plan(query, account, units)))


@dataclass
class _Page:
    """What there is room for, and which run of kept units comes next.

    Attributes:
        prefix: Start of the anchors' names; other fragments of a notebook have others.
        runs: How many runs of kept units there are.
        whole: Whether everything is shown.
        room: Bytes that are left for kept units; only if not everything is shown.
        beside: Characters of dropped text that are shown on each side of kept text; likewise.
        run: Number of the run that was written last, from 1.
    """

    prefix: str
    runs: int
    whole: bool
    room: int
    beside: int
    run: int = 0

    @classmethod
    def plan(cls, query: str, account: str, units: Sequence[Verdict]) -> _Page:
        """For all units of a page."""
        size = runs = 0
        before: tuple[bool, int | None] = (False, None)
        for unit in units:
            size += len(unit.text) + _MARKS
            now = (unit.kept, unit.source)
            runs += unit.kept and now != before
            before = now
        prefix = hashlib.sha256(f"{query}\0{account}".encode("utf-8", "replace")).hexdigest()[:8]
        kept = int(_KEPT * _LARGEST)
        return cls(prefix, runs, size <= _SMALL, kept, (_LARGEST - kept) // (2 * (runs + 1)))

    def open_run(self) -> str:
        """The anchor of the next run of kept units, with links to those beside it; "" where there is one alone."""
        self.run += 1
        if self.runs < 2:
            return ""
        links = [("\u2191", "the kept text before", self.run - 1), ("\u2193", "the next kept text", self.run + 1)]
        shown = "".join(
            f'<a href="#{self.prefix}-{run}" title="{title}">{sign}</a>'
            for sign, title, run in links
            if 1 <= run <= self.runs
        )
        return f'<i class="jump" id="{self.prefix}-{self.run}">{shown}</i>'


def _render_sources(
    sources: Sequence[tuple[int | None, list[Verdict]]], names: Sequence[str], page: _Page
) -> Iterable[str]:
    """Every source text under its name; a single one without a name has no heading.

    Of several those that lost everything are a line that can be unfolded.
    """
    for source, own in sources:
        kept = sum(unit.kept for unit in own)
        heading = ""
        if source is not None or names:
            place = source or 0
            name = names[place] if place < len(names) else f"text {place + 1}"
            heading = escape(f"{name}: {kept} of {len(own)} units")
        if kept or len(sources) == 1:
            yield f'<small class="source">{heading}</small>' if heading else ""
            yield f'<div class="units">{_body(own, page)}</div>'
        elif page.whole:
            yield (
                f'<details><summary class="source">{heading}</summary>'
                f'<div class="units">{_body(own, page)}</div></details>'
            )
        else:
            yield f'<small class="source">{heading}</small>'


def _body(units: Sequence[Verdict], page: _Page) -> str:
    parts: list[str] = []
    before: Verdict | None = None
    for kept, run in groupby(units, key=lambda unit: unit.kept):
        own = list(run)
        parts.append(_separator(before, own[0]))
        if kept:
            parts += [page.open_run(), _kept_run(own, page)]
        else:
            last = own[-1].index == units[-1].index
            parts.append(_join(own) if page.whole else _dropped_run(own, page, after=before is not None, more=not last))
        before = own[-1]
    return "".join(parts)


def _join(units: Sequence[Verdict]) -> str:
    parts: list[str] = []
    before: Verdict | None = None
    for unit in units:
        parts += [_separator(before, unit), _unit(unit)]
        before = unit
    return "".join(parts)


def _kept_run(units: Sequence[Verdict], page: _Page) -> str:
    """The kept units of a run, as far as there is room, and how many there are beside."""
    if page.whole:
        return _join(units)
    page.room -= _RUN
    shown = 0
    while shown < len(units) and page.room > 0:
        page.room -= len(escape(units[shown].text).encode("utf-8", "replace")) + _MARKS
        shown += 1
    # The one that does not fit is cut, so that a single huge unit does not make a huge page either.
    if page.room < 0 and shown:
        last = units[shown - 1]
        cut = max(len(last.text) + page.room, _LEAST)
        parts = _join(units[: shown - 1]) + (_separator(units[shown - 2], last) if shown > 1 else "") + _unit(last, cut)
    else:
        parts = _join(units[:shown])
    rest = len(units) - shown
    return parts + (f"\n<i>\u2026 {rest:,} more kept units \u2026</i>" if rest else "")


def _dropped_run(units: Sequence[Verdict], page: _Page, *, after: bool, more: bool) -> str:
    """The beginning and the end of what was dropped, where kept text stands beside it, and how much there is."""
    text = "".join(_separator(units[i - 1], unit) * bool(i) + unit.text for i, unit in _ends(units, page.beside))
    count = f"{len(units):,} units, {sum(unit.tokens for unit in units):,} tokens dropped"
    beside = page.beside // 4 if page.beside >= 4 * _LEAST else 0  # escaped text may be four times as long
    if len(text) <= 2 * beside and len(units) <= 2 * beside:
        return f'<del title="{count}">{escape(text)}</del>'
    head = f"<del>{escape(text[:beside])}</del>" if after and beside else ""
    tail = f"<del>{escape(text[-beside:])}</del>" if more and beside else ""
    return f'{head}\n<i class="count">\u2026 {count} \u2026</i>\n{tail}'


def _ends(units: Sequence[Verdict], length: int) -> list[tuple[int, Verdict]]:
    """The first and last units, of `length` characters at least on each side, with their places."""
    first = last = size = 0
    while first < len(units) and size <= length:
        size += len(units[first].text) + 1
        first += 1
    size, last = 0, len(units)
    while last > first and size <= length:
        last -= 1
        size += len(units[last].text) + 1
    return [(i, units[i]) for i in (*range(first), *range(last, len(units)))]


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


def _unit(unit: Verdict, most: int | None = None) -> str:
    """A unit with its reason; `most` characters of it at most."""
    title = escape(f"unit {unit.index}: {unit.reason}, score {unit.score:.3f}, {unit.tokens} tokens")
    text = escape(unit.text if most is None or len(unit.text) <= most else f"{unit.text[:most]} \u2026")
    if not unit.kept:
        return f'<del title="{title}">{text}</del>'
    bound = "" if unit.reason in ("selected", "share") else ' class="bound"'
    return f'<mark{bound} title="{title}">{text}</mark>'
