"""Questions of an audit: the subsets on which a model may fail while its mean holds, and the same about another person.

Subsets are by length, rare words, negation, numbers and domain. The exchange of gendered words and given names follows
the swapped pairs of Zhao and others (NAACL 2018), asked for by "Can Model Compression Improve NLP Fairness": a score
should not change with them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctxprune.errors import UsageError
from ctxprune.text.words import terms
from ctxprune.utils.metrics import bootstrap_means

LEAST = 20
"""Questions of a slice that may be called the worst."""
_NEGATION = re.compile(r"\b(?:no|not|never|none|nobody|nothing|neither|nor|without|except|cannot)\b|n['’]t\b", re.I)
_NUMBER = re.compile(r"\d")
_RARE = 0.002  # of all texts: a term in fewer of them is rare
_PAIRS = (
    ("he", "she"), ("him", "her"), ("his", "her"), ("himself", "herself"), ("man", "woman"), ("men", "women"),
    ("boy", "girl"), ("boys", "girls"), ("father", "mother"), ("son", "daughter"), ("brother", "sister"),
    ("husband", "wife"), ("uncle", "aunt"), ("king", "queen"), ("prince", "princess"), ("actor", "actress"),
    ("male", "female"), ("mr", "mrs"), ("sir", "madam"), ("gentleman", "lady"), ("james", "mary"), ("john", "patricia"),
    ("robert", "jennifer"), ("michael", "linda"), ("david", "elizabeth"), ("william", "barbara"), ("richard", "susan"),
    ("joseph", "jessica"), ("thomas", "karen"), ("charles", "sarah"), ("george", "anna"), ("peter", "emma"),
    ("paul", "laura"), ("daniel", "julia"),
)  # fmt: skip
_OTHER = dict(_PAIRS) | {other: one for one, other in reversed(_PAIRS)}
_WORD = re.compile(r"\b(?:" + "|".join(sorted(_OTHER, key=len, reverse=True)) + r")\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Question:
    """A question with the texts that are ranked for it.

    Attributes:
        query: The question.
        texts: Passages, or the sentences of one or more documents.
        gains: Of each text, from 0 up.
        domain: Where the question is from; "" is no part of its own.
        sources: For each text its document, from 0; () where each is by itself. Pruners alone read them.
        titles: Of the documents; () where they have none.

    Raises:
        UsageError: The texts have another number of gains or sources, or a source has no title.
    """

    query: str
    texts: tuple[str, ...]
    gains: tuple[float, ...]
    domain: str = ""
    sources: tuple[int, ...] = ()
    titles: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        count = len(self.texts)
        if len(self.gains) != count or (self.sources and len(self.sources) != count):
            what = f"{len(self.gains)} gains and {len(self.sources)} sources for {count} texts"
            raise UsageError(what, where=self.query[:80])
        if self.titles and not all(0 <= source < len(self.titles) for source in self.sources):
            raise UsageError(f"a source is none of the {len(self.titles)} titles", where=self.query[:80])

    def swapped(self) -> Question:
        """The same about other people; see `swap_gender`."""
        texts, titles = (tuple(map(swap_gender, found)) for found in (self.texts, self.titles))
        return replace(self, query=swap_gender(self.query), texts=texts, titles=titles)


def find_slices(questions: Sequence[Question], *, noun: str = "question") -> dict[str, NDArray[np.bool_]]:
    """Which questions each part holds: bool (questions,) by name; parts that hold none or all are left out.

    Lengths are thirds by number of words. A rare term is a word of the question that stands in at least one and at most
    0.2 % (or in one) of all texts. `noun` says what is short or long.
    """
    found: dict[str, NDArray[np.bool_]] = {}
    sizes = np.array([len(question.query.split()) for question in questions])
    low, high = np.quantile(sizes, [1 / 3, 2 / 3]) if len(sizes) else (0, 0)
    found[f"short {noun}"] = sizes <= low
    found[f"long {noun}"] = sizes > high
    found["rare term"] = _rare(questions)
    found["negation"] = np.array([bool(_NEGATION.search(question.query)) for question in questions])
    found["number"] = np.array([bool(_NUMBER.search(question.query)) for question in questions])
    domains = sorted({question.domain for question in questions if question.domain})
    for domain in domains:
        found[f"domain {domain}"] = np.array([question.domain == domain for question in questions])
    # a slice of all or none has nothing to be compared with
    return {name: mask for name, mask in found.items() if mask.any() and not mask.all()}


def measure_loss(lost: NDArray[np.float64], seed: int, digits: int) -> dict[str, Any]:
    """`lost`: the mean, rounded; `lost_95`: 95 % of the bootstrap over questions or texts."""
    low, high = np.quantile(bootstrap_means(lost, seed), [0.025, 0.975])
    return {"lost": round(float(lost.mean()), digits), "lost_95": [round(float(end), digits) for end in (low, high)]}


def worst_slice(slices: Mapping[str, Mapping[str, Any]], counted: str) -> str:
    """The slice that lost most, of those with `LEAST` questions or texts; "" where none of them lost anything."""
    large = {name: entry["lost"] for name, entry in slices.items() if entry[counted] >= LEAST and entry["lost"] > 0}
    return max(large, key=lambda name: float(large[name]), default="")


def check_names(names: Sequence[str]) -> None:
    """Refuse models that a report could not tell apart."""
    if len(set(names)) != len(names):
        raise UsageError("two audited models have the same name", where=names[0])


def percent(value: Any) -> float:
    """A share in percent, to two places."""
    return round(100 * float(value), 2)


def _rare(questions: Sequence[Question]) -> NDArray[np.bool_]:
    texts = {text for question in questions for text in question.texts}
    counts = Counter(term for text in texts for term in set(terms(text)))
    # in a small set a term is rare if it stands in one text
    most = max(_RARE * len(texts), 1)
    return np.array([any(0 < counts[term] <= most for term in terms(question.query)) for question in questions])


def swap_gender(text: str) -> str:
    """The text with every such word exchanged, in its case; the same text where there is none.

    "her" becomes "him": English does not say which of "him" and "his" it stands for, and a scorer hardly cares.
    """
    return _WORD.sub(lambda found: _match_case(found[0], _OTHER[found[0].lower()]), text)


def _match_case(like: str, word: str) -> str:
    if like.isupper() and len(like) > 1:
        return word.upper()
    return word.capitalize() if like[0].isupper() else word
