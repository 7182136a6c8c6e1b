"""What every training run does: groups of rates, steps, checkpoints to go on from, a log."""

from __future__ import annotations

import json
import math
import time
from abc import ABC, abstractmethod
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import torch

from ctxprune.errors import FormatError, InputError
from ctxprune.storage.sealed import check_file, seal_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from torch import Tensor

    from ctxprune.train.pruner_network import PrunerNetwork

__all__ = ["Training", "rate_factor"]


def rate_factor(progress: float, warmup: float) -> float:
    """The part of the peak rate, 0 to 1, at `progress`, 0 to 1: a rise over `warmup`, then a cosine down to zero."""
    if progress < warmup:
        # not from zero: the first step would change nothing
        return max(progress / warmup, 0.01)
    return 0.5 * (1 + math.cos(math.pi * min((progress - warmup) / max(1 - warmup, 1e-9), 1.0)))


class _Rates(Protocol):
    """Settings of the optimiser, which every recipe has."""

    @property
    def rate(self) -> float: ...
    @property
    def head_rate(self) -> float: ...
    @property
    def warmup(self) -> float: ...
    @property
    def decay(self) -> float: ...


R = TypeVar("R", bound=_Rates)
B = TypeVar("B")


def _read(path: Path) -> dict[str, Any]:
    wanted = {"fingerprint", "recipe", "shape", "network", "optimizer", "step", "done", "seconds"}
    try:
        check_file(path)
        state = torch.load(path, weights_only=True)
    except Exception as error:  # as many kinds as there are damaged files
        raise FormatError(f"the checkpoint cannot be read ({error})", where=str(path), hint="delete it") from error
    if not isinstance(state, dict) or not wanted <= state.keys():
        raise FormatError("this is no checkpoint of a training run", where=str(path), hint="delete it")
    return state


class Training(ABC, Generic[R, B]):
    """One run in a folder: `checkpoint.pt` and `log.jsonl`. Word and position embeddings stay as they are.

    Args:
        network: Trained in place.
        recipe: A dataclass that says how.
        folder: Where checkpoints and the log go; made if it is not there.
        fingerprint: Of all that is trained on; a checkpoint of something else is refused.
    """

    unit = "examples"
    """What `done` counts, as the log calls it."""

    def __init__(self, network: PrunerNetwork, recipe: R, folder: Path, *, fingerprint: str) -> None:
        self.network, self.recipe, self.folder, self.fingerprint = network, recipe, folder, fingerprint
        folder.mkdir(parents=True, exist_ok=True)
        network.train()
        network.words.weight.requires_grad_(False)
        network.places.weight.requires_grad_(False)
        heads = [*network.linear.parameters(), *network.match.parameters(), network.scale]
        known = {id(entry) for entry in heads}
        body = [entry for entry in network.parameters() if entry.requires_grad and id(entry) not in known]
        groups = [
            {"params": [entry for entry in body if entry.ndim > 1], "weight_decay": recipe.decay, "peak": recipe.rate},
            # biases and norms are not decayed towards zero
            {"params": [entry for entry in body if entry.ndim < 2], "weight_decay": 0.0, "peak": recipe.rate},
            {"params": heads, "weight_decay": 0.0, "peak": recipe.head_rate},
        ]
        self.optimizer = torch.optim.AdamW(groups, lr=0.0, betas=(0.9, 0.98), fused=True)
        self.step, self.done, self.seconds = 0, 0, 0.0

    @property
    @abstractmethod
    def total(self) -> int:
        """What `done` will be at the end."""

    @abstractmethod
    def losses(self, batch: B) -> tuple[Tensor, dict[str, float]]:
        """The loss of a batch, and its parts for the log."""

    def save(self) -> None:
        """Write the checkpoint, whole or not at all.

        Raises:
            InputError: It cannot be written; the one before it is still there.
        """
        # written beside and renamed, so that a kill leaves the checkpoint before
        part = self.folder / "checkpoint.part"
        state = {
            "fingerprint": self.fingerprint,
            "recipe": asdict(self.recipe),  # type: ignore[call-overload]
            "shape": self.network.shape.to_dict(),
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "done": self.done,
            "seconds": self.seconds,
        }
        try:
            torch.save(state, part)
            seal_file(part)
            part.replace(self.folder / "checkpoint.pt")
        except (OSError, RuntimeError) as error:  # torch has no error of its own for a full disk
            part.unlink(missing_ok=True)
            raise InputError(
                f"the checkpoint cannot be written ({error})",
                where=str(self.folder),
                hint="make room and resume: the checkpoint before it is still there",
            ) from error

    def resume(self) -> bool:
        """Go on from the folder's checkpoint; False where there is none.

        Raises:
            FormatError: It is damaged, of another recipe or shape, or of other data.
        """
        path = self.folder / "checkpoint.pt"
        if not path.is_file():
            return False
        state = _read(path)
        known = (self.fingerprint, asdict(self.recipe), self.network.shape.to_dict())  # type: ignore[call-overload]
        if (state["fingerprint"], state["recipe"], state["shape"]) != known:
            raise FormatError(
                "the checkpoint is of another recipe or shape, or of other data",
                where=str(path),
                hint="give the same options, or start in another folder",
            )
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.done, self.seconds = state["step"], state["done"], state["seconds"]
        return True

    def run(
        self,
        batches: Iterable[tuple[B, int]],
        *,
        save_every: float,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        """A step for each batch, with what it adds to `done`; a checkpoint every so many seconds and at the end.

        `progress` is called after each step with `done` and `total`.
        """
        saved = started = time.monotonic()
        before = self.seconds
        for batch, size in batches:
            losses = self._step(batch)
            self.step += 1
            self.done += size
            self.seconds = before + time.monotonic() - started
            if progress is not None:
                progress(self.done, self.total)
            if self.step % 20 == 0:
                self._log(losses)
            if time.monotonic() - saved > save_every:
                self.save()
                saved = time.monotonic()
        self.save()

    def _step(self, batch: B) -> dict[str, float]:
        factor = rate_factor(self.done / self.total, self.recipe.warmup)
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * factor
        loss, parts = self.losses(batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(
            [entry for group in self.optimizer.param_groups for entry in group["params"]], 1.0
        )
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return parts

    def _log(self, losses: dict[str, float]) -> None:
        entry = {"step": self.step, self.unit: self.done, "seconds": round(self.seconds, 1)}
        entry |= {name: round(value, 4) for name, value in losses.items()}
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(entry) + "\n")
