"""Training of gates, with or without the model: language-model loss plus a penalty on the tokens kept."""

from __future__ import annotations

import json
import math
import os
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import torch

from ctxprune.errors import FormatError, InputError, UsageError
from ctxprune.kv.gates.entmax import check_alpha
from ctxprune.kv.gates.forward import GatedForward
from ctxprune.storage.sealed import check_file, seal_file
from ctxprune.train.training import rate_factor
from ctxprune.utils.validation import check_number, check_whole, is_number

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import Tensor, nn

    from ctxprune.kv.gates.gates import Gates

__all__ = ["GateRecipe", "GateTraining", "next_token_loss"]


@dataclass(frozen=True)
class GateRecipe:
    """Hyperparameters of a run.

    Attributes:
        steps: Steps of the optimiser, 1 or more.
        batch: Sequences per step.
        length: Tokens per sequence, 2 or more.
        strength: Penalty for keeping the whole context, in nats per token, 0 or more. It is multiplied with the mean
            of keep over layers, steps and earlier tokens.
        alphas: Alphas of the gates, each for an equal part of the run, increasing: at 1 every gate gets gradients,
            larger values push gates to 0 and 1. With infinity last, the model adapts to hard gates.
        rate: Peak learning rate of the model; at 0 the model is not trained.
        gate_rate: Peak learning rate of the gates' projections; that of their biases is 10 times as high.
        warmup: Share of the run in which rates increase; afterwards they follow a cosine.
        decay: Weight decay of the model's matrices.
        seed: Random seed of the sequences drawn from the text.

    Raises:
        UsageError: A number is out of its range.
    """

    steps: int = 600
    batch: int = 8
    length: int = 256
    strength: float = 0.3
    alphas: tuple[float, ...] = (1.0, 1.5, 2.0, 4.0, math.inf)
    rate: float = 1e-4
    gate_rate: float = 3e-3
    warmup: float = 0.05
    decay: float = 0.01
    seed: int = 0

    def __post_init__(self) -> None:
        check_whole("steps", self.steps, minimum=1)
        check_whole("batch", self.batch, minimum=1)
        check_whole("length", self.length, minimum=2)
        check_whole("seed", self.seed, minimum=0)
        check_number("strength", self.strength, minimum=0)
        check_number("rate", self.rate, minimum=0)
        check_number("gate_rate", self.gate_rate, minimum=0)
        check_number("decay", self.decay, minimum=0)
        if not is_number(self.warmup) or not 0 <= self.warmup <= 1:
            raise UsageError(f"warmup is {self.warmup!r}", hint="a share from 0 to 1")
        if not self.alphas or list(self.alphas) != sorted(self.alphas):
            raise UsageError(f"alphas is {self.alphas!r}", hint="one at least, rising from 1")
        for alpha in self.alphas:
            check_alpha(alpha)

    def alpha(self, step: int) -> float:
        """The alpha of a step, from 0."""
        return self.alphas[min(step * len(self.alphas) // self.steps, len(self.alphas) - 1)]


class GateTraining:
    """One run in a folder, with a checkpoint to resume from and a log, `log.jsonl`.

    Args:
        model: A decoder of transformers, trained in place, with dropout disabled.
        gates: Its gates, trained in place; None trains the model alone, as a language model.
        recipe: Hyperparameters.
        folder: Created if it does not exist. A run with the same recipe resumes from its checkpoint.

    Raises:
        UsageError: The gates do not fit the model.
        InputError: The checkpoint is of another recipe.
        FormatError: It cannot be read.
    """

    def __init__(self, model: nn.Module, gates: Gates | None, recipe: GateRecipe, folder: Path) -> None:
        if gates is not None:
            gates.check(model)
        self.model, self.gates, self.recipe, self.folder = model, gates, recipe, folder
        self.step, self.seconds = 0, 0.0
        for weight in model.parameters():
            weight.requires_grad_(recipe.rate > 0)
        self.optimizer = torch.optim.AdamW(self._groups(), lr=0.0, betas=(0.9, 0.98))
        folder.mkdir(parents=True, exist_ok=True)
        self.checkpoint = folder / "checkpoint.pt"
        if self.checkpoint.exists():
            self._resume()

    def run(
        self, ids: Tensor, *, progress: Callable[[dict[str, Any]], None] | None = None, save_every: float = 60.0
    ) -> None:
        """Train until the recipe's steps are done, with checkpoints at intervals and at the end.

        Args:
            ids: The text, (tokens,), `length` + 1 at least; each step draws its sequences from it.
            progress: Called with each line of the log, every 20 steps.
            save_every: Seconds between checkpoints.

        Raises:
            UsageError: The text is too short.
        """
        if ids.ndim != 1 or len(ids) <= self.recipe.length:
            raise UsageError(
                f"the text is {tuple(ids.shape)}", hint=f"one row of more than {self.recipe.length} token ids"
            )
        self.model.eval()
        started = saved = time.monotonic()
        done = self.seconds
        while self.step < self.recipe.steps:
            figures = self._step(self._draw(ids))
            self.step += 1
            now = time.monotonic()
            self.seconds = done + now - started
            if self.step % 20 == 0 or self.step == self.recipe.steps:
                self._log({"step": self.step, "seconds": round(self.seconds, 1), **figures}, progress)
            if now - saved > save_every or self.step == self.recipe.steps:
                self.save()
                saved = now

    def save(self) -> None:
        """Write the checkpoint, replacing the previous one only when it is complete."""
        state = {
            "recipe": json.dumps(asdict(self.recipe)),
            "model": self.model.state_dict(),
            "gates": None if self.gates is None else self.gates.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
        }
        partial = self.checkpoint.with_suffix(".partial")
        torch.save(state, partial)
        seal_file(partial)
        os.replace(partial, self.checkpoint)

    def _step(self, batch: Tensor) -> dict[str, float]:
        recipe = self.recipe
        part = rate_factor(self.step / recipe.steps, recipe.warmup)
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * part
        figures: dict[str, float] = {}
        if self.gates is None:
            loss = language = next_token_loss(self.model, batch)
        else:
            with GatedForward(self.model, self.gates, alpha := recipe.alpha(self.step)) as dense:
                language = next_token_loss(self.model, batch)
            held = dense.penalty()
            loss = language + recipe.strength * held
            figures = {"keep": round(float(held.detach()), 4), "alpha": alpha, "held": round(dense.held(), 4)}
        if loss.requires_grad:
            # Hard gates have no gradient: if the model is not trained either, the step changes nothing.
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            for group in self.optimizer.param_groups:
                # By group: large gradients of the gates must not shrink those of the model.
                torch.nn.utils.clip_grad_norm_(group["params"], 1.0)
            self.optimizer.step()
        return {"loss": round(float(language.detach()), 4), **figures}

    def _groups(self) -> list[dict[str, Any]]:
        recipe, groups = self.recipe, []
        if recipe.rate:
            weights = list(self.model.parameters())
            for matrices in (True, False):
                own = [each for each in weights if (each.ndim > 1) == matrices]
                groups.append({"params": own, "weight_decay": recipe.decay * matrices, "peak": recipe.rate})
        if self.gates is not None:
            for matrices in (True, False):
                own = [each for each in self.gates.parameters() if (each.ndim > 1) == matrices]
                # Biases decide how many tokens are kept, and start far from their final value.
                peak = recipe.gate_rate * (1 if matrices else 10)
                groups.append({"params": own, "weight_decay": 0.0, "peak": peak})
        if not groups:
            raise UsageError("no parameter would be trained", hint="give gates, or a rate above 0")
        return groups

    def _draw(self, ids: Tensor) -> Tensor:
        """Sequences of a step, (batch, length), determined by seed and step."""
        recipe = self.recipe
        # By step and not by a running state, so that a resumed run draws what an uninterrupted one would.
        stream = torch.Generator().manual_seed(recipe.seed * 1_000_003 + self.step)
        starts = torch.randint(0, len(ids) - recipe.length + 1, (recipe.batch,), generator=stream)
        device = next(self.model.parameters()).device
        return torch.stack([ids[start : start + recipe.length] for start in starts.tolist()]).to(device)

    def _resume(self) -> None:
        where = str(self.checkpoint)
        try:
            check_file(self.checkpoint)
            state = torch.load(self.checkpoint, weights_only=True)
            recipe = state["recipe"]
        except Exception as error:
            # Damaged files raise errors of many types.
            raise FormatError(f"the checkpoint cannot be read ({error})", where=where, hint="delete it") from error
        if recipe != json.dumps(asdict(self.recipe)):
            raise InputError(f"the checkpoint is of another recipe: {recipe}", where=where, hint="use another folder")
        try:
            self.model.load_state_dict(state["model"])
            if self.gates is not None:
                self.gates.load_state_dict(state["gates"])
            self.optimizer.load_state_dict(state["optimizer"])
        except (RuntimeError, KeyError, ValueError, TypeError, AttributeError) as error:
            raise InputError(
                f"the checkpoint is of another model ({error})", where=where, hint="use another folder"
            ) from error
        self.step, self.seconds = int(state["step"]), float(state["seconds"])

    def _log(self, line: dict[str, Any], progress: Callable[[dict[str, Any]], None] | None) -> None:
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        if progress is not None:
            progress(line)


def next_token_loss(model: nn.Module, ids: Tensor) -> Tensor:
    """Mean negative logarithm, in nats, of each token of (batch, n) given the tokens before it; n at least 2."""
    logits = model(input_ids=ids, use_cache=False).logits[:, :-1]
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1).float(), ids[:, 1:].flatten())
