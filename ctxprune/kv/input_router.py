"""A router that looks at the context that was read, besides the table of measurements."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from ctxprune.errors import FormatError, InputError, UsageError
from ctxprune.kv.cache.pruned_cache import copy_cache
from ctxprune.kv.model.attention import cache_argument_name
from ctxprune.kv.model.files import ModelFile, model_fingerprint
from ctxprune.kv.presses.snapkv import SnapKV
from ctxprune.kv.reading.prefill import prefill
from ctxprune.kv.reading.prefilled import Prefilled
from ctxprune.kv.router import Choice, Router
from ctxprune.kv.selection import check_share
from ctxprune.kv.wrappers.thresholds import measure_evidence
from ctxprune.utils.validation import check_number, check_whole, describe_type

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from torch import Tensor, nn

__all__ = ["InputRouter", "learn_router"]

_FILE = ModelFile("router", "ctxprune-kv-router", 1, ("rows",), "learn_router makes one for this model")
_DECAY = 1e-2  # of the squared weights: separable samples would let them grow without end
_STEPS = 50


@dataclass(frozen=True, eq=False)
class InputRouter:
    """Chooses, for a context that was read, the row of a table with the fewest bytes that probably keeps the answer,
    among those predicted to meet the limits (after the router of "Pruning All-Rounder").

    What it looks at: length, whether there is a question, how concentrated its attention is, how much of the context
    repeats, each as a mean over layers. A logistic regression for each row, learned by `learn_router`, says with which
    probability the row keeps the answer.

    Not from the paper: skipping whole layers. A layer that was skipped while reading leaves no keys and values, so that
    a cache would belong to one subset of the layers, and layers skipped only while writing attend to others' states.

    Attributes:
        router: The table, with its predictions of time and bytes.
        weights: float32 (rows, features + 1), the bias last, on standardised features.
        center: Mean of the features in training, (features,); `scale` their deviation.
        confidence: The probability from which on a row counts as keeping the answer, 0..1.

    Raises:
        UsageError: The weights do not fit the table, or the confidence is out of its range.
    """

    router: Router
    weights: Tensor
    center: Tensor
    scale: Tensor
    confidence: float = 0.8

    def __post_init__(self) -> None:
        check_share("confidence", self.confidence)
        expected = (len(self.router.rows), len(self.center) + 1)
        if tuple(self.weights.shape) != expected or self.scale.shape != self.center.shape:
            raise UsageError(
                f"the weights are {tuple(self.weights.shape)} instead of {expected}",
                hint="learn_router(model, router, samples) with this table",
            )

    def probabilities(self, read: Prefilled) -> list[float]:
        """The probability that each row of the table keeps the answer, for a context of one row.

        Raises:
            UsageError: It is not one context that `prefill` gave, or is a batch.
        """
        features = (read_features(read) - self.center) / self.scale
        logits = self.weights[:, :-1] @ features + self.weights[:, -1]
        return [float(each) for each in logits.sigmoid()]

    def route(
        self,
        read: Prefilled,
        *,
        new_tokens: int,
        latency_ms: float,
        bytes: float | None = None,  # noqa: A002
        mode: str | None = None,
    ) -> Choice:
        """The choice for a context that was read, with its question or without: `read.press(choice.build())`.

        Of the rows that meet the limits, the one with the fewest bytes whose probability is at least `confidence`;
        where there is none, the one with the highest probability. Other arguments are those of `Router.route`.

        Raises:
            UsageError: As `probabilities`, and as `Router.route`.
            BudgetError: No row meets the limits.
        """
        chances = dict(zip(map(id, self.router.rows), self.probabilities(read), strict=True))
        choices = self.router.feasible(
            tokens=read.views[0].tokens, new_tokens=new_tokens, latency_ms=latency_ms, bytes=bytes, mode=mode
        )
        sure = [each for each in choices if chances[id(each.row)] >= self.confidence]
        if sure:
            return min(sure, key=lambda each: (each.row.bytes_ratio, each.latency_ms))
        return max(choices, key=lambda each: (chances[id(each.row)], -each.row.bytes_ratio))

    def save(self, path: str | Path, model: nn.Module) -> None:
        """Write what was learned, and the rows that it is about, to one safetensors file; errors as `Gates.save`."""
        tensors = {"weights": self.weights, "center": self.center, "scale": self.scale}
        _FILE.write(path, model_fingerprint(model), {"rows": _rows(self.router)}, tensors)

    @classmethod
    def load(cls, path: str | Path, model: nn.Module, router: Router, *, confidence: float = 0.8) -> InputRouter:
        """Read a saved router back, for the model and the presses that it was learned with.

        Raises:
            InputError: There is no such file, or it is for another model or other rows.
            FormatError: It is truncated, damaged, or of another format or version.
        """
        about, tensors = _FILE.read(path, model)
        if about["rows"] != _rows(router):
            raise InputError("the router was learned for other rows", where=str(path), hint="the same table, in order")
        check_share("confidence", confidence)
        try:
            return cls(router, tensors["weights"], tensors["center"], tensors["scale"], confidence)
        except (KeyError, TypeError, UsageError) as error:
            raise FormatError(
                f"a part of the router is missing ({error})", where=str(path), hint="save it again"
            ) from error


def learn_router(
    model: nn.Module,
    router: Router,
    samples: Sequence[tuple[Tensor, Tensor]],
    *,
    answer_tokens: int = 16,
    tolerance: float = 0.1,
    confidence: float = 0.8,
) -> InputRouter:
    """Learn from the model's own answers which rows of a table keep them; nobody has to say what is right.

    For each sample the model answers greedily with its whole cache. A row keeps the answer if its pruned cache gives it
    at most `tolerance` nats a token less log-likelihood.

    Args:
        model: A causal language model of transformers; it is not changed.
        router: The table; each of its presses must be one that `Choice.build` can build.
        samples: Contexts with questions, token ids (1, n) and (1, m); some tens, of different kinds.
        answer_tokens: Maximum tokens of an answer.
        tolerance: Nats a token, 0 or more.
        confidence: As the attribute.

    Raises:
        UsageError: There are no samples, a number is out of its range, or a press needs something learned.
    """
    check_whole("answer_tokens", answer_tokens, minimum=1)
    check_number("tolerance", tolerance, minimum=0)
    if not samples:
        raise UsageError("there are no samples to learn from", hint="contexts with questions")
    presses = [Choice(row, 0.0, None).build() for row in router.rows]
    found = []
    for context, question in samples:
        read = prefill(model, context)
        asked = read.ask(question)
        answer = _answer(model, torch.cat([context, question], dim=1), read, answer_tokens)
        tail = torch.cat([question, answer], dim=1)
        whole = _loss(model, copy_cache(read.cache), tail, answer.shape[1])
        # Presses that choose without the question are asked without it, as their rows were measured.
        kept = [
            _loss(model, (read if row.mode == "blind" else asked).press(press), tail, answer.shape[1]) - whole
            <= tolerance
            for row, press in zip(router.rows, presses, strict=True)
        ]
        found.append((read_features(asked), torch.tensor(kept)))
    features = torch.stack([each for each, _ in found])
    labels = torch.stack([each for _, each in found]).float()
    center, scale = features.mean(dim=0), features.std(dim=0, correction=0)
    # A feature that never varied says nothing: divided by its deviation, it would be noise.
    scale = torch.where(scale > 1e-6, scale, torch.inf)
    return InputRouter(router, _fit((features - center) / scale, labels), center, scale, confidence)


def read_features(read: Prefilled) -> Tensor:
    """Features of a context of one row, float32 (features,), mean over layers.

    Raises:
        UsageError: As `InputRouter.probabilities`.
    """
    if not isinstance(read, Prefilled) or not read.views:
        raise UsageError(f"the context is {describe_type(read)}", hint="a context that prefill(model, ids) gave")
    if len(read.views[0].keys) != 1 or read.real is not None:
        raise UsageError(f"the context has {len(read.views[0].keys)} rows or padding", hint="one context at a time")
    press = SnapKV()
    with torch.no_grad():
        evidence = [measure_evidence(view, press.cached_score(view)) for view in read.views]
        return torch.stack([each.features[0] for each in evidence]).mean(dim=0).cpu()


def _rows(router: Router) -> list[dict[str, Any]]:
    return [{name: asdict(row)[name] for name in ("press", "ratio", "mode")} for row in router.rows]


@torch.no_grad()  # type: ignore[untyped-decorator]
def _answer(model: Any, ids: Tensor, read: Prefilled, count: int) -> Tensor:
    """The model's greedy answer with its whole cache, (1, up to `count`)."""
    cache = {cache_argument_name(model): copy_cache(read.cache)}
    options = {"do_sample": False, "temperature": None, "top_p": None, "top_k": None, "max_new_tokens": count}
    written: Tensor = model.generate(ids, attention_mask=torch.ones_like(ids), **options, **cache)
    return written[:, ids.shape[1] :]


@torch.no_grad()  # type: ignore[untyped-decorator]
def _loss(model: nn.Module, cache: Any, tail: Tensor, count: int) -> float:
    """Mean cross entropy of the last `count` tokens of what follows a cache, in nats."""
    logits = model(tail[:, :-1], use_cache=True, **{cache_argument_name(model): cache}).logits[:, -count:]
    return float(cross_entropy(logits.flatten(0, 1).float(), tail[:, -count:].flatten()))


def _fit(features: Tensor, labels: Tensor) -> Tensor:
    """Weights of a logistic regression for each column of labels (samples, rows), (rows, features + 1)."""
    inputs = torch.cat([features, torch.ones(len(features), 1)], dim=1)
    weights = torch.zeros(labels.shape[1], inputs.shape[1], requires_grad=True)
    optimizer = torch.optim.LBFGS([weights], max_iter=_STEPS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        total = binary_cross_entropy_with_logits(inputs @ weights.T, labels) + _DECAY * weights.square().mean()
        total.backward()
        return total

    with torch.enable_grad():
        optimizer.step(loss)
    return weights.detach()
