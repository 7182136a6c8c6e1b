"""What pruning gives back: the pruned context, and an account of every unit."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ctxprune.pruning.verdicts import Verdict, Verdicts
from ctxprune.utils.percent import format_share

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from ctxprune.pruning.oversized import MissingRows, Oversized

__all__ = ["Pruned"]

T_co = TypeVar("T_co", covariant=True)


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
        oversized: The best unit, where it did not fit into the budget as a whole, or how many rows of a table did that
            the question needs together, with the budget that would hold it or them; None where all did, or without a
            budget.
        seconds: Wall time of count, score, select and render. Not part of equality.

    Examples:
        ```python
        from ctxprune import Pruned, prune


        def saved(result: Pruned[str]) -> float:
            return 1 - result.tokens_after / result.tokens_before


        kept = prune(
            "When did it open?", "The bridge is long. It opened in 1933.", budget=8
        )
        print(f"{saved(kept):.0%}")  # 42%
        ```
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
    oversized: Oversized | MissingRows | None = None
    seconds: Mapping[str, float] = field(default_factory=dict, compare=False)

    @property
    def kept(self) -> tuple[Verdict, ...]:
        """The kept units in source order."""
        return self._chosen(kept=True)

    @property
    def n_kept(self) -> int:
        """The number of kept units."""
        return self.units.n_kept if isinstance(self.units, Verdicts) else len(self.kept)

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
            "output": _to_plain(self.output),
            "scorer": self.scorer,
            "policy": self.policy,
            "counter": self.counter,
            "tokens_before": self.tokens_before,
            "tokens_after": self.tokens_after,
            "units_before": len(self.units),
            "units_after": self.n_kept,
            "note": self.note,
            "oversized": None if self.oversized is None else asdict(self.oversized),
            "seconds": dict(self.seconds),
            "units": [unit.to_dict() for unit in self.units],
        }

    def to_html(self, names: Sequence[str] = ()) -> str:
        """One self-contained HTML fragment: the question, the account, and every unit, dropped ones struck through.

        All text is escaped; there are no scripts and no references to other places; links lead from kept text to kept
        text. Colours follow the reader's light or dark setting. Of several texts, those that lost everything are a
        line. Of contexts of more than 40,000 characters what was dropped is shown only beside kept text, and of what is
        kept the first 70 KB, so that the page has no more than 150 KB.

        Args:
            names: What the source texts are called; those without a name are numbered.
        """
        from ctxprune.pruning.report import render_fragment  # needed for reports alone

        share = format_share(self.tokens_after, self.tokens_before)
        account = (
            f"{self.n_kept} of {len(self.units)} units, {self.tokens_after} of {self.tokens_before} tokens"
            f" ({share}, {self.counter}); scorer {self.scorer}, policy {self.policy}"
        )
        return render_fragment(self.query, account, self.units, names)

    def _chosen(self, *, kept: bool) -> tuple[Verdict, ...]:
        if isinstance(self.units, Verdicts):
            return self.units.chosen(kept=kept)
        return tuple(unit for unit in self.units if unit.kept == kept)

    def _repr_html_(self) -> str:
        return self.to_html()


def _to_plain(value: Any) -> Any:
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, (list, tuple)):
        return [_to_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _to_plain(item) for key, item in value.items()}
    return str(value)
