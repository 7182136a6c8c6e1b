"""K-prune's score: the knowledge of the teacher that goes with a unit.

Park and others, Accurate Retraining-free Pruning for Pretrained Encoder-based Language Models, ICLR 2024: predictive
knowledge is half the mean squared slope by the unit's gate of the divergence of the predictions from the teacher's,
representational knowledge the mean squared size of what the unit adds to its sublayer's output: of a neuron
exactly, of a head the sum over its channels j of E[x_j^2] ||W_j||^2 without cross terms, as in the authors' code.
"""

from dataclasses import dataclass

import torch

from ctxprune.shrink.measure.activations import consumers, watch_modules
from ctxprune.shrink.measure.depth import first_rows
from ctxprune.shrink.measure.gates import apply_gates
from ctxprune.shrink.model.subject import parameter_of
from ctxprune.shrink.types import Group, Key, Sequence, Subject, Tensor
from ctxprune.utils.validation import Checked, check_number, check_whole, checked_field


@dataclass(frozen=True)
class Knowledge(Checked):
    """predictive / its total + trade * representational / its total; totals are over all groups that are scored.

    The slope of a divergence is zero where model and teacher are the same; so the teacher's output is moved by a little
    noise, which gives slopes as large as the output moves with the gate.

    Attributes:
        trade: Weight of the representational part, from 0 up.
        noise: Standard deviation of the noise, as a share of the output's, above 0.
        samples: Most rows that are looked at.
    """

    trade: float = checked_field(1.0, check_number, minimum=0)
    noise: float = checked_field(0.1, check_number, over=0)
    samples: int = checked_field(2000, check_whole)

    def __call__(self, subject: Subject, groups: Sequence[Group]) -> dict[Key, Tensor]:
        """float64 (count,), from 0 up, comparable over groups; passes forward and backward, no labels."""
        predictive, representational = self._measure(subject, groups)
        totals = [float(sum(part.sum() for part in found.values())) for found in (predictive, representational)]
        # both sums become 1, so that the trade-off means the same for every model
        first, second = (1 / total if total > 0 else 0.0 for total in totals)
        return {
            group.key: first * predictive[group.key] + self.trade * second * representational[group.key]
            for group in groups
        }

    def _measure(self, subject: Subject, groups: Sequence[Group]) -> tuple[dict[Key, Tensor], dict[Key, Tensor]]:
        """Predictive and representational knowledge, from the same passes."""
        found = {group.key: torch.zeros(group.count, dtype=torch.float64) for group in groups}
        added = {key: part.clone() for key, part in found.items()}
        by_path = dict(zip(consumers(groups), groups, strict=True))
        tokens = 0

        def see(path: str, states: Tensor) -> None:
            group, squares = by_path[path], states.detach().double().square().sum(0)
            columns = parameter_of(subject.model, f"{path}.weight").detach().double().square().mean(0)
            added[group.key] += (squares * columns).view(group.count, group.block).sum(1)

        generator, done = subject.generator(17), 0
        with subject.frozen():
            for batch in first_rows(subject, self.samples):
                rows = len(batch["input_ids"])
                with torch.no_grad():
                    wanted = subject.task.output(subject.teacher or subject.model, batch)
                    # at the teacher's own output the divergence has no slope; noise shows how far each unit could move
                    # it
                    noise = torch.randn(wanted.shape, generator=generator).to(wanted) * wanted.float().std(correction=0)
                gates = {group.key: torch.ones(rows, 1, group.count, requires_grad=True) for group in groups}
                with torch.enable_grad(), apply_gates(subject.model, gates):
                    with watch_modules(subject.model, list(by_path), batch, see):
                        output = subject.task.output(subject.model, batch)
                    loss = subject.task.divergence(output, wanted + self.noise * noise, batch) * rows
                    slopes = torch.autograd.grad(loss, list(gates.values()), allow_unused=True)
                for key, slope in zip(gates, slopes, strict=True):
                    if slope is not None:
                        found[key] += 0.5 * slope[:, 0].double().square().sum(0)
                done += rows
                tokens += int(batch["attention_mask"].sum())
        return {key: part / done for key, part in found.items()}, {key: part / tokens for key, part in added.items()}
