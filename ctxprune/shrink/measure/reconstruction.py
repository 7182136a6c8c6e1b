"""What a sublayer's last matrix gets in a pruned model, and what it should give: the sums that least squares needs."""

import copy
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial

import torch

from ctxprune.shrink.measure.activations import watch_modules
from ctxprune.shrink.measure.gates import apply_gates
from ctxprune.shrink.model.subject import module_of
from ctxprune.shrink.types import Anatomy, Batch, Group, Iterator, Key, Mapping, Sequence, Subject, Sublayer, Tensor, nn


@dataclass
class Fit:
    """Sums over real tokens of a consumer's input x and of what it should give without its bias, y; float64.

    Attributes:
        count: Tokens.
        products: Sum of x x^T: (features, features).
        cross: Sum of x y^T: (features, outputs).
        total: Sum of x: (features,).
        wanted: Sum of y: (outputs,).
    """

    count: int
    products: Tensor
    cross: Tensor
    total: Tensor
    wanted: Tensor

    def add(self, inputs: Tensor, wanted: Tensor) -> None:
        """Take in more tokens: (tokens, features) and (tokens, outputs)."""
        inputs, wanted = inputs.double(), wanted.double()
        self.count += len(inputs)
        self.products += inputs.T @ inputs
        self.cross += inputs.T @ wanted
        self.total += inputs.sum(0)
        self.wanted += wanted.sum(0)


def ridge_solve(gram: Tensor, right: Tensor, ridge: float) -> Tensor:
    """(gram + ridge * mean of its diagonal * I)^-1 right, for a gram of any rank.

    Args:
        gram: Symmetric and positive, float64 (n, n).
        right: (n,) or (n, m).
        ridge: Share of the mean diagonal, from 0 up; at 0 the least-norm solution where the rank is too low.
    """
    size = float(gram.diagonal().mean()) if len(gram) else 0.0
    if size <= 0:
        return torch.zeros_like(right)
    columns = right[:, None] if right.ndim == 1 else right
    eye = torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
    # Cholesky is many times as fast as the eigenvalues, and fails only where the gram is singular
    factor, failed = torch.linalg.cholesky_ex(gram + ridge * size * eye)
    if ridge < 1e-10 or int(failed):
        values, vectors = torch.linalg.eigh(gram + ridge * size * eye)
        # directions in which the inputs do not vary would get weights of any size
        good = values > 1e-12 * len(gram) * values[-1]
        found = vectors[:, good] @ ((vectors[:, good].T @ columns) / values[good, None])
    else:
        found = torch.cholesky_solve(columns, factor)
    return found[:, 0] if right.ndim == 1 else found


def unit_gram(products: Tensor, weight: Tensor, block: int) -> Tensor:
    """Inner products over tokens of what units add to the output: float64 (units, units).

    Args:
        products: Sum of x x^T over tokens: (features, features).
        weight: Of the consumer: (outputs, features).
        block: Features of one unit.
    """
    weight = weight.double()
    full = products * (weight.T @ weight)
    units = len(full) // block
    return full.view(units, block, units, block).sum((1, 3))


def wanted_in_order(subject: Subject, kept: Mapping[Key, Tensor]) -> Iterator[tuple[Group, Fit]]:
    """Each group's consumer with what it gets and should give, from the bottom up.

    What it gets are the inputs in the model as it is now, without the units that go. What it should give is what makes
    the sublayer's sum with the residual the teacher's. The caller may change the consumer before it asks for the next:
    those above then see the change. The teacher is the subject's where it has the same sublayers and width, else the
    model as it was at the first call. Groups that share a sublayer with others (experts) are left out.
    """
    anatomy = subject.anatomy
    sublayers = [
        (sublayer, anatomy.groups[key])
        for sublayer in anatomy.sublayers
        for key in sublayer.groups
        if key in kept and bool(kept[key].any()) and anatomy.groups[key].consumer == sublayer.output
    ]
    # taken before the first change, since the teacher may be the model that is changed
    sums = _teacher_sums(subject, [sublayer for sublayer, _ in sublayers])
    gates = {key: mask.float() for key, mask in kept.items()}
    for sublayer, group in sublayers:
        linear = module_of(subject.model, group.consumer)
        outputs, features = linear.weight.shape
        shapes = ((features, features), (features, outputs), (features,), (outputs,))
        fit = Fit(0, *(linear.weight.new_zeros(shape, dtype=torch.float64) for shape in shapes))
        for batch, there in zip(subject.needed_calibration(), sums, strict=True):
            with torch.no_grad(), apply_gates(subject.model, gates):
                inputs, residual = _seen(subject, anatomy, sublayer, batch)
            # the bias stays, so the matrix alone is fitted to what is left
            bias = 0.0 if linear.bias is None else linear.bias.detach().double()
            fit.add(inputs, there[sublayer.output].double() - residual.double() - bias)
        yield group, fit


def _teacher_sums(subject: Subject, sublayers: Sequence[Sublayer]) -> list[dict[str, Tensor]]:
    """By batch and sublayer's output: that output and the residual it is added to, (tokens, width)."""
    teacher, anatomy = _teacher(subject)
    outputs, norms = [entry.output for entry in sublayers], {entry.norm: entry.output for entry in sublayers}
    found = []
    with torch.no_grad():
        for batch in subject.needed_calibration():
            seen = _watched(
                subject, teacher, {(path, True) for path in outputs} | {(path, False) for path in norms}, batch
            )
            found.append(
                {
                    output: seen[norm, False] if anatomy.post_norm else seen[output, True] + seen[norm, False]
                    for norm, output in norms.items()
                }
            )
    return found


def _teacher(subject: Subject) -> tuple[nn.Module, Anatomy]:
    anatomy = subject.anatomy
    if subject.teacher is not None:
        there = subject.with_model(subject.teacher).anatomy
        same = [entry.output for entry in there.sublayers] == [entry.output for entry in anatomy.sublayers]
        # with other sublayers or another width the sums could not be compared one by one
        if same and there.width == anatomy.width:
            return subject.teacher, there
    return copy.deepcopy(subject.model), anatomy


class _Reached(Exception):  # noqa: N818
    """All needed states have been seen; the layers above need not be computed."""


def _seen(subject: Subject, anatomy: Anatomy, sublayer: Sublayer, batch: Batch) -> tuple[Tensor, Tensor]:
    """A sublayer's last input, (tokens, features), and the residual that its output is added to, (tokens, width)."""
    norm, output = (sublayer.norm, False), (sublayer.output, True)
    found = _watched(subject, subject.model, {norm, output, (sublayer.output, False)}, batch)
    residual = found[norm] - found[output] if anatomy.post_norm else found[norm]
    return found[sublayer.output, False], residual


def _watched(
    subject: Subject, model: nn.Module, wanted: set[tuple[str, bool]], batch: Batch
) -> dict[tuple[str, bool], Tensor]:
    """Inputs (False) and outputs (True) of modules at real tokens; the pass ends where all have been seen."""
    found: dict[tuple[str, bool], Tensor] = {}

    def see(path: str, states: Tensor, *, outputs: bool) -> None:
        found[path, outputs] = states
        # an exception is the only way out of a forward pass; the layers above cost as much as those below
        if len(found) == len(wanted):
            raise _Reached

    with ExitStack() as stack:
        for outputs in (False, True):
            paths = sorted(path for path, kind in wanted if kind == outputs)
            stack.enter_context(watch_modules(model, paths, batch, partial(see, outputs=outputs), outputs=outputs))
        with suppress(_Reached):
            subject.task.output(model, batch)
    return found
