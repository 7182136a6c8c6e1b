"""The training loop that recoveries, compensators, scores and searches share, and the losses it is given."""

from contextlib import contextmanager
from dataclasses import dataclass

import torch

from ctxprune.errors import InputError
from ctxprune.shrink.model.cost import cost
from ctxprune.shrink.model.modules import HashedLinear
from ctxprune.shrink.model.tasks.base import distillation_loss
from ctxprune.shrink.types import Batch, Callable, Iterable, Iterator, Sequence, Subject, Tensor, nn
from ctxprune.utils.validation import Checked, check_number, check_whole, checked_field

TOWARDS = ("labels", "teacher")
"""What a model is trained towards: the loss of its task, or the teacher's outputs."""


@dataclass(frozen=True, slots=True)
class Schedule(Checked):
    """How long and how fast.

    Attributes:
        steps: Of the optimiser (AdamW), one batch each; batches come again in a seeded order.
        rate: Peak learning rate; it rises over a tenth of the steps and falls to zero linearly.
        decay: Of weights.
        clip: Largest norm of the gradient.

    Raises:
        UsageError: A number is out of range.
    """

    steps: int = checked_field(100, check_whole)
    rate: float = checked_field(1e-4, check_number, over=0)
    decay: float = checked_field(0.0, check_number, minimum=0)
    clip: float = checked_field(1.0, check_number, over=0)


def train(
    subject: Subject,
    schedule: Schedule,
    *,
    parameters: Iterable[nn.Parameter] | None = None,
    loss: Callable[[nn.Module, Batch], Tensor] | None = None,
    after: Callable[[int], None] | None = None,
) -> list[float]:
    """Train some parameters of the subject's model in place; gives the loss of each step.

    The note "trained" gets the steps and how many weights of the matrices were not zero: their average is what the loss
    of gradual pruning depends on (Jin and others, The Journey Matters, 2025).

    Args:
        subject: Its calibration batches are the data.
        schedule: Steps and rates.
        parameters: Which are trained; default: all.
        loss: Of a batch; default: the divergence from the teacher, or the task's loss where there is no teacher.
        after: Called with the number of each step once it is done (from 1 up).

    Raises:
        InputError: There is no calibration data, or the loss is no number any more.
    """
    batches = list(subject.needed_calibration())
    chosen = list(subject.model.parameters() if parameters is None else parameters)
    computed = loss or default_loss(subject)
    losses: list[float] = []
    with _training(subject, chosen):
        optimizer = torch.optim.AdamW(chosen, lr=schedule.rate, weight_decay=schedule.decay)
        # a pruned model starts far from a minimum: a full rate at once would throw it further
        warm = max(schedule.steps // 10, 1)
        masked = [(subject.model.get_parameter(path), mask.to(subject.device)) for path, mask in subject.masks.items()]
        modules = (module for module in subject.model.modules() if isinstance(module, HashedLinear))
        hashed = [(module, module.layout()) for module in modules]
        order = subject.generator(1)
        for step in range(schedule.steps):
            if step % len(batches) == 0:
                # every batch once before any comes again
                places = torch.randperm(len(batches), generator=order).tolist()
            factor = min((step + 1) / warm, (schedule.steps - step) / max(schedule.steps - warm, 1), 1.0)
            for group in optimizer.param_groups:
                group["lr"] = schedule.rate * factor
            value = computed(subject.model, batch_on(batches[places[step % len(batches)]], subject.device))
            losses.append(float(value.detach()))
            check_loss(value, step, hint="lower the rate")
            value.backward()
            torch.nn.utils.clip_grad_norm_(chosen, schedule.clip)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            # the optimiser's momentum moves masked weights, too, so zeros are set again after each step
            with torch.no_grad():
                for entry, mask in masked:
                    entry.mul_(mask)
            for module, layout in hashed:
                module.share(layout)
            if after is not None:
                after(step + 1)
    size = cost(subject.model, "weights", masks=subject.masks)
    subject.notes.setdefault("trained", []).append((schedule.steps, size))
    return losses


@contextmanager
def _training(subject: Subject, parameters: Sequence[nn.Parameter]) -> Iterator[None]:
    """Only these parameters take gradients inside, on the subject's device; after it all is as it was, on the CPU."""
    # the caller may have frozen some for reasons of its own
    before = [(entry, entry.requires_grad) for entry in subject.model.parameters()]
    try:
        for entry, _ in before:
            entry.requires_grad_(False)
        for entry in parameters:
            entry.requires_grad_(True)
        with on_device(subject, parameters):
            yield
    finally:
        for entry, needed in before:
            entry.requires_grad_(needed)


@contextmanager
def on_device(subject: Subject, parameters: Iterable[nn.Parameter] = ()) -> Iterator[None]:
    """Model, teacher and what else is trained are on the subject's device inside, and on the CPU after it.

    Parameters stay the same objects. Batches are moved one by one, by `batch_on`: all at once may not fit.
    """
    chosen = list(parameters)
    try:
        # inside of the try: a device may be full when the model is there already and the teacher follows
        _move(subject, chosen, subject.device)
        yield
    finally:
        _move(subject, chosen, "cpu")


def _move(subject: Subject, parameters: Iterable[nn.Parameter], device: str) -> None:
    for model in (subject.model, subject.teacher):
        if model is not None:
            model.to(device)
    for entry in parameters:
        entry.data = entry.data.to(device)


def batch_on(batch: Batch, device: str) -> Batch:
    """The batch with its tensors on a device."""
    return batch if device == "cpu" else {name: value.to(device) for name, value in batch.items()}


def check_loss(value: Tensor, step: int, *, hint: str) -> None:
    """Refuse to go on with a loss that is no number any more.

    Args:
        value: The loss, a scalar.
        step: From 0 up.
        hint: Which rates to lower.

    Raises:
        InputError: It is infinite or not a number.
    """
    if not torch.isfinite(value):
        raise InputError(f"the loss is {float(value.detach())} at step {step + 1}", hint=hint)


def loss_towards(subject: Subject, towards: str) -> Callable[[nn.Module, Batch], Tensor]:
    """The loss of a batch, a scalar: for "labels" the task's, for "teacher" `default_loss`."""
    return subject.task.loss if towards == "labels" else default_loss(subject)


def default_loss(subject: Subject) -> Callable[[nn.Module, Batch], Tensor]:
    """The divergence from the teacher where there is one, the task's loss where not."""
    if subject.teacher is None:
        return subject.task.loss
    return lambda model, batch: distillation_loss(subject.task, model, batch, subject.teacher)


def cubic_share(done: float, warm: float, cool: float) -> float:
    """Share of the budget that is masked already, by the share of the steps: 0 at first, 1 at last, cubic between.

    Zhu and Gupta, To Prune, or Not to Prune, ICLR workshop 2018.

    Args:
        done: 0..1.
        warm, cool: Shares of the steps before masks close, and after they are as closed as they get.
    """
    between = min(max((done - warm) / max(1 - warm - cool, 1e-9), 0.0), 1.0)
    return 1 - (1 - between) ** 3
