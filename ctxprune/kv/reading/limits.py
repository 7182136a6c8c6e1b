"""How many tokens a layer may hold while tokens are read in steps: a number of tokens, of bytes, or a press's ratio."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ctxprune.errors import BudgetError
from ctxprune.kv.cache.store import column_type

if TYPE_CHECKING:
    from collections.abc import Callable

    from ctxprune.kv.cache.store import Storage
    from ctxprune.kv.reading.layer_press import LayerPress
    from ctxprune.kv.reading.view import LayerView

__all__ = ["ByteLimit", "LayerSize", "Limit", "RatioLimit", "TokenLimit", "search_level"]


@dataclass(frozen=True)
class LayerSize:
    """What one layer holds, and what its tokens take.

    Attributes:
        tokens: Tokens of a head, kept ones and those read since: the mean over heads of the longest row, rounded up.
        recent: Tokens whose inputs are held, besides.
        seen: Tokens read.
        heads: Heads of all rows together.
        width: Channels of a key and a value together.
        widest: Channels of the wider of the two.
        itemsize: Bytes of a number.
        input_bytes: Bytes of the inputs at one token, all rows together.
        layers: Layers that share the budget.
        other_bytes: Bytes of layers that are not pressed, at most.
        nbytes: Bytes of this layer.
        score_bytes: Bytes of the score that is held with each token of a head, 0 for most presses.
        storage: How kept tokens are stored; None: unpacked.
    """

    tokens: int
    recent: int
    seen: int
    heads: int
    width: int
    widest: int
    itemsize: int
    input_bytes: int
    layers: int
    other_bytes: int
    nbytes: int
    score_bytes: int
    storage: Storage | None

    @property
    def token_bytes(self) -> int:
        """Bytes of one unpacked token in all heads, without its columns."""
        return self.heads * (self.width * self.itemsize + self.score_bytes)

    def kept_bytes(self, counts: list[int]) -> int:
        """Bytes of kept tokens in heads with these counts, one number for each head of each row."""
        total = sum(counts)
        held = 4 * len(counts) + total * (int(column_type(self.seen).itemsize) + self.score_bytes)
        if self.storage is None:
            return held + total * self.width * self.itemsize
        # Storages know one width for both, and must not be taken to need less than they do.
        each = {count: self.storage.nbytes(count, self.widest, self.itemsize) for count in set(counts)}
        return held + sum(each[count] for count in counts)


class Limit(ABC):
    """Decides when a layer is pressed and how many tokens a head keeps then.

    Attributes:
        every: Tokens read between two presses, 0 where each call is followed by one.
    """

    every: int

    @abstractmethod
    def before(self, size: LayerSize, new: int) -> int | None:
        """Tokens to keep of those held, before `new` more are read; None: no press is due."""

    @abstractmethod
    def after(self, size: LayerSize, view: LayerView, reads: list[int]) -> tuple[list[int], int] | None:
        """After a call: tokens to keep, and how many of the last ones are kept besides and stay unpressed; or None.

        Args:
            size: What the layer holds.
            view: Its view, as far as budgets need it.
            reads: Tokens read in each row, for which there is a count each.
        """

    def fits(self, size: LayerSize, counts: list[int], spare: int) -> bool:  # noqa: ARG002
        """Whether heads with these counts fit, with `spare` unpressed tokens behind them; by default always."""
        return True


@dataclass(frozen=True)
class RatioLimit(Limit):
    """After each chunk of a context a layer keeps what its press's budget says of all tokens read.

    Attributes:
        press: The press.
        every: 0, as there is a press after each call.
    """

    press: LayerPress
    every: int = 0

    def before(self, size: LayerSize, new: int) -> None:  # noqa: ARG002
        """Never: a chunk is chosen from together with the tokens kept before."""
        return

    def after(self, size: LayerSize, view: LayerView, reads: list[int]) -> tuple[list[int], int]:  # noqa: ARG002
        """The press's budget, with nothing besides."""
        # A row of a padded batch keeps what it would keep alone.
        return [self.press.budget(replace(view, dropped=read - view.tokens)) for read in reads], 0


class Budget(Limit):
    """A limit that no call exceeds: a press is due where new tokens would, and leaves room for `every` more."""

    def before(self, size: LayerSize, new: int) -> int | None:
        """Room for `every` tokens, where the new ones would exceed the budget."""
        # Longer calls are parts of a prompt: they are chosen from after they were read, by their own queries.
        return None if new > self.every or self._holds(size, new) else self._level(size, 0)

    def after(
        self,
        size: LayerSize,
        view: LayerView,  # noqa: ARG002
        reads: list[int],
    ) -> tuple[list[int], int] | None:
        """The same after a call of many tokens; the last ones stay unpressed, as drafts among them may be cropped."""
        if self._holds(size, 0):
            return None
        spare = self._spare(size)
        return [self._level(size, spare)] * len(reads), spare

    @abstractmethod
    def _holds(self, size: LayerSize, new: int) -> bool:
        """Whether `new` more tokens fit."""

    @abstractmethod
    def _spare(self, size: LayerSize) -> int:
        """How many of the last tokens of a long call stay unpressed."""

    @abstractmethod
    def _level(self, size: LayerSize, spare: int) -> int:
        """Tokens to keep in a head, so that `spare` unpressed ones and `every` more fit behind them."""


@dataclass(frozen=True)
class TokenLimit(Budget):
    """After no call a head holds more than a number of tokens, on average over a layer's heads.

    Attributes:
        tokens: The number.
        every: Tokens read between two presses: a press leaves room for so many.
    """

    tokens: int
    every: int

    def _holds(self, size: LayerSize, new: int) -> bool:
        return size.tokens + new <= self.tokens

    def _spare(self, size: LayerSize) -> int:  # noqa: ARG002
        # Half at least is for the press to choose: a prompt reduced to its end is worse than a refusal of long drafts.
        return min(self.every, (self.tokens - self.every) // 2)

    def _level(self, size: LayerSize, spare: int) -> int:  # noqa: ARG002
        return self.tokens - self.every - spare


@dataclass(frozen=True)
class ByteLimit(Budget):
    """After no call the cache takes more than a number of bytes, which layers share equally.

    Attributes:
        nbytes: The number.
        every: Tokens read between two presses: a press leaves room for so many.
        window: Tokens whose inputs a press needs; those of `every` more are held, as tokens may be cropped.
        accumulates: Whether inputs of all tokens since the last press are held instead.
    """

    nbytes: int
    every: int
    window: int
    accumulates: bool = False
    _levels: dict[Any, int] = field(default_factory=dict, compare=False, repr=False)

    def fits(self, size: LayerSize, counts: list[int], spare: int) -> bool:
        """Whether so many kept tokens leave room for `every` more."""
        return size.kept_bytes(counts) <= self._room(size, spare)

    def _holds(self, size: LayerSize, new: int) -> bool:
        inputs = size.recent + new
        if not self.accumulates:
            inputs = min(inputs, self.window + self.every) if self.window else 0
        # Where nothing is read any more, the inputs held are counted in `nbytes`.
        more = new * size.token_bytes + (inputs - size.recent) * size.input_bytes if new else 0
        return size.nbytes + more <= self._share(size)

    def _spare(self, size: LayerSize) -> int:
        spare = self.every
        while spare and self._room(size, spare) < size.kept_bytes([1] * size.heads):
            spare //= 2
        return spare

    def _share(self, size: LayerSize) -> int:
        return (self.nbytes - size.other_bytes) // size.layers

    def _room(self, size: LayerSize, spare: int) -> int:
        """Bytes for kept tokens, when `every` tokens were read behind them and the spare ones."""
        # A press takes its queries from `window` inputs, behind which `every` tokens can be cropped.
        inputs = self.every if self.accumulates else self.window + self.every if self.window else 0
        return self._share(size) - (spare + self.every) * size.token_bytes - inputs * size.input_bytes - 8 * size.heads

    def _level(self, size: LayerSize, spare: int) -> int:
        room = self._room(size, spare)

        def predict(level: int) -> int:
            return size.kept_bytes([level] * size.heads)

        if predict(1) > room:
            least = self.nbytes + (predict(1) - room) * size.layers
            raise BudgetError(
                f"nbytes is {self.nbytes}: one kept token a head and {self.every} tokens between presses take about "
                f"{least} bytes of this model",
                hint="raise nbytes, lower every, or take a press with a shorter window of queries",
            )
        # Searched once for each size of the columns: the counts of an even cache do not change from press to press.
        key = room, size.heads, size.width, size.widest, size.itemsize, column_type(size.seen)
        if key not in self._levels:
            # Codes of 2 bits take more than a sixteenth of a number: no more tokens than that can fit.
            most = max(room * 16 // max(size.token_bytes, 1), 1)
            self._levels[key] = search_level(predict, room, most)
        return self._levels[key]


def search_level(nbytes: Callable[[int], int], room: int, most: int) -> int:
    """The highest level, 1..most, whose bytes fit; level 1 must fit.

    A bisection alone would miss levels: one more token may fill a group, which is then quantised and takes fewer bytes.
    Levels up to 512 beyond are tried as well.
    """
    low, high = 1, most
    while low < high:
        level = (low + high + 1) // 2
        low, high = (level, high) if nbytes(level) <= room else (low, level - 1)
    return max(level for level in range(low, min(low + 513, most + 1)) if nbytes(level) <= room)
