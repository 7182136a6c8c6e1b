"""How well scores pick the right query: shares over groups, and the area under the curve within them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ctxprune.text.words import STOP_WORDS, stem, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from .groups import Group

__all__ = ["OFFERED", "measure", "word_overlap"]

OFFERED = ("offered",)


def measure(
    groups: Sequence[Group], scores: Sequence[NDArray[np.float64]], kinds: Iterable[str]
) -> dict[str, float | int]:
    """Figures over the groups that have a right and a wrong query among those looked at.

    Args:
        groups: Questions with queries.
        scores: Of each group's queries, higher is better.
        kinds: Which origins to look at. Without "gold" a right query has to be offered as well.

    Returns:
        `groups`; `first`, the share whose best score is a right query's (one of several equal ones counts by its
        share); `auc`, the mean over groups of how often a right query is above a wrong one; `pooled_auc`, the same over
        the pairs of all groups, for scores that are compared between questions.
    """
    wanted, first, auc = set(kinds), [], []
    right_all, wrong_all = [], []
    for group, values in zip(groups, scores, strict=True):
        kept = np.array([origin in wanted for origin in group.origin], dtype=bool)
        right = np.array(group.right, dtype=bool)[kept]
        if not right.any() or right.all():
            continue
        found = np.asarray(values, dtype=float)[kept]
        best = found == found.max()
        first.append(right[best].mean())
        auc.append(_auc(found[right], found[~right]))
        right_all.append(found[right])
        wrong_all.append(found[~right])
    if not first:
        return {"groups": 0}
    pooled = _auc(np.concatenate(right_all), np.concatenate(wrong_all))
    means = {"first": float(np.mean(first)), "auc": float(np.mean(auc)), "pooled_auc": pooled}
    return {"groups": len(first), **{name: round(value, 4) for name, value in means.items()}}


def _auc(right: NDArray[np.float64], wrong: NDArray[np.float64]) -> float:
    order = np.sort(wrong)
    below, upto = np.searchsorted(order, right), np.searchsorted(order, right, side="right")
    return float((below + upto).mean() / 2 / len(wrong))


def word_overlap(question: str, query: str) -> list[float]:
    """A bag of features that needs no learning of language: what both texts share.

    The share of the question's words in the query and the reverse, numbers and quoted texts that only one has, and the
    length of the query in words: five numbers.
    """
    asked, said = _stems(question), _stems(query)
    both = asked & said
    literals = {word for word in asked ^ said if any(letter.isdigit() for letter in word)}
    return [
        len(both) / max(len(asked), 1),
        len(both) / max(len(said), 1),
        float(len(literals & said)),
        float(len(literals & asked)),
        len(query.split()) / 20,
    ]


def _stems(text: str) -> set[str]:
    return {stem(word) for word in words(text) if word not in STOP_WORDS}
