"""HTML pages of one run, or of two compared, with bar charts as SVG. Self-contained: no scripts, no external files."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ctxprune.utils.markup import escape

from .outcome import ERRORS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from .compare import Comparison
    from .outcome import Result
    from .report import Evaluation

__all__ = ["Bar", "bars", "comparison_page", "run_page", "wilson"]

_ROW, _LEFT, _WIDTH, _RIGHT, _TOP = 26, 150, 420, 150, 8  # pixels of a chart
_MOST_ITEMS = 2000  # whose SQL is written out
_STYLE = """
:root{--ink:#1b1f24;--soft:#57606a;--line:#d0d7de;--page:#f6f8fa;--card:#fff;--s0:#2da44e;--s1:#0969da;--bad:#cf222e}
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9198a1;--line:#3d444d;--page:#0d1117;--card:#151b23;
  --s0:#3fb950;--s1:#4493f8;--bad:#f85149}}
*{box-sizing:border-box}body{margin:0;padding:24px;font:15px/1.5 system-ui,sans-serif;color:var(--ink);
  background:var(--page)}main{max-width:70em;margin:0 auto}h1{font-size:1.35em;margin:0;overflow-wrap:anywhere}
h2{font-size:1.05em;margin:0 0 8px}p{margin:.4em 0;overflow-wrap:anywhere}.soft{color:var(--soft)}
dl{display:flex;flex-wrap:wrap;gap:8px 32px;margin:16px 0}dt{color:var(--soft);font-size:.85em}
dd{margin:0;font-size:1.3em;font-variant-numeric:tabular-nums}
section{background:var(--card);border:1px solid var(--line);border-radius:8px;margin:12px 0;padding:12px 16px;
  overflow-x:auto}
svg{width:100%;max-width:46em;height:auto;display:block}svg text{font:12px system-ui,sans-serif;fill:var(--ink)}
svg .tick,svg .note{fill:var(--soft)}svg .grid{stroke:var(--line)}svg .s0{fill:var(--s0)}svg .s1{fill:var(--s1)}
svg .whisker{stroke:var(--ink);stroke-width:1.5}
table{border-collapse:collapse;width:100%}th{text-align:left;color:var(--soft);font-weight:normal}
td,th{padding:4px 12px 4px 0;vertical-align:top;border-top:1px solid var(--line)}
td.n{font-variant-numeric:tabular-nums;white-space:nowrap}code{font:.9em ui-monospace,monospace;overflow-wrap:anywhere}
.key{display:inline-block;width:.8em;height:.8em;border-radius:2px;margin:0 .3em 0 1em}
.wrong{color:var(--bad)}details{margin-top:6px}summary{cursor:pointer;color:var(--soft)}
"""


def run_page(evaluation: Evaluation, *, title: str, differences: Sequence[Mapping[str, Any]] = ()) -> str:
    """One run as a whole HTML document; all text is escaped.

    Args:
        evaluation: The run.
        title: Of the page, such as the name of the predictions' file.
        differences: Of official and safe mode, as `differences.differences` lists them.
    """
    figures = evaluation.to_dict()
    facts = [
        ("EX", _shown(figures["ex"], "%")), ("items", str(figures["items"])), ("skipped", str(figures["skipped"])),
        ("exact match", _shown(figures["exact_match"], "%")), ("Soft-F1", _shown(figures["soft_f1"], "%")),
        ("R-VES", _shown(figures["r_ves"], "")), ("EX, reference runs", _shown(figures["clean"]["ex"], "%")),
    ]  # fmt: skip
    about = f"{figures['set']}, rules: {figures['rule']}, {figures['mode']} mode"
    body = f"{_facts(facts)}{_levels(evaluation.results)}{_errors(figures['errors'])}{_differences(differences)}"
    return _page(title, about, body + _wrong(evaluation.results))


def comparison_page(comparison: Comparison, *, a: str, b: str) -> str:
    """Two runs compared, as a whole HTML document; all text is escaped.

    Args:
        comparison: Of the two.
        a, b: Their names.
    """
    ex = comparison.metrics[0]
    facts = [
        (f"EX, {a}", _shown(ex.a, "%")), (f"EX, {b}", _shown(ex.b, "%")),
        ("difference", f"{ex.difference:+.2f}"), (f"{comparison.confidence:.0%} interval", _range(ex.low, ex.high)),
        ("McNemar p", f"{comparison.p_value:.3g}"), ("items", str(comparison.items)),
    ]  # fmt: skip
    found = [
        Bar(
            "" if series else name,
            value,
            f"{value:.1f} % of {items}",
            *wilson(round(value * items / 100), items),
            series,
        )
        for name, (items, left, right) in comparison.levels.items()
        for series, value in enumerate((left, right))
    ]
    key = f'<p class="soft"><i class="key" style="background:var(--s0)"></i>{escape(a)}' \
          f'<i class="key" style="background:var(--s1)"></i>{escape(b)}</p>'  # fmt: skip
    plot = f"<section><h2>EX by level, with 95 % intervals</h2>{key}{bars(found, 'EX by level')}</section>"
    rows = [(one.name, one.a, one.b, one.difference, one.low, one.high) for one in comparison.metrics]
    metrics = "".join(
        f"<tr><td>{escape(name)}</td><td class='n'>{x:.2f}</td><td class='n'>{y:.2f}</td>"
        f"<td class='n'>{gain:+.2f}</td><td class='n'>{_range(low, high)}</td></tr>"
        for name, x, y, gain, low, high in rows
    )
    head = "".join(f"<th>{escape(name)}</th>" for name in ("metric", a, b, "difference", "interval"))
    table = f"<section><h2>Metrics, in percent</h2><table><tr>{head}</tr>{metrics}</table></section>"
    counts = f"<p>both right {comparison.both}, only {escape(a)} {comparison.only_a}, only {escape(b)} " \
             f"{comparison.only_b}, neither {comparison.neither}</p>"  # fmt: skip
    return _page(f"{a} and {b}", "", f"{_facts(facts)}{plot}{table}<section>{counts}{_split(comparison)}</section>")


def _page(title: str, about: str, body: str) -> str:
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body><main>"
        f'<h1>{escape(title)}</h1><p class="soft">{escape(about)}</p>{body}</main></body></html>\n'
    )


def _facts(facts: Iterable[tuple[str, str]]) -> str:
    shown = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in facts if value)
    return f"<dl>{shown}</dl>"


def _levels(results: Sequence[Result]) -> str:
    from .report import LEVELS

    groups: dict[str, list[Result]] = {"all": list(results)}
    for name in [*LEVELS, *sorted({one.level for one in results} - set(LEVELS))]:
        if found := [one for one in results if one.level == name]:
            groups[name or "unknown"] = found
    shown = []
    for name, group in groups.items():
        right = sum(one.right for one in group)
        value = 100 * right / len(group) if group else 0.0
        shown.append(Bar(name, value, f"{value:.1f} %, {right} of {len(group)}", *wilson(right, len(group))))
    return (
        f"<section><h2>EX by level, with 95 % intervals</h2>{bars(shown, 'EX by level, with 95 % intervals')}</section>"
    )


def _errors(errors: Mapping[str, int]) -> str:
    if not errors:
        return ""
    rows = "".join(
        f"<tr><td class='n'>{count}</td><td>{escape(ERRORS.get(name, name))}</td></tr>"
        for name, count in errors.items()
    )
    return f"<section><h2>Errors</h2><table>{rows}</table></section>"


def _differences(found: Sequence[Mapping[str, Any]]) -> str:
    if not found:
        return ""
    rows = "".join(
        f"<tr><td class='n'>{one['index']}</td><td>{escape(one['db_id'])}</td><td>{escape(one['why'])}</td></tr>"
        for one in found
    )
    return f"<section><h2>Official and safe mode differ</h2><table>{rows}</table></section>"


def _wrong(results: Sequence[Result]) -> str:
    wrong = [one for one in results if not one.right]
    rows = "".join(
        f"<tr><td class='n'>{one.index}</td><td>{escape(one.db_id)}</td><td><code>{escape(one.sql)}</code></td>"
        f"<td class='wrong'>{escape(one.error or 'other rows')}</td></tr>"
        for one in wrong[:_MOST_ITEMS]
    )
    more = f"<p class='soft'>and {len(wrong) - _MOST_ITEMS} more</p>" if len(wrong) > _MOST_ITEMS else ""
    listed = f"<details><summary>their predictions</summary><table>{rows}</table>{more}</details>"
    return f"<section><h2>{len(wrong)} of {len(results)} items wrong</h2>{listed if wrong else ''}</section>"


def _split(comparison: Comparison) -> str:
    rows = "".join(
        f"<tr><td class='n'>{one['index']}</td><td>{escape(one['db_id'])}</td><td>{escape(one['right'])}</td>"
        f"<td><code>{escape(one['a'])}</code></td><td><code>{escape(one['b'])}</code></td></tr>"
        for one in comparison.differing[:_MOST_ITEMS]
    )
    head = "<tr><th>item</th><th>database</th><th>right</th><th>a</th><th>b</th></tr>"
    return (
        f"<details><summary>items on which they differ</summary><table>{head}{rows}</table></details>" if rows else ""
    )


def _shown(value: float | None, unit: str) -> str:
    return "" if value is None else f"{value:.2f} {unit}".rstrip()


def _range(low: float, high: float) -> str:
    return f"{low:+.2f} to {high:+.2f}"


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar.

    Attributes:
        label: Beside it.
        value: Percent, 0 to 100.
        note: Behind it.
        low, high: Its interval in percent.
        series: 0 or 1: which colour.
    """

    label: str
    value: float
    note: str
    low: float
    high: float
    series: int = 0


def bars(found: Sequence[Bar], title: str) -> str:
    """Horizontal bars from 0 to 100 % with a whisker for each interval; an SVG element that scales with its place."""
    height = _TOP + _ROW * len(found) + 24
    grid = "".join(
        f'<line class="grid" x1="{_x(at)}" x2="{_x(at)}" y1="{_TOP}" y2="{height - 20}"/>'
        f'<text class="tick" x="{_x(at)}" y="{height - 6}" text-anchor="middle">{at}</text>'
        for at in (0, 25, 50, 75, 100)
    )
    rows = "".join(_bar_row(bar, _TOP + _ROW * at) for at, bar in enumerate(found))
    return (
        f'<svg viewBox="0 0 {_LEFT + _WIDTH + _RIGHT} {height}" role="img" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title>{grid}{rows}</svg>"
    )


def wilson(right: int, items: int) -> tuple[float, float]:
    """95 % interval of a share of `items` in percent (Wilson 1927); (0, 100) without items."""
    if not items:
        return 0.0, 100.0
    # Wilson and not the normal interval, which is empty where all items are right
    z, share = 1.959964, right / items
    middle = (share + z * z / (2 * items)) / (1 + z * z / items)
    half = z / (1 + z * z / items) * math.sqrt(share * (1 - share) / items + z * z / (4 * items * items))
    return 100 * max(0.0, middle - half), 100 * min(1.0, middle + half)


def _bar_row(bar: Bar, y: int) -> str:
    middle = y + _ROW / 2
    return (
        f'<text x="{_LEFT - 8}" y="{middle + 4}" text-anchor="end">{escape(bar.label)}</text>'
        f'<rect class="s{bar.series}" x="{_LEFT}" y="{y + 5}" width="{_x(bar.value) - _LEFT:.1f}" height="{_ROW - 10}"'
        f' rx="2"/><line class="whisker" x1="{_x(bar.low)}" x2="{_x(bar.high)}" y1="{middle}" y2="{middle}"/>'
        f'<text class="note" x="{_LEFT + _WIDTH + 8}" y="{middle + 4}">{escape(bar.note)}</text>'
    )


def _x(percent: float) -> float:
    return round(_LEFT + _WIDTH * min(max(percent, 0.0), 100.0) / 100, 1)
