"""Verbs that relate two things through a table that the question does not name: "products that Ann bought"."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .lexicon import VERBS, word_set

if TYPE_CHECKING:
    from .objections import Case
    from .reading import Part

__all__ = ["find_plain_verbs", "find_unsaid_bridges"]

# Verbs that say no more than that two things belong together.
_LINKING = word_set(
    "belong belongs belonging associate associated contain contained contains comprise consist consists correspond "
    "corresponding corresponds do does done get gets got give given gives have has had include included includes "
    "involve involved make made relate related show shown use used uses"
)


def find_unsaid_bridges(case: Case) -> tuple[Part, ...]:
    """Tables of events that a query goes through and no word stands for, where a verb without a part may mean others.

    What was bought may be read off orders as well as off reviews; a table of keys alone is how two tables are linked
    and means nothing else.
    """
    if not find_plain_verbs(case):
        return ()
    return tuple(part for name, part in case.query.tables.items() if _is_unsaid_bridge(case, name))


def find_plain_verbs(case: Case) -> list[int]:
    """Positions of the verbs that say more than that two things belong together, and that no part explains."""
    verbs = VERBS - _LINKING
    return [place for place, word in enumerate(case.asked.words)
            if place and word.text in verbs and not case.parts[place]]  # fmt: skip


def _is_unsaid_bridge(case: Case, name: str) -> bool:
    kinds, view = case.kinds, case.asked.prepared.view
    if len(case.query.tables) < 2 or case.query.tables[name] in {part for parts in case.parts for part in parts}:
        return False
    if any(ref.table == name and not kinds.is_link(ref) for ref in case.query.columns):
        return False
    columns = [facts.ref for facts in view.columns if facts.ref.table == name]
    return not all(kinds.is_link(ref) for ref in columns)
