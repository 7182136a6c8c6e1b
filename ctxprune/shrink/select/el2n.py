"""EL2N: rows on which the model errs most.

Paul and others, Deep Learning on a Data Diet, NeurIPS 2021: the Euclidean norm of predicted probabilities less the
label, early in training; high = hard. Attendu and Corbeil, NLU on Data Diets (2023), score and discard anew every few
steps: `on_subset.v1` with `rounds`. Differs: one model's error, not the mean over several initialisations; without
labels the teacher's probabilities stand in for them (Ben-Baruch and others, Distilling the Knowledge in Data Pruning).
"""

from dataclasses import dataclass

from torch.nn import functional

from ctxprune.shrink.select.base import best_share, by_row, row_targets
from ctxprune.shrink.types import Batch, Subject, Tensor


@dataclass(frozen=True)
class El2n:
    """The groups with the largest mean error norm; of language models a row's is the mean over its tokens.

    Attributes:
        easy: Whether those with the smallest norm are taken instead.
    """

    easy: bool = False

    def __call__(self, subject: Subject, share: float) -> Tensor:
        """bool (rows,).

        Raises:
            UsageError: There are neither labels nor a teacher.
        """
        norms = by_row(subject, lambda batch, output: _norms(subject, batch, output))
        return best_share(subject, -norms if self.easy else norms, share)


def _norms(subject: Subject, batch: Batch, output: Tensor) -> Tensor:
    if output.ndim == 3:
        wanted = functional.one_hot(batch["input_ids"][:, 1:], output.shape[2])
        each = (output[:, :-1].float().softmax(-1) - wanted).norm(dim=-1)
        real = batch["attention_mask"][:, 1:].to(each.dtype)
        return (each * real).sum(1) / real.sum(1).clamp(min=1)
    wanted = row_targets(subject, batch, output)
    found = output.sigmoid() if output.shape[1] == 1 else output.softmax(-1)
    return (found - wanted).norm(dim=-1)
