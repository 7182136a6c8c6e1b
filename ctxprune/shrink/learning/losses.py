"""What a smaller model is trained towards: a teacher's outputs, differences, rankings or states.

- "output": the task's own divergence: mean squared error of logits, Kullback-Leibler divergence for language models
  (Hinton and others, Distilling the Knowledge in a Neural Network, 2015).
- "margin": margin-MSE (Hofstätter and others, Improving Efficient Neural Ranking Models with Cross-Architecture
  Knowledge Distillation, 2020): of two rows of one question the difference of the student's scores against the
  teacher's. Differs: all pairs of a question, not one positive and one negative; a constant offset costs nothing.
- "listwise": Kullback-Leibler divergence between the softmax of a question's scores (Cao and others, Learning to Rank:
  From Pairwise Approach to Listwise Approach, ICML 2007, with the teacher in place of labels).
- "hidden": "output" and the mean squared error of layers' states, relative to the teacher's (Sun and others, Patient
  Knowledge Distillation, EMNLP 2019; the nearest layer as in Xia and others, CoFi, ACL 2022). A linear map stands
  between the two where widths differ, and nowhere else.

Scores that stand in the batches (`teacher`) are used in place of a teacher's outputs: its own is then not asked.
"""

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from ctxprune.errors import UsageError
from ctxprune.shrink.learning.training import TOWARDS
from ctxprune.shrink.measure.activations import watch_modules
from ctxprune.shrink.model.tasks.cross_encoder import CrossEncoder
from ctxprune.shrink.types import Batch, Callable, Iterator, Sequence, Subject, Tensor
from ctxprune.utils.validation import check_choice

LOSSES = ("hidden", "listwise", "margin", "output")
MAPS = ("nearest", "uniform")


@dataclass(frozen=True)
class Objective:
    """A loss to train towards.

    Attributes:
        loss: Of a model on a batch: a scalar from 0 up.
        parameters: Those of the loss itself, to be trained with the model's.
    """

    loss: Callable[[nn.Module, Batch], Tensor]
    parameters: Sequence[nn.Parameter] = field(default=())


def build_objective(
    subject: Subject,
    loss: str = "output",
    *,
    towards: str = "teacher",
    layers: str = "uniform",
    weight: float = 1.0,
) -> Objective:
    """The objective of that name for a subject.

    Args:
        subject: With a teacher, or with a teacher's scores in its batches; without either the labels stand in.
        loss: One of `LOSSES`.
        towards: "teacher", or "labels" for the task's own loss, whatever `loss` is.
        layers: How states are matched by "hidden": "uniform" (as far up in both models) or "nearest" (for each of the
            teacher's layers the model's one whose states are nearest).
        weight: Of the states' distance in "hidden".

    Raises:
        UsageError: No such loss or map, or the subject lacks what it needs (a teacher, groups).
    """
    check_objective(loss, towards, layers)
    # of other tasks an output is no score that could be compared with another row's
    ranks = isinstance(subject.task, CrossEncoder)
    if loss in ("listwise", "margin") and not ranks:
        raise UsageError(f"the loss {loss!r} is for rerankers", hint="take 'output' for other models")
    scores = ranks and all("teacher" in batch for batch in subject.needed_calibration())
    known = subject.teacher is not None or scores
    if towards == "labels" or (loss == "output" and not known):
        return Objective(lambda model, batch: subject.task.loss(model, batch, subject.teacher))
    if not known or (loss == "hidden" and subject.teacher is None):
        raise UsageError(f"the loss {loss!r} needs a teacher", hint="give the subject one, or train towards labels")
    if loss == "hidden":
        return _hidden(subject, layers, weight)
    if loss == "output":

        def followed(model: nn.Module, batch: Batch) -> Tensor:
            output = subject.task.output(model, batch)
            return subject.task.divergence(output, _wanted(subject, batch, output), batch)

        return Objective(followed)
    if any("groups" not in batch for batch in subject.needed_calibration()):
        raise UsageError(f"the loss {loss!r} compares rows of one question", hint="give batches with groups")
    ranked = margin_loss if loss == "margin" else listwise_loss

    def compared(model: nn.Module, batch: Batch) -> Tensor:
        output = subject.task.output(model, batch)
        return ranked(output[:, -1], _wanted(subject, batch, output)[:, -1], batch["groups"])

    return Objective(compared)


def check_objective(loss: str, towards: str, layers: str = "uniform") -> None:
    """Refuse names that `build_objective` does not know.

    Raises:
        UsageError: One of them is unknown.
    """
    check_choice("towards", towards, TOWARDS)
    check_choice("loss", loss, LOSSES)
    check_choice("layers", layers, MAPS)


def margin_loss(scores: Tensor, wanted: Tensor, groups: Tensor) -> Tensor:
    """Mean over pairs of rows of one group of ((s_i - s_j) - (t_i - t_j))^2; 0 where no group has two rows."""
    # each pair once, and no row with itself
    pairs = (groups[:, None] == groups[None, :]).triu(1)
    errors = scores.float() - wanted.float()
    return (errors[:, None] - errors[None, :])[pairs].square().sum() / pairs.sum().clamp(min=1)


def listwise_loss(scores: Tensor, wanted: Tensor, groups: Tensor) -> Tensor:
    """Mean over groups of two rows or more of KL(softmax of wanted, softmax of scores), in nats."""
    total, count = scores.float().sum() * 0.0, 0
    for number in groups.unique():
        own = groups == number
        if int(own.sum()) > 1:
            student, teacher = (functional.log_softmax(entry[own].float(), dim=0) for entry in (scores, wanted))
            total = total + (teacher.exp() * (teacher - student)).sum()
            count += 1
    return total / max(count, 1)


def _wanted(subject: Subject, batch: Batch, output: Tensor) -> Tensor:
    """The teacher's output in the shape of the student's."""
    if "teacher" in batch and isinstance(subject.task, CrossEncoder):
        return batch["teacher"][:, None].to(output).expand_as(output)
    with torch.no_grad():
        return subject.task.output(subject.teacher, batch)


def _hidden(subject: Subject, layers: str, weight: float) -> Objective:
    teacher: Any = subject.teacher
    above = subject.with_model(teacher).anatomy
    own = subject.anatomy
    chosen = layer_pairs(len(own.layers), len(above.layers)) if layers == "uniform" else range(len(above.layers))
    bridge = None
    if own.width != above.width:
        bridge = nn.Linear(own.width, above.width, bias=False)
        # starts as the identity on the dimensions that both have
        nn.init.eye_(bridge.weight)
    paths = [layer.path for layer in own.layers]
    teachers = [above.layers[place].path for place in chosen]

    def loss(model: nn.Module, batch: Batch) -> Tensor:
        with record_outputs(model, paths, batch) as found:
            output = subject.task.output(model, batch)
        with torch.no_grad(), record_outputs(teacher, teachers, batch) as wanted:
            aim = subject.task.output(teacher, batch)
        mapped = [bridge(state) if bridge else state for state in found]
        total = subject.task.divergence(output, aim, batch)
        for place, state in enumerate(wanted):
            # relative to the teacher's size, or the top layers, whose states are largest, would decide alone
            near = [_relative(entry, state) for entry in (mapped if layers == "nearest" else mapped[place : place + 1])]
            total = total + weight * min(near, key=lambda entry: float(entry.detach())) / len(wanted)
        return total

    return Objective(loss, list(bridge.parameters()) if bridge else [])


def _relative(state: Tensor, wanted: Tensor) -> Tensor:
    return functional.mse_loss(state.float(), wanted.float()) / wanted.float().square().mean().clamp(min=1e-12)


def layer_pairs(small: int, large: int) -> list[int]:
    """For each of `small` layers the layer of `large` that stands as far up, the last for the last."""
    return [round((place + 1) * large / small) - 1 for place in range(small)]


@contextmanager
def record_outputs(model: nn.Module, paths: Sequence[str], batch: Batch) -> Iterator[list[Tensor]]:
    """The list fills with outputs of modules at real tokens, in order: (tokens, features), with gradients."""
    states: list[Tensor] = []
    with watch_modules(model, paths, batch, lambda _, found: states.append(found), outputs=True):
        yield states
