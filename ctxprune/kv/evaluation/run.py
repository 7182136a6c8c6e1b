"""The comparison of presses, ratios, modes and storages on synthetic tasks and running text; it can be resumed."""

from __future__ import annotations

import hashlib
import json
import zlib
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ctxprune.errors import InputError, UsageError
from ctxprune.kv.cache.quantise import Kivi
from ctxprune.kv.evaluation.cells import MODES, Cell, Outcome, continuation_loss, measure_outcomes, summarise
from ctxprune.kv.evaluation.samples import PLAIN_TASKS, TASKS, make_samples
from ctxprune.kv.model.files import model_fingerprint
from ctxprune.kv.presses.registry import PRESSES, build_press, canonical_name
from ctxprune.kv.presses.streaming_llm import StreamingLLM
from ctxprune.kv.reading.prefill import prefill
from ctxprune.kv.router import FULL
from ctxprune.kv.selection import check_ratio
from ctxprune.storage.compressed import open_bytes
from ctxprune.storage.sealed import sealed_line, unseal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import nn

    from ctxprune.kv.cache.store import Storage
    from ctxprune.kv.evaluation.samples import Sample
    from ctxprune.kv.presses.qfilter import QFilters

__all__ = ["Comparison", "StepLog", "cells_of", "check_log", "compare", "read_text"]

_CONTEXT, _FOLLOWING = 1024, 256  # tokens of a window for perplexity: pressed, and predicted


@dataclass(frozen=True)
class Comparison:
    """The settings of a comparison.

    Attributes:
        presses: Registered names of presses, or `wrapper(press)`; empty: all presses that need nothing learned.
        ratios: Shares of the full cache's bytes to save, each 0 <= r < 1; every storage keeps as many tokens as fit.
        modes: "blind" and "aware".
        storages: "plain", "kivi8", "kivi4", "kivi2".
        tasks: Names of `ctxprune.kv.evaluation.samples.TASKS`; by default those with one fact.
        tokens: Tokens per context.
        samples: Samples per task.
        windows: Windows for perplexity (1,024 tokens of context, 256 that follow), question-blind.
        seed: Random seed of the samples.

    Raises:
        UsageError: A value is out of its range or unknown.
    """

    presses: tuple[str, ...] = ()
    ratios: tuple[float, ...] = (0.5, 0.75, 0.875)
    modes: tuple[str, ...] = MODES
    storages: tuple[str, ...] = ("plain",)
    tasks: tuple[str, ...] = PLAIN_TASKS
    tokens: int = 4096
    samples: int = 10
    windows: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        for ratio in self.ratios:
            check_ratio(ratio)
        for kind, known, given in (
            ("mode", MODES, self.modes),
            ("storage", _STORAGES, self.storages),
            ("task", tuple(TASKS), self.tasks),
        ):
            for name in given:
                if name not in known:
                    raise UsageError(f"{kind} is {name!r}", hint=f"one of {', '.join(known)}")
        for name in self.presses:
            build_press(name, 0.5)
        # One spelling in rows and logs, however presses were named.
        object.__setattr__(self, "presses", tuple(canonical_name(name) for name in self.presses))

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}


def cells_of(asked: Comparison, filters: QFilters | None = None) -> list[Cell]:
    """The full cache, then every press at every ratio, mode and storage."""
    cells = [Cell(FULL, StreamingLLM, 0.0, "blind")]
    for name in asked.presses or _default_presses():
        for mode in asked.modes:
            for ratio in asked.ratios:
                for storage in asked.storages:
                    make = partial(build_press, name, filters=filters)
                    cells.append(Cell(name, make, ratio, mode, _STORAGES[storage], storage))
    return cells


def compare(
    model: nn.Module,
    tokenizer: Any,
    text: Path,
    asked: Comparison,
    *,
    cells: list[Cell] | None = None,
    log: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[dict[str, Any]]:
    """Rows for every cell: accuracy in percent by task, perplexity, share of bytes held, milliseconds.

    Args:
        model: A decoder.
        tokenizer: Its tokenizer.
        text: A file of running text, plain or .gz.
        asked: The settings.
        cells: The cells; None: those of `cells_of(asked)`. A run that resumes from a log needs the same cells.
        log: A file for the results of finished samples, to resume from; None: results are not saved.
        progress: Called with the number of finished samples and windows, and their total.

    Raises:
        InputError: The text cannot be read or is too short, or the log is invalid or cannot be written.
    """
    running, steps = read_text(text), StepLog(log, asked, model)
    samples = [
        sample
        for task in asked.tasks
        for sample in make_samples(task, tokenizer, running, tokens=asked.tokens, count=asked.samples, seed=asked.seed)
    ]
    windows = _split_windows(tokenizer, running, asked)
    cells = cells_of(asked) if cells is None else cells
    # Perplexity has no question that a press could use.
    blind = [cell for cell in cells if cell.mode == "blind"]
    outcomes: list[Outcome] = []
    losses: dict[tuple[str, float, str, str], list[float]] = {}
    total = len(samples) + len(windows)
    for number, sample in enumerate(samples):
        rows = steps.step(f"{sample.task} {number}", partial(_measure_sample, model, sample, cells))
        outcomes += [Outcome(**{**row, "key": tuple(row["key"])}) for row in rows]
        if progress is not None:
            progress(number + 1, total)
    for number, window in enumerate(windows):
        for cell, loss in zip(
            blind, steps.step(f"window {number}", partial(_measure_losses, model, window, blind)), strict=True
        ):
            losses.setdefault(cell.key, []).append(loss)
        if progress is not None:
            progress(len(samples) + number + 1, total)
    return summarise(outcomes, losses)


def _measure_sample(model: nn.Module, sample: Sample, cells: list[Cell]) -> list[dict[str, Any]]:
    return [asdict(outcome) for outcome in measure_outcomes(model, sample, cells)]


def _measure_losses(model: nn.Module, window: torch.Tensor, cells: list[Cell]) -> list[float]:
    read = prefill(model, window[:, :_CONTEXT]).remember()
    return [continuation_loss(model, cell.cache(read), window[:, _CONTEXT:]) for cell in cells]


def _split_windows(tokenizer: Any, text: str, asked: Comparison) -> list[torch.Tensor]:
    if not asked.windows:
        return []
    size = _CONTEXT + _FOLLOWING
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    if len(ids) < asked.windows * size:
        raise InputError(f"the text has {len(ids)} tokens", hint=f"{asked.windows} windows need {asked.windows * size}")
    stride = len(ids) // asked.windows
    return [torch.tensor([ids[start : start + size]]) for start in range(0, stride * asked.windows, stride)]


def read_text(path: Path) -> str:
    """The text of a file, plain or .gz.

    Raises:
        InputError: It cannot be read, is not UTF-8, or expands to more than 200 times its compressed size.
    """
    try:
        with open_bytes(path) as file:
            return file.read().decode("utf-8")
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        raise InputError(f"the text cannot be read ({error})", where=str(path), hint="a UTF-8 text file") from error


def check_log(path: Path) -> None:
    """Check that a run can write to a log, or resume from it.

    Raises:
        InputError: Its folder is missing, or the file is not a log of this command.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the log cannot be read ({error})", where=str(path), hint="name another file") from error
    if lines and not any(line.startswith('{"of"') for line in lines):
        raise InputError("this file is not a log of bench kv", where=str(path), hint="name another file")
    if not path.parent.is_dir():
        raise InputError("there is no folder for the log", where=str(path), hint="make it, or name another file")


def _default_presses() -> list[str]:
    return [name.partition(".")[0] for name in PRESSES.names() if not PRESSES.get(name).learned]


_STORAGES: dict[str, Storage | None] = {
    "plain": None,
    "kivi8": Kivi(bits=8),
    "kivi4": Kivi(bits=4),
    "kivi2": Kivi(bits=2),
}


class StepLog:
    """Results of finished steps, by name, in a file of JSON lines; a truncated line is computed again."""

    def __init__(self, log: Path | None, asked: Comparison, model: nn.Module) -> None:
        self._log = log
        if log is not None:
            check_log(log)
        # A log serves one model and one set of options: lines of others are ignored.
        about = json.dumps([asked.to_dict(), model_fingerprint(model)], sort_keys=True)
        self._of = hashlib.sha256(about.encode()).hexdigest()[:16]
        self._done = dict(self._lines())

    def step(self, name: str, make: Callable[[], list[Any]]) -> list[Any]:
        """The result of `make`, or the one in the file."""
        if name not in self._done:
            self._done[name] = make()
            if self._log is not None:
                line = sealed_line({"of": self._of, "step": name, "rows": self._done[name]})
                try:
                    with self._log.open("ab") as file:
                        file.write(line)
                except OSError as error:
                    raise InputError(f"the log cannot be written ({error.strerror})", where=str(self._log)) from error
        return self._done[name]

    def _lines(self) -> Iterator[tuple[str, list[Any]]]:
        if self._log is None or not self._log.exists():
            return
        for line in self._log.read_bytes().splitlines():
            with suppress(ValueError):
                # Truncated or damaged: it is computed again.
                entry = unseal(line, required=False)
                if isinstance(entry, dict) and entry.get("of") == self._of and {"step", "rows"} <= entry.keys():
                    yield entry["step"], entry["rows"]
