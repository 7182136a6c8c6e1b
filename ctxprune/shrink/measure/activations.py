"""What flows through a model on calibration data: moments of module inputs, states of layers."""

from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from ctxprune.errors import UsageError
from ctxprune.shrink.model.gate_hooks import temporary_hooks
from ctxprune.shrink.model.subject import module_of
from ctxprune.shrink.types import Batch, Callable, Group, Iterator, Sequence, Subject, Tensor


@dataclass
class Moments:
    """Sums over real tokens of a module's input x, float64.

    Attributes:
        count: Tokens.
        total: Sum of x: (features,).
        squares: Sum of x squared: (features,).
        products: Sum of x x^T: (features, features); None where it was not asked for.
    """

    count: int
    total: Tensor
    squares: Tensor
    products: Tensor | None = None

    @property
    def mean(self) -> Tensor:
        """(features,)."""
        return self.total / self.count

    @property
    def variance(self) -> Tensor:
        """(features,), from 0 up."""
        return (self.squares / self.count - self.mean.square()).clamp(min=0)

    @property
    def second(self) -> Tensor:
        """The products, where they were asked for: (features, features).

        Raises:
            UsageError: They were not.
        """
        if self.products is None:
            raise UsageError("these moments have no products", hint="ask for them: products=True")
        return self.products

    @property
    def norms(self) -> Tensor:
        """Root of the sum of squares over tokens: (features,)."""
        return self.squares.sqrt()

    def hessian(self, damping: float) -> Tensor:
        """X X^T per token, with a share of its diagonal's mean added to the diagonal: (features, features).

        Raises:
            UsageError: Products were not asked for.
        """
        return damp(self.second / self.count, damping)


def damp(matrix: Tensor, damping: float) -> Tensor:
    """A symmetric matrix with a share of its diagonal's mean added to the diagonal; of a matrix of zeros the share."""
    # dead inputs give a matrix of zeros, which no relative damping would make invertible
    mean = float(matrix.diagonal().mean())
    added = damping * (mean if mean > 0 else 1.0)
    return matrix + added * torch.eye(len(matrix), dtype=matrix.dtype)


def consumers(groups: Sequence[Group]) -> list[str]:
    """Dotted names of the matrices that read the units of groups, one each.

    Raises:
        UsageError: No single matrix reads units of a kind.
    """
    for group in groups:
        if not group.consumer:
            raise UsageError(
                f"no single matrix reads units of kind {group.kind!r}",
                where="units",
                hint="this piece is for units that one matrix reads, such as head or neuron",
            )
    return [group.consumer for group in groups]


def moments(
    subject: Subject, paths: Sequence[str], *, products: bool = False, model: nn.Module | None = None
) -> dict[str, Moments]:
    """Moments of the inputs of modules over the calibration data, padding left out."""
    found: dict[str, Moments] = {}

    def add(path: str, rows: Tensor) -> None:
        # sums over many tokens lose the small entries in float32
        rows = rows.double()
        entry = found.get(path)
        if entry is None:
            zeros = rows.new_zeros(rows.shape[1])
            square = rows.new_zeros(rows.shape[1], rows.shape[1]) if products else None
            entry = found[path] = Moments(0, zeros, zeros.clone(), square)
        entry.count += len(rows)
        entry.total += rows.sum(0)
        entry.squares += rows.square().sum(0)
        if entry.products is not None:
            entry.products += rows.T @ rows

    read_modules(subject, paths, add, model=model)
    return found


def module_inputs(subject: Subject, paths: Sequence[str], *, model: nn.Module | None = None) -> dict[str, Tensor]:
    """The inputs of modules over all real tokens of the calibration data: (tokens, features) each."""
    rows: dict[str, list[Tensor]] = {path: [] for path in paths}
    read_modules(subject, paths, lambda path, found: rows[path].append(found), model=model)
    return {path: torch.cat(found) for path, found in rows.items()}


def module_outputs(subject: Subject, path: str, *, model: nn.Module | None = None) -> Tensor:
    """The outputs of a module over all real tokens of the calibration data: (tokens, features)."""
    rows: list[Tensor] = []
    read_modules(subject, [path], lambda _, found: rows.append(found), model=model, outputs=True)
    return torch.cat(rows)


def read_modules(
    subject: Subject,
    paths: Sequence[str],
    see: Callable[[str, Tensor], None],
    *,
    model: nn.Module | None = None,
    outputs: bool = False,
) -> None:
    """Run the calibration data through the model, or another one, without gradients, under `watch_modules`."""
    model = model or subject.model
    with torch.no_grad():
        for batch in subject.needed_calibration():
            with watch_modules(model, paths, batch, see, outputs=outputs):
                subject.task.output(model, batch)


@contextmanager
def watch_modules(
    model: nn.Module, paths: Sequence[str], batch: Batch, see: Callable[[str, Tensor], None], *, outputs: bool = False
) -> Iterator[None]:
    """Inside, `see` gets each module's input (or output) at real tokens, (tokens, features), as it passes by."""
    mask = batch["attention_mask"].bool()

    def hook(path: str) -> Callable[..., None]:
        def after(_: nn.Module, given: tuple[Any, ...], named: dict[str, Any], result: Any) -> None:
            states = result if outputs else given[0] if given else named["hidden_states"]
            states = states if isinstance(states, torch.Tensor) else states[0]
            if states.ndim == 2 and len(states) == mask.numel():  # rows and tokens on one axis, as experts see them
                states = states.view(*mask.shape, -1)
            if states.ndim == 3 and states.shape[1] > mask.shape[1]:  # a prompt stands before the batch's tokens
                states = states[:, -mask.shape[1] :]
            # a router passes an expert its own tokens alone: there is no padding to leave out
            whole = states.shape[:2] == mask.shape
            see(path, states[mask] if whole else states.reshape(-1, states.shape[-1]))

        return after

    with temporary_hooks() as handles:
        handles += [module_of(model, path).register_forward_hook(hook(path), with_kwargs=True) for path in paths]
        yield


def linear_path(model: nn.Module, name: str) -> str:
    """Dotted name of the linear module that a matrix is the weight of.

    Raises:
        UsageError: It is no linear module's.
    """
    path, _, last = name.rpartition(".")
    if last != "weight" or not isinstance(module_of(model, path), nn.Linear):
        raise UsageError("this piece needs the inputs of linear modules, and this matrix is of none", where=name)
    return path


def weight_moments(subject: Subject, names: Sequence[str], *, products: bool = False) -> dict[str, Moments]:
    """Moments of what each matrix is multiplied with, by the matrix's name."""
    paths = {name: linear_path(subject.model, name) for name in names}
    found = moments(subject, list(paths.values()), products=products)
    return {name: found[path] for name, path in paths.items()}
