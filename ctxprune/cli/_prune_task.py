"""What every kind of input shares in `ctxprune prune`: the question, how much is kept, and where the report goes."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from ctxprune.policies.base import Policy
    from ctxprune.pruning.pruner import OnEmpty
    from ctxprune.pruning.result import Pruned

__all__ = ["PruneTask", "options_named"]

_TITLE = 80  # characters of the question in the title of a page


@dataclass(frozen=True)
class PruneTask:
    """One call of `ctxprune prune`.

    Attributes:
        question: What the input is needed for.
        files: Paths, "-" for stdin; at least one.
        scorer: Registered name of the scorer; None for the one that is made for the kind of input.
        model: Its model, if one was named.
        policy: How units are chosen.
        on_empty: See `ctxprune.Pruner`.
        as_json: Whether stdout gets the report as JSON in place of what was kept.
        html: The HTML page to write, if any.
    """

    question: str
    files: Sequence[Path]
    scorer: str | None
    model: str | None
    policy: Policy
    on_empty: OnEmpty
    as_json: bool = False
    html: Path | None = None

    @property
    def input_files(self) -> list[Path]:
        """The files without stdin."""
        return [path for path in self.files if str(path) != "-"]

    def report(
        self, result: Pruned[Any], names: Sequence[str], kept: str, more: Mapping[str, object] | None = None
    ) -> bool:
        """Write the page and the JSON document, where these are wanted, and one line about the result to stderr.

        Args:
            result: The result.
            names: Names of the sources in the page.
            kept: How many units were kept, in words.
            more: Further entries of the JSON document, before those of the result.

        Returns:
            Whether stdout has its JSON document, so that nothing else may be written there.
        """
        from ctxprune.cli import _console
        from ctxprune.utils.percent import format_share

        if self.html is not None:
            _console.write_file(self.html, _page(result, names), *self.input_files)
        if self.as_json:
            _console.print_json({**(more or {}), **result.to_dict()})
        share = format_share(result.tokens_after, result.tokens_before)
        _console.print_note(
            f"kept {kept}, {result.tokens_after} of {result.tokens_before} tokens ({share}), {result.scorer},"
            f" {result.policy}"
        )
        if result.oversized is not None:
            _console.print_note(str(result.oversized))
        return self.as_json


@contextmanager
def options_named() -> Iterator[None]:
    """Names the options of the command line where an error advises an argument of Python.

    Raises:
        BudgetError: The block does.
    """
    from ctxprune.errors import BudgetError
    from ctxprune.pruning.pruner import NO_ROOM_HINT

    try:
        yield
    except BudgetError as error:
        if not error.hint.endswith(NO_ROOM_HINT):
            raise
        least = error.hint.removesuffix(NO_ROOM_HINT)
        hint = f"{least}raise --budget, or give --on-empty drop to get nothing"
        raise BudgetError(error.what, where=error.where, hint=hint) from error


def _page(result: Pruned[Any], names: Sequence[str]) -> str:
    """A whole HTML document: the question, the figures, and every unit."""
    from ctxprune.pruning.report import render_card
    from ctxprune.utils.markup import escape
    from ctxprune.utils.page import render_document, render_facts
    from ctxprune.utils.percent import format_share

    figures = [
        ("tokens kept", f"{result.tokens_after:,} <small>of {result.tokens_before:,}</small>"),
        ("units kept", f"{result.n_kept:,} <small>of {len(result.units):,}</small>"),
        ("share of the tokens", escape(format_share(result.tokens_after, result.tokens_before))),
    ]
    about = f"Scorer {result.scorer}, policy {result.policy}; tokens of {result.counter}."
    body = f"{render_facts(figures)}{render_card(result.query, about, result.units, names)}"
    short = result.query if len(result.query) <= _TITLE else f"{result.query[:_TITLE]} \u2026"
    kind = "Kept and dropped"
    return render_document(f"{kind}: {short}", body, kind=kind, heading=escape(result.query), about=about, reading=True)
