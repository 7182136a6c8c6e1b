"""A cache that stays within a budget while a model writes: it is pressed again after every so many tokens."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from ctxprune.errors import UsageError
from ctxprune.kv.presses.base import Press
from ctxprune.kv.reading.limits import ByteLimit, TokenLimit
from ctxprune.kv.reading.prefilled import AbstractPress
from ctxprune.kv.reading.stepwise import StepSession, check_step_press
from ctxprune.kv.wrappers.wrapper import Wrapper
from ctxprune.utils.validation import check_whole

if TYPE_CHECKING:
    from torch import Tensor, nn

    from ctxprune.kv.cache.store import Storage
    from ctxprune.kv.reading.layer_press import LayerPress
    from ctxprune.kv.reading.limits import Limit
    from ctxprune.kv.reading.prefilled import Prefilled
    from ctxprune.kv.reading.view import LayerView
    from ctxprune.kv.selection import Plan

__all__ = ["Decoding"]


@dataclass(frozen=True)
class Decoding(AbstractPress):
    """Keeps every head within a number of tokens, or the cache within a number of bytes, while tokens are read.

    No call of the model ends with the budget exceeded. Before new tokens would exceed it, a layer chooses again among
    the tokens it holds, and leaves room for `every` more. A prompt that does not fit is pressed layer by layer while
    it is read, so that at most one layer exceeds its share at a time. The press scores the tokens held as if they were
    the context; attention that it accumulates (`ObservedAttention`) is summed up while tokens are read. All layers have
    the same budget, which takes the place of the press's ratio.

    The cache that `compress` returns, or that was begun within the `with` block, is pressed whenever it is read on:

        with Decoding(StreamingLLM(), budget=512)(model):
            model.generate(ids, max_new_tokens=100_000)

    Greedy decoding, sampling and beam search work as they are, and so do drafts (assisted and prompt-lookup decoding,
    on an empty cache or behind a filled one) of up to `every` tokens where `budget` is three times as much or more,
    else of `(budget - every) // 2`: tokens are pressed only after rejected ones were cropped. Longer ones end with a
    UsageError when they are rejected, as do those for which `nbytes` has no room, which a storage that packs later
    tokens (`grow=True`) has packed, or whose attention was summed up in a press (`ObservedAttention`). A press comes up
    to a draft earlier than without drafts, and may then keep other tokens: the text is that of greedy decoding exactly
    only as long as nothing is pressed.

    The inputs of as many of the last tokens as the press's `query_window` says are held and counted as well, and of
    `every` more, which may be cropped.

    Attributes:
        press: Chooses the tokens to keep; not one that needs the whole context at once (KVzip, ExpectedAttention),
            plans all layers together, changes what it keeps, or has a budget (PyramidKV, PerLayer, TokenBudget) or
            a ratio (SnapKV(0.75)) of its own.
        every: Tokens read between two presses, 1 or more.
        budget: The most tokens that a head holds, on average over the heads of a layer; more than `every`.
        nbytes: The most bytes of the whole cache, all rows of a batch together, in place of `budget`: everything
            counts, as in `PrunedCache.nbytes`. Layers that are not pressed count with their full windows.

    Raises:
        UsageError: A parameter is out of its range, or the press cannot choose again among the tokens that it kept, or
            has a budget or a ratio that would not be used.
        BudgetError: While reading: one kept token a head and the tokens between two presses do not fit.
    """

    outermost: ClassVar[bool] = True

    press: LayerPress
    every: int = 64
    budget: int | None = None
    nbytes: int | None = None

    def __post_init__(self) -> None:
        check_step_press("Decoding", self.press)
        _check_budget(self.press)
        _check_ratio(self.press)
        check_whole("every", self.every, minimum=1)
        check_whole("budget", self.budget, minimum=1, optional=True)
        check_whole("nbytes", self.nbytes, minimum=1, optional=True)
        if self.budget is None and self.nbytes is None:
            raise UsageError(
                "Decoding needs a budget, and budget and nbytes are both None",
                hint="give budget= in tokens of a head, or nbytes= of the whole cache",
            )
        if self.budget is not None and self.nbytes is not None:
            raise UsageError(
                f"Decoding takes one budget, and both are given: budget is {self.budget}, nbytes is {self.nbytes}",
                hint="leave out budget (tokens of a head) or nbytes (bytes of the whole cache)",
            )
        if self.budget is not None and self.budget <= self.every:
            raise UsageError(
                f"budget is {self.budget} and every is {self.every}: each press makes room for `every` more tokens "
                "within the budget, and must keep one at least",
                hint=_room_for(self.budget, self.every),
            )

    @property
    def limit(self) -> Limit:
        """When a layer is pressed, and how many tokens it keeps, while tokens are read."""
        if self.budget is not None:
            return TokenLimit(self.budget, self.every)
        return ByteLimit(self.nbytes or 1, self.every, self.press.query_window or 0, self.press.accumulates)

    def __call__(self, model: nn.Module, *, positions: str = "original", storage: Storage | None = None) -> StepSession:
        """A context manager within which every cache that `model` begins is kept within the budget; see `Press`.

        Args:
            model: A decoder of transformers.
            positions: "original"; or "rerotated", which makes positions consecutive again at each press, for streams
                that go on beyond the model's range, with presses that keep equally many tokens in every head.
            storage: How kept tokens are stored; they are unpacked and packed again at each press. None: unpacked.

        Raises:
            UsageError: The model or an option is not supported.
        """
        return StepSession(model, self.press, self.limit, positions=positions, storage=storage, about=self.describe())

    def steps(self) -> tuple[LayerPress, Limit]:
        """The inner press, and when it presses."""
        return self.press, self.limit

    def plan_batch(self, view: LayerView, real: Tensor | None) -> Plan:  # noqa: ARG002
        """Not possible: one plan is not enough.

        Raises:
            UsageError: Always.
        """
        self._refuse()

    def plans(self, prefilled: Prefilled) -> list[Plan]:  # noqa: ARG002
        """As `plan_batch`."""
        self._refuse()

    def describe(self) -> dict[str, Any]:
        """Name and parameters as plain values, those of the inner press as "inner"."""
        values = {each.name: vars(self)[each.name] for each in fields(self) if each.name != "press"}
        return {"press": "Decoding", "inner": self.press.describe(), **values}

    def _refuse(self) -> NoReturn:
        raise UsageError(
            "Decoding presses while the model reads, and cannot press a context that was read before",
            hint="compress(model, ids, press), or `with press(model):` around the calls",
        )


def _check_budget(press: LayerPress) -> None:
    """Raises UsageError for a press, or one that it wraps, with a rule of its own for how many tokens to keep."""
    while isinstance(press, Wrapper) and type(press).budget is Wrapper.budget:
        press = press.press
    # Decoding says how many tokens a layer keeps: the press's rule would be dropped without a message.
    if type(press).budget is not Press.budget:
        name = type(press).__name__
        raise UsageError(
            f"{name} has a budget of its own, which Decoding would not use",
            hint=f"the press that {name} wraps" if isinstance(press, Wrapper) else "a press that has none, as SnapKV",
        )


def _check_ratio(press: LayerPress) -> None:
    """Raises UsageError for a press whose ratio was set: it would be dropped without a message, as a budget would."""
    while isinstance(press, Wrapper):
        press = press.press
    if not isinstance(press, Press):
        return
    known = next(each for each in fields(press) if each.name == "ratio")
    if known.init and press.ratio != known.default:
        name = type(press).__name__
        raise UsageError(
            f"the ratio of {name} is {press.ratio}, which Decoding would not use",
            hint=f"leave the ratio out, {name}(): budget= or nbytes= says how much is kept",
        )


def _room_for(budget: int, every: int) -> str:
    lower = f", or set every from 1 to {budget - 1}" if budget > 1 else ""
    return f"raise budget to {every + 1} or more{lower}"
