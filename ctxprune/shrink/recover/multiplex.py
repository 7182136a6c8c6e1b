"""PruMUX: a pruned encoder takes several inputs in one pass."""

from dataclasses import dataclass
from typing import ClassVar

import torch

from ctxprune.errors import UsageError
from ctxprune.shrink.learning.training import TOWARDS, Schedule, loss_towards, train
from ctxprune.shrink.measure.activations import watch_modules
from ctxprune.shrink.model.cost import cost
from ctxprune.shrink.model.families.base import find_module, replace_module
from ctxprune.shrink.model.multiplexed import Multiplexed
from ctxprune.shrink.model.subject import module_of
from ctxprune.shrink.recover.base import Training
from ctxprune.shrink.types import Batch, Subject, Tensor, nn
from ctxprune.utils.validation import check_choice, check_number, check_range, check_whole, checked_field

_MOST = 10  # rows; the paper's largest


@dataclass(frozen=True)
class Multiplex(Training):
    """Mixes the rows of a batch before the layers and tells them apart behind them; see `Multiplexed`.

    Su and others, PruMUX: Augmenting Data Multiplexing with Model Compression, ACL Findings 2023: first the rows' own
    states are learned again from the mixture (here the teacher's last states, in place of the tokens), then the task,
    by distillation of outputs and states.

    Attributes:
        count: Rows that are mixed; 0 = the fewest that meet the budget, 2 to 10.
        steps: Of the optimiser; the first `warm` of them for the states alone.
        warm: Share of the steps, 0..1.
        states: Weight of the squared error of the last states once the task is learned, too.
    """

    keeps_shapes: ClassVar[bool] = False  # rows in one pass take less time, which training alone does not
    count: int = checked_field(0, check_choice, (0, *range(2, _MOST + 1)))
    steps: int = checked_field(500, check_whole)
    warm: float = checked_field(0.4, check_range)
    rate: float = checked_field(1e-3, check_number, over=0)
    states: float = checked_field(1.0, check_number, minimum=0)
    towards: str = checked_field("teacher", check_choice, TOWARDS)

    def __call__(self, subject: Subject) -> Subject:
        """The same subject, its encoder replaced and the whole model trained. Notes `multiplexed`: how many rows.

        Raises:
            UsageError: The model is no encoder with `encoder.layer`, has no teacher of its width, or even ten rows in
                one pass are too dear.
        """
        path = _encoder_path(subject)
        teacher = subject.teacher
        if teacher is None or subject.with_model(teacher).anatomy.width != subject.anatomy.width:
            raise UsageError("states of a mixture are learned from a teacher of the same width", where="multiplex.v1")
        budget, encoder = subject.needed_budget(), module_of(subject.model, path)
        if budget.measure not in ("flops", "latency"):
            raise UsageError("rows in one pass save time alone", where="multiplex.v1", hint="target flops")
        limit = (cost(subject.model, "flops") - budget.remove) * (1 + 1e-9)
        for count in [self.count] if self.count else range(2, _MOST + 1):
            replace_module(subject.model, path, Multiplexed(encoder, count, subject.seed).eval())
            if cost(subject.model, "flops") <= limit:
                break
        else:
            replace_module(subject.model, path, encoder)
            raise UsageError(f"{count} rows in one pass are still too dear", where="multiplex.v1", hint="prune more")
        subject.notes["multiplexed"] = count
        self._train(subject, path)
        return subject

    def _train(self, subject: Subject, path: str) -> None:
        teacher, task = subject.teacher, loss_towards(subject, self.towards)
        warm, done = round(self.warm * self.steps), 0

        def loss(model: nn.Module, batch: Batch) -> Tensor:
            found: list[Tensor] = []
            wanted: list[Tensor] = []
            with watch_modules(model, [path], batch, lambda _, states: found.append(states), outputs=True):
                value = task(model, batch)
            with (
                torch.no_grad(),
                watch_modules(teacher, [path], batch, lambda _, states: wanted.append(states), outputs=True),
            ):
                subject.task.output(teacher, batch)
            apart = (found[0] - wanted[0]).square().mean() / wanted[0].square().mean()
            return apart if done < warm else value + self.states * apart

        def after(step: int) -> None:
            nonlocal done
            done = step

        train(subject, Schedule(self.steps, self.rate), loss=loss, after=after)


def _encoder_path(subject: Subject) -> str:
    layers = subject.anatomy.layers
    path = layers[0].path.removesuffix(".layer.0") if layers else ""
    if subject.anatomy.family != "bert" or find_module(subject.model, f"{path}.layer") is None:
        raise UsageError("rows are mixed in encoders of BERT's family alone", where="multiplex.v1")
    return path
