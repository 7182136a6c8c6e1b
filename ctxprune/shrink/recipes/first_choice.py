"""Which recipes to try first, and what they cost: figures written by `benchmarks/report/first_choice.py`.

`measured.json` beside this file has, by recipe without its version: `reranker`, loss of nDCG@10 in points (on the
reported sets, and on a dev part, by which is chosen) and minutes on a MiniLM cross-encoder at half the time, by steps
of recovery; `sparse`, the median error of a matrix's output at half the weights; `passes`, a recipe's work in forward
passes of the model: for a batch of data, and beside the data.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ctxprune.shrink.recipes.recipe import Recipe

__all__ = ["INPUTS", "SITUATIONS", "Situation", "measured_figures", "passes_of", "reranker_figures", "short_list"]


@dataclass(frozen=True)
class Situation:
    """A reason to choose some recipes.

    Attributes:
        name: In a few words.
        recipes: The first is the one to begin with.
        trained: Whether the figures that count are those with recovery.
        figures: Where they stand in `measured_figures`: "reranker" or "sparse"; "" where none were taken.
    """

    name: str
    recipes: tuple[str, ...]
    trained: bool = True
    figures: str = "reranker"


_SHORT: Mapping[str, tuple[str, ...]] = {
    "encoder": ("fisher_knapsack", "kprune", "liar", "depth_width", "top_layers"),
    "decoder": ("liar", "flap", "greedy_output", "kprune", "sleb"),
    "moe": ("expert_dropping", "expert_merging", "uncurl", "sleb", "shortgpt", "top_layers", "moe_pruner"),
    "ssm": ("ssm_flap", "ssm_state", "group_aware_ssm", "sleb", "shortgpt", "top_layers"),
    "weights": ("admm", "sparse_gpt", "wanda"),
    "deltas": ("dare", "dare_q"),
    "values": ("param_sharing",),
}
"""By kind of model, or by a measure of single weights, in the order in which `auto` tries them.

Which of them suit the model is asked later: Mamba (not Mamba-2) has no heads, and so `ssm_flap` is left out there.
"""
SITUATIONS: tuple[Situation, ...] = (
    Situation("no training", ("kprune", "liar", "depth_width"), trained=False),
    Situation("labels and training", ("fisher_knapsack", "minitron_width")),
    Situation("plain transformers", ("depth_width", "top_layers")),
    Situation("a decoder", _SHORT["decoder"][:3], figures=""),
    Situation("mixture of experts", _SHORT["moe"][:3], figures=""),
    Situation("state-space model", _SHORT["ssm"][:3], figures=""),
    Situation("sparse weights", _SHORT["weights"], figures="sparse"),
)
"""Plain transformers: its folder must load without ctxprune."""
INPUTS: Mapping[str, str] = {
    "dare": "--base",
    "dare_q": "--base",
    "layer_tickets": "--base",
    "lottery": "--base",
    "fair_heads": "--related",
    "d_pruner": "--related",
    "transfer": "--related",
}
"""Recipes whose result depends on another model or other data, and the option that names it."""
_LONGEST = 5  # recipes that compete where none is named
_SEEDS = 3  # of fewer a loss may be small by chance


def short_list(recipes: Sequence[Recipe], kind: str, measure: str) -> list[Recipe]:
    """The few that `auto` tries, of those that fit: the ones chosen for the measure and for the kind, five at most.

    Args:
        recipes: Those that fit.
        kind: Of the model.
        measure: Of the target.
    """
    known = {recipe.name.removesuffix(".v1"): recipe for recipe in recipes}
    names = (*_SHORT.get(measure, ()), *_SHORT.get(kind, ()))
    return [known[name] for name in names if name in known][:_LONGEST]


@cache
def measured_figures() -> dict[str, Any]:
    """All figures of `measured.json`."""
    text = files("ctxprune.shrink").joinpath("recipes", "measured.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def reranker_figures(name: str, *, trained: bool | None = None) -> dict[str, Any] | None:
    """Loss, minutes, steps and seeds of a recipe on the reranker at half the time; None where it was not measured.

    Args:
        name: With or without its version.
        trained: With recovery, without, or (None) whichever loses less on the dev part; of three seeds or more where
            there are such.
    """
    rows = measured_figures()["reranker"].get(name.removesuffix(".v1"), ())
    rows = [row for row in rows if trained is None or bool(row["steps"]) == trained]
    return min(rows, key=lambda row: (row["seeds"] < _SEEDS, float(row["dev"])), default=None)


def passes_of(name: str) -> tuple[float, float]:
    """Forward passes that a recipe takes for each batch of data, and beside the data, without its training.

    Of a recipe that was not timed the median of the others.
    """
    known: dict[str, list[float]] = measured_figures()["passes"]
    if found := known.get(name.removesuffix(".v1")):
        return found[0], found[1]
    return median(entry[0] for entry in known.values()), median(entry[1] for entry in known.values())
