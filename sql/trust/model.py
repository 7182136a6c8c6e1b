"""The trust model: how likely each group of equal results answers the question."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.errors import InputError
from ctxprune.models.network import Network
from ctxprune.models.weights import reading, shipped

from ..account.accountant import Accountant
from ..select.base import GroupChance
from .counted_kinds import find_rows_of_kind
from .features import FEATURES, SchemaFacts, describe_groups
from .support import find_outside, support_logits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from ..account.question import Prepared
    from ..account.reading import Reading
    from ..schema.schema import Schema
    from ..select.base import Executed, SelectionContext
    from .features import Basis, GroupFacts

__all__ = ["FORMAT", "VERSION", "Curve", "JudgedGroup", "TrustModel", "TrustWeights", "load_weights", "read_accounts"]

FORMAT, VERSION = "ctxprune.trust", 2  # version 1 had two curves and other features
_FILE = "trust.json"
_STORED, _STORED_CHANCE = "learned.v1", 0.97  # people have checked the stored answer to the very same question


@dataclass(frozen=True)
class Curve:
    """What a probability of the network means, by linear interpolation.

    Attributes:
        raw: float64 (n_points,), rising; probabilities of the network.
        calibrated: float64 (n_points,), not falling; share of right results at each.

    Raises:
        ValueError: The points do not match, do not rise, or there are none.
    """

    raw: NDArray[np.float64]
    calibrated: NDArray[np.float64]

    def __post_init__(self) -> None:
        raw, calibrated = self.raw, self.calibrated
        if raw.shape != calibrated.shape or raw.ndim != 1 or not len(raw):
            raise ValueError("the points of a calibration do not match")
        if (np.diff(raw) <= 0).any() or (np.diff(calibrated) < 0).any() or not np.isfinite(calibrated).all():
            raise ValueError("the points of a calibration do not rise")

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Curve:
        """The inverse of `to_dict`."""
        return cls(*(np.asarray(data[name], dtype=np.float64) for name in ("raw", "calibrated")))

    def to_dict(self) -> dict[str, Any]:
        """Lists of numbers, rounded to five digits."""
        return {name: [round(float(value), 5) for value in getattr(self, name)] for name in ("raw", "calibrated")}


@dataclass(frozen=True)
class TrustWeights:
    """What was learned.

    Attributes:
        network: Gives a logit to every group, against 0 for none of them.
        agreed, single, blocked: What its probability means by what a group rests on (`GroupFacts.basis`).
        answer_above: 0..1, least calibrated probability at which nine of ten answers on left-out databases were right.
        refuse_below: 0..1, calibrated probability below which an answer does more harm than good.
        trained_on: Names of what it learned from.
    """

    network: Network
    agreed: Curve
    single: Curve
    blocked: Curve
    answer_above: float
    refuse_below: float
    trained_on: tuple[str, ...] = ()

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> TrustWeights:
        """Read the layout that `trust.json` has.

        Raises:
            FormatError: Another format or version, other features, or damaged data.
        """
        with reading(data, (FORMAT, VERSION), list(FEATURES)) as read:
            bars = float(read["answer_above"]), float(read["refuse_below"])
            network = Network.from_dict(read["network"], inputs=len(FEATURES))
            agreed, single, blocked = (Curve.from_dict(read[name]) for name in ("agreed", "single", "blocked"))
            return cls(network, agreed, single, blocked, *bars, tuple(read["trained_on"]))

    def to_dict(self) -> dict[str, Any]:
        """The inverse of `from_dict`."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "trained_on": list(self.trained_on),
            "features": list(FEATURES),
            "answer_above": self.answer_above,
            "refuse_below": self.refuse_below,
            "agreed": self.agreed.to_dict(),
            "single": self.single.to_dict(),
            "blocked": self.blocked.to_dict(),
            "network": self.network.to_dict(),
        }

    def chances(
        self, rows: NDArray[np.float64], bases: Sequence[Basis], support: NDArray[np.float64] | float = 0.0
    ) -> NDArray[np.float64]:
        """Calibrated probabilities 0..1 of the groups of one question, float64 (n_groups,).

        Args:
            rows: Their features.
            bases: What each rests on.
            support: Log-odds to add to each, float64 (n_groups,).
        """
        raw = np.exp(np.clip(self.network(rows) + support, -30.0, 30.0))
        shares = raw / (1.0 + raw.sum())
        curves: dict[Basis, Curve] = {"agreed": self.agreed, "single": self.single, "blocked": self.blocked}
        found = [np.interp(x, curves[b].raw, curves[b].calibrated) for x, b in zip(shares, bases, strict=True)]
        return np.array(found, dtype=np.float64)


@dataclass(frozen=True)
class JudgedGroup:
    """A group of equal results.

    Attributes:
        facts: The group.
        chance: 0..1, calibrated probability that it answers the question.
        stored: The team has stored one of its queries as the answer to this very question.
    """

    facts: GroupFacts
    chance: float
    stored: bool = False

    @property
    def as_chance(self) -> GroupChance:
        """What selectors see of it."""
        return GroupChance(self.facts.members, self.facts.representative, self.chance)


@dataclass(frozen=True)
class TrustModel:
    """Judges executed candidates. Safe to share between threads.

    Attributes:
        weights: None for those that come with the library.
    """

    weights: TrustWeights | None = field(default=None, repr=False)
    _prepared: list[SchemaFacts] = field(default_factory=list, init=False, repr=False, compare=False)

    def judge(self, context: SelectionContext, executed: Sequence[Executed]) -> tuple[JudgedGroup, ...]:
        """The groups of equal results, the likeliest first; () where no candidate ran.

        Raises:
            FormatError: The weights are damaged.
        """
        weights = load_weights() if self.weights is None else self.weights
        facts = self._facts(context.schema)
        readings = read_accounts(context, executed, facts.prepared)
        groups, rows = describe_groups(context, executed, readings, facts)
        if not groups:
            return ()
        support = support_logits(groups, find_outside(executed))
        chances = weights.chances(rows, [group.basis for group in groups], support).tolist()
        judged = (
            JudgedGroup(
                group, max(chance, _STORED_CHANCE) if (stored := _is_stored(group, executed)) else chance, stored
            )
            for group, chance in zip(groups, chances, strict=True)
        )
        # Of equal chances the larger group comes first, which is the order of `groups`.
        ranked = sorted(judged, key=lambda one: -one.chance)
        return tuple(_prefer_rows_of_kind(ranked, executed, context.schema.dialect))

    def _facts(self, schema: Schema) -> SchemaFacts:
        # By identity: a pipeline keeps its schema until its index changes.
        for prepared in self._prepared:
            if prepared.schema is schema:
                return prepared
        prepared = SchemaFacts.of(schema)
        self._prepared[:] = [prepared]
        return prepared


def _prefer_rows_of_kind(ranked: list[JudgedGroup], executed: Sequence[Executed], dialect: str) -> list[JudgedGroup]:
    """The groups, where the likeliest counts a value that is stored once behind the rows that refer to it.

    Such a count is 1 whatever the database holds, so that nobody asks for it; the two change places and chances.
    """
    if not ranked or ranked[0].stored:
        return ranked
    first, rest = ranked[0], ranked[1:]
    place = find_rows_of_kind(first.facts, [one.facts for one in rest], executed, dialect)
    if place < 0:
        return ranked
    better = rest.pop(place)
    behind = replace(first, chance=better.chance)
    return [replace(better, chance=first.chance), *sorted([behind, *rest], key=lambda one: -one.chance)]


def _is_stored(group: GroupFacts, executed: Sequence[Executed]) -> bool:
    return any(executed[index].candidate.generator.partition("#")[0] == _STORED for index in group.members)


def read_accounts(context: SelectionContext, executed: Sequence[Executed], prepared: Prepared) -> dict[str, Reading]:
    """The account of every different text that ran; a text that cannot be read is left out."""
    accountant = Accountant(context.question, prepared, context.hits, context.ranges, context.evidence, context.samples)
    found: dict[str, Reading] = {}
    for one in executed:
        if one.result is None or one.sql in found:
            continue
        try:
            found[one.sql] = accountant.read(one.sql)
        except InputError:  # the feature "unread" tells the model
            continue
    return found


@lru_cache(maxsize=1)
def load_weights() -> TrustWeights:
    """The weights that come with the library, read once."""
    return TrustWeights.from_dict(shipped(__package__, _FILE))
