"""A limit on the bytes of the whole cache."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, ClassVar, NoReturn

from ctxprune.errors import BudgetError
from ctxprune.kv.cache.pruned_cache import count_bytes
from ctxprune.kv.cache.store import column_type
from ctxprune.kv.reading.limits import search_level
from ctxprune.kv.wrappers.token_budget import cap_choice
from ctxprune.kv.wrappers.wrapper import Wrapper
from ctxprune.utils.validation import check_whole

if TYPE_CHECKING:
    from torch import Tensor
    from transformers.cache_utils import Cache

    from ctxprune.kv.reading.prefilled import Prefilled
    from ctxprune.kv.reading.view import LayerView
    from ctxprune.kv.selection import Plan

__all__ = ["ByteBudget"]


@dataclass(frozen=True)
class ByteBudget(Wrapper):
    """Keeps as many tokens as fit into a number of bytes, whatever the context, model and storage.

    Everything in the cache counts, as in `PrunedCache.nbytes`: keys, values, scales, counts, columns of tokens, and
    layers that are not pressed (sliding windows), over all rows of the batch; tokens read after the context do not.
    Layers share the budget in proportion to the inner press's budgets, equally for most presses; `ratio` is 0, as it
    depends on the context.

    Attributes:
        nbytes: Bytes, 1 or more.

    Raises:
        BudgetError: While pressing: one token a head does not fit.
    """

    nbytes: int = 2**28
    joint: ClassVar[bool] = True
    outermost: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check_whole("nbytes", self.nbytes, minimum=1)
        self._set(ratio=0.0)

    def select(self, view: LayerView, scores: Tensor, kept: int) -> Tensor:
        """The inner press's choice, limited to `kept` tokens a head on average."""
        return cap_choice(self.press.select(view, scores, kept), scores, kept)

    def plans(self, prefilled: Prefilled) -> list[Plan]:
        """The plans of all layers with the most tokens that fit."""
        # A level is the count in the layer with the largest share; the others keep their proportion of it.
        lengths = _row_lengths(prefilled)
        shares = [max(self.press.budget(view), 1) for view in prefilled.views]
        room = self.nbytes - _fixed_bytes(prefilled)

        def kept(level: int) -> list[list[int]]:
            return [[min(length, max(1, level * share // max(shares))) for length in lengths] for share in shares]

        def predict(level: int) -> int:
            pairs = zip(prefilled.views, kept(level), strict=True)
            return sum(
                _layer_bytes(prefilled, view, [count for count in row for _ in range(view.kv_heads)])
                for view, row in pairs
            )

        if predict(1) > room:
            self._refuse(self.nbytes - room + predict(1))
        level = search_level(predict, room, max(lengths) * max(shares) // min(shares) + 1)
        scores = self.scores(prefilled)
        while True:
            plans = [
                self.plan_batch(view, prefilled.real, scores=each, kept=row)
                for view, each, row in zip(prefilled.views, scores, kept(level), strict=True)
            ]
            held = _plan_bytes(prefilled, plans)
            if held <= room:
                return plans
            if level == 1:
                self._refuse(self.nbytes - room + held)
            # Uneven heads may take more bytes than predicted for even ones.
            level = max(min(level - 1, level * room // held), 1)

    def on_complete(self, cache: Cache) -> None:
        """Raises BudgetError if the finished cache is larger than the budget."""
        super().on_complete(cache)
        # The prediction trusts the storage's own count: the finished cache is measured.
        if (held := count_bytes(cache)) > self.nbytes:
            raise BudgetError(
                f"the cache holds {held} bytes, {self.nbytes} are allowed",
                hint="the storage counts fewer bytes than it takes: correct its nbytes",
            )

    def _refuse(self, least: int) -> NoReturn:
        raise BudgetError(
            f"one token a head takes {least} bytes, {self.nbytes} are allowed",
            hint="raise nbytes, or store in fewer bits: storage=Kivi(bits=4)",
        )


def _row_lengths(prefilled: Prefilled) -> list[int]:
    """Number of tokens of the context in each row."""
    view = prefilled.views[0]
    if prefilled.real is None:
        return [view.tokens] * len(view.keys)
    return [int(count) for count in prefilled.real[:, : view.tokens].sum(dim=1)]


def _fixed_bytes(prefilled: Prefilled) -> int:
    """Bytes that do not depend on the choice: layers that are not pressed, and the shift of positions."""
    pressed = {view.attention.layer for view in prefilled.views}
    whole = [layer for number, layer in enumerate(prefilled.context_cache.layers) if number not in pressed]
    return count_bytes(SimpleNamespace(layers=whole)) + 8 * len(prefilled.views[0].keys)


def _layer_bytes(prefilled: Prefilled, view: LayerView, counts: list[int], channels: int | None = None) -> int:
    """Bytes of one layer whose heads, row by row, keep `counts` tokens, with `channels` of the keys; None: all."""
    total, size = sum(counts), int(view.keys.element_size())
    held = 4 * len(counts) + total * int(column_type(view.tokens).itemsize)
    if prefilled.storage is not None:
        nbytes = prefilled.storage.nbytes
        return held + sum(nbytes(count, view.head_dim, size) * heads for count, heads in Counter(counts).items())
    if channels is not None:
        held += 4 + 2 * channels * len(counts)
    width = (view.head_dim if channels is None else channels) + int(view.values.shape[-1])
    return held + total * width * size


def _plan_bytes(prefilled: Prefilled, plans: list[Plan]) -> int:
    total = 0
    for view, plan in zip(prefilled.views, plans, strict=True):
        counts = plan.chosen[..., : view.tokens].sum(dim=-1).flatten().tolist()
        width = None if plan.channels is None else plan.channels.shape[-1]
        total += _layer_bytes(prefilled, view, counts, width)
    return total
