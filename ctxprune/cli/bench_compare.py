"""`ctxprune bench compare`: two runs over the same items."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ctxprune.cli._options import JsonOption

if TYPE_CHECKING:
    from ctxprune.sql.evaluation.compare import Comparison

__all__ = ["compare"]


def compare(
    a: Annotated[Path, typer.Argument(help="Log, or JSON of a run with --items.")],
    b: Annotated[Path, typer.Argument(help="The other run.")],
    confidence: Annotated[float, typer.Option(help="Confidence of the intervals, between 0 and 1.")] = 0.95,
    seed: Annotated[int, typer.Option(help="Random seed of the bootstrap.")] = 0,
    html: Annotated[Path | None, typer.Option(help="Write a page about the comparison.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Compare two runs item by item: differences with bootstrap intervals, and McNemar's test.

    Differences are B minus A, in percent points of the items that both have.
    """
    from ctxprune.cli import _console
    from ctxprune.cli._progress import show_progress
    from ctxprune.sql.evaluation.compare import compare as compared
    from ctxprune.sql.evaluation.compare import read_results

    if html is not None:
        _console.check_target(html, a, b)
    with show_progress("comparing"):
        comparison = compared(read_results(a), read_results(b), confidence=confidence, seed=seed)
    if html is not None:
        from ctxprune.sql.evaluation.page import comparison_page

        _console.write_file(html, comparison_page(comparison, a=a.stem, b=b.stem), a, b)
    if as_json:
        _console.print_json({"a": a.name, "b": b.name, "seed": seed} | comparison.to_dict())
    else:
        _show(comparison, a.name, b.name)


def _show(comparison: Comparison, a: str, b: str) -> None:
    from rich.table import Table

    from ctxprune.cli import _console

    titles = (
        "",
        _console.escape(a),
        _console.escape(b),
        "difference",
        f"{comparison.confidence:.0%} interval",
    )
    table = Table(*titles, title=f"{_console.format_count(comparison.items, 'item')}, in percent")
    for one in comparison.metrics:
        table.add_row(
            one.name, f"{one.a:.2f}", f"{one.b:.2f}", f"{one.difference:+.2f}", f"{one.low:+.2f} to {one.high:+.2f}"
        )
    for name, (items, left, right) in comparison.levels.items():
        table.add_row(f"ex, {name} ({items})", f"{left:.2f}", f"{right:.2f}", f"{right - left:+.2f}", "")
    _console.stdout_console().print(table)
    _console.stdout_console().print(
        f"both right {comparison.both}, only A {comparison.only_a}, only B {comparison.only_b}, "
        f"neither {comparison.neither}; McNemar p = {comparison.p_value:.3g}"
    )
