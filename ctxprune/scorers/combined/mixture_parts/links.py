"""How documents are linked: the second pass, for several documents, follows the names that the best units say."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.context.base import as_context
from ctxprune.text.words import fold, terms

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ctxprune.context.base import Context
    from ctxprune.scorers.combined.mixture_parts.matches import Vocabulary

__all__ = ["LINKS", "Names", "link_features"]

LINKS = ("asked", "named", "opening", "follows")
"""Features of the second pass, in the order of the weights. A document's name is its title, or what its first sentence
is about.

asked: share of the information in the name of the unit's document that the question holds. named: share that the
question does not hold and the best unit of another document does, the better that one is. opening: `named` of the first
unit of a document. follows: how good the unit just before is, for units that begin with a pronoun or the like.
"""

_BEST = 8  # units whose words are followed to other documents
_DECAY = 4.0  # logits below the best unit at which a mention counts by 1/e
_REMARK = re.compile(r"\([^()]*\)\s*$")  # "Arrival (film)": nobody says the word in brackets
_LONGEST_NAME = 80  # characters
_SUBJECT = re.compile(r"^\W*((?:[^\s,.;:(]+\s){0,7}?[^\s,.;:(]+)\s*(?:\(|,\s|\s(?:is|was|are|were)\s)")
_CONTINUES = re.compile(
    r"\W*(?:he|she|it|they|this|these|that|those|his|her|its|their|the|such|both|there|here|but|however|and|also|then)\b"
)


class Names:
    """What of the links between documents does not depend on the question.

    Attributes:
        sources: int (n_units,): the document of each unit, numbered from 0 in order of their own numbers.
        names: For each document the terms of its name, each with its share of the information; {} where it has none. A
            term is the less telling the more names hold it.
        is_first: bool (n_units,): whether it is the first of its document.
        continues: bool (n_units,): whether it begins as a sentence does that goes on about the one before.
    """

    def __init__(self, context: Context[Any]) -> None:
        context = as_context(context)
        texts = [unit.text for unit in context.units]
        sources = [0] * len(texts) if context.sources is None else context.sources
        numbers, first, self.sources = np.unique(
            np.asarray(sources, dtype=np.int64), return_index=True, return_inverse=True
        )
        self.is_first = np.zeros(len(texts), dtype=np.bool_)
        self.is_first[first] = True
        titles = context.titles
        self.names = _share_information(
            [
                frozenset(terms(_name_of(titles[number] if number < len(titles) else "", texts[place])))
                for number, place in zip(numbers.tolist(), first.tolist(), strict=True)
            ]
        )
        self.continues = np.asarray([_CONTINUES.match(fold(text[:40])) is not None for text in texts], dtype=np.bool_)


def link_features(query: str, names: Names, vocabulary: Vocabulary, logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """The features of the second pass: float64 (n_units, len(LINKS)).

    Args:
        query: The question.
        names: Of the context.
        vocabulary: Of its terms.
        logits: What the first pass says of each unit, at least one finite; -inf for units that are no evidence.
    """
    asked = frozenset(terms(query))
    best = np.argsort(-logits, kind="stable")[:_BEST]
    nearness = np.exp((logits - logits.max()) / _DECAY)
    held = [set(vocabulary.ids[vocabulary.starts[unit] : vocabulary.starts[unit + 1]].tolist()) for unit in best]
    known, found = np.zeros(len(names.names)), np.zeros(len(names.names))
    for document, name in enumerate(names.names):
        known[document] = sum(share for term, share in name.items() if term in asked)
        new = {vocabulary.numbers.get(term, -1): share for term, share in name.items() if term not in asked}
        for unit, words in zip(best.tolist(), held, strict=True):
            if names.sources[unit] != document:
                said = sum(share for number, share in new.items() if number in words)
                found[document] = max(found[document], said * float(nearness[unit]))
    before = np.zeros(len(logits))
    same = names.sources[1:] == names.sources[:-1]
    # The logistic slope itself, steeper than for names: only right after one of the best does "it" mean anything.
    before[1:] = np.where(same & names.continues[1:], nearness[:-1] ** _DECAY, 0.0)
    named = found[names.sources]
    return np.stack([known[names.sources], named, named * names.is_first, before], axis=1)


def _name_of(title: str, opening: str) -> str:
    name = _REMARK.sub("", title).strip()
    if name or title.strip():
        return name or title
    # Without a title a document is named by the subject of its first sentence, if that looks like a name.
    subject = _SUBJECT.match(opening[:_LONGEST_NAME])
    words = [] if subject is None else subject.group(1).split()
    # The first word of a sentence is written with a capital whatever it is.
    return " ".join(words) if any(word[0].isupper() for word in words[1:] or words) else ""


def _share_information(names: list[frozenset[str]]) -> list[dict[str, float]]:
    holders: dict[str, int] = {}
    for name in names:
        for term in name:
            holders[term] = holders.get(term, 0) + 1
    shares = []
    for name in names:
        # Sorted, so that sums of floats do not depend on the order of a set.
        weights = {term: float(np.log(1 + len(names) / holders[term])) for term in sorted(name)}
        total = sum(weights.values())
        shares.append({term: weight / total for term, weight in weights.items()})
    return shares
