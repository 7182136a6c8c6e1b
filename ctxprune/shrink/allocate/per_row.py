"""Single weights: the same share of every output row (Wanda)."""

from dataclasses import dataclass

from ctxprune.shrink.allocate.base import divide_removals, keep_highest
from ctxprune.shrink.types import Budget, Mapping, Subject, Tensor


@dataclass(frozen=True)
class PerRow:
    """Of each row of each matrix (all weights into one output) the lowest scores go.

    Sun and others, A Simple and Effective Pruning Approach for Large Language Models, ICLR 2024. Where the share is no
    whole number of weights, rows differ by one, so that the total is what was asked.
    """

    def __call__(self, subject: Subject, scores: Mapping[str, Tensor], budget: Budget) -> dict[str, Tensor]:  # noqa: ARG002
        """bool of the parameter's shape by its name, True = stays."""
        rows = {name: score.reshape(-1, score.shape[-1]) for name, score in scores.items()}
        counts = divide_removals([part.shape[1] for part in rows.values() for _ in part], budget.remove)
        found, place = {}, 0
        for name, part in rows.items():
            found[name] = keep_highest(part, counts[place : place + len(part)]).view(scores[name].shape)
            place += len(part)
        return found
