"""How long a search will take: a measured forward pass and training step of this model, times what each recipe does.

What each recipe does was measured once in forward passes (`ctxprune.shrink.recipes.first_choice.passes_of`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from statistics import fmean
from threading import get_ident
from time import perf_counter
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.modules.module import register_module_forward_pre_hook

from ctxprune.shrink.learning.training import Schedule, train
from ctxprune.shrink.model.cost import SINGLE, Target
from ctxprune.shrink.model.subject import Subject
from ctxprune.shrink.model.tasks.base import Batch
from ctxprune.shrink.recipes.first_choice import passes_of
from ctxprune.shrink.recipes.recipe import Recipe, load_recipe
from ctxprune.shrink.run.steps import count_steps
from ctxprune.shrink.run.timing import measure_times
from ctxprune.shrink.run.trial import Effort, with_steps

if TYPE_CHECKING:
    from ctxprune.shrink.run.search import Plan

_BATCHES = 3  # that are timed
_FINAL_ROUNDS = 8  # of both models side by side, the warm-up among them
_GRAPHS = 2.5  # passes of the model and of both graphs, which are faster than it is
_AUDIT_PASSES = 1.5  # all questions, and those with names again with others
_SECONDS_A_PARAMETER = 1e-7  # of writing and quantising, measured on a MiniLM
_GUESSES = 6  # shares of the multiply-adds that are tried on average until a time is found, measured on a MiniLM
_RUNS = 1.5  # of a recipe on average until its time is met: what is too slow runs again


class OutOfTimeError(Exception):
    """The time that was allowed is over; never seen outside a search."""


@dataclass(frozen=True)
class Speed:
    """What was measured of a model on its data, in seconds of this machine as busy as it is."""

    forward: float  # of a forward pass over a batch
    step: float  # of a training step towards the teacher, whose own pass it holds
    timing: float  # of measuring the model's time against itself
    batches: int  # of calibration
    held_out: int  # batches of quality


@dataclass(frozen=True)
class Finish:
    """What follows the search.

    Attributes:
        reported: Batches that the smaller model is measured on.
        by_source: Whether both models are measured again, source by source.
        parameters: Of the full model where ONNX files are written; 0 where none are.
        audit: Whether both models are compared question by question.
    """

    reported: int
    by_source: bool = False
    parameters: int = 0
    audit: bool = False


def measure_speed(subject: Subject, held_out: int, timed: Batch, *, trained: bool) -> Speed:
    """Time a few forward passes, two steps and one timing on the batch `timed`.

    `held_out` counts the batches of quality; where nothing is `trained` a step is 0 seconds.
    """
    batches = list(subject.needed_calibration())
    # of all lengths: from the middle of each third of the batches, by size
    part = max(len(batches) // _BATCHES, 1)
    few = sorted(batches, key=lambda batch: batch["input_ids"].numel())[part // 2 :: part]

    def forward(batch: Any) -> float:
        started = perf_counter()
        with torch.no_grad():
            subject.task.output(subject.model, batch)
        return perf_counter() - started

    forward(few[-1])  # warm
    # by token: a few very long batches are most of the work, and may not be among the few
    token = sum(map(forward, few)) / sum(batch["input_ids"].numel() for batch in few)
    forwards = token * fmean(batch["input_ids"].numel() for batch in batches)
    step = 0.0
    if trained:
        one = subject.copy()
        started = perf_counter()
        train(one, Schedule(steps=2))
        step = (perf_counter() - started) / 2
    # whatever the target is, the report has both models' times
    started = perf_counter()
    measure_times([subject.model], timed, rounds=2)
    timing = (perf_counter() - started) / 3  # a warm-up and two rounds
    return Speed(forwards, step, timing, len(batches), held_out)


def estimate_trial(recipe: Recipe, target: Target, effort: Effort, speed: Speed) -> float:
    """Seconds of one trial of a plan."""
    each, beside = passes_of(recipe.name.partition("+")[0])  # behind it is the data of the recovery
    batches = max(round(effort.data * speed.batches), 1)
    scored = min(batches, effort.scored or batches)
    left = 1.0 if target.measure in SINGLE else target.keep
    work = each * scored + beside
    steps = count_steps(with_steps(recipe, effort.steps) if effort.steps else recipe)
    # of a step the teacher's pass stays, the rest shrinks with the model
    seconds = work * speed.forward + steps * (speed.forward + max(speed.step - speed.forward, 0.0) * left)
    if target.measure == "latency":
        rounds = (0 if effort.share else 4 * _GUESSES) + 4 + 8  # guesses, a check before training, the result
        seconds += rounds * (1 + left) * speed.timing
        # where the share is known a recipe met its time with it before
        seconds += 0.0 if effort.share else (_RUNS - 1) * work * speed.forward
    # before recovery, too, where something trains
    return seconds + (2 if steps else 1) * speed.held_out * speed.forward * left


def estimate_plan(plan: Plan) -> float:
    """Seconds of all trials of a plan; 0 where it has no speed.

    Which recipes go on is not known, so later rungs count with the mean of all.
    """
    if plan.speed is None:
        return 0.0
    total, alive = 0.0, len(plan.recipes)
    for rung in range(plan.rungs):
        effort = plan.effort(rung)
        known = replace(effort, share=1.0 if rung else None)
        total += alive * fmean(estimate_trial(recipe, plan.target, known, plan.speed) for recipe in plan.recipes)
        alive = max(alive // 2, 1)
    return total + plan.baselines * estimate_trial(load_recipe("random"), plan.target, effort, plan.speed)


def estimate_samples(plan: Plan, samples: int) -> float:
    """Seconds of the winner's trials on parts of the data, with the effort of the last rung; 0 without a speed."""
    if plan.speed is None or not samples:
        return 0.0
    speed, known = plan.speed, replace(plan.effort(plan.rungs - 1), share=1.0)
    return samples * fmean(estimate_trial(recipe, plan.target, known, speed) for recipe in plan.recipes)


def estimate_finish(target: Target, finish: Finish, speed: Speed) -> float:
    """Seconds of measuring, exporting and auditing the winner.

    Args:
        target: As in a plan.
        finish: What is done.
        speed: Measured.
    """
    left = 1.0 if target.measure in SINGLE else target.keep
    seconds = _FINAL_ROUNDS * (1 + left) * speed.timing
    passes = finish.reported * left
    if finish.by_source:
        passes += finish.reported * (1 + left)
    if finish.parameters:
        # graphs are compared with the model on what recipes are compared on
        passes += _GRAPHS * speed.held_out * left
        seconds += finish.parameters * _SECONDS_A_PARAMETER
    if finish.audit:
        passes += _AUDIT_PASSES * finish.reported * (1 + left)
    return seconds + passes * speed.forward


def format_minutes(seconds: float) -> str:
    """As "40 seconds", "12 minutes" or "3.5 hours"."""
    if seconds < 90:
        return "a second" if seconds < 1.5 else f"{round(seconds)} seconds"
    return f"{round(seconds / 60)} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"


@contextmanager
def stop_after(seconds: float | None) -> Iterator[None]:
    """Inside, a forward pass of this thread raises `OutOfTimeError` once so many seconds are over; None never does."""
    if seconds is None:
        yield
        return
    ends, own = perf_counter() + seconds, get_ident()

    def check(*_: object) -> None:
        # other threads of the process have models of their own
        if get_ident() == own and perf_counter() > ends:
            raise OutOfTimeError

    hook = register_module_forward_pre_hook(check)
    try:
        yield
    finally:
        hook.remove()
