"""How much of what a question says about the schema a query uses."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from ctxprune.text.words import stem

from .measures import UNITS
from .plan import ENTITY, tables_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .plan import Plan
    from .terms import Terms

__all__ = ["Coverage"]

_WORD = re.compile(r"[^\W_]{3,}")
_CLOSE = 0.75
_PERIODS = frozenset(map(stem, ("month", "year", "day", "monthly", "yearly", "daily")))
_QUANTITY = frozenset(map(stem, ("quantity", "qty")))


@dataclass(frozen=True)
class Coverage:
    """The words of a question that name something of the schema, each with the stems that it may stand for.

    Attributes:
        words: For each word, the close stems.
        terms: The reader of the schema.
    """

    words: tuple[frozenset[str], ...]
    terms: Terms

    @classmethod
    def of(cls, text: str, terms: Terms, dropped: Sequence[str] = ()) -> Coverage:
        """Of a question in lower case without its conditions, and the texts of conditions that are left out."""
        words = _WORD.findall(text)[:100]
        found = []
        for word in dict.fromkeys(words):
            if terms.lexicon.skips(word):
                continue
            close = frozenset(name for name, score in terms.lexicon.similar(word).items() if score >= _CLOSE)
            if close:
                found.append(close | _QUANTITY if UNITS.fullmatch(word) else close)
        said = [word for part in dropped for word in _WORD.findall(part.lower())]
        found += [
            frozenset(name for name, score in terms.lexicon.similar(word).items() if score >= _CLOSE) for word in said
        ]
        return cls(tuple(found), terms)

    def share(self, plan: Plan) -> float:
        """The share of the words that the plan uses, 0..1; 1.0 where there are none."""
        if not self.words:
            return 1.0
        stems = self._stems(plan)
        return sum(bool(word & stems) for word in self.words) / len(self.words)

    def _stems(self, plan: Plan) -> set[str]:
        view, stems = self.terms.lexicon.view, set[str]()
        nodes: Sequence[exp.Expression] = plan.parts
        if plan.source is not None:
            stems |= self._stems(plan.source)
        for name in (*plan.tables, *tables_of(nodes)):
            stems |= set(view.tables[view.table_index[name]].stems) if name in view.table_index else set()
        for node in nodes:
            for part in node.walk():
                if isinstance(part, exp.Column):
                    facts = self.terms.facts(part)
                    stems |= set(facts.name.stems) if facts is not None else set()
                elif isinstance(part, exp.TimeToStr):
                    stems |= _PERIODS
                elif isinstance(part, exp.Table) and part.name in view.table_index:
                    stems |= set(view.tables[view.table_index[part.name]].stems)
                elif ENTITY in part.meta:
                    stems |= set(view.tables[view.table_index[part.meta[ENTITY]]].stems)
        return stems
