"""Which recipes a run tries, with how much effort, so that it can meet the target within the time that there is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from ctxprune.errors import UsageError
from ctxprune.shrink.model.anatomy import Key
from ctxprune.shrink.model.cost import SINGLE, Target, cost, unit_costs
from ctxprune.shrink.model.coupled import coupled_costs
from ctxprune.shrink.model.families import family_of
from ctxprune.shrink.recipes.first_choice import short_list
from ctxprune.shrink.recipes.recipe import Recipe, build_piece
from ctxprune.shrink.registries import ALLOCATORS
from ctxprune.shrink.run.estimate import Speed, estimate_plan, estimate_samples, estimate_trial, format_minutes
from ctxprune.shrink.run.search import Plan, fitting_recipes
from ctxprune.shrink.run.trial import keeps_shapes

_AIM = 12 * 60.0  # seconds of `auto` where no limit is given
_EFFORTS = ((200, 32), (150, 24), (100, 16), (60, 12), (40, 8), (25, 4))  # steps, and batches that units are scored on
_STEPS = 200
_KEEP_ONE = ("uniform.v1", "shape.v1")  # allocators that keep a unit of each group, and have no parameter for that
_WITHIN = 0.9  # of the limit may be planned: the rest is for what was estimated too low


@dataclass(frozen=True)
class SearchRequest:
    """What a caller asked of a search.

    Attributes:
        recipes: One; several compete; none stands for the few that suit the model and the target best.
        every: Instead of these few all that fit.
        steps: Of recovery on the last rung; None: 200 or as many as fit, and of one recipe its own.
        seed: Random seed.
    """

    recipes: Sequence[Recipe]
    every: bool = False
    steps: int | None = None
    seed: int = 0


@dataclass(frozen=True)
class Limit:
    """How long a search may take, and what follows it.

    Attributes:
        seconds: That the search may take; None: as long as it takes.
        finish: Seconds that measuring, export and audit take after the search.
        samples: Trials of the winner on parts of the data at the end; they stop where `seconds` and `finish` are over.
    """

    seconds: float | None = None
    finish: float = 0.0
    samples: int = 0


def choose_recipes(request: SearchRequest, kind: str, target: Target) -> list[Recipe]:
    """The recipes for a kind of model and a target; refused where one is for other kinds of model, or none fits."""
    for recipe in request.recipes:
        if kind not in recipe.models:
            hint = f"ctxprune shrink list --model {kind} names others"
            raise UsageError(f"{recipe.name} is for {', '.join(recipe.models)}, and this is {kind}", hint=hint)
    if request.recipes:
        return list(request.recipes)
    fitting = fitting_recipes(kind, target.measure)
    if not fitting:
        raise UsageError(f"no recipe brings a model of kind {kind} to less {target.measure}", hint="name one: --recipe")
    return fitting if request.every else short_list(fitting, kind, target.measure)


def reachable(recipes: Sequence[Recipe], model: nn.Module, target: Target, say: Callable[[str], None]) -> list[Recipe]:
    """The recipes that may meet the target, by what their units cost; `say` is told the others. One at least must."""
    lowest = {recipe.name: least_left(model, recipe, target.measure) for recipe in recipes}
    good = [recipe for recipe in recipes if lowest[recipe.name] <= target.keep]
    if not good:
        best = min(lowest, key=lambda name: lowest[name])
        asked, possible = (f"{100 * share:.3g} %" for share in (target.keep, lowest[best]))
        many = "the recipe that can leave the least" if len(recipes) > 1 else "it"
        what = f"{asked} of the {target.measure} cannot be left: {many} leaves {possible}"
        other = "name a recipe that takes other units"
        if target.measure in ("bytes", "parameters"):
            other = "cut the vocabulary first (--vocabulary N): embeddings stay otherwise"
        raise UsageError(what, where=best, hint=f"raise the target, or {other}")
    if gone := [recipe.name for recipe in recipes if recipe not in good]:
        say(f"left out, since they cannot leave so little: {', '.join(gone)}")
    return good


def least_left(model: nn.Module, recipe: Recipe, measure: str) -> float:
    """A share of a measure that the recipe cannot go below, 0..1; 0 where that is not known without running it."""
    own = [piece for stage in recipe.stages for piece in (*stage.prepare, *stage.compensate, *stage.recover)]
    # what does more than train may make other parts smaller
    unknown = not all(map(keeps_shapes, recipe.finish)) or any("vocabulary" in str(piece) for piece in own)
    if measure in SINGLE or unknown or not recipe.stages or {"weight", "width"} & set(recipe.units):
        return 0.0
    counted = "flops" if measure == "latency" else measure
    total, anatomy = cost(model, counted), family_of(model).describe(model)
    going: dict[str, float] = {}
    staying: dict[Key, int] = {}
    for stage in recipe.stages:
        least = int(getattr(build_piece(ALLOCATORS, stage.allocate), "least", stage.allocate.name in _KEEP_ONE))
        groups = [group for kind in stage.units for group in anatomy.of_kind(kind)]
        for key, costs in unit_costs(model, groups, counted).items():
            # of layers one stays always: no model is without
            stays = max(least, 1) if key[0] == "layer" else 0 if key[0] == "sublayer" else least
            staying[key] = min(stays, staying.get(key, stays))
            part = float(costs.sum() - costs.sort().values[:stays].sum())
            going[key[0]] = going.get(key[0], 0.0) + part / max(sum(s.units.count(key[0]) for s in recipe.stages), 1)
    # heads and neurons are inside of layers and sublayers: counted once
    inside = sum(value for kind, value in going.items() if kind not in ("layer", "sublayer"))
    if inside and "sublayer" in going:
        return 0.0
    if inside and "layer" in going:
        return max(_cost_of_one_layer(model, counted, staying), 0.0) / total
    return max(total - max(inside, *going.values(), 0.0), 0.0) / total


def _cost_of_one_layer(model: nn.Module, measure: str, staying: Mapping[Key, int]) -> float:
    """What a model costs with one layer, the cheapest, and so many units in each of its groups."""
    prices = coupled_costs(model, measure)
    groups, layers = prices.anatomy.groups, prices.anatomy.layers
    units = {key: torch.arange(groups[key].count) < count for key, count in staying.items() if key[0] != "layer"}
    # norms and the like go with their layer, too, although no unit has them
    beside = torch.zeros(len(layers), dtype=torch.float64)
    if measure != "flops":
        for place, layer in enumerate(layers):
            own = [key for sublayer in layer.sublayers for key in sublayer.groups]
            held = cost(model.get_submodule(layer.path), measure)
            beside[place] = held - sum(groups[key].count * sum(prices.units[key]) for key in own)
    one = torch.eye(len(layers), dtype=torch.bool)
    return min(float(prices.cost({**units, ("layer", -1): alone}) - beside[~alone].sum()) for alone in one)


def make_plan(
    request: SearchRequest,
    recipes: Sequence[Recipe],
    target: Target,
    speed: Speed,
    *,
    limit: Limit | None = None,
    stored: Mapping[str, Any] | None = None,
    say: Callable[[str], None],
) -> Plan:
    """The plan of a search, with as much effort as fits the limit; `say` is told the estimate and what is left out.

    Without a limit a search takes as long as it takes. Of a run that is continued `stored` is the plan as its log has
    it: effort and recipes stay as they were.

    Raises:
        UsageError: Not even one recipe fits the limit.
    """
    limit = limit or Limit()
    planner = _Planner(request, target, speed, limit)
    plan = planner.fitted(recipes, say) if stored is None else planner.continued(recipes, stored)
    several = f"{len(plan.recipes)} recipes compete" if len(plan.recipes) > 1 else plan.recipes[0].name
    count = "1 step" if plan.steps == 1 else f"{plan.steps} steps"
    trained = f", with {count} of training" if plan.steps else ""
    seconds = estimate_plan(plan) + limit.finish + estimate_samples(plan, limit.samples)
    if limit.seconds is not None:  # what is estimated too long is stopped there
        seconds = min(seconds, limit.seconds + limit.finish)
    say(f"{several}{trained}; this takes about {format_minutes(seconds)}")
    return plan


@dataclass(frozen=True)
class _Planner:
    """Makes plans of different effort for one request."""

    request: SearchRequest
    target: Target
    speed: Speed
    limit: Limit

    def plan(self, recipes: Sequence[Recipe], steps: int, scored: int, *, baselines: int | None = None) -> Plan:
        request = self.request
        given: dict[str, Any] = {"steps": steps if request.steps is None else request.steps, "seed": request.seed}
        if len(request.recipes) == 1:
            plan = Plan(tuple(recipes), self.target, baselines=0, **given)
        elif request.recipes or request.every:
            plan = Plan.halving(recipes, self.target, **given)
        else:
            # a model of random weights learns nothing in so few steps: of the baselines only random removal runs
            plan = Plan(tuple(recipes), self.target, rungs=min(len(recipes), 2), baselines=1, **given)
        number = plan.baselines if baselines is None else baselines
        return replace(plan, scored=scored, baselines=number, speed=self.speed, seconds=self.limit.seconds)

    def continued(self, recipes: Sequence[Recipe], stored: Mapping[str, Any]) -> Plan:
        """The plan with the effort that it had, and without the recipes that did not fit its limit."""
        names = [recipe["name"] for recipe in stored["recipes"]]
        if set(names) <= {recipe.name for recipe in recipes}:
            recipes = [recipe for recipe in recipes if recipe.name in names]
        return self.plan(recipes, int(stored["steps"]), int(stored["scored"]), baselines=int(stored["baselines"]))

    def fitted(self, recipes: Sequence[Recipe], say: Callable[[str], None]) -> Plan:
        """The plan with the largest effort that fits, without the recipes that do not fit even with the least."""
        request, limit = self.request, self.limit
        most = None if limit.seconds is None else _WITHIN * limit.seconds
        single, listed = len(request.recipes) == 1, bool(request.recipes)
        plan = self.plan(recipes, *((0 if single else _STEPS, 0) if listed else _EFFORTS[0]))
        if most is None and (listed or request.every):
            return plan
        # of a single recipe the effort is the user's own
        for steps, scored in () if single else _EFFORTS:
            if estimate_plan(plan) > (_AIM - limit.finish if most is None else most):
                plan = self.plan(recipes, steps, scored)
        return plan if most is None or estimate_plan(plan) <= most else self.shortened(plan, most, say)

    def shortened(self, plan: Plan, most: float, say: Callable[[str], None]) -> Plan:
        """The plan without baselines and its longest trials, until it fits; the first choice stays longest."""
        effort = plan.effort(plan.rungs - 1)
        first, *others = plan.recipes
        others.sort(key=lambda recipe: estimate_trial(recipe, plan.target, effort, self.speed))
        groups = [[first, *others[:count]] for count in range(len(others), -1, -1)] + [[recipe] for recipe in others]
        for group in groups:
            kept = [recipe for recipe in plan.recipes if recipe in group]
            small = self.plan(kept, plan.steps, plan.scored, baselines=0)
            if estimate_plan(small) <= most:
                gone = ["random removal", *(recipe.name for recipe in plan.recipes if recipe not in kept)]
                say(f"left out, since they do not fit in {format_minutes(most / _WITHIN)}: {', '.join(gone)}")
                return small
        quickest = others[:1] or [first]
        needed = estimate_plan(self.plan(quickest, plan.steps, plan.scored, baselines=0)) / _WITHIN
        raise UsageError(
            f"{quickest[0].name} alone takes {format_minutes(needed)}", where="minutes",
            hint="allow more, or give fewer steps or less data",
        )  # fmt: skip
