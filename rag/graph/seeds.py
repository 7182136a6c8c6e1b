"""Entities that a question names: the longest runs of its words that are a label."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctxprune.text.words import STOP_WORDS, stem, words

from .triple import LONGEST_NAME

if TYPE_CHECKING:
    from .graph import TripleGraph

__all__ = ["link_entities"]

_MOST_WORDS = 2000  # of a question


def link_entities(question: str, graph: TripleGraph) -> tuple[int, ...]:
    """The numbers of the entities whose label the question says, by folded and stemmed words, rising; () for none.

    Of overlapping runs of words the longest counts, of equally long ones the first; all entities of that label are
    found. A label of stop words alone ("IT") counts only where the question has it in the same capitals.
    """
    question_words = words(question)[:_MOST_WORDS]
    stems = [stem(word) for word in question_words]
    tokens = frozenset(token.strip(".,;:!?\"'()") for token in question.split())
    in_capitals: dict[tuple[str, ...], list[int]] = {}  # a label of many entities may stand in many places
    taken = [False] * len(stems)
    found: set[int] = set()
    for length in range(min(LONGEST_NAME, len(stems)), 0, -1):
        for start in range(len(stems) - length + 1):
            place = slice(start, start + length)
            if any(taken[place]):
                continue
            key = tuple(stems[place])
            known = graph.by_words.get(key, [])
            if known and STOP_WORDS.issuperset(question_words[place]):
                if key not in in_capitals:
                    labels = ((entity, graph.labels[entity]) for entity in known)
                    in_capitals[key] = [entity for entity, label in labels if label.isupper() and label in tokens]
                known = in_capitals[key]
            if known:
                found.update(known)
                taken[place] = [True] * length
    return tuple(sorted(found))
