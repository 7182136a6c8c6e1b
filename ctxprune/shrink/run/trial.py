"""One trial: a recipe with so much recovery on so much data, brought to a target, and what became of it; and baselines.

Liu and others, Rethinking the Value of Network Pruning, ICLR 2019, and Zhang and others, Is Oracle Pruning the True
Oracle?, 2024: a method is useful where it beats random removal and training from scratch with the same training.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from time import perf_counter

from ctxprune.errors import UsageError
from ctxprune.shrink.model.cost import Target, cost
from ctxprune.shrink.model.subject import Subject
from ctxprune.shrink.model.tasks.base import Batch
from ctxprune.shrink.recipes.recipe import Piece, Recipe, Stage, load_recipe
from ctxprune.shrink.registries import RECOVERIES
from ctxprune.shrink.run.records import SIZES, MeasuredTime, TrialFigures
from ctxprune.shrink.run.runner import shrink
from ctxprune.shrink.run.steps import count_steps
from ctxprune.shrink.run.timing import measure_times, timing_batch

_ONE_BY_ONE = frozenset({"layer", "sublayer"})
_RANDOM = ("head", "neuron", "channel", "expert")
_TOLERANCE = 0.03  # of a measured time
_ROUNDS = 8
SHAPE_BATCHES = 4  # of calibration for a guess
RECOVERY = Piece("tune.v1", {"loss": "hidden", "rate": 2e-4})
"""Of recipes that train nothing, where steps are asked for; see benchmarks/results/shrink_reranker.json."""


@dataclass(frozen=True)
class Effort:
    """How much a trial may use."""

    steps: int = 0  # of every recovery; a recipe without one gets `RECOVERY`. 0 leaves recipes as they are
    data: float = 1.0  # share of the calibration batches, above 0 and up to 1
    scored: int = 0  # batches at most for all but the training at the end; 0 for all of them
    # Of the multiply-adds that gave the wanted time before, so that it is not searched again; None: search.
    share: float | None = None


@dataclass(frozen=True)
class Trial:
    """A recipe's smaller model and what was measured of it."""

    subject: Subject  # with the smaller model
    figures: TrialFigures  # without notes, which are the subject's


def run_trial(
    subject: Subject,
    recipe: Recipe,
    target: Target,
    held_out: Sequence[Batch],
    *,
    effort: Effort,
    limit: int = 512,
    timed_on: str = "cpu",
) -> Trial:
    """Run a recipe and measure the smaller model, its quality on `held_out`.

    Args:
        subject, recipe: As of `ctxprune.shrink.run.runner.shrink`, whose errors it has.
        target: A share of what the full model has; of latency a share of measured time, met within 3 %.
        limit, timed_on: Most tokens that the model takes, and the device that time is measured on.

    Raises:
        UsageError: The recipe cannot do it, or no share of multiply-adds gives the wanted time.
    """
    started = perf_counter()
    count = max(round(effort.data * len(subject.calibration)), 1)
    given = subject.calibration[:count]
    work = replace(subject, calibration=given[: effort.scored or count])
    whole = with_steps(recipe, effort.steps) if effort.steps else recipe
    unrecovered: list[float] = []

    def measure_unrecovered(pruned: Subject) -> None:
        # a model that is trained from random weights recovers nothing of what was there
        if whole.stages and whole.finish and "scratch.v1" not in [piece.name for piece in whole.finish]:
            unrecovered[:] = [subject.task.quality(pruned.model, held_out)]

    if target.measure == "latency":
        timing = _Timing(
            work, whole, target.keep, timing_batch(subject.model, limit, timed_on), given, measure_unrecovered
        )
        small, share, times = timing.shrink(effort.share)
    else:
        small = shrink(work, whole, target, finish_on=given, before_finish=measure_unrecovered).subject
        share, times = target.keep, None
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
        units = tuple(kind for kind in _RANDOM if subject.anatomy.of_kind(kind))
        units = units or tuple(sorted(known - {"vocabulary"}))
        random_removal = replace(random_removal, stages=(replace(random_removal.stages[0], units=units),))
    return random_removal, replace(baselines(random_removal)["distilled"], name="distilled_scratch.v1")


def baselines(recipe: Recipe, *, steps: int | None = None) -> dict[str, Recipe]:
    """Baseline recipes for a recipe, at the same target and on the same data.

    "random" takes out as much of the same kinds of unit by chance, with the recipe's recovery; "scratch" and
    "distilled" draw the weights of the recipe's own shape anew, and train on labels or towards the unpruned model for
    as many steps as all trainings of the recipe together, or 100 where it trains nothing.
    """
    found = {}
    if recipe.stages:
        stages = tuple(random_stage(stage) for stage in recipe.stages)
        found["random"] = replace(recipe, name=f"{recipe.name}:random", stages=stages, promise="baseline")
    count = steps or count_steps(recipe) or 100
    for name, towards in (("scratch", "labels"), ("distilled", "teacher")):
        finish = (*recipe.finish, Piece("scratch.v1", {"steps": count, "towards": towards}))
        found[name] = replace(recipe, name=f"{recipe.name}:{name}", finish=finish, promise="baseline")
    return found


def random_stage(stage: Stage) -> Stage:
    """The stage with random scores, and without preparation and compensation."""
    if "weight" in stage.units:
        allocate = stage.allocate
    else:
        allocate = Piece("lowest.v1" if set(stage.units) & _ONE_BY_ONE else "uniform.v1")
    return replace(stage, score=Piece("random.v1"), allocate=allocate, prepare=(), compensate=())


def measure_sizes(subject: Subject) -> dict[str, float]:
    """Bytes, multiply-adds, parameters and weights that are not zero."""
    return {name: cost(subject.model, name, masks=subject.masks) for name in SIZES}


def with_steps(recipe: Recipe, steps: int, *, add: bool = True) -> Recipe:
    """The recipe with so many steps in all that trains; with `add` `RECOVERY` at the end if nothing else does."""

    def more(pieces: tuple[Piece, ...]) -> tuple[Piece, ...]:
        given = {"steps": steps}
        return tuple(
            replace(piece, parameters={**piece.parameters, **given}) if trains(piece) else piece for piece in pieces
        )

    stages = tuple(replace(stage, prepare=more(stage.prepare), recover=more(stage.recover)) for stage in recipe.stages)
    # what is tuned before removal does not mend what removal breaks
    ends = (*recipe.finish, *(piece for stage in recipe.stages for piece in stage.recover))
    extra = [RECOVERY] if add and not any(map(trains, ends)) else []
    return replace(recipe, stages=stages, finish=more((*recipe.finish, *extra)))


def trains(piece: Piece) -> bool:
    """Whether a piece of recovery trains for a number of steps."""
    kind = RECOVERIES.get(piece.name)
    return is_dataclass(kind) and any(entry.name == "steps" for entry in fields(kind))


def keeps_shapes(piece: Piece) -> bool:
    """Whether a piece of recovery trains and changes nothing else: the model costs the same before and after it.

    A class that changes shapes although it trains says `keeps_shapes = False`.
    """
    inner = piece.parameters.get("recover")
    if isinstance(inner, dict):  # on a part of the data, or until it gains nothing
        return keeps_shapes(Piece(inner["piece"]))
    return trains(piece) and bool(getattr(RECOVERIES.get(piece.name), "keeps_shapes", True))


class _TooSlowError(Exception):
    """What a recipe's stages left takes too long, by this share of the full model's time."""

    def __init__(self, ratio: float) -> None:
        super().__init__(ratio)
        self.ratio = ratio


@dataclass(frozen=True)
class _Timing:
    """Shrinks to a measured time, which multiply-adds tell only roughly."""

    subject: Subject
    recipe: Recipe
    keep: float
    batch: Batch
    finish_on: Sequence[Batch]
    before_finish: Callable[[Subject], None]

    def shrink(self, share: float | None) -> tuple[Subject, float, MeasuredTime]:
        """The smaller model, the share of multiply-adds that gives the time, and the time."""
        bare = with_steps(self.recipe, 1, add=False)
        try:
            # random removal of the same kinds of unit takes hardly any time, and what it leaves runs about as fast
            return self._to_time(self._find_share(_without_scores(bare), 0.0) if share is None else share, tries=2)
        except UsageError:
            return self._to_time(self._find_share(bare), tries=3)

    def _to_time(self, share: float, tries: int) -> tuple[Subject, float, MeasuredTime]:
        """Run the recipe to a share of the multiply-adds; again to a smaller one where that is too slow."""
        # most training keeps the shapes, so that what is too slow is seen before it
        early = all(map(keeps_shapes, self.recipe.finish))

        def check(pruned: Subject) -> None:
            if early:
                before, after = measure_times([self.subject.model, pruned.model], self.batch, rounds=3)
                if after / before > self.keep * (1 + _TOLERANCE):
                    raise _TooSlowError(after / before)
            self.before_finish(pruned)

        for _ in range(tries):
            target, on = Target("flops", share), self.finish_on
            try:
                small = shrink(self.subject, self.recipe, target, finish_on=on, before_finish=check).subject
            except _TooSlowError as error:
                ratio = error.ratio
            else:
                before, after = measure_times([self.subject.model, small.model], self.batch)
                ratio = after / before
                if ratio <= self.keep * (1 + _TOLERANCE):
                    return small, share, MeasuredTime(before, after, ratio, exact=ratio >= self.keep * 0.97)
            share *= self.keep / ratio
        hint = "raise the target"
        raise UsageError(f"{self.recipe.name} leaves {ratio:.1%} of the time, not {self.keep:.1%}", hint=hint)

    def _find_share(self, recipe: Recipe, over: float = _TOLERANCE) -> float:
        """The share of multiply-adds at which a recipe's shapes have the time, by few batches: they show a shape.

        Another recipe's shapes differ a little: with `over` at 0 the tolerance is left to them.
        """
        few = replace(self.subject, calibration=self.subject.calibration[:SHAPE_BATCHES])
        low, high, share = 0.0, 1.0, self.keep
        best: tuple[float, float] | None = None  # share and ratio, the slowest in time
        for _ in range(_ROUNDS):
            try:
                small = shrink(few, recipe, Target("flops", share)).subject
            # a recipe says so where such a share cannot be left
            except UsageError:
                low = share
                if high - low < 0.01:
                    break
                share = (low + high) / 2
                continue
            before, after = measure_times([few.model, small.model], self.batch, rounds=3)
            ratio = after / before
            if ratio <= self.keep * (1 + over) and (best is None or ratio > best[1]):
                best = share, ratio
            if -_TOLERANCE <= ratio / self.keep - 1 <= over or high - low < 0.005:
                break
            low, high = (low, share) if ratio > self.keep else (share, high)
            # a proportional guess at the rim of the bracket would narrow it by next to nothing
            margin = 0.1 * (high - low)
            share = min(max(share * self.keep / ratio, low + margin), high - margin)
        if best is None:
            hint = "raise the target or take another recipe"
            raise UsageError(f"no share of the multiply-adds leaves {self.keep:.0%} of the time", hint=hint)
        return best[0]


def _without_scores(recipe: Recipe) -> Recipe:
    """Random removal of a recipe's kinds of unit, at once, and nothing that only trains."""
    stages = tuple(replace(random_stage(stage), recover=(), rounds=1, upwards=False) for stage in recipe.stages)
    return replace(recipe, stages=stages, finish=tuple(piece for piece in recipe.finish if not keeps_shapes(piece)))
