"""What a recipe works on: a model, its description, the task it does and the data it is calibrated with."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from ctxprune.errors import InputError, UsageError
from ctxprune.shrink.model.anatomy import Anatomy, Group
from ctxprune.shrink.model.budget import Budget
from ctxprune.shrink.model.families import family_of
from ctxprune.shrink.model.modules import Factorised
from ctxprune.shrink.model.tasks.base import Batch, Task
from ctxprune.utils.foreign import optional_member

__all__ = ["Subject", "config_value", "module_of", "parameter_of"]


@dataclass(frozen=True)
class Subject:
    """The model being compressed, with its task and data. Pieces read it; removal gives a new one.

    Attributes:
        model: A torch module of a known family, in evaluation mode.
        task: What it does: outputs, loss, divergence from a teacher.
        calibration: Batches in the model's real input format.
        teacher: The model as it was before anything went; itself where nothing has gone yet.
        seed: Random seed.
        masks: Of single weights that are zero and stay so, by parameter: bool, True = kept.
        base: An earlier state of the same model, of the same shapes: what it was tuned from, or weights from early in
            its training. For recipes that prune the difference from it, or go back to it.
        notes: Findings of pieces for the report: plain values by name.
        related: Batches of a related, larger task or of a general domain, for methods that look at both.
        budget: How much the round, the stage (in preparations) or the rest of the recipe (in its finish) has to remove;
            None outside a recipe.
        learned: Scores that a preparation found while it trained, by group's key or parameter's name.
        device: That trainings run on; everything is on the CPU before and after.
    """

    model: nn.Module
    task: Task
    calibration: Sequence[Batch] = ()
    teacher: nn.Module | None = None
    seed: int = 0
    masks: Mapping[str, Tensor] = field(default_factory=dict)
    base: nn.Module | None = None
    notes: dict[str, Any] = field(default_factory=dict)
    related: Sequence[Batch] = ()
    budget: Budget | None = None
    learned: Mapping[Any, Tensor] = field(default_factory=dict)
    device: str = "cpu"

    def __post_init__(self) -> None:
        family_of(self.model)  # refuses a model of no known family

    @property
    def anatomy(self) -> Anatomy:
        """The description of the model as it is now."""
        return family_of(self.model).describe(self.model)

    def groups(self, kinds: Sequence[str]) -> list[Group]:
        """The groups of these kinds.

        Raises:
            UsageError: The model has none of one of them.
        """
        anatomy, found = self.anatomy, []
        for kind in kinds:
            here = anatomy.of_kind(kind)
            if not here:
                known = sorted({key[0] for key in anatomy.groups})
                raise UsageError(f"a {anatomy.family} model has no units of kind {kind!r}", hint=f"it has {known}")
            found += here
        return found

    def copy(self) -> Subject:
        """The same with a model of its own; the teacher is shared."""
        # what was whole before the first removal stays the teacher through all rounds
        teacher = self.teacher or self.model
        return replace(self, model=copy.deepcopy(self.model), teacher=teacher, notes=dict(self.notes))

    def with_model(self, model: nn.Module, masks: Mapping[str, Tensor] | None = None) -> Subject:
        """The same with another model."""
        return replace(self, model=model, masks=self.masks if masks is None else masks)

    def generator(self, salt: int = 0) -> torch.Generator:
        """A random generator that depends on the seed and the salt alone."""
        # a salt each keeps the random numbers of one piece from depending on which pieces ran before it
        return torch.Generator().manual_seed(self.seed * 1_000_003 + salt)

    def needed_base(self) -> nn.Module:
        """The earlier state of the model.

        Raises:
            InputError: There is none, or it has other shapes.
        """
        if self.base is None:
            hint = "give the model that this one was tuned from: Subject(base=…)"
            raise InputError("there is no base model", where="base", hint=hint)
        shapes = {name: entry.shape for name, entry in self.base.named_parameters()}
        for name, entry in self.model.named_parameters():
            if shapes.get(name) != entry.shape:
                raise InputError("the base model has other shapes", where=name, hint="give the model before tuning")
        return self.base

    def needed_calibration(self, least: int = 1) -> Sequence[Batch]:
        """The calibration batches.

        Raises:
            InputError: They have fewer rows than `least`.
        """
        rows = sum(len(batch["input_ids"]) for batch in self.calibration)
        if rows < least:
            hint = "give more calibration data"
            raise InputError(f"there are {rows} calibration rows, and this piece needs {least}", hint=hint)
        return self.calibration

    def needed_budget(self) -> Budget:
        """The budget.

        Raises:
            UsageError: There is none: the piece was called outside a recipe.
        """
        if self.budget is None:
            raise UsageError("this piece needs a budget", hint="call it in a recipe, or set the subject's budget")
        return self.budget

    def loss(self, model: nn.Module | None = None) -> float:
        """Mean loss of the task over the calibration rows, without gradients."""
        total, rows = 0.0, 0
        with torch.no_grad():
            for batch in self.needed_calibration():
                size = len(batch["input_ids"])
                total += float(self.task.loss(model or self.model, batch, self.teacher)) * size
                rows += size
        return total / rows

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """The model's parameters take no gradients inside."""
        before = [(entry, entry.requires_grad) for entry in self.model.parameters()]
        try:
            for entry, _ in before:
                entry.requires_grad_(False)
            yield
        finally:
            for entry, needed in before:
                entry.requires_grad_(needed)


def config_value(model: nn.Module, name: str, default: Any = None) -> Any:
    """A value of the model's configuration; the default where the value or the configuration is missing."""
    # configurations of transformers differ by architecture, and the pruner's network has a shape instead
    return optional_member(optional_member(model, "config"), name, default)


def module_of(model: nn.Module, path: str) -> Any:
    """The submodule of that dotted name."""
    return model.get_submodule(path)


def parameter_of(model: nn.Module, path: str) -> Any:
    """The parameter of that dotted name; of a factorised matrix the product."""
    owner, _, name = path.rpartition(".")
    module = model.get_submodule(owner)
    return module.weight if name == "weight" and isinstance(module, Factorised) else model.get_parameter(path)
