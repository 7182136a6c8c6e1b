"""The decision about each unit of a pruned context."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from ctxprune.context.base import Context
    from ctxprune.context.scores import Scores
    from ctxprune.policies.selection import Selection

__all__ = ["Verdict", "Verdicts"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision about one unit.

    Attributes:
        index: Its place in the context.
        text: What the scorer read.
        kept: Whether it is in the output.
        reason: One word; see `ctxprune.policies.Selection`. Wrapping policies add "neighbour", "document" and
            "duplicate of unit i"; a shared budget adds "share" (by its context's minimum share).
        score: The scorer's score, in the scorer's range.
        tokens: Tokens of its text, of the counter named in the result.
        span: Characters [start, end) in its source text; None without one.
        source: Which of several source texts the span is in; None where there is only one.

    Examples:
        ```python
        from ctxprune import Verdict, prune


        def show(unit: Verdict) -> str:
            return f"{'kept' if unit.kept else 'dropped'} ({unit.reason}): {unit.text}"


        for unit in prune(
            "When did it open?", "The bridge is long. It opened in 1933.", budget=8
        ).units:
            print(show(unit))
        ```
    """

    index: int
    text: str
    kept: bool
    reason: str
    score: float
    tokens: int
    span: tuple[int, int] | None = None
    source: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """The fields by name, JSON-safe."""
        # In a tenth of the time of `dataclasses.asdict`, which took half of a request on a table of 25,000 rows.
        return {
            "index": self.index,
            "text": self.text,
            "kept": self.kept,
            "reason": self.reason,
            "score": self.score,
            "tokens": self.tokens,
            "span": None if self.span is None else [*self.span],
            "source": self.source,
        }


class Verdicts(Sequence[Verdict]):
    """What `selection` decided, unit by unit; each verdict is made when it is asked for.

    A large context has hundreds of thousands of units, of which most callers read the few that are kept: to make all of
    them took a tenth of the time of pruning, and 200 bytes each. Equal to any sequence of the same verdicts.

    Args:
        context: What was pruned; its units are kept, not the context.
        scores: float32 (n_units,).
        tokens: int64 (n_units,).
        selection: What was kept, and why.
    """

    __slots__ = ("_kept", "_reasons", "_scores", "_sources", "_tokens", "_units")

    def __init__(self, context: Context[Any], scores: Scores, tokens: NDArray[np.int64], selection: Selection) -> None:
        # The units are kept, not the context: a result must not hold a parsed page in memory.
        self._units, self._sources = tuple(context.units), context.sources
        self._scores, self._tokens = scores.copy(), tokens  # a scorer may fill its array anew for the next question
        self._kept, self._reasons = selection.kept.copy(), selection.reasons

    def __len__(self) -> int:
        return len(self._units)

    @overload
    def __getitem__(self, index: int) -> Verdict: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Verdict, ...]: ...

    def __getitem__(self, index: int | slice) -> Verdict | tuple[Verdict, ...]:
        """The verdict on one unit, or a tuple of those of a slice."""
        places = range(len(self))[index]
        return self._verdict(places) if isinstance(places, int) else tuple(map(self._verdict, places))

    def __iter__(self) -> Iterator[Verdict]:
        return map(self._verdict, range(len(self)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, (Verdicts, tuple, list)):
            return NotImplemented
        return len(self) == len(other) and all(mine == its for mine, its in zip(self, other, strict=True))

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return repr(tuple(self))

    @property
    def scores(self) -> Scores:
        """float32 (n_units,), a copy."""
        return self._scores.copy()

    @property
    def n_kept(self) -> int:
        """How many are kept; it makes no verdict."""
        # In a tenth of the time of a sum, which counts where a span tells it of each short context.
        return int(np.count_nonzero(self._kept))

    def chosen(self, *, kept: bool) -> tuple[Verdict, ...]:
        """Those of the units that are kept, or of those that are dropped, in source order."""
        return tuple(map(self._verdict, (self._kept == kept).nonzero()[0].tolist()))

    def _verdict(self, index: int) -> Verdict:
        unit, sources = self._units[index], self._sources
        return Verdict(
            index=index,
            text=unit.text,
            kept=bool(self._kept[index]),
            reason=self._reasons[index],
            score=float(self._scores[index]),
            tokens=int(self._tokens[index]),
            span=unit.span,
            source=None if sources is None else int(sources[index]),
        )
