"""Runs a recipe on a model until a target is met: prepare, score, allocate, compensate, remove, recover."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from ctxprune.errors import UsageError
from ctxprune.shrink.model.anatomy import Group, Key
from ctxprune.shrink.model.budget import Budget
from ctxprune.shrink.model.checks import check_subject
from ctxprune.shrink.model.cost import SINGLE, Target, cost, deltas, matrices, unit_costs
from ctxprune.shrink.model.subject import Subject
from ctxprune.shrink.model.surgery import level_parts, remove
from ctxprune.shrink.model.tasks.base import Batch
from ctxprune.shrink.recipes.recipe import Recipe, Stage, build_piece
from ctxprune.shrink.registries import ALLOCATORS, COMPENSATORS, RECOVERIES, SCORES

__all__ = ["Shrunk", "shrink"]


@dataclass(frozen=True)
class Shrunk:
    """A recipe's result.

    Attributes:
        subject: With the smaller model; the one that was given is as it was.
        recipe: Name of what was done.
        target: What was asked.
        before, after: Cost in the target's measure, of the whole model.
        notes: Findings of the pieces.
    """

    subject: Subject
    recipe: str
    target: Target
    before: float
    after: float
    notes: Mapping[str, Any]

    @property
    def left(self) -> float:
        """Share of the cost that is left."""
        return self.after / self.before


def shrink(
    subject: Subject,
    recipe: Recipe,
    target: Target,
    *,
    finish_on: Sequence[Batch] | None = None,
    before_finish: Callable[[Subject], None] | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> Shrunk:
    """A smaller model by a recipe.

    Args:
        subject: What to shrink; left as it is. Its model becomes the teacher where it has none.
        recipe: How.
        target: How far. Latency is counted as multiply-adds here; `ctxprune.shrink.run.search` measures it.
        finish_on: Batches for the recipe's finish; default: those of the subject, which everything else works on.
        before_finish: Called with what the stages left; what it raises ends the run before the training at the end.
        progress: Called with the current step and the share of the recipe that is done, 0..1.

    Raises:
        UsageError: The recipe and the model or the target do not go together, or the target cannot be reached.
        InputError: The model's weights are not finite, the data does not fit the model, or there is none where some is
            needed.
    """
    tell = progress or (lambda _, __: None)
    check_subject(subject)
    # the caller's model is the teacher: it must stay as it is
    work = subject.copy()
    work.model.eval()
    measure = "flops" if target.measure == "latency" else target.measure
    before = _cost(work, measure)
    limit = before * target.keep
    # what cannot be is refused now, and not after hours in a later stage: wrong parameters of a piece, missing units
    _check_pieces(recipe)
    for stage in recipe.stages:
        if "weight" not in stage.units:
            work.groups(stage.units)  # refused here where the model never had them
    for number, stage in enumerate(recipe.stages):
        tell(f"stage {number + 1} of {len(recipe.stages)}: {', '.join(stage.units)}", number / (len(recipe.stages) + 1))
        single = "weight" in stage.units
        last = number == len(recipe.stages) - 1
        work = _weights(work, stage, measure, limit) if single else _structures(work, stage, measure, limit, last=last)
    tell("recovery", len(recipe.stages) / (len(recipe.stages) + 1))
    if before_finish is not None:
        before_finish(work)
    over = max(_cost(work, measure) - limit, 0.0)  # for pieces that make a whole model smaller
    work = replace(work, budget=Budget((), {}, over, measure=measure), calibration=finish_on or work.calibration)
    for piece in recipe.finish:
        work = build_piece(RECOVERIES, piece)(work)
    work.model.eval()
    after = _cost(work, measure)
    # checked once more on the finished model: an allocator's promise is not taken on trust
    if after > limit * (1 + 1e-6) and recipe.stages:
        what = f"{recipe.name} left {100 * after / before:.1f} % of the {measure}, not {100 * target.keep:.1f} %"
        raise UsageError(what, hint="raise the target or take another recipe")
    if trained := work.notes.get("trained"):
        steps = sum(number for number, _ in trained)
        work.notes["average_parameters"] = sum(number * size for number, size in trained) / steps
    tell("done", 1.0)
    return Shrunk(work, recipe.name, target, before, after, work.notes)


def _check_pieces(recipe: Recipe) -> None:
    pieces = [(RECOVERIES, piece) for piece in recipe.finish]
    for stage in recipe.stages:
        pieces += [(SCORES, stage.score), (ALLOCATORS, stage.allocate)]
        pieces += [(COMPENSATORS, piece) for piece in stage.compensate]
        pieces += [(RECOVERIES, piece) for piece in (*stage.prepare, *stage.recover)]
    for registry, piece in pieces:
        build_piece(registry, piece)


def _cost(subject: Subject, measure: str) -> float:
    if measure == "deltas":
        return deltas(subject.model, subject.needed_base())
    return cost(subject.model, measure, masks=subject.masks)


def _structures(subject: Subject, stage: Stage, measure: str, limit: float, *, last: bool) -> Subject:
    start = cost(subject.model, measure)
    goal = start - stage.share * (start - limit)
    if stage.prepare:
        groups = _present(subject, stage)
        costs = unit_costs(subject.model, groups, measure)
        subject = replace(subject, budget=Budget(groups, costs, max(start - goal, 0.0), measure=measure))
    for piece in stage.prepare:
        subject = build_piece(RECOVERIES, piece)(subject)
    if stage.upwards:
        return _upwards(subject, stage, measure, goal)
    rounds, number = stage.rounds, 0
    while True:
        now = cost(subject.model, measure)
        if now <= goal * (1 + 1e-9):
            return subject
        number += 1
        if rounds and number > rounds:
            return subject  # what allocators leave undone is reported at the end
        # what is left is divided among the rounds that are left, since a round may overshoot
        step = goal if not rounds else now - (now - goal) / (rounds - number + 1)
        smaller = _round(subject, stage, measure, now - step) if _present(subject, stage) else subject
        if cost(smaller.model, measure) >= now:
            # a later stage may still meet the target
            if (rounds and number > 1) or not last:
                return subject  # an earlier round took all that can go here, or an earlier stage did
            raise UsageError("nothing more can go", where=", ".join(stage.units), hint="raise the target")
        subject = smaller


def _present(subject: Subject, stage: Stage) -> list[Group]:
    """The groups of a stage's kinds that are left; an earlier stage may have taken all of one kind."""
    return subject.groups([kind for kind in stage.units if subject.anatomy.of_kind(kind)])


def _upwards(subject: Subject, stage: Stage, measure: str, goal: float) -> Subject:
    """Prune sublayers from the bottom up; what a choice removes counts towards the plan of the sublayers above it."""
    anatomy, units = subject.anatomy, {group.key for group in _present(subject, stage)}
    keys = [key for sublayer in anatomy.sublayers for key in sublayer.groups if key in units]
    for place in range(len(keys)):
        gone = cost(subject.model, measure) - goal
        subject = _round(subject, stage, measure, max(gone, 0.0), keys[place:])
    return subject


def _round(subject: Subject, stage: Stage, measure: str, gone: float, upwards: Sequence[Key] | None = None) -> Subject:
    groups = _present(subject, stage)
    if upwards is not None:
        # those below are settled: their choice was made with the data as it was then
        groups = [group for group in groups if group.key in upwards]
    costs = unit_costs(subject.model, groups, measure)
    subject = replace(subject, budget=Budget(groups, costs, gone, None if stage.rounds else 1, measure))
    scores = build_piece(SCORES, stage.score)(subject, groups)
    kept = build_piece(ALLOCATORS, stage.allocate)(subject, scores, subject.needed_budget())
    kept = level_parts(groups, kept, scores)
    if upwards is not None:
        kept = {upwards[0]: kept[upwards[0]]}
    for piece in stage.compensate:
        kept = build_piece(COMPENSATORS, piece)(subject, kept)
    subject = subject.with_model(remove(subject.model, kept))
    for piece in stage.recover:
        subject = build_piece(RECOVERIES, piece)(subject)
    return subject


def _weights(subject: Subject, stage: Stage, measure: str, limit: float) -> Subject:
    if measure not in SINGLE:
        raise UsageError(f"zeros do not lower {measure}", hint="give a target in weights")
    names = matrices(subject.model)
    total = sum(subject.model.get_parameter(name).numel() for name in names)
    start, goal = 1 - _cost(subject, measure) / total, 1 - limit / total
    goal = start + stage.share * (goal - start)
    subject = replace(subject, budget=Budget((), {}, goal, measure=measure))
    for piece in stage.prepare:
        subject = build_piece(RECOVERIES, piece)(subject)
    for number in range(1, max(stage.rounds, 1) + 1):
        budget = Budget((), {}, start + stage.done(number) * (goal - start), measure=measure)
        subject = replace(subject, budget=budget)
        scores = _zeros_first(subject, build_piece(SCORES, stage.score)(subject, names))
        masks = build_piece(ALLOCATORS, stage.allocate)(subject, scores, budget)
        for piece in stage.compensate:
            masks = build_piece(COMPENSATORS, piece)(subject, masks)
        # set before recovery, so that training starts from the pruned model
        subject = _settled(subject, masks, measure)
        for piece in stage.recover:
            subject = build_piece(RECOVERIES, piece)(subject)
            apply_masks(subject, subject.masks)
    return subject


def _zeros_first(subject: Subject, scores: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What is zero already goes first."""
    return {
        name: score.masked_fill(~subject.masks[name], -torch.inf) if name in subject.masks else score
        for name, score in scores.items()
    }


def _settled(subject: Subject, masks: Mapping[str, Tensor], measure: str) -> Subject:
    """Weights that are not kept become zero, or the base model's; shared ones are their compensator's business."""
    if measure == "weights":
        apply_masks(subject, masks)
        kept, total = sum(int(mask.sum()) for mask in masks.values()), sum(mask.numel() for mask in masks.values())
        subject.notes["sparsity"] = {"zeros": 1 - kept / total, "faster": False}  # zeros take as long as other numbers
        return subject.with_model(subject.model, masks)
    if measure == "deltas":
        base = subject.needed_base()
        with torch.no_grad():
            for path, mask in masks.items():
                entry = subject.model.get_parameter(path)
                entry.copy_(torch.where(mask, entry, base.get_parameter(path)))
    return subject


def apply_masks(subject: Subject, masks: Mapping[str, Tensor]) -> None:
    """Set the weights that are not kept to zero, in place."""
    with torch.no_grad():
        for path, mask in masks.items():
            subject.model.get_parameter(path).mul_(mask)
