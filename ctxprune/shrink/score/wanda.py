"""Single weights: their size times their input's norm."""

from dataclasses import dataclass

from ctxprune.shrink.measure.activations import moments, weight_moments
from ctxprune.shrink.model.subject import parameter_of
from ctxprune.shrink.types import Sequence, Subject, Tensor
from ctxprune.utils.validation import Checked, check_number, checked_field


@dataclass(frozen=True)
class Wanda(Checked):
    """|W_ij| * ||X_j||, the norm over all calibration tokens; one forward pass, no labels.

    Sun and others, A Simple and Effective Pruning Approach for Large Language Models, ICLR 2024. Norms are taken in the
    unpruned model, not layer after layer with pruned layers before; padding is left out.

    Attributes:
        producer_power: Power p of ||A_i|| in |W_ij| * ||A_i||^p for the matrices that make neuron i, A its activation;
            0 = Wanda's score for these, too. Guo and others, Dependency-Aware Semi-Structured Sparsity of GLU Variants
            in Large Language Models, 2024 (DaSS, with 0.5): neurons that the last matrix hardly reads lose more of
            their weights, so scores are to be compared over the rows of a matrix, not within them.
    """

    producer_power: float = checked_field(0.0, check_number, minimum=0)

    def __call__(self, subject: Subject, groups: Sequence[str]) -> dict[str, Tensor]:
        """Of the parameter's shape by its name, from 0 up."""
        norms = self._producer_norms(subject) if self.producer_power else {}
        found = weight_moments(subject, [name for name in groups if name not in norms])
        norms |= {name: entry.norms.float() for name, entry in found.items()}
        return {name: parameter_of(subject.model, name).detach().abs() * norms[name] for name in groups}

    def _producer_norms(self, subject: Subject) -> dict[str, Tensor]:
        """By the name of each matrix that makes neurons: (neurons, 1)."""
        neurons = subject.anatomy.of_kind("neuron")
        found = moments(subject, [group.consumer for group in neurons])
        return {
            part.parameter: (found[group.consumer].norms.float() ** self.producer_power)[:, None]
            for group in neurons
            for part in group.slices
            if part.axis == 0
        }
