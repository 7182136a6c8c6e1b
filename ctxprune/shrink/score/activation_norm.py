"""The size of what a unit gives.

Muralidharan and others, Compact Language Models via Pruning and Knowledge Distillation (Minitron), NeurIPS 2024: mean
over a row's tokens, then the l2 norm over rows, of a neuron's |activation|, a head's |output| and |LayerNorm output| of
a dimension of the residual, the last summed over all norms. Sandri and others, 2SSP, TMLR 2025: a neuron's l2 norm over
a row's tokens, then the mean over rows. Valicenti and others, Mini-GPTs: Efficient Large Language Models through
Contextual Pruning, 2023: the mean size of a neuron's activation; a unit that a domain's data never wake goes.
"""

from dataclasses import dataclass

import torch

from ctxprune.shrink.measure.activations import consumers, watch_modules
from ctxprune.shrink.types import Callable, Group, Key, Sequence, Subject, Tensor
from ctxprune.utils.validation import Checked, check_choice, checked_field

_WAYS = ("l2", "mean")


@dataclass(frozen=True)
class ActivationNorm(Checked):
    """Norms of activations, brought together first over the tokens of a row and then over rows.

    Attributes:
        tokens: "mean" or "l2" (root of the sum of squares).
        rows: "mean", "l2" or "pooled" (tokens of all rows are those of one).
        within: Which norm over the inputs of a unit, 1 or 2.
        relative: Whether scores are shares of the group's largest, comparable over groups.
    """

    tokens: str = checked_field("mean", check_choice, _WAYS)
    rows: str = checked_field("l2", check_choice, (*_WAYS, "pooled"))
    within: int = checked_field(2, check_choice, (1, 2))
    relative: bool = False

    def __call__(self, subject: Subject, groups: Sequence[Group]) -> dict[Key, Tensor]:
        """float64 (count,), from 0 up; one forward pass, no labels."""
        found: dict[tuple[Key, str], list[Tensor]] = {}
        read = [group for group in groups if group.kind != "width"]
        inputs: dict[str, Group] = dict(zip(consumers(read), read, strict=True))
        norms = {path: group for group in groups if group.kind == "width" for path in subject.anatomy.norms}
        with torch.no_grad():
            for batch in subject.needed_calibration():
                lengths = batch["attention_mask"].sum(1)
                see, note = self._seeing(inputs, lengths, found), self._seeing(norms, lengths, found)
                with (
                    watch_modules(subject.model, list(inputs), batch, see),
                    watch_modules(subject.model, list(norms), batch, note, outputs=True),
                ):
                    subject.task.output(subject.model, batch)
        scores = {group.key: torch.zeros(group.count, dtype=torch.float64) for group in groups}
        for (key, _), rows in found.items():
            scores[key] += self._join_tokens(torch.cat(rows), self.tokens if self.rows == "pooled" else self.rows)
        if self.relative:
            return {key: score / score.max().clamp(min=1e-12) for key, score in scores.items()}
        return scores

    def _seeing(
        self, watched: dict[str, Group], lengths: Tensor, found: dict[tuple[Key, str], list[Tensor]]
    ) -> Callable[[str, Tensor], None]:
        def see(path: str, states: Tensor) -> None:
            group = watched[path]
            sizes = states.double().view(len(states), group.count, -1).norm(p=self.within, dim=2)
            if self.rows == "pooled":
                found.setdefault((group.key, path), []).append(sizes)
                return
            rows = sizes.split(lengths.tolist()) if len(sizes) == int(lengths.sum()) else [sizes]
            joined = torch.stack([self._join_tokens(row, self.tokens) for row in rows if len(row)])
            found.setdefault((group.key, path), []).append(joined)

        return see

    def _join_tokens(self, sizes: Tensor, way: str) -> Tensor:
        return sizes.mean(0) if way == "mean" else sizes.norm(dim=0)
