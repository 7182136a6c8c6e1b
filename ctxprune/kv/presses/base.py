"""The base of presses: a press scores the tokens of a cache and chooses which to keep; the base owns counts, ties and
padding."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar

import torch

from ctxprune.errors import UsageError
from ctxprune.kv.model.files import SupportsDigest
from ctxprune.kv.reading.layer_press import LayerPress
from ctxprune.kv.selection import Plan, check_ratio, keep_count, top

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn

    from ctxprune.kv.cache.store import Storage
    from ctxprune.kv.reading.prefilled import Prefilled
    from ctxprune.kv.reading.session import ReusableSession
    from ctxprune.kv.reading.view import LayerView

__all__ = ["Press"]


@dataclass(frozen=True)
class Press(LayerPress):
    """Base of presses: a subclass implements `score`, and may override `budget`, `select` and `edit`.

    Attributes:
        ratio: The share of the context's tokens to drop, 0 <= ratio < 1; floor(n * (1 - ratio)) tokens are kept in
            each head, at least one.
        joint: Whether one layer's choice depends on other layers, so that nothing is dropped before the whole context
            is read.
        edits: Whether `edit` changes kept keys or values, so that the cache is not the full one with dropped tokens
            masked.
        outermost: Whether it plans layers as a whole (not by scores and counts), so that no wrapper may contain it.
        ratio_free: Whether scores are the same at every ratio, so that `Prefilled.remember` may cache them.
        learned: Whether it needs something learned for the model, such as filters or gates.
        accumulates: Whether it scores by the attention from all tokens, which is summed up while they are read.

    Raises:
        UsageError: A parameter is out of its range.
    """

    ratio: float = 0.5
    ratio_free: ClassVar[bool] = False
    learned: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_ratio(self.ratio)

    def score(self, view: LayerView) -> Tensor:
        """Scores (batch, kv_heads, n), higher = keep; the question's tokens are kept in any case."""
        raise NotImplementedError

    def budget(self, view: LayerView) -> int:
        """How many tokens of the context to keep in each head of this layer, 0..tokens."""
        return keep_count(view.read, self.ratio)

    def select(self, view: LayerView, scores: Tensor, kept: int) -> Tensor:  # noqa: ARG002
        """The tokens to keep, bool (batch, kv_heads, n), `kept` in each head, the question's (scored inf) included."""
        return top(scores, kept)

    def rank(self, view: LayerView, scores: Tensor, kept: int) -> Tensor:  # noqa: ARG002
        """The scores by which `kept` tokens are chosen: the checked scores, unless a wrapper reweights them."""
        return scores

    def edit(self, view: LayerView, plan: Plan) -> Plan:  # noqa: ARG002
        """The plan, with other keys, values or channels in presses that do more than drop tokens."""
        return plan

    def plan(self, view: LayerView, scores: Tensor | None = None, kept: int | None = None) -> Plan:
        """The plan for a layer whose rows have no padding.

        Args:
            view: The layer.
            scores: Its scores; None: those of `score`.
            kept: How many tokens of the context to keep in each head; None: as many as `budget` says.

        Raises:
            UsageError: The scores have another shape, or some are NaN.
        """
        kept = min(self.budget(view) if kept is None else kept, view.tokens)
        if kept == view.tokens:
            # Nothing is dropped: the scores, which may be costly, are not needed.
            chosen = torch.ones(view.keys.shape[:-1], dtype=torch.bool, device=view.keys.device)
        else:
            scores = self.check_scores(view, self.cached_score(view) if scores is None else scores)
            chosen = self.select(view, scores, kept + view.question)
        return self.edit(view, Plan(chosen))

    def scores(self, prefilled: Prefilled) -> list[Tensor]:
        """Scores (batch, kv_heads, n) of every layer of a context; those of padding are ignored.

        A joint press whose scores need more than one layer overrides it.
        """
        return [self.score_batch(view, prefilled.real) for view in prefilled.views]

    def score_batch(self, view: LayerView, real: Tensor | None) -> Tensor:
        """Scores of a layer whose rows may be padded, (batch, kv_heads, n); 0 for padding (`real` is False)."""
        if real is None:
            return self.cached_score(view)
        scores = view.keys.new_zeros(view.keys.shape[:-1], dtype=torch.float32)
        for number, row in enumerate(real):
            columns = row.nonzero()[:, 0]
            if len(columns):
                scores[number][:, columns] = self.score(view.row(number, columns))[0].float()
        return scores

    def cached_score(self, view: LayerView) -> Tensor:
        """`score`, or the scores that a press which differs only in its ratio left in the view."""
        if view.memory is None or not self.ratio_free:
            return self.score(view)
        values = vars(self)
        # All parameters but the ratio: a press with another window must not get these scores.
        own = type(self), *(values[each.name] for each in fields(self) if each.name != "ratio")
        if own not in view.memory:
            view.memory[own] = self.score(view)
        known: Tensor = view.memory[own]
        return known

    def plans(self, prefilled: Prefilled) -> list[Plan]:
        """A plan for every layer of a context; a joint press whose counts depend on all layers overrides it."""
        if not self.joint:
            return [self.plan_batch(view, prefilled.real) for view in prefilled.views]
        pairs = zip(prefilled.views, self.scores(prefilled), strict=True)
        return [self.plan_batch(view, prefilled.real, scores=scores) for view, scores in pairs]

    def plan_batch(
        self,
        view: LayerView,
        real: Tensor | None,
        *,
        scores: Tensor | None = None,
        kept: Sequence[int] | None = None,
    ) -> Plan:
        """The plan for a layer whose rows may be padded; each row is planned as if it were alone.

        Args:
            view: The layer, padding included.
            real: False for padding, bool (batch, n); None where there is none.
            scores: The layer's scores, padding included; None: the press computes them.
            kept: Tokens of the context to keep in each head, for each row; None: as many as `budget` says.
        """
        if real is None and kept is None:
            return self.plan(view, scores)
        if real is None:
            real = torch.ones(len(view.keys), view.total, dtype=torch.bool, device=view.keys.device)
        chosen = torch.zeros(view.keys.shape[:-1], dtype=torch.bool, device=view.keys.device)
        keys, values, channels = None, None, None
        for number, row in enumerate(real):
            columns = row.nonzero()[:, 0]
            if not len(columns):
                continue
            # Row by row: a padded row must keep the tokens that it would keep alone.
            own = None if scores is None else scores[number : number + 1].index_select(-1, columns)
            plan = self.plan(view.row(number, columns), own, None if kept is None else kept[number])
            chosen[number][:, columns] = plan.chosen[0]
            keys = _put_row(keys, view.keys, plan.keys, number, columns)
            values = _put_row(values, view.values, plan.values, number, columns)
            if plan.channels is not None:
                channels = plan.channels.repeat(len(real), 1, 1) if channels is None else channels
                channels[number] = plan.channels[0]
        return Plan(chosen, keys, values, channels)

    def check_scores(self, view: LayerView, scores: Tensor) -> Tensor:
        """Scores as a new float32 tensor, with inf for the question's tokens; errors as `plan`."""
        if scores.shape != view.keys.shape[:-1]:
            raise UsageError(
                f"{type(self).__name__}.score gave the shape {tuple(scores.shape)}",
                hint=f"one score per row, kv head and token: {tuple(view.keys.shape[:-1])}",
            )
        # A copy, as the scores may be cached in the view.
        scores = scores.float().clone()
        if bool(scores.isnan().any()):
            raise UsageError(
                f"{type(self).__name__} gave scores that are not numbers",
                where=f"layer {view.attention.layer}",
                hint="the model overflows (load it in bfloat16 or float32), or its hidden states were not kept",
            )
        scores[..., view.tokens :] = float("inf")
        return scores

    def __call__(
        self, model: nn.Module, *, positions: str = "original", storage: Storage | None = None
    ) -> ReusableSession:
        """A context manager within which every context that `model` reads into an empty cache is pressed.

        Later calls continue from the pressed cache, so that `model.generate` works inside without changes. Calls from
        every thread are pressed, while `ctxprune.kv.compress` presses only its own. It can be entered more than once.
        While it is open, hooks are on the model, and its method `_prefill` (`ctxprune.kv.reading.chunks.CHUNK_READER`)
        is replaced, so that prompts that `generate` reads in chunks are pressed after each; both are restored.

        Args:
            model: A decoder of transformers.
            positions: "original" keeps the tokens' positions; "rerotated" makes them consecutive, for models near the
                end of their position range.
            storage: How kept tokens are stored, see `ctxprune.kv.Kivi`; None: unpacked.

        Raises:
            UsageError: The model is not supported.
        """
        from ctxprune.kv.reading.session import ReusableSession

        return ReusableSession(model, self, positions=positions, storage=storage)

    def describe(self) -> dict[str, Any]:
        """Name and parameters as plain values, for saved caches; the digest in place of learned objects."""

        def plain(value: Any) -> Any:
            if isinstance(value, Press):
                return value.describe()
            if isinstance(value, (list, tuple)):
                return [plain(each) for each in value]
            if isinstance(value, (bool, int, float, str, type(None))):
                return value
            name = type(value).__name__
            return f"{name} {value.digest}" if isinstance(value, SupportsDigest) else name

        values = vars(self)
        return {"press": type(self).__name__, **{each.name: plain(values[each.name]) for each in fields(self)}}


def _put_row(whole: Tensor | None, own: Tensor, row: Tensor | None, number: int, columns: Tensor) -> Tensor | None:
    if row is None:
        return whole
    whole = own.clone() if whole is None else whole
    whole[number][:, columns] = row[0]
    return whole
