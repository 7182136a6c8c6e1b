"""What pruning gives back: the pruned context, and an account of every unit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from ctxprune.context.base import Context
    from ctxprune.context.scores import Scores
    from ctxprune.policies.selection import Selection

__all__ = ["Pruned", "Verdict", "Verdicts"]

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was decided about one unit.

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
    """

    index: int
    text: str
    kept: bool
    reason: str
    score: float
    tokens: int
    span: tuple[int, int] | None = None
    source: int | None = None


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


@dataclass(frozen=True)
class Pruned(Generic[T_co]):
    """A pruned context.

    Attributes:
        query: The question it was pruned for.
        output: The pruned context, of the type that came in.
        units: One verdict for every unit, in source order; a sequence that makes each one when it is read.
        tokens_before: Tokens of the whole context; of its text where it renders as text or can be written as text (a
            data frame), else the sum over its units.
        tokens_after: The same for what was kept.
        counter: Name of the token counter.
        scorer: Registered name (or class) of the scorer.
        policy: Registered name (or class) of the policy.
        note: A line about what was dropped, for the reader of the output; "" where the context says nothing or nothing
            was.
        seconds: Wall time of count, score, select and render. Not part of equality.
    """

    query: str
    output: T_co
    units: Sequence[Verdict]
    tokens_before: int
    tokens_after: int
    counter: str
    scorer: str
    policy: str
    note: str = ""
    seconds: Mapping[str, float] = field(default_factory=dict, compare=False)

    @property
    def kept(self) -> tuple[Verdict, ...]:
        """The kept units in source order."""
        return self._chosen(kept=True)

    @property
    def dropped(self) -> tuple[Verdict, ...]:
        """The dropped units in source order."""
        return self._chosen(kept=False)

    @property
    def spans(self) -> tuple[tuple[int, int], ...]:
        """Characters [start, end) of the kept units that have a source text, in source order."""
        return tuple(unit.span for unit in self.kept if unit.span is not None)

    @property
    def scores(self) -> NDArray[np.float32]:
        """float32 (n_units,)."""
        if isinstance(self.units, Verdicts):
            return self.units.scores
        import numpy as np

        return np.asarray([unit.score for unit in self.units], dtype=np.float32)

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, dicts, texts and numbers; `output` is a text unless it is JSON-like by itself."""
        return {
            "format": "ctxprune.pruned",
            "version": 1,
            "query": self.query,
            "output": _plain(self.output),
            "scorer": self.scorer,
            "policy": self.policy,
            "counter": self.counter,
            "tokens_before": self.tokens_before,
            "tokens_after": self.tokens_after,
            "units_before": len(self.units),
            "units_after": len(self.kept),
            "note": self.note,
            "seconds": dict(self.seconds),
            "units": [_plain(asdict(unit)) for unit in self.units],
        }

    def to_html(self, names: Sequence[str] = ()) -> str:
        """One self-contained HTML fragment: the question, the account, and every unit, dropped ones struck through.

        All text is escaped; there are no scripts and no references to other places. Colours follow the reader's light
        or dark setting.

        Args:
            names: What the source texts are called; those without a name are numbered.
        """
        from ctxprune.pruning.report import render

        return render(self, names)

    def _chosen(self, *, kept: bool) -> tuple[Verdict, ...]:
        if isinstance(self.units, Verdicts):
            return self.units.chosen(kept=kept)
        return tuple(unit for unit in self.units if unit.kept == kept)

    def _repr_html_(self) -> str:
        return self.to_html()


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return str(value)
