"""How much of an activation the weights read: FLAP's, CFSP's and SEAP's scores.

An and others, Fluctuation-based Adaptive Structured Pruning for Large Language Models (FLAP), AAAI 2024: a channel that
hardly moves can be replaced by its mean, which a bias holds. Wang and others, CFSP, COLING 2025: the activation times
the weight. Liang and others, SEAP, 2025, has both, as WIFV and WIFN.
"""

from dataclasses import dataclass

from ctxprune.shrink.measure.activations import consumers, moments
from ctxprune.shrink.score.base import column_squares
from ctxprune.shrink.types import Group, Key, Sequence, Subject, Tensor
from ctxprune.utils.validation import Checked, check_choice, checked_field

STATISTICS = ("norm", "square", "variance")


@dataclass(frozen=True)
class Fluctuation(Checked):
    """A statistic of each input j of the matrix W that reads a unit, summed over the unit's inputs.

    Attributes:
        statistic: "variance", Var[x_j] ||W_:j||^2 (FLAP); "square", E[x_j^2] ||W_:j||^2; "norm", the root of that.
    """

    statistic: str = checked_field("variance", check_choice, STATISTICS)

    def __call__(self, subject: Subject, groups: Sequence[Group]) -> dict[Key, Tensor]:
        """float64 (count,), from 0 up; one forward pass, no labels."""
        found = moments(subject, consumers(groups))
        scores = {}
        for group in groups:
            columns, seen = column_squares(subject, group), found[group.consumer]
            if self.statistic == "norm":
                values = (seen.squares / seen.count).sqrt() * columns.sqrt()
            else:
                values = (seen.variance if self.statistic == "variance" else seen.squares / seen.count) * columns
            scores[group.key] = values.view(group.count, group.block).sum(1)
        return scores
