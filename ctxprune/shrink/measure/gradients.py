"""Gradients of the task's loss on calibration data: by gates, by weights, by what matrices make."""

from itertools import islice

import torch

from ctxprune.errors import InputError
from ctxprune.shrink.measure.activations import linear_path
from ctxprune.shrink.measure.depth import first_rows
from ctxprune.shrink.measure.gates import apply_gates
from ctxprune.shrink.model.gate_hooks import temporary_hooks
from ctxprune.shrink.model.subject import module_of, parameter_of
from ctxprune.shrink.types import Group, Iterable, Iterator, Key, Sequence, Subject, Tensor


def gate_gradients(subject: Subject, groups: Sequence[Group]) -> dict[Key, Tensor]:
    """Derivative of each row's loss by each unit's gate, at 1: float32 (rows, count)."""
    found: dict[Key, list[Tensor]] = {group.key: [] for group in groups}
    with subject.frozen():
        for batch in subject.needed_calibration():
            rows = len(batch["input_ids"])
            # one gate a row gives the gradient of each row in one backward pass
            gates = {group.key: torch.ones(rows, 1, group.count, requires_grad=True) for group in groups}
            with torch.enable_grad(), apply_gates(subject.model, gates):
                # the loss is a mean over rows; times the rows it is their sum, whose gradient is each row's own
                loss = subject.task.loss(subject.model, batch, subject.teacher) * rows
                gradients = torch.autograd.grad(loss, list(gates.values()), allow_unused=True)
            for (key, gate), gradient in zip(gates.items(), gradients, strict=True):
                found[key].append((torch.zeros_like(gate) if gradient is None else gradient)[:, 0].detach())
    return {key: torch.cat(parts) for key, parts in found.items()}


def mean_gradients(subject: Subject, names: Sequence[str], *, samples: int = 0) -> dict[str, Tensor]:
    """Gradient of the mean loss over calibration rows by each parameter: float64 of its shape by its name.

    Args:
        subject: Its parameters are as they were afterwards.
        names: Of parameters.
        samples: Most rows that are read; 0 = all.

    Raises:
        InputError: All are zero: without labels the loss of an unchanged model has no gradient.
    """
    entries = [parameter_of(subject.model, name) for name in names]
    total = [torch.zeros_like(entry, dtype=torch.float64, requires_grad=False) for entry in entries]
    rows = 0
    with subject.frozen(), torch.enable_grad():
        for entry in entries:
            entry.requires_grad_(True)
        for batch in first_rows(subject, samples):
            size = len(batch["input_ids"])
            loss = subject.task.loss(subject.model, batch, subject.teacher) * size
            for place, gradient in enumerate(torch.autograd.grad(loss, entries, allow_unused=True)):
                if gradient is not None:
                    total[place] += gradient
            rows += size
    require_gradient(total)
    return {name: value / rows for name, value in zip(names, total, strict=True)}


def weight_gradients(subject: Subject, names: Sequence[str], *, samples: int = 0) -> Iterator[dict[str, Tensor]]:
    """Gradients of the loss of each calibration example by whole parameters, one after the other.

    An example is a row, or what the task takes a loss of (`Task.examples`).

    Args:
        subject: Its parameters are as they were afterwards.
        names: Of parameters.
        samples: Most examples that are looked at; 0 = all.

    Raises:
        InputError: At the end: all were zero. Without labels the loss of an unchanged model has no gradient.
    """
    entries = [parameter_of(subject.model, name) for name in names]
    examples = (one for batch in subject.needed_calibration() for one in subject.task.examples(batch))
    moved = False
    with subject.frozen():
        for entry in entries:
            entry.requires_grad_(True)
        for one in islice(examples, samples or None):
            with torch.enable_grad():
                loss = subject.task.loss(subject.model, one, subject.teacher)
                gradients = torch.autograd.grad(loss, entries, allow_unused=True)
            found = [
                torch.zeros_like(entry) if gradient is None else gradient
                for entry, gradient in zip(entries, gradients, strict=True)
            ]
            # checked at the end: single examples may well have no gradient
            moved = moved or any(bool(gradient.any()) for gradient in found)
            yield dict(zip(names, found, strict=True))
    require_gradient([torch.tensor(moved)] if names else [])


def gradient_moments(
    subject: Subject, names: Sequence[str], *, samples: int = 0
) -> tuple[dict[str, Tensor], dict[str, Tensor], int]:
    """By parameter the mean over examples of the gradient and of its square, float64; and the number of examples.

    Raises:
        InputError: As `weight_gradients`, which see for the arguments.
    """
    first = {name: torch.zeros_like(parameter_of(subject.model, name), dtype=torch.float64) for name in names}
    squares, count = {name: entry.clone() for name, entry in first.items()}, 0
    for gradients in weight_gradients(subject, names, samples=samples):
        count += 1
        for name, gradient in gradients.items():
            first[name] += gradient
            squares[name] += gradient.double().square()
    parts = ({name: part / max(count, 1) for name, part in sums.items()} for sums in (first, squares))
    return next(parts), next(parts), count


def output_gradients(subject: Subject, names: Sequence[str]) -> dict[str, Tensor]:
    """Mean over real tokens of g g^T, with g the gradient of a row's loss by what each matrix makes.

    The factor G of a Fisher matrix in Kronecker factors: float64 (outputs, outputs) by the matrix's name.

    Raises:
        InputError: All are zero: without labels the loss of an unchanged model has no gradient.
    """
    paths = {linear_path(subject.model, name): name for name in names}
    total: dict[str, Tensor] = {}
    count = 0
    for batch in subject.needed_calibration():
        mask = batch["attention_mask"].bool()
        made: dict[str, Tensor] = {}
        with temporary_hooks() as handles, torch.enable_grad():
            handles += [
                module_of(subject.model, path).register_forward_hook(
                    lambda _, __, out, path=path, made=made, shape=mask.shape: made.update(
                        # a teacher that is the model itself runs without gradients, and DeBERTa projects positions, too
                        {path: out} if out.requires_grad and out.shape[:2] == shape else {}
                    )
                )
                for path in paths
            ]
            loss = subject.task.loss(subject.model, batch, subject.teacher) * len(mask)
            gradients = torch.autograd.grad(loss, list(made.values()), allow_unused=True)
        count += int(mask.sum())
        for (path, result), gradient in zip(made.items(), gradients, strict=True):
            rows = (torch.zeros_like(result) if gradient is None else gradient).detach()[mask].double()
            total[paths[path]] = total.get(paths[path], 0) + rows.T @ rows
    require_gradient(total.values())
    return {name: entry / count for name, entry in total.items()}


def require_gradient(found: Iterable[Tensor]) -> None:
    """Refuse gradients, or scores made of them, that are zero everywhere, as a model's distance from itself has none.

    Raises:
        InputError: They are.
    """
    entries = list(found)
    if entries and not any(bool(entry.any()) for entry in entries):
        raise InputError(
            "the loss has no gradient on the calibration data", hint="give labels, or take a method that needs none"
        )
