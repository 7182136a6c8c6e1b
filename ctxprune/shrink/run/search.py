"""Which recipe is best for a model, data and a target: successive halving with the real quality, resumable.

Jamieson and Talwalkar, Non-stochastic Best Arm Identification and Hyperparameter Optimization, AISTATS 2016: all
candidates get a little effort, the better half twice as much, and so on. Random removal and a model of its shape
that is trained from random weights run beside them on every rung.

State is in FOLDER/trials: `trials.jsonl`, first the plan, then one line a trial as soon as it is done; and each trial's
model as a folder of its own. A search that was killed goes on with `resume` and loses the trial that it was in.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from math import ceil, log2
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ctxprune.errors import InputError, UsageError
from ctxprune.shrink.io.saving import save_model
from ctxprune.shrink.recipes.recipe import Recipe, load_recipe, recipe_names
from ctxprune.shrink.run.trial import Effort, rivals, tried
from ctxprune.storage.sealed import sealed_line, unseal_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from ctxprune.shrink.io.loaded import Loaded
    from ctxprune.shrink.model.cost import Target
    from ctxprune.shrink.run.preparation import Prepared

__all__ = ["Found", "Plan", "fitting_recipes", "search"]

_FITS: Mapping[str, tuple[str, ...]] = {
    "flops": ("flops", "latency"),
    "latency": ("flops", "latency"),
    "weights": ("weights",),
    "bytes": ("flops", "bytes", "parameters"),
    "parameters": ("flops", "bytes", "parameters"),
}
"""By the target's measure, in which measures a recipe may count."""


@dataclass(frozen=True)
class Plan:
    """What is searched.

    Attributes:
        recipes: The candidates.
        target: What each of them is brought to.
        steps: Of recovery on the last rung, halved on each rung before; 0 leaves recipes as they are.
        rungs: Rounds of halving; 1 tries every candidate once, with all data and steps.
        baselines: Whether random removal and training from scratch run, too.
        seed: Of all chance.
        asked: The target in the user's words, such as "latency=40ms". A share of a time that is measured anew in each
            run says less: by these words a run is known again.

    Raises:
        UsageError: There is no candidate, two share a name, or a number is out of range.
    """

    recipes: tuple[Recipe, ...]
    target: Target
    steps: int = 0
    rungs: int = 1
    baselines: bool = True
    seed: int = 0
    asked: str = ""

    def __post_init__(self) -> None:
        if not self.recipes or len({recipe.name for recipe in self.recipes}) != len(self.recipes):
            raise UsageError("a search wants recipes of different names", where="recipes")
        if self.steps < 0 or not 1 <= self.rungs <= 10:
            raise UsageError(
                f"steps is {self.steps} and rungs {self.rungs}", hint="give steps from 0 up, and 1 to 10 rungs"
            )

    @classmethod
    def halving(cls, recipes: Sequence[Recipe], target: Target, *, steps: int = 0, seed: int = 0) -> Plan:
        """With as many rungs as it takes to come down to two candidates, three at most."""
        rungs = min(3, max(1, ceil(log2(max(len(recipes), 1)))))
        return cls(tuple(recipes), target, steps=steps, rungs=rungs, seed=seed)

    def effort(self, rung: int) -> Effort:
        """Steps and data of a trial on a rung, from 0 up."""
        part = 0.5 ** (self.rungs - 1 - rung)
        return Effort(max(round(self.steps * part), 1) if self.steps else 0, part)


@dataclass(frozen=True)
class Found:
    """A search's result.

    Attributes:
        folder: Of the best trial's model.
        best: Its line.
        trials: All lines, in the order in which they were done.
        full_quality: Of the model as it was.
    """

    folder: Path
    best: Mapping[str, Any]
    trials: Sequence[Mapping[str, Any]]
    full_quality: float


def fitting_recipes(kind: str, measure: str) -> list[Recipe]:
    """The recipes for a kind of model that can be brought to a target's measure."""
    found = [load_recipe(name) for name in recipe_names()]
    return [
        recipe
        for recipe in found
        if kind in recipe.models and recipe.measure in _FITS[measure] and recipe.promise != "baseline"
    ]


def search(
    loaded: Loaded,
    prepared: Prepared,
    plan: Plan,
    folder: Path,
    *,
    resume: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
) -> Found:
    """The best of a plan's recipes by quality on what is held out.

    Trials that fail are kept with their reason. The same seed gives the same trials, but for measured times.

    Args:
        loaded: The full model.
        prepared: Its data.
        plan: Candidates and effort.
        folder: For the state.
        resume: Go on with what is there; the plan and the data must be the same.
        progress: Told what is tried, how many trials are done, and how many there will be.

    Raises:
        UsageError: There is a search in the folder and `resume` is not set, or it is of another plan; or every trial
            failed, with the reason of the first.
        InputError: The folder cannot be written.
        FormatError: The state is damaged.
    """
    log = _Log(folder / "trials", _plan_line(loaded, prepared, plan), resume=resume)
    beside = rivals(prepared.subject, plan.target.measure) if plan.baselines else ()
    recipes = {recipe.name: recipe for recipe in (*plan.recipes, *beside)}
    alive = [recipe.name for recipe in plan.recipes if recipe not in beside]
    total = sum(ceil(len(alive) / 2**rung) + len(beside) for rung in range(plan.rungs))
    for rung in range(plan.rungs):
        for name in (*alive, *(recipe.name for recipe in beside)):
            if progress is not None:
                progress(name, len(log.lines), total)
            if (rung, name) not in log.done:
                log.add(_line(loaded, prepared, recipes[name], plan, (rung, log.folder)))
        ranked = sorted((log.done[rung, name] for name in alive), key=_order)
        good = [line["recipe"] for line in ranked if line["status"] == "done"]
        if not good and alive:
            break
        log.drop(
            {log.place(rung, name) for name in alive if name not in good[: ceil(len(good) / 2)]},
            last=rung == plan.rungs - 1,
        )
        alive = [name for name in alive if name in good[: ceil(len(good) / 2)]]
    return _best(log, prepared, {recipe.name for recipe in beside})


def _best(log: _Log, prepared: Prepared, beside: Collection[str]) -> Found:
    """The best trial of the last rung; of equals one that is no baseline."""
    done = [line for line in log.lines if line["status"] == "done"]
    if not done:
        first = log.lines[0]
        several = "every trial failed; the first: " if len(log.lines) > 1 else ""
        raise UsageError(f"{several}{first['reason']}", where=first["recipe"])
    last = max(line["rung"] for line in done)
    finalists = sorted((line for line in done if line["rung"] == last), key=_order)
    equal = [line for line in finalists if line["quality"] == finalists[0]["quality"]]
    best = next((line for line in equal if line["recipe"] not in beside), equal[0])
    return Found(log.place(last, best["recipe"]), best, log.lines, prepared.full_quality)


def _order(line: Mapping[str, Any]) -> tuple[float, str]:
    return -float(line.get("quality", float("-inf"))), str(line["recipe"])


def _line(loaded: Loaded, prepared: Prepared, recipe: Recipe, plan: Plan, place: tuple[int, Path]) -> dict[str, Any]:
    """Run a trial and keep its model."""
    rung, folder = place
    effort = plan.effort(rung)
    line: dict[str, Any] = {"rung": rung, "recipe": recipe.name, "steps": effort.steps, "data": effort.data}
    try:
        trial = tried(prepared.subject, recipe, plan.target, prepared.held_out, effort=effort, limit=loaded.form.limit)
    except Exception as error:  # noqa: BLE001 -- whatever a recipe raises, the others go on
        return line | {"status": "failed", "reason": str(error) or type(error).__name__}
    figures = trial.figures | {"notes": json.loads(json.dumps(trial.subject.notes, default=str))}
    try:
        save_model(loaded.with_model(trial.subject.model), folder / f"{rung}-{recipe.name}", report=line | figures)
    except (InputError, OSError):
        raise  # a full disk is not the recipe's fault
    except Exception as error:  # noqa: BLE001 -- a model that cannot be read back is
        return line | {"status": "failed", "reason": str(error) or type(error).__name__}
    return line | {"status": "done"} | figures


def _plan_line(loaded: Loaded, prepared: Prepared, plan: Plan) -> dict[str, Any]:
    """All that a trial's result depends on."""
    digest = hashlib.sha256()
    for name, value in loaded.model.state_dict().items():
        digest.update(name.encode())
        digest.update(value.contiguous().cpu().view(-1).numpy().tobytes())
    for batch in (*prepared.subject.calibration, *prepared.held_out):
        digest.update(batch["input_ids"].numpy().tobytes())
    recipes = [recipe.to_dict() for recipe in plan.recipes]
    settings = {"target": [plan.target.measure, plan.target.keep], "steps": plan.steps, "rungs": plan.rungs}
    if plan.target.measure == "latency":
        settings["target"] = ["latency", plan.asked or plan.target.keep]
    settings |= {"seed": plan.seed, "baselines": plan.baselines}
    return json.loads(json.dumps(settings | {"recipes": recipes, "sha256": digest.hexdigest()}, default=str))


class _Log:
    """The lines of a search, on disk and in memory."""

    def __init__(self, folder: Path, plan: dict[str, Any], *, resume: bool) -> None:
        self.folder, self._path = folder, folder / "trials.jsonl"
        self.lines: list[dict[str, Any]] = []
        if self._path.exists() and not resume and not any(line.get("status") == "done" for line in self._read()):
            self._path.unlink()  # nothing came of it: a target that could not be met, say
        if not self._path.exists():
            self._append(plan)
            return
        if not resume:
            raise UsageError(
                "there is a run in this folder", where=str(folder), hint="go on with --resume, or name another folder"
            )
        found = self._read()
        if found and found[0] != plan:
            changed = sorted(name for name in plan if found[0].get(name) != plan[name])
            raise UsageError(
                f"the run in this folder is another one: {', '.join(changed)} differ", where=str(folder),
                hint="give the same options, or name another folder",
            )  # fmt: skip
        if not found:
            self._append(plan)
        self.lines = found[1:]

    @property
    def done(self) -> dict[tuple[int, str], dict[str, Any]]:
        """Lines by rung and recipe."""
        return {(line["rung"], line["recipe"]): line for line in self.lines}

    def place(self, rung: int, name: str) -> Path:
        """Where a trial's model is."""
        return self.folder / f"{rung}-{name}"

    def add(self, line: dict[str, Any]) -> None:
        """Keep a trial's line."""
        line = json.loads(json.dumps(line, default=str))
        self._append(line)
        self.lines.append(line)

    def drop(self, places: set[Path], *, last: bool) -> None:
        """Delete the models of trials that go no further, but not those of the last rung."""
        for place in () if last else places:
            shutil.rmtree(place, ignore_errors=True)

    def _append(self, line: Mapping[str, Any]) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with self._path.open("ab") as file:
                file.write(sealed_line(dict(line)))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise InputError(
                f"the state of the run cannot be written ({error.strerror})",
                where=str(self._path),
                hint="make room or name another folder; --resume goes on with what is there",
            ) from error

    def _read(self) -> list[dict[str, Any]]:
        """All whole lines; half of one at the end, from a run that was killed, is cut off."""
        documents, whole = unseal_lines(self._path, "the state of the run")
        if whole != self._path.stat().st_size:
            with self._path.open("r+b") as file:
                file.truncate(whole)
        return documents
