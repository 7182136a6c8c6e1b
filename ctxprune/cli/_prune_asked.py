"""What every kind of input shares in `ctxprune prune`: the question, how much stays, and where the account goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ctxprune.policies.base import Policy
    from ctxprune.pruning.pruner import OnEmpty
    from ctxprune.pruning.result import Pruned

__all__ = ["Asked"]


@dataclass(frozen=True)
class Asked:
    """What was asked for.

    Attributes:
        question: What the input is needed for.
        files: Paths, "-" for stdin; at least one.
        scorer: Registered name of the scorer.
        model: Its model, if one was named.
        policy: How to choose.
        on_empty: See `ctxprune.Pruner`.
        as_json: Whether stdout gets the account as JSON in place of what was kept.
        html: The page to write, if any.
    """

    question: str
    files: Sequence[Path]
    scorer: str
    model: str | None
    policy: Policy
    on_empty: OnEmpty
    as_json: bool = False
    html: Path | None = None

    @property
    def read(self) -> list[Path]:
        """The files that are no stdin."""
        return [path for path in self.files if str(path) != "-"]

    def report(
        self, result: Pruned[Any], names: Sequence[str], units: str, more: Mapping[str, object] | None = None
    ) -> bool:
        """The page, if one was asked for, the account in one line on stderr, and JSON on stdout if that was asked for.

        Args:
            result: What was pruned.
            names: What the sources are called in the page.
            units: What a unit is called, in the plural.
            more: What the JSON document holds before the account.

        Returns:
            Whether stdout has got its JSON, so that nothing else may be written there.
        """
        from ctxprune.cli import _console

        if self.html is not None:
            _console.write_file(self.html, _page(result, names), *self.read)
        if self.as_json:
            _console.emit({**(more or {}), **result.to_dict()})
        share = result.tokens_after / max(result.tokens_before, 1)
        _console.say(
            f"kept {len(result.kept)} of {len(result.units)} {units}, {result.tokens_after} of"
            f" {result.tokens_before} tokens ({share:.0%}), {result.scorer}, {result.policy}"
        )
        return self.as_json


def _page(result: Pruned[Any], names: Sequence[str]) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><title>ctxprune</title></head>'
        f'<body style="margin:1rem">{result.to_html(names)}</body></html>\n'
    )
