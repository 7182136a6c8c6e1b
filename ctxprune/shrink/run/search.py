"""Which recipe is best for a model, data and a target: successive halving with the real quality, resumable.

Jamieson and Talwalkar, Non-stochastic Best Arm Identification and Hyperparameter Optimization, AISTATS 2016: all
candidates get a little effort, the better half twice as much, and so on. Random removal and a model of its shape
that is trained from random weights run as baselines on every rung.

State is in FOLDER/trials: `trials.jsonl`, first the plan, then one line a trial as soon as it is done; and each trial's
model as a folder of its own. A search that was killed, or stopped by its limit, goes on with `resume` and loses the
trial that it was in.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil, log2
from pathlib import Path
from typing import Any

from ctxprune.errors import InputError, UsageError
from ctxprune.shrink.io.loaded import Loaded
from ctxprune.shrink.io.saving import save_model
from ctxprune.shrink.model.cost import SINGLE, Target
from ctxprune.shrink.recipes.recipe import Recipe, load_recipe, recipe_names
from ctxprune.shrink.run.estimate import (
    OutOfTimeError,
    Speed,
    estimate_plan,
    estimate_trial,
    format_minutes,
    stop_after,
)
from ctxprune.shrink.run.preparation import Prepared
from ctxprune.shrink.run.records import TrialLog, TrialRecord
from ctxprune.shrink.run.trial import Effort, baseline_recipes, run_trial

_FITS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("flops", "latency"), ("flops", "latency")),
    **dict.fromkeys(("bytes", "parameters"), ("flops", "bytes", "parameters")),
    **{measure: (measure,) for measure in SINGLE},
}
"""By the target's measure, in which measures a recipe may count."""


@dataclass(frozen=True)
class Plan:
    """Candidates and effort of a search.

    Attributes:
        recipes: The candidates.
        target: What each of them is brought to.
        steps: Of recovery on the last rung, halved on each rung before; 0 leaves recipes as they are.
        rungs: Rounds of halving; 1 tries every candidate once, with all data and steps.
        baselines: How many of random removal and training from scratch run, too, in this order.
        seed: Random seed.
        asked: The target as the user gave it, such as "latency=40ms". It identifies the run when it is resumed, since a
            share of a measured time differs from run to run.
        scored: Batches at most that units are scored on, on the last rung; 0 for all.
        seconds: Until the search stops with the best so far; None: it runs to its end.
        speed: What the time that is left is estimated from; None: it is not.
        timed_on: Device that time is measured on.

    Raises:
        UsageError: There is no candidate, two share a name, or a number is out of range.
    """

    recipes: tuple[Recipe, ...]
    target: Target
    steps: int = 0
    rungs: int = 1
    baselines: int = 2
    seed: int = 0
    asked: str = ""
    scored: int = 0
    seconds: float | None = None
    speed: Speed | None = None
    timed_on: str = "cpu"

    def __post_init__(self) -> None:
        if not self.recipes or len({recipe.name for recipe in self.recipes}) != len(self.recipes):
            raise UsageError("recipe names must differ, and at least one is needed", where="recipes")
        if self.steps < 0 or not 1 <= self.rungs <= 10:
            what = f"steps is {self.steps} and rungs {self.rungs}"
            raise UsageError(what, hint="give steps from 0 up, and 1 to 10 rungs")

    @classmethod
    def halving(cls, recipes: Sequence[Recipe], target: Target, *, steps: int = 0, seed: int = 0) -> Plan:
        """With as many rungs as it takes to come down to two candidates, three at most."""
        rungs = min(3, max(1, ceil(log2(max(len(recipes), 1)))))
        return cls(tuple(recipes), target, steps=steps, rungs=rungs, seed=seed)

    def effort(self, rung: int) -> Effort:
        """Steps and data of a trial on a rung, from 0 up."""
        part = 0.5 ** (self.rungs - 1 - rung)
        steps, scored = (max(round(number * part), 1) if number else 0 for number in (self.steps, self.scored))
        return Effort(steps, part, scored)


@dataclass(frozen=True)
class SearchResult:
    """A search's result."""

    folder: Path  # of the best trial's model
    best: TrialRecord  # the winning trial
    trials: Sequence[TrialRecord]  # all trials, in the order in which they were done
    stopped: bool = False  # whether the limit stopped the search before its end


def fitting_recipes(kind: str, measure: str) -> list[Recipe]:
    """The recipes for a kind of model that can be brought to a target's measure."""
    found = (load_recipe(name) for name in recipe_names())
    fitting = (recipe for recipe in found if kind in recipe.models and recipe.measure in _FITS[measure])
    return [recipe for recipe in fitting if recipe.promise != "baseline"]


def search(
    loaded: Loaded,
    prepared: Prepared,
    plan: Plan,
    folder: Path,
    *,
    resume: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
) -> SearchResult:
    """The best of a plan's recipes by quality on `prepared.held_out`, which says too much of the one that was chosen.

    Trials that fail are kept with their reason. The same seed gives the same trials, but for measured times. With
    `resume` what is in the folder goes on: plan and data must be the same. `progress` is told the next trial and the
    time that is left, how many trials are done, and how many there will be.

    Raises:
        UsageError: There is a search in the folder and `resume` is not set, or it is of another plan; or every trial
            failed, with the reason of the first; or none was done within the plan's limit.
        InputError: The folder cannot be written.
        FormatError: The state is damaged.
    """
    # the log comes first: a folder of another run is refused before any work
    log = TrialLog(folder / "trials", _plan_line(loaded, prepared, plan), resume=resume)
    baselines = baseline_recipes(prepared.subject, plan.target.measure)[: plan.baselines]
    run = _Run(loaded, prepared, plan, log, _Progress(plan, progress))
    stopped = False
    try:
        with stop_after(plan.seconds):
            run.all_rungs(baselines)
    except OutOfTimeError:
        stopped = True
        if all(record.failed for record in log.records):
            hint = "allow more minutes; --resume goes on"
            raise UsageError("no recipe was done within the limit", hint=hint) from None
    return replace(_best(log, {recipe.name for recipe in baselines}), stopped=stopped)


@dataclass(frozen=True)
class _Run:
    """The trials of a plan, one after the other."""

    loaded: Loaded
    prepared: Prepared
    plan: Plan
    log: TrialLog
    left: _Progress

    def all_rungs(self, baselines: Sequence[Recipe]) -> None:
        plan, log = self.plan, self.log
        recipes = {recipe.name: recipe for recipe in (*plan.recipes, *baselines)}
        beside = [recipe.name for recipe in baselines]
        alive = [recipe.name for recipe in plan.recipes if recipe.name not in beside]
        # an upper bound: failed candidates leave fewer
        total = sum(max(len(alive) // 2**rung, 1) for rung in range(plan.rungs)) + len(beside)
        for rung in range(plan.rungs):
            last = rung == plan.rungs - 1
            for name in (*alive, *(beside if last else ())):
                self.left.tell(name, rung, len(log.records), total)
                if (rung, name) not in log.done:
                    log.add(self._run_trial(recipes[name], rung))
                self.left.count(log.done[rung, name])
            ranked = sorted((log.done[rung, name] for name in alive), key=_order)
            good = [record.recipe for record in ranked if not record.failed]
            if not good and alive:
                break
            going = good[: max(len(good) // 2, 1)]
            for name in () if last else set(alive) - set(going):  # the models of the last rung all stay
                shutil.rmtree(log.place(rung, name), ignore_errors=True)
            # best first, so that a search that is stopped has tried the likely winner with more effort
            alive = going

    def _run_trial(self, recipe: Recipe, rung: int) -> TrialRecord:
        """Run a trial and save its model."""
        plan, subject = self.plan, self.prepared.subject
        options: dict[str, Any] = {"limit": self.loaded.form.limit, "timed_on": plan.timed_on}
        effort = plan.effort(rung)
        before = self.log.done.get((rung - 1, recipe.name))
        if before is not None and before.figures is not None and plan.target.measure == "latency":
            effort = replace(effort, share=before.figures.share)
        record = TrialRecord(recipe.name, rung, effort.steps, effort.data)
        place, saving = self.log.place(rung, recipe.name), False
        try:
            trial = run_trial(subject, recipe, plan.target, self.prepared.held_out, effort=effort, **options)
            notes = json.loads(json.dumps(trial.subject.notes, default=str))
            figures = replace(trial.figures, notes=notes)
            saving = True
            save_model(self.loaded.with_model(trial.subject.model), place, report=record.effort() | figures.to_dict())
        except Exception as error:
            # whatever a recipe raises, the others go on; but a full disk is not the recipe's fault
            if isinstance(error, OutOfTimeError) or (saving and isinstance(error, (InputError, OSError))):
                raise
            return replace(record, reason=str(error) or type(error).__name__)
        return replace(record, figures=figures)


class _Progress:
    """Tells which trial is next, and the time that is left: what was estimated of it, corrected by what was taken."""

    def __init__(self, plan: Plan, progress: Callable[[str, int, int], None] | None) -> None:
        self._plan, self._progress = plan, progress
        self._seconds, self._estimated, self._taken = estimate_plan(plan), 0.0, 0.0

    def tell(self, name: str, rung: int, done: int, total: int) -> None:
        if self._progress is not None:
            factor = self._taken / self._estimated if self._estimated else 1.0
            left = max(self._seconds - self._estimated, 0.0) * factor
            many = self._plan.rungs > 1
            text = name + (f", round {rung + 1} of {self._plan.rungs}" if many else "")
            self._progress(text + (f", about {format_minutes(left)} left" if left else ""), done, total)

    def count(self, record: TrialRecord) -> None:
        recipe = next((recipe for recipe in self._plan.recipes if recipe.name == record.recipe), None)
        if recipe is not None and record.figures is not None and self._plan.speed is not None:
            effort = self._plan.effort(record.rung)
            effort = replace(effort, share=1.0 if record.rung else None)
            self._estimated += estimate_trial(recipe, self._plan.target, effort, self._plan.speed)
            self._taken += record.figures.seconds


def _best(log: TrialLog, baselines: Collection[str]) -> SearchResult:
    """The best of the latest trials of recipes that were not dropped; of equals one that is no baseline.

    A search that was stopped within a rung has trials of two rungs; all of them were measured on the same data.
    """
    done = [record for record in log.records if not record.failed]
    if not done:
        first = log.records[0]
        several = "every trial failed; the first: " if len(log.records) > 1 else ""
        raise UsageError(f"{several}{first.reason}", where=first.recipe)
    latest = {record.recipe: record for record in sorted(done, key=lambda record: record.rung)}
    # the model of a recipe that was dropped is deleted
    alive = [record for record in latest.values() if log.place(record.rung, record.recipe).is_dir()]
    finalists = sorted(alive, key=_order)
    equal = [record for record in finalists if _quality(record) == _quality(finalists[0])]
    # a recipe that is only as good as its baseline is still the one that was asked for
    best = next((record for record in equal if record.recipe not in baselines), equal[0])
    return SearchResult(log.place(best.rung, best.recipe), best, log.records)


def _order(record: TrialRecord) -> tuple[float, str]:
    """Best first, failed ones last; of equals by name, so that a resumed search ranks them the same."""
    return -_quality(record), record.recipe


def _quality(record: TrialRecord) -> float:
    return float("-inf") if record.figures is None else float(record.figures.quality)


def _plan_line(loaded: Loaded, prepared: Prepared, plan: Plan) -> dict[str, Any]:
    """Everything that a trial's result depends on, as plain values."""
    digest = hashlib.sha256()
    subject = prepared.subject
    for model in (loaded.model, *([] if subject.base is None else [subject.base])):
        for name, value in model.state_dict().items():
            digest.update(name.encode())
            digest.update(value.contiguous().cpu().view(-1).numpy().tobytes())
    # the data are part of the plan: trials on other data cannot be compared
    for batch in (*subject.calibration, *prepared.held_out, *subject.related):
        # labels, groups and a teacher's scores decide as much as the texts
        for name, value in sorted(batch.items()):
            digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
            digest.update(value.contiguous().cpu().view(-1).numpy().tobytes())
    recipes = [recipe.to_dict() for recipe in plan.recipes]
    settings = {"target": [plan.target.measure, plan.target.keep], "steps": plan.steps, "rungs": plan.rungs}
    if plan.timed_on != "cpu":
        settings["timed_on"] = plan.timed_on
    # the share of a time is measured and differs from run to run
    if plan.target.measure == "latency":
        settings["target"] = ["latency", plan.asked or plan.target.keep]
    settings |= {"seed": plan.seed, "baselines": int(plan.baselines), "scored": plan.scored}
    return json.loads(json.dumps(settings | {"recipes": recipes, "sha256": digest.hexdigest()}, default=str))
