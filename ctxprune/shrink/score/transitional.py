"""TransAct's score: the size of the activations between the two halves of a sublayer.

Shen and others, Pruning Large Language Models to Intra-module Low-rank Architecture with Transitional Activations,
Findings of ACL 2024: what is made and read inside attention and feed-forward parts shrinks, in each head alike, and
what passes between them keeps its width.
"""

from dataclasses import dataclass

import torch

from ctxprune.shrink.measure.activations import consumers, moments, watch_modules
from ctxprune.shrink.types import Group, Key, Sequence, Subject, Tensor


@dataclass(frozen=True)
class Transitional:
    """The l2 norm over tokens of what a unit makes; of dimensions in heads that of |Q_j| |K_j| and |(attention V)_j|.

    For a dimension both are brought to mean 1 in the layer, added up over heads and halves, as they go together.
    """

    def __call__(self, subject: Subject, groups: Sequence[Group]) -> dict[Key, Tensor]:
        """float64 (count,), from 0 up; one pass or two, no labels."""
        plain = [group for group in groups if group.kind != "dimension"]
        found = moments(subject, consumers(plain)) if plain else {}
        scores = {
            group.key: found[group.consumer].squares.view(group.count, group.block).sum(1).sqrt() for group in plain
        }
        if len(plain) < len(groups):
            wanted = {group.key for group in groups}
            for group, halves in dimension_norms(subject).items():
                if group.key in wanted:
                    shares = [half / half.mean().clamp(min=1e-30) for half in halves]
                    scores[group.key] = torch.stack(shares).sum((0, 1))
        return scores


def dimension_norms(subject: Subject) -> dict[Group, tuple[Tensor, Tensor]]:
    """By group of "dimension": |Q_j| |K_j| and |(attention V)_j| over real tokens, float64 (heads, count) each.

    Raises:
        UsageError: The model has no such units.
    """
    groups = subject.groups(["dimension"])
    squares: dict[str, Tensor] = {}

    def see(path: str, states: Tensor) -> None:
        squares[path] = squares.get(path, 0) + states.double().square().sum(0)

    made = [f"{group.reader.rpartition('.')[0]}.{name}" for group in groups for name in ("query", "key")]
    read = [output_of(subject, group) for group in groups]
    with torch.no_grad():
        for batch in subject.needed_calibration():
            with (
                watch_modules(subject.model, made, batch, see, outputs=True),
                watch_modules(subject.model, read, batch, see),
            ):
                subject.task.output(subject.model, batch)
    found = {}
    for place, group in enumerate(groups):
        query, key, mixed = (squares[path].sqrt() for path in (*made[2 * place : 2 * place + 2], read[place]))
        found[group] = (query * key).view(group.block, -1), mixed.view(group.block, -1)
    return found


def output_of(subject: Subject, group: Group) -> str:
    """Dotted name of the matrix that reads a layer's heads."""
    return subject.anatomy.groups["head", group.layer].consumer
