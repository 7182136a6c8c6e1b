"""What pruning gives back: the pruned context, and an account of every unit."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Pruned", "Verdict"]

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


@dataclass(frozen=True)
class Pruned(Generic[T_co]):
    """A pruned context.

    Attributes:
        query: The question it was pruned for.
        output: The pruned context, of the type that came in.
        units: One verdict for every unit, in source order.
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
    units: tuple[Verdict, ...]
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
        return tuple(unit for unit in self.units if unit.kept)

    @property
    def dropped(self) -> tuple[Verdict, ...]:
        """The dropped units in source order."""
        return tuple(unit for unit in self.units if not unit.kept)

    @property
    def spans(self) -> tuple[tuple[int, int], ...]:
        """Characters [start, end) of the kept units that have a source text, in source order."""
        return tuple(unit.span for unit in self.units if unit.kept and unit.span is not None)

    @property
    def scores(self) -> NDArray[np.float32]:
        """float32 (n_units,)."""
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
            "units_after": sum(unit.kept for unit in self.units),
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
        from ctxprune._html import render

        return render(self, names)

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
