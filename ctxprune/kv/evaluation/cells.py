"""One cell of the comparison: a press, the share of bytes to save, its storage, and whether it uses the question."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby
from time import perf_counter
from typing import TYPE_CHECKING, Any

import torch

from ctxprune.errors import UsageError
from ctxprune.kv.cache.quantise import ratio_for_bytes
from ctxprune.kv.reading.prefill import prefill
from ctxprune.utils.foreign import optional_member

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from torch import Tensor, nn

    from ctxprune.kv.cache.pruned_cache import PrunedCache
    from ctxprune.kv.cache.store import Storage
    from ctxprune.kv.evaluation.samples import Sample
    from ctxprune.kv.presses.base import Press
    from ctxprune.kv.reading.prefilled import Prefilled

__all__ = [
    "MODES",
    "Cell",
    "Outcome",
    "continuation_loss",
    "is_answered",
    "measure_outcomes",
    "score_answer",
    "summarise",
]

MODES = ("blind", "aware")


@dataclass(frozen=True)
class Cell:
    """One configuration, measured on every sample.

    Attributes:
        name: Name of the press in the rows.
        make: Builds the press for a share of tokens to drop.
        ratio: The share of the full cache's bytes to save.
        mode: "blind" or "aware" (of the question).
        storage: How kept tokens are stored; None: unpacked.
        storage_name: Name of the storage in the rows.
    """

    name: str
    make: Callable[[float], Press]
    ratio: float
    mode: str
    storage: Storage | None = None
    storage_name: str = "plain"

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise UsageError(f"mode is {self.mode!r}", hint=f"one of {', '.join(MODES)}")

    def cache(self, read: Prefilled) -> PrunedCache:
        """The pressed cache of a context, with at most `1 - ratio` of its bytes."""
        # The ratio counts bytes, so that storages compare: a smaller storage keeps more tokens.
        view = read.views[0]
        share, size = 1 - self.ratio, view.keys.element_size()
        dropped = ratio_for_bytes(share, self.storage, view.tokens, view.head_dim, size) if self.ratio else 0.0
        cache: PrunedCache = read.press(self.make(dropped), storage=self.storage)
        return cache

    @property
    def key(self) -> tuple[str, float, str, str]:
        """Name, ratio, mode and storage: identifies the rows of this cell."""
        return self.name, self.ratio, self.mode, self.storage_name


@dataclass(frozen=True)
class Outcome:
    """The result of one cell on one sample: correctness, share of bytes, and milliseconds of pressing and reading.

    `right` is true or false where an answer must be exact, else the share that was said, 0..1.
    """

    task: str
    key: tuple[str, float, str, str]
    right: float
    bytes_ratio: float
    press_ms: float
    prefill_ms: float


@torch.no_grad()  # type: ignore[untyped-decorator]
def is_answered(model: nn.Module, cache: PrunedCache, sample: Sample) -> bool:
    """Whether greedy decoding after the question gives the answer: in one call, as every token must be the argmax."""
    new = torch.cat([sample.question, sample.answer], dim=1)
    length = sample.answer.shape[1]
    predicted = model(new[:, :-1], cache=cache, logits_to_keep=length).logits.argmax(dim=-1)
    return bool((predicted == sample.answer).all())


@torch.no_grad()  # type: ignore[untyped-decorator]
def score_answer(model: nn.Module, cache: PrunedCache, sample: Sample) -> float:
    """How much of the answer greedy decoding after the question gives, 0..1: all or nothing where it must be exact."""
    if not sample.expected:
        return float(is_answered(model, cache, sample))
    ends = optional_member(optional_member(model, "generation_config"), "eos_token_id")
    ends = ends if isinstance(ends, (list, tuple)) else [ends]
    new, said, found = sample.question, [], 0.0
    for _ in range(sample.steps):
        new = model(new, cache=cache, logits_to_keep=1).logits[:, -1].argmax(dim=-1, keepdim=True)
        if int(new) in ends:
            break
        said.append(int(new))
        found = sample.share_of(sample.decode(said))
        if found == 1.0:
            # Nothing that follows takes it back.
            break
    return found


@torch.no_grad()  # type: ignore[untyped-decorator]
def continuation_loss(model: nn.Module, cache: PrunedCache, following: Tensor) -> float:
    """Mean negative log-likelihood, in nats per token, of all but the first of the ids (1, n) behind a cache."""
    logits = model(following[:, :-1], cache=cache).logits[0].float()
    return float(torch.nn.functional.cross_entropy(logits, following[0, 1:]))


def measure_outcomes(model: nn.Module, sample: Sample, cells: Iterable[Cell]) -> Iterator[Outcome]:
    """Read the sample's context once, and measure every cell on it.

    Consecutive cells of one press share its scores, so that `press_ms` is that of the first of them.
    """
    start = perf_counter()
    read = prefill(model, sample.context)
    prefill_ms = (perf_counter() - start) * 1e3
    by_mode: dict[str, Prefilled] = {"blind": read}
    for (_, mode), same in groupby(cells, key=lambda cell: (cell.name, cell.mode)):
        if mode not in by_mode:
            by_mode[mode] = read.ask(sample.question)
        held = by_mode[mode].remember()
        press_ms = None
        for cell in same:
            start = perf_counter()
            cache = cell.cache(held)
            press_ms = (perf_counter() - start) * 1e3 if press_ms is None else press_ms
            ratio = cache.bytes_ratio
            yield Outcome(sample.task, cell.key, score_answer(model, cache, sample), ratio, press_ms, prefill_ms)


def summarise(
    outcomes: Iterable[Outcome], losses: dict[tuple[str, float, str, str], list[float]]
) -> list[dict[str, Any]]:
    """One row for each press, ratio, mode and storage, in the order of first occurrence."""
    groups: dict[tuple[str, float, str, str], _Group] = {}
    for outcome in outcomes:
        groups.setdefault(outcome.key, _Group()).add(outcome)
    for key, values in losses.items():
        groups.setdefault(key, _Group()).losses = values
    return [group.row(key) for key, group in groups.items()]


@dataclass
class _Group:
    right: dict[str, list[float]] = field(default_factory=dict)
    bytes_ratios: list[float] = field(default_factory=list)
    press_ms: list[float] = field(default_factory=list)
    prefill_ms: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        self.right.setdefault(outcome.task, []).append(outcome.right)
        self.bytes_ratios.append(outcome.bytes_ratio)
        self.press_ms.append(outcome.press_ms)
        self.prefill_ms.append(outcome.prefill_ms)

    def row(self, key: tuple[str, float, str, str]) -> dict[str, Any]:
        import math
        from statistics import mean, median

        name, ratio, mode, storage = key
        tasks = {task: round(100 * mean(right), 1) for task, right in sorted(self.right.items())}
        return {
            "press": name,
            "ratio": ratio,
            "mode": mode,
            "storage": storage,
            "accuracy": round(mean(tasks.values()), 1) if tasks else None,
            **tasks,
            "perplexity": round(math.exp(mean(self.losses)), 3) if self.losses else None,
            "bytes_ratio": round(mean(self.bytes_ratios), 4) if self.bytes_ratios else None,
            "press_ms": round(median(self.press_ms), 1) if self.press_ms else None,
            "prefill_ms": round(median(self.prefill_ms), 1) if self.prefill_ms else None,
            "samples": sum(len(right) for right in self.right.values()),
        }
