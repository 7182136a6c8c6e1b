"""Training of thresholds behind a frozen model: the answer's loss plus a penalty on the share that is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.functional import cross_entropy, logsigmoid, pad

from ctxprune.errors import UsageError
from ctxprune.kv.cache.pruned_cache import copy_cache
from ctxprune.kv.gates.forward import as_bias, check_masks
from ctxprune.kv.model.attention import attentions_of, bind_arguments, cache_argument_name, find_argument
from ctxprune.kv.model.hooks import Hooks
from ctxprune.kv.reading.prefill import prefill
from ctxprune.kv.reading.prefilled import check_press
from ctxprune.kv.wrappers.thresholds import Thresholds, measure_evidence
from ctxprune.utils.validation import check_number, check_whole, is_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn

    from ctxprune.kv.presses.base import Press
    from ctxprune.kv.reading.prefilled import Prefilled
    from ctxprune.kv.wrappers.thresholds import Evidence

__all__ = ["ThresholdRecipe", "ThresholdSample", "train_thresholds"]


@dataclass(frozen=True, eq=False)
class ThresholdSample:
    """A context with what the model should say behind it.

    Attributes:
        context: Token ids, (1, n).
        answer: Token ids, (1, m), whose loss is trained on: an answer, or the text's own continuation.
        question: Token ids between context and answer, (1, k); None: there is no question.

    Raises:
        UsageError: Ids are not one row of one token or more.
    """

    context: Tensor
    answer: Tensor
    question: Tensor | None = None

    def __post_init__(self) -> None:
        for name, ids in vars(self).items():
            if ids is None and name == "question":
                continue
            if not isinstance(ids, torch.Tensor) or ids.ndim != 2 or len(ids) != 1 or not ids.shape[1]:
                raise UsageError(f"the {name} is not one row of ids", hint="a tensor (1, tokens) of one token or more")
        if self.question is None and self.answer.shape[1] < 2:
            # The first token behind a context is predicted while the context is read, before anything is dropped.
            raise UsageError("the answer has one token and there is no question", hint="two tokens or more")


@dataclass(frozen=True)
class ThresholdRecipe:
    """Hyperparameters of a run.

    Attributes:
        share: Share of tokens to keep on average while training, above 0 and below 1. Cut-offs for all shares are
            calibrated at the end.
        steps: Steps of the optimiser, 0 or more; at 0 the thresholds are only calibrated.
        batch: Samples per step.
        strength: Weight of the squared difference between the kept share and `share`, in nats, 0 or more.
        rate: Learning rate.
        temperatures: Width of the soft threshold at the first and at the last step, in units of log relevance.
        seed: Random seed of hidden units and batches.

    Raises:
        UsageError: A number is out of its range.
    """

    share: float = 0.25
    steps: int = 200
    batch: int = 4
    strength: float = 50.0
    rate: float = 1e-2
    temperatures: tuple[float, float] = (1.0, 0.2)
    seed: int = 0

    def __post_init__(self) -> None:
        if not is_number(self.share) or not 0 < self.share < 1:
            raise UsageError(f"share is {self.share!r}", hint="the share to keep, above 0 and below 1")
        check_whole("steps", self.steps, minimum=0)
        check_whole("batch", self.batch, minimum=1)
        check_whole("seed", self.seed, minimum=0)
        check_number("strength", self.strength, minimum=0)
        check_number("rate", self.rate, over=0)
        if len(self.temperatures) != 2:
            raise UsageError(f"temperatures is {self.temperatures!r}", hint="the first and the last one")
        for each in self.temperatures:
            check_number("temperatures", each, over=0)

    def temperature(self, step: int) -> float:
        """The temperature of a step, from 0."""
        first, last = self.temperatures
        return first + (last - first) * step / max(self.steps - 1, 1)


def train_thresholds(
    model: nn.Module, press: Press, samples: Sequence[ThresholdSample], recipe: ThresholdRecipe | None = None
) -> Thresholds:
    """Train thresholds for a press on a frozen model, and calibrate them on the same samples.

    Tokens are not dropped while training: the logarithm of a soft threshold is added to the logits of attention on
    them. The caches of all samples are held.

    Args:
        model: A decoder of transformers with sdpa or eager attention, in evaluation mode; it is not changed.
        press: The inner press of `LearnedThreshold`.
        samples: One or more; some tens for the heads to learn from what the inputs differ in.
        recipe: Hyperparameters; None: the defaults.

    Raises:
        UsageError: There are no samples, or the model or press is not supported.
    """
    recipe = ThresholdRecipe() if recipe is None else recipe
    check_press(press)
    check_masks(model)
    if press.joint or press.outermost:
        raise UsageError(f"{type(press).__name__} does not score each layer alone", hint="such as SnapKV(0.75)")
    if model.training:
        raise UsageError("the model is in training mode", hint="model.eval(): dropout would blur the loss")
    tasks = [_Task.of(model, press, sample) for sample in samples]
    if not tasks:
        raise UsageError("there are no samples to train on", hint="contexts with their answers")
    found = Thresholds(tasks[0].evidence, seed=recipe.seed)
    _calibrate(found, tasks)
    random = torch.Generator().manual_seed(recipe.seed)
    optimizer = torch.optim.Adam(found.parameters(), lr=recipe.rate)
    # Fixed: a cut-off that followed the margins would leave the penalty without an effect.
    start = found.cutoff(recipe.share)
    for step in range(recipe.steps):
        picked = torch.randperm(len(tasks), generator=random)[: recipe.batch].tolist()
        loss = _loss(model, found, [tasks[number] for number in picked], recipe, (start, recipe.temperature(step)))
        parameters = list(found.parameters())
        # Not `backward`, which would fill the gradients of the user's model.
        for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
            parameter.grad = gradient
        optimizer.step()
    _calibrate(found, tasks)
    found.requires_grad_(False)
    return found


@dataclass(frozen=True, eq=False)
class _Task:
    """A sample with its read context and the evidence of each layer."""

    read: Prefilled
    tail: Tensor
    targets: int
    evidence: dict[int, Evidence]

    @classmethod
    @torch.no_grad()  # type: ignore[untyped-decorator]
    def of(cls, model: nn.Module, press: Press, sample: ThresholdSample) -> _Task:
        """Read the context, and the question behind it where there is one."""
        read = prefill(model, sample.context)
        asked = read if sample.question is None else read.ask(sample.question)
        evidence = {
            view.attention.layer: measure_evidence(view, press.cached_score(view)[..., : view.tokens])
            for view in asked.views
        }
        parts = [sample.answer] if sample.question is None else [sample.question, sample.answer]
        tail = torch.cat(parts, dim=1)
        return cls(read, tail, min(sample.answer.shape[1], tail.shape[1] - 1), evidence)


class _SoftForward:
    """A context manager within which layers attend to the tokens of a filled cache with a bias on their logits.

    Args:
        model: A decoder of transformers, with sdpa or eager attention.
        logs: The bias of each layer, (1, kv_heads, tokens of the cache), 0 or less.
    """

    def __init__(self, model: nn.Module, logs: dict[int, Tensor]) -> None:
        self._model, self._logs, self._hooks = model, logs, Hooks()

    def __enter__(self) -> None:
        for each in attentions_of(self._model):
            if each.layer in self._logs:
                self._hooks.before(each.module, self._add_bias)

    def __exit__(self, *_: object) -> None:
        self._hooks.remove()

    def _add_bias(
        self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        logs = self._logs[module.layer_idx]
        hidden = find_argument(module, "hidden_states", args, kwargs)
        new, held = hidden.shape[1], logs.shape[-1]
        mask = find_argument(module, "attention_mask", args, kwargs)
        if mask is None:
            mask = torch.ones(new, held + new, dtype=torch.bool, device=hidden.device).tril(held)[None, None]
        bias = pad(logs, (0, new)).repeat_interleave(module.config.num_attention_heads // logs.shape[1], dim=1)
        biased = as_bias(mask, hidden.dtype) + bias[:, :, None].to(hidden.dtype)
        return (), {**bind_arguments(module, args, kwargs), "attention_mask": biased}


def _answer_loss(model: nn.Module, task: _Task) -> Tensor:
    """Mean cross entropy of the answer behind the context's cache, which is not changed."""
    cache = {cache_argument_name(model): copy_cache(task.read.cache)}
    logits = model(task.tail[:, :-1], use_cache=True, **cache).logits[:, -task.targets :]
    return cross_entropy(logits.flatten(0, 1).float(), task.tail[:, -task.targets :].flatten())


def _calibrate(thresholds: Thresholds, tasks: Sequence[_Task]) -> None:
    with torch.no_grad():
        thresholds.calibrate(torch.stack(list(_margins(thresholds, task).values())) for task in tasks)


def _margins(thresholds: Thresholds, task: _Task) -> dict[int, Tensor]:
    return {layer: thresholds.margins(layer, evidence) for layer, evidence in task.evidence.items()}


def _loss(
    model: nn.Module, thresholds: Thresholds, tasks: Sequence[_Task], recipe: ThresholdRecipe, soft: tuple[float, float]
) -> Tensor:
    cutoff, temperature = soft
    losses, shares = [], []
    for task in tasks:
        logs = {
            layer: logsigmoid((margins - cutoff) / temperature) for layer, margins in _margins(thresholds, task).items()
        }
        with _SoftForward(model, logs):
            losses.append(_answer_loss(model, task))
        shares.append(torch.cat([each.flatten() for each in logs.values()]).exp().mean())
    kept = torch.stack(shares).mean()
    return torch.stack(losses).mean() + recipe.strength * (kept - recipe.share) ** 2
