"""Options of recovery that any recipe takes: training on a chosen part of the data, and stopping by the P^2 law."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from inspect import signature
from typing import Any

from ctxprune.errors import UsageError
from ctxprune.shrink.recipes.recipe import Piece, Recipe, build_piece
from ctxprune.shrink.recipes.selectors import selector_piece
from ctxprune.shrink.registries import RECOVERIES, SELECTORS
from ctxprune.shrink.run.trial import RECOVERY, trains
from ctxprune.utils.validation import check_range

__all__ = [
    "SMALL_SHARE",
    "RecoveryData",
    "read_recovery_data",
    "with_loss",
    "with_recovery_data",
    "with_recovery_options",
    "with_stop_by_law",
]

_STEPS = 100
SMALL_SHARE = 0.3
"""Up to this share rows chosen by a score tend to do worse than random ones (Ayed and Hayou, 2023)."""


@dataclass(frozen=True, slots=True)
class RecoveryData:
    """Which part of the calibration data a recovery trains on.

    Attributes:
        selector: Name of a selector, as `ctxprune shrink show selectors` has it.
        share: Of the rows, above 0 and up to 1.
        rounds: How often rows are chosen anew; with more than one the first is on all rows.
    """

    selector: str
    share: float = 0.5
    rounds: int = 1

    def __post_init__(self) -> None:
        build_piece(SELECTORS, self.piece)
        check_range("share", self.share, open_low=True)
        if self.rounds < 1:
            raise UsageError(f"rounds is {self.rounds}", hint="give 1 or more")

    @property
    def piece(self) -> Piece:
        """The selector."""
        return selector_piece(self.selector)

    @property
    def advice(self) -> str:
        """What to try beside it where the share is small; "" elsewhere."""
        if self.piece.name in ("random.v1", "domains.v1") or self.share > SMALL_SHARE:
            return ""
        many, advice = f"{self.share:.0%} of the data", f"compare with random:{self.share:g}"
        return f"of {many} rows chosen by a score are often worse than random ones: {advice}"


def read_recovery_data(text: str) -> RecoveryData:
    """The part of the data that `NAME`, `NAME:SHARE` or `NAME:SHARE:ROUNDS` stands for."""
    name, *numbers = text.split(":")
    try:
        share, rounds = float([*numbers, "0.5"][0]), int([*numbers[1:], "1"][0])
        if len(numbers) > 2:
            raise ValueError(text)
    except ValueError as error:
        raise UsageError(f"recovery data is {text!r}", hint="give NAME, NAME:SHARE or NAME:SHARE:ROUNDS") from error
    return RecoveryData(name, share, rounds)


def with_recovery_data(recipe: Recipe, data: RecoveryData) -> Recipe:
    """The recipe with its recoveries on a part of the data; plain tuning at the end where it has none.

    Raises:
        UsageError: A recovery cannot be divided into rounds.
    """
    select = {"piece": data.piece.name, **data.piece.parameters}
    options: dict[str, Any] = {"select": select, "share": data.share, "rounds": data.rounds}
    if data.rounds > 1:
        options["whole"] = "first"
    # candidates of a search differ by name, which is also that of a folder
    name = f"{recipe.name}+{data.selector.removesuffix('.v1')}-{data.share:g}-{data.rounds}"
    return replace(_wrapped(recipe, "on_subset.v1", options), name=name)


def with_stop_by_law(recipe: Recipe) -> Recipe:
    """The recipe with recoveries that end where the P^2 law predicts hardly any gain; tuning where it has none.

    Raises:
        UsageError: A recovery cannot be divided into parts.
    """
    return _wrapped(recipe, "stop_by_law.v1", {})


def with_recovery_options(
    recipes: Sequence[Recipe],
    parts: Sequence[RecoveryData],
    *,
    stop_early: bool,
    say: Callable[[str], None] | None = None,
) -> list[Recipe]:
    """Recipes with their recoveries on each part of the data, and stopped by the P^2 law.

    Each part makes a recipe of every recipe; without any all of the data is used. `say` is told which recipes are left
    out, since their recovery cannot be divided; where it is None, or none is left, they are refused.
    """
    found: list[Recipe] = []
    refused: dict[str, UsageError] = {}
    for recipe in recipes:
        try:
            several = [with_recovery_data(recipe, part) for part in parts] or [recipe]
            found += [with_stop_by_law(one) for one in several] if stop_early else several
        except UsageError as error:
            if say is None:
                raise
            refused[recipe.name] = error
    if refused and not found:
        raise next(iter(refused.values()))
    if refused and say is not None:
        say(f"left out, since their recovery cannot be divided: {', '.join(refused)}")
    return found


def with_loss(recipe: Recipe, loss: str) -> Recipe:
    """The recipe with its training at the end replaced by that of all weights towards the full model by a loss."""
    own = [piece for piece in recipe.finish if trains(piece)]
    steps = max((piece.parameters.get("steps", _STEPS) for piece in own), default=_STEPS)
    tuning = Piece(RECOVERY.name, {**RECOVERY.parameters, "loss": loss, "steps": steps})
    build_piece(RECOVERIES, tuning)
    return replace(recipe, finish=(*(piece for piece in recipe.finish if piece not in own), tuning))


def _wrapped(recipe: Recipe, name: str, options: dict[str, Any]) -> Recipe:
    def one(piece: Piece) -> Piece:
        if not trains(piece):
            return piece
        if piece.name == name:  # the recipe's own choice of data gives way
            wrapped = Piece(name, {**piece.parameters, **options})
        else:
            steps = piece.parameters.get("steps", signature(RECOVERIES.get(piece.name)).parameters["steps"].default)
            wrapped = Piece(name, {"recover": {"piece": piece.name, **piece.parameters}, **options, "steps": steps})
        build_piece(RECOVERIES, wrapped)  # refuses here what would fail only after pruning
        return wrapped

    stages = tuple(replace(stage, recover=tuple(map(one, stage.recover))) for stage in recipe.stages)
    finish = tuple(map(one, recipe.finish))
    if not any(map(trains, (*finish, *(piece for stage in stages for piece in stage.recover)))):
        finish = (*finish, one(RECOVERY))
    return replace(recipe, stages=stages, finish=finish)
