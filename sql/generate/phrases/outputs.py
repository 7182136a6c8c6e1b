"""How things are shown: by their name, or by their key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from .plan import column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .term import Term
    from .terms import Terms

__all__ = ["Output", "Outputs", "Shown"]

_NAMED, _KEYED, _FIRST = 1.0, 0.55, 0.75
_MOST_WAYS = 6


@dataclass(frozen=True)
class Output:
    """What is shown for a term, what the rows are grouped by for it, and the tables that it needs."""

    shown: tuple[exp.Expression, ...]
    keys: tuple[exp.Expression, ...]
    tables: tuple[str, ...]


Shown = tuple[float, list[Output]]
"""One way to show some terms, with how likely it is, 0..1."""


@dataclass(frozen=True)
class Outputs:
    """Ways to show terms."""

    terms: Terms

    def of(self, terms: Sequence[Term]) -> list[Shown]:
        """Ways to show these terms together, at most 6."""
        found: list[Shown] = [(1.0, [])]
        for term in terms:
            ways = self._ways(term)
            found = [(score * share, [*before, output]) for score, before in found for share, output in ways]
            found = found[:_MOST_WAYS]
        return found

    def key_of(self, term: Term) -> exp.Expression:
        """What rows are sorted by for a term."""
        if term.expressions:
            return term.expressions[0]
        return self._ways(term)[0][1].shown[0]

    def _ways(self, term: Term) -> list[tuple[float, Output]]:
        if term.kind != "thing":
            keys = () if term.kind == "measure" else term.expressions
            return [(1.0, Output(term.expressions, self._with_key(term, keys), ()))]
        number = self.terms.lexicon.view.table_index[term.table]
        label, key = self.terms.label(number), self.terms.key(number)
        ways = []
        if label:
            keys = (*((key,) if key is not None else ()), *label)
            ways.append((_NAMED, Output(label, keys, (term.table,))))
        if key is not None:
            ways.append((_KEYED if label else _NAMED, Output((key,), (key,), (term.table,))))
        if not ways:
            first = column(next(facts.ref for facts in self.terms.lexicon.view.columns if facts.table == number))
            ways.append((_FIRST, Output((first,), (first,), (term.table,))))
        return ways

    def _with_key(self, term: Term, keys: tuple[exp.Expression, ...]) -> tuple[exp.Expression, ...]:
        """The name of a thing is grouped together with its key: two customers may have one name."""
        if not keys or not term.table:
            return keys
        number = self.terms.lexicon.view.table_index[term.table]
        key = self.terms.key(number)
        return (key, *keys) if key is not None and keys == self.terms.label(number) else keys
