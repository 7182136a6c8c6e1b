"""The base of recoveries that train, and the call of one recovery by another that divides its steps."""

from dataclasses import dataclass
from typing import Any

from ctxprune.errors import UsageError
from ctxprune.shrink.learning.training import TOWARDS
from ctxprune.shrink.recipes.recipe import build_piece, piece_of
from ctxprune.shrink.registries import RECOVERIES
from ctxprune.shrink.types import Mapping, Recovery, Subject
from ctxprune.utils.validation import Checked, check_choice, check_number, check_whole, checked_field

# what draws weights anew or changes shapes would start from nothing in every part of its steps
_CONTINUE = frozenset({"adapters.v1", "cram.v1", "few_parameters.v1", "on_subset.v1", "sparse_adapters.v1", "tune.v1"})


@dataclass(frozen=True)
class Training(Checked):
    """The base of recoveries that train; those below it may have other defaults.

    Attributes:
        steps: Of the optimiser.
        rate: Peak learning rate.
        towards: "teacher" or "labels".

    Raises:
        UsageError: A value is out of its range.
    """

    steps: int = checked_field(200, check_whole)
    rate: float = checked_field(1e-4, check_number, over=0)
    towards: str = checked_field("labels", check_choice, TOWARDS)


def check_inner(piece: Mapping[str, Any], *, divided: bool) -> None:
    """Refuse a recovery that another one cannot call.

    Args:
        piece: As in a recipe.
        divided: Whether its steps are done in several calls.

    Raises:
        UsageError: It names no piece, or starts anew with every call and `divided` is set.
    """
    if "piece" not in piece:
        raise UsageError(f"{dict(piece)} names no piece", where="recover")
    if divided and piece["piece"] not in _CONTINUE:
        raise UsageError(
            f"{piece['piece']} does not go on where it stopped", where="recover", hint="take one round and no law"
        )
    if divided and "recover" in piece:  # a recovery on a subset goes on only where its own does
        check_inner(piece["recover"], divided=True)


def run_inner(piece: Mapping[str, Any], subject: Subject, steps: int) -> Subject:
    """The subject after so many steps of a recovery that is given as in a recipe."""
    recovery: Recovery = build_piece(RECOVERIES, piece_of(dict(piece) | {"steps": steps}))
    return recovery(subject)
