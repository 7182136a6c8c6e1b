"""HTML pages of one run, or of two compared, with bars and their intervals. No scripts, no external files."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ctxprune.utils.markup import escape
from ctxprune.utils.page import render_bar, render_card, render_details, render_document, render_facts, render_table

from .outcome import ERRORS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .compare import Comparison
    from .outcome import Result
    from .report import Evaluation

__all__ = ["comparison_page", "run_page", "wilson"]

_MOST_ITEMS = 2000  # whose SQL is written out
_METRICS = {"ex": "EX", "soft_f1": "Soft-F1", "exact_match": "exact match", "r_ves": "R-VES"}
_LEVELS = "Execution accuracy by level, with 95 % intervals"


def run_page(evaluation: Evaluation, *, title: str, differences: Sequence[Mapping[str, Any]] = ()) -> str:
    """One run as a whole HTML document; all text is escaped.

    Args:
        evaluation: The run.
        title: Of the page, such as the name of the predictions' file.
        differences: Of official and safe mode, as `differences.differences` lists them.
    """
    figures = evaluation.to_dict()
    facts = [
        ("EX", _shown(figures["ex"], "%")), ("items", f"{figures['items']:,}"), ("skipped", f"{figures['skipped']:,}"),
        ("exact match", _shown(figures["exact_match"], "%")), ("Soft-F1", _shown(figures["soft_f1"], "%")),
        ("R-VES", _shown(figures["r_ves"], "")), ("EX, reference runs", _shown(figures["clean"]["ex"], "%")),
    ]  # fmt: skip
    about = f"{figures['set']}, rules: {figures['rule']}, {figures['mode']} mode"
    body = f"{_levels(evaluation.results)}{_errors(figures['errors'])}{_differences(differences)}"
    return render_document(
        title, f"{render_facts(facts)}{body}{_wrong(evaluation.results)}", kind="Benchmark run", about=about
    )


def comparison_page(comparison: Comparison, *, a: str, b: str) -> str:
    """Two runs compared, as a whole HTML document; all text is escaped.

    Args:
        comparison: Of the two.
        a, b: Their names.
    """
    if a == b:  # two files of one name in two folders
        a, b = f"{a} (1)", f"{b} (2)"
    ex = comparison.metrics[0]
    facts = [
        (f"EX, {a}", _shown(ex.a, "%")), (f"EX, {b}", _shown(ex.b, "%")),
        ("difference", f"{ex.difference:+.2f}"), (f"{comparison.confidence:.0%} interval", _range(ex.low, ex.high)),
        ("McNemar p", f"{comparison.p_value:.3g}"), ("items", f"{comparison.items:,}"),
        ("in one run alone", f"{comparison.left_out:,}" if comparison.left_out else ""),
    ]  # fmt: skip
    metrics = [
        (
            escape(_METRICS.get(one.name, one.name)),
            f"{one.a:.2f}",
            f"{one.b:.2f}",
            f"{one.difference:+.2f}",
            _range(one.low, one.high),
        )
        for one in comparison.metrics
    ]
    heads = ("metric", a, b, "difference", "interval")
    shown = render_table(heads, metrics, label="Metrics", kinds=("", *["number"] * 4))
    body = f"{render_facts(facts)}{_compared_levels(comparison, a, b)}{render_card('Metrics, in percent', shown)}"
    return render_document(f"{a} and {b}", f"{body}{_split(comparison, a, b)}", kind="Two runs compared")


def _compared_levels(comparison: Comparison, a: str, b: str) -> str:
    rows = [
        (
            f'<span class="unseen">{escape(level)}</span>' if series else escape(level),
            f'<span class="key s{series}"></span>{escape(name)}',
            _interval_bar(round(value * items / 100), items, f"s{series}"),
            f"{value:.1f} %",
            f"{items:,}",
        )
        for level, (items, *values) in comparison.levels.items()
        for series, (name, value) in enumerate(zip((a, b), values, strict=True))
    ]
    heads, kinds = ("level", "run", "0 to 100 %", "EX", "items"), ("", "name", "bars", "number", "number")
    return render_card(_LEVELS, render_table(heads, rows, label=_LEVELS, kinds=kinds))


def _interval_bar(right: int, items: int, kind: str = "") -> str:
    low, high = wilson(right, items)
    return render_bar(right / items if items else 0.0, kind, interval=(low / 100, high / 100))


def _levels(results: Sequence[Result]) -> str:
    from .report import LEVELS

    groups: dict[str, list[Result]] = {"all": list(results)}
    for name in [*LEVELS, *sorted({one.level for one in results} - set(LEVELS))]:
        if found := [one for one in results if one.level == name]:
            groups[name or "unknown"] = found
    counts = [(name, sum(one.right for one in group), len(group)) for name, group in groups.items()]
    rows = [
        (
            escape(name),
            _interval_bar(right, items),
            f"{100 * right / items if items else 0:.1f} %",
            f"{right} of {items}",
        )
        for name, right, items in counts
    ]
    heads, kinds = ("level", "0 to 100 %", "EX", "right"), ("", "bars", "number", "number")
    return render_card(_LEVELS, render_table(heads, rows, label=_LEVELS, kinds=kinds))


def _errors(errors: Mapping[str, int]) -> str:
    if not errors:
        return ""
    rows = [(escape(ERRORS.get(name, name)), f"{count:,}") for name, count in errors.items()]
    return render_card("Errors", render_table(("error", "items"), rows, label="Errors", kinds=("", "number")))


def _differences(found: Sequence[Mapping[str, Any]]) -> str:
    if not found:
        return ""
    rows = [(one["index"], escape(one["db_id"]), escape(one["why"])) for one in found]
    title = "Official and safe mode differ"
    return render_card(title, render_table(("item", "database", "why"), rows, label=title, kinds=("", "", "prose")))


def _wrong(results: Sequence[Result]) -> str:
    wrong = [one for one in results if not one.right]
    title = f"{len(wrong):,} of {len(results):,} items wrong"
    if not wrong:
        return render_card(title, "")
    rows = [
        (one.index, escape(one.db_id), f"<code>{escape(one.sql)}</code>", _why_wrong(one))
        for one in wrong[:_MOST_ITEMS]
    ]
    heads, kinds = ("item", "database", "prediction", "why it is wrong"), ("", "", "statement", "prose")
    more = f"<p class='soft'>and {len(wrong) - _MOST_ITEMS:,} more</p>" if len(wrong) > _MOST_ITEMS else ""
    shown = render_table(heads, rows, label="Wrong predictions", kinds=kinds)
    return render_card(title, render_details("Their predictions", f"{shown}{more}"))


def _why_wrong(result: Result) -> str:
    return f'<span class="wrong">{escape(ERRORS.get(result.error, result.error) or "other rows")}</span>'


def _split(comparison: Comparison, a: str, b: str) -> str:
    counts = (
        f"<p>Both right: {comparison.both:,}. Only {escape(a)}: {comparison.only_a:,}. Only {escape(b)}:"
        f" {comparison.only_b:,}. Neither: {comparison.neither:,}.</p>"
    )
    right = {"a": a, "b": b}
    rows = [
        (
            one["index"], escape(one["db_id"]), escape(right.get(one["right"], one["right"])),
            f"<code>{escape(one['a'])}</code>", f"<code>{escape(one['b'])}</code>",
        )
        for one in comparison.differing[:_MOST_ITEMS]
    ]  # fmt: skip
    title = "Items on which they differ"
    if not rows:
        return render_card(title, counts)
    heads, kinds = ("item", "database", "right", a, b), ("", "", "", "statement", "statement")
    shown = render_table(heads, rows, label=title, kinds=kinds)
    return render_card(title, f"{counts}{render_details('Their SQL side by side', shown)}")


def _shown(value: float | None, unit: str) -> str:
    return "" if value is None else f"{value:.2f} {unit}".rstrip()


def _range(low: float, high: float) -> str:
    return f"{low:+.2f} to {high:+.2f}"


def wilson(right: int, items: int) -> tuple[float, float]:
    """95 % interval of a share of `items` in percent (Wilson 1927); (0, 100) without items."""
    if not items:
        return 0.0, 100.0
    # Wilson and not the normal interval, which is empty where all items are right
    z, share = 1.959964, right / items
    middle = (share + z * z / (2 * items)) / (1 + z * z / items)
    half = z / (1 + z * z / items) * math.sqrt(share * (1 - share) / items + z * z / (4 * items * items))
    return 100 * max(0.0, middle - half), 100 * min(1.0, middle + half)
