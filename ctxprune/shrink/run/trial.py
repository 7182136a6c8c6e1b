"""One trial: a recipe with so much recovery on so much data, brought to a target, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass, replace
from time import perf_counter
from typing import TYPE_CHECKING

from ctxprune.errors import UsageError
from ctxprune.shrink.model.cost import Target, cost
from ctxprune.shrink.recipes.recipe import Piece, Recipe, load_recipe
from ctxprune.shrink.registries import RECOVERIES
from ctxprune.shrink.run.baselines import baselines
from ctxprune.shrink.run.records import SIZES, MeasuredTime, TrialFigures
from ctxprune.shrink.run.runner import shrink
from ctxprune.shrink.run.timing import measure_times, timing_batch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ctxprune.shrink.model.subject import Subject
    from ctxprune.shrink.model.tasks.base import Batch

__all__ = ["Effort", "Trial", "baseline_recipes", "measure_sizes", "run_trial", "trains", "with_steps"]

_RANDOM = ("head", "neuron", "channel", "expert")
_TOLERANCE = 0.03  # of a measured time
_ROUNDS = 8


@dataclass(frozen=True)
class Effort:
    """How much a trial may use.

    Attributes:
        steps: Of every recovery; a recipe without one gets `tune.v1`. 0 leaves recipes as they are.
        data: Share of the calibration batches, above 0 and up to 1.
    """

    steps: int = 0
    data: float = 1.0


@dataclass(frozen=True)
class Trial:
    """A recipe's smaller model and what was measured of it.

    Attributes:
        subject: With the smaller model.
        figures: Without notes, which are the subject's.
    """

    subject: Subject
    figures: TrialFigures


def run_trial(
    subject: Subject, recipe: Recipe, target: Target, held_out: Sequence[Batch], *, effort: Effort, limit: int = 512
) -> Trial:
    """Run a recipe and measure the smaller model.

    Args:
        subject: The full model with its calibration data.
        recipe: How.
        target: A share of what the full model has; of latency a share of measured time, met within 3 %.
        held_out: Batches for quality.
        effort: Steps and data.
        limit: Most tokens that the model takes.

    Raises:
        UsageError: The recipe cannot do it, or no share of multiply-adds gives the wanted time.
        InputError: As `ctxprune.shrink.run.runner.shrink`.
    """
    started = perf_counter()
    count = max(round(effort.data * len(subject.calibration)), 1)
    work = replace(subject, calibration=subject.calibration[:count])
    whole = with_steps(recipe, effort.steps) if effort.steps else recipe
    unrecovered: list[float] = []

    def look(pruned: Subject) -> None:
        # a model that is trained from random weights recovers nothing of what was there
        if whole.stages and whole.finish and "scratch.v1" not in [piece.name for piece in whole.finish]:
            unrecovered[:] = [subject.task.quality(pruned.model, held_out)]

    if target.measure == "latency":
        small, share, times = _in_time(work, whole, target.keep, timing_batch(subject.model, limit), look)
    else:
        small, share, times = shrink(work, whole, target, before_finish=look).subject, target.keep, None
    quality = subject.task.quality(small.model, held_out)
    seconds = round(perf_counter() - started, 2)
    before = unrecovered[0] if unrecovered else None
    return Trial(small, TrialFigures(quality, share, seconds, measure_sizes(small), times, unrecovered=before))


def baseline_recipes(subject: Subject, measure: str) -> tuple[Recipe, Recipe]:
    """What every search runs, too: random removal, and its shape trained from random weights towards the full model.

    Of the kinds of unit that the model has, in the measure of the target.
    """
    random_removal = load_recipe("random_weights" if measure == "weights" else "random")
    if measure != "weights":
        known = {kind for kind, _ in subject.anatomy.groups}
        units = tuple(kind for kind in _RANDOM if subject.anatomy.of_kind(kind)) or tuple(
            sorted(known - {"vocabulary"})
        )
        random_removal = replace(random_removal, stages=(replace(random_removal.stages[0], units=units),))
    return random_removal, replace(baselines(random_removal)["distilled"], name="distilled_scratch.v1")


def measure_sizes(subject: Subject) -> dict[str, float]:
    """Bytes, multiply-adds, parameters and weights that are not zero."""
    return {name: cost(subject.model, name, masks=subject.masks) for name in SIZES}


def with_steps(recipe: Recipe, steps: int, *, add: bool = True) -> Recipe:
    """The recipe with so many steps in all that trains; with `add` plain tuning at the end if nothing else trains."""

    def more(pieces: tuple[Piece, ...]) -> tuple[Piece, ...]:
        return tuple(
            Piece(piece.name, {**piece.parameters, "steps": steps}) if trains(piece) else piece for piece in pieces
        )

    stages = tuple(replace(stage, prepare=more(stage.prepare), recover=more(stage.recover)) for stage in recipe.stages)
    # what is tuned before removal does not mend what removal breaks
    ends = (*recipe.finish, *(piece for stage in recipe.stages for piece in stage.recover))
    extra = () if not add or any(map(trains, ends)) else (Piece("tune.v1", {"steps": steps}),)
    return replace(recipe, stages=stages, finish=(*more(recipe.finish), *extra))


def trains(piece: Piece) -> bool:
    """Whether it is a recovery with a number of steps."""
    kind = RECOVERIES.get(piece.name)
    return is_dataclass(kind) and any(entry.name == "steps" for entry in fields(kind))


def _in_time(
    subject: Subject, recipe: Recipe, keep: float, batch: Batch, look: Callable[[Subject], None]
) -> tuple[Subject, float, MeasuredTime]:
    """Shrink to a measured time: the share of multiply-adds that gives it is found with the shapes alone, then used."""
    # one step of training shows the shapes; the full recipe would train for each guess
    bare, low, high, share = with_steps(recipe, 1, add=False), 0.0, 1.0, keep
    best: tuple[float, float] | None = None  # share and ratio, the slowest in time
    for _ in range(_ROUNDS):
        try:
            ratio = _ratio(subject, shrink(subject, bare, Target("flops", share)).subject, batch)[0]
        # a recipe says so where such a share cannot be left
        except UsageError:
            low = share  # so few multiply-adds cannot be left
            if high - low < 0.01:
                break
            share = (low + high) / 2
            continue
        if ratio <= keep * (1 + _TOLERANCE) and (best is None or ratio > best[1]):
            best = share, ratio
        if abs(ratio / keep - 1) <= _TOLERANCE or high - low < 0.005:
            break
        low, high = (low, share) if ratio > keep else (share, high)
        # a proportional guess at the rim of the bracket would narrow it by next to nothing
        margin = 0.1 * (high - low)
        share = min(max(share * keep / ratio, low + margin), high - margin)
    if best is None:
        raise UsageError(
            f"no share of the multiply-adds leaves {keep:.0%} of the time",
            hint="raise the target or take another recipe",
        )
    share = best[0]
    for _ in range(3):  # with training in between, shapes may come out a little different
        small = shrink(subject, recipe, Target("flops", share), before_finish=look).subject
        ratio, before, after = _ratio(subject, small, batch)
        if ratio <= keep * (1 + _TOLERANCE):
            break
        share *= keep / ratio
    else:
        raise UsageError(f"{recipe.name} leaves {ratio:.1%} of the time, not {keep:.1%}", hint="raise the target")
    return small, share, MeasuredTime(before, after, ratio, exact=ratio >= keep * 0.97)


def _ratio(subject: Subject, small: Subject, batch: Batch) -> tuple[float, float, float]:
    before, after = measure_times([subject.model, small.model], batch)
    return after / before, before, after
