"""The trained ranker: which group of equal results answers the question, and with what probability."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.models.network import Network
from ctxprune.models.weights import reading, shipped
from ctxprune.utils.validation import check_range

from .base import SELECTORS, Selection, Selector
from .expected import Expectations
from .features import FEATURES, Case, Evidence, case_features
from .grouping import choose_representative, read_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .base import Executed
    from .grouping import Group

__all__ = ["FORMAT", "VERSION", "RankedSelector", "RankingWeights", "load_weights"]

FORMAT, VERSION = "ctxprune.select.ranked", 3
_FILE = "ranked.json"


@dataclass(frozen=True)
class RankingWeights:
    """What was learned.

    Attributes:
        expectations: From the words of a question to the form of its SQL.
        networks: Each gives a logit to every group, against 0 for none of them; their probabilities are averaged.
        margins: For each network, how much larger the logarithm of a group's probability must be than that of the
            majority to overrule it; they are averaged.
        trained_on: Names of what they learned from.
        unseen: For each network, the databases of benchmarks whose candidates it did not learn from, of those that
            another network did learn from.
    """

    expectations: Expectations
    networks: tuple[Network, ...]
    margins: tuple[float, ...]
    trained_on: tuple[str, ...] = ()
    unseen: tuple[frozenset[str], ...] = ()

    @property
    def learned(self) -> frozenset[str]:
        """Databases of benchmarks whose candidates some network learned from."""
        return frozenset().union(*self.unseen)

    def blind_to(self, database: str) -> RankingWeights:
        """With only those networks that learned nothing from the candidates of a benchmark's database."""
        if database not in self.learned:
            return self
        kept = [place for place, names in enumerate(self.unseen) if database in names]
        return replace(
            self,
            networks=tuple(self.networks[place] for place in kept),
            margins=tuple(self.margins[place] for place in kept),
            unseen=tuple(self.unseen[place] for place in kept),
        )

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> RankingWeights:
        """Read the layout that `ranked.json` has.

        Raises:
            FormatError: Another format or version, other features, or damaged data.
        """
        with reading(data, (FORMAT, VERSION), list(FEATURES)) as read:
            networks = tuple(Network.from_dict(one["network"]) for one in read["networks"])
            margins = tuple(float(one["margin"]) for one in read["networks"])
            if not all(0 <= margin < math.inf for margin in margins):
                raise ValueError("a margin below 0, or not finite")
            unseen = tuple(frozenset(one["unseen"]) for one in read["networks"])
            expectations, trained_on = Expectations.from_dict(read["expectations"]), tuple(read["trained_on"])
        return cls(expectations, networks, margins, trained_on, unseen)

    def to_dict(self) -> dict[str, Any]:
        """The inverse of `from_dict`."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "trained_on": list(self.trained_on),
            "features": list(FEATURES),
            "networks": [
                {"unseen": sorted(names), "margin": margin, "network": network.to_dict()}
                for network, margin, names in zip(self.networks, self.margins, self.unseen, strict=True)
            ],
            "expectations": self.expectations.to_dict(),
        }

    def probabilities(self, case: Case) -> tuple[list[Group], list[float]]:
        """Groups of equal results, largest first, and the probability that each is right; what is left is none's."""
        groups, rows = case_features(case)
        if not groups:
            return [], []
        found = []
        for network in self.networks:
            raw = np.exp(np.clip(network(rows), -30.0, 30.0))
            found.append(raw / (1.0 + raw.sum()))
        return groups, [float(value) for value in np.mean(found, axis=0)]

    def order(self, groups: Sequence[Group], chances: Sequence[float]) -> list[int]:
        """Places of the groups, the chosen one first, the others by falling probability.

        The most probable group is chosen where it is a majority, or exceeds the probability of the most probable
        majority by the margin. A majority is a group that no other exceeds in size; empty results are none, unless all
        are empty.
        """
        # Equal chances keep the order of the groups, the largest first.
        order = sorted(range(len(groups)), key=lambda place: (-chances[place], place))
        full = [place for place in order if groups[place].table.shape[0]] or order
        size = max(len(groups[place].members) for place in full)
        major = next(place for place in full if len(groups[place].members) == size)
        margin = float(np.mean(self.margins))
        if chances[order[0]] < chances[major] * math.exp(margin):
            order.remove(major)
            order.insert(0, major)
        return order


@SELECTORS.register("ranked.v1")
@dataclass(frozen=True)
class RankedSelector(Selector):
    """Takes the group of equal results that most likely answers the question.

    Reads what candidates say and return, never who wrote them nor where they stand. For 2 to some 60 candidates.

    Attributes:
        min_confidence: 0..1; below it nothing is chosen.
        weights: None for those that come with the library; `RankingWeights.blind_to` for a benchmark.

    Raises:
        UsageError: `min_confidence` is out of its range.
    """

    min_confidence: float = 0.0
    weights: RankingWeights | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        check_range("min_confidence", self.min_confidence)

    def select(self, question: str, executed: Sequence[Executed]) -> Selection:
        """The choice; confidence is the probability that it is right."""
        return self.rank(question, executed)

    def rank(
        self, question: str, executed: Sequence[Executed], *, evidence: str = "", known: Evidence | None = None
    ) -> Selection:
        """The choice, with what else is known of the question.

        Args:
            question: The user's words.
            executed: The candidates.
            evidence: Extra knowledge that came with the question (BIRD).
            known: What the linker, the value index and a generator of one's own say; see `collect_evidence`.
        """
        tables = {place: read_table(one.result) for place, one in enumerate(executed) if one.result is not None}
        if not tables:
            return Selection(None, 0.0, (), "no candidate could be run" if executed else "there is no candidate")
        weights = load_weights() if self.weights is None else self.weights
        # The text that ran, after repair, for it gave the result.
        sqls = [one.sql or one.candidate.sql for one in executed]
        text = f"{question}\n{evidence}" if evidence.strip() else question
        case = Case(text, sqls, tables, weights.expectations(question, evidence), known or Evidence())
        groups, chances = weights.probabilities(case)
        order = weights.order(groups, chances)
        ranked = tuple(groups[place].members for place in order)
        chance = min(chances[order[0]], 1.0)
        if chance < self.min_confidence:
            return Selection(None, chance, ranked, f"the best result is right with a probability of {chance:.2f} only")
        best = choose_representative(ranked[0], tables, sqls)
        voted = f"{len(ranked[0])} of {len(tables)} working candidates gave this result"
        reason = f"right with a probability of {chance:.2f}; {voted}"
        return Selection(best, chance, ranked, reason)


@lru_cache(maxsize=1)
def load_weights() -> RankingWeights:
    """The weights that come with the library, read once."""
    return RankingWeights.from_dict(shipped(__package__, _FILE))
