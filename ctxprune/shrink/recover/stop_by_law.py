"""Training that stops where the P^2 law says that more of it hardly helps.

Chen and others, P^2 Law: Scaling Law for Post-Training After Model Pruning, ACL 2025 (`learning.p2_law`).
Differs: the paper finds the law on many runs of several models and sizes; here it is fitted to three small budgets of
this model alone, and it decides how many steps follow.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import torch

from ctxprune.errors import InputError
from ctxprune.shrink.learning.losses import build_objective, check_objective
from ctxprune.shrink.learning.p2_law import Run, fit_law
from ctxprune.shrink.recover.base import check_inner, run_inner
from ctxprune.shrink.types import Mapping, Subject
from ctxprune.utils.validation import Checked, check_number, check_whole, checked_field


@dataclass(frozen=True)
class StopByLaw(Checked):
    """Runs another recovery for a sixteenth, an eighth and a quarter of the steps, fits the law, and goes on by it.

    A fifth of the batches is set aside for the loss that the law is fitted to. "p2_law" notes the steps that were done,
    the losses that were seen and the gain that was predicted for the rest.

    Attributes:
        recover: The recovery: a piece with its parameters, as in a recipe; its `steps` are set by this one. The loss
            that is watched is that of its `loss` and `towards`.
        steps: Of the optimiser at most; the rate rises and falls in each part anew.
        threshold: Training goes on in parts as long as so far, while the law predicts that the loss falls by this share
            of what it is.
    """

    recover: Mapping[str, Any] = field(default_factory=lambda: {"piece": "tune.v1"})
    steps: int = checked_field(400, check_whole)
    threshold: float = checked_field(0.02, check_number, over=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_inner(self.recover, divided=True)
        check_objective(*self._aim())

    def _aim(self) -> tuple[str, str]:
        inner = self.recover.get("recover", self.recover)  # of a recovery on a subset its own
        return inner.get("loss", "output"), inner.get("towards", "teacher")

    def __call__(self, subject: Subject) -> Subject:
        """The subject as the recovery leaves it, with all of its data.

        Raises:
            InputError: There are fewer than two batches.
        """
        batches = list(subject.needed_calibration())
        # the training loss falls by memorising, which the law does not describe
        aside = max(len(batches) // 5, 1)
        if len(batches) < 2:
            raise InputError("the law needs batches that are not trained on", hint="give two batches at least")
        loss, towards = self._aim()
        aim = build_objective(subject, loss, towards=towards)
        per_step = sum(int(batch["attention_mask"].sum()) for batch in batches[aside:]) / (len(batches) - aside)
        done, seen, law, left = 0, [], None, 0.0
        for goal in self._goals():
            if law is not None:
                left = law.gain(done * per_step, (goal - done) * per_step)
                if left < self.threshold * max(seen[-1].loss, 1e-12):
                    break
            # another seed for each part, or every part would see the batches in the same order
            part = replace(subject, calibration=batches[aside:], seed=subject.seed + done)
            subject = replace(run_inner(self.recover, part, goal - done), calibration=batches, seed=subject.seed)
            done = goal
            with torch.no_grad():
                value = sum(float(aim.loss(subject.model, batch)) for batch in batches[:aside]) / aside
            seen.append(Run(done * per_step, value, 0.0))
            law = fit_law(seen) if len(seen) >= 3 else None
        subject.notes["p2_law"] = {
            "steps": done, "at_most": self.steps, "losses": [run.loss for run in seen], "gain_left": left,
        }  # fmt: skip
        return subject

    def _goals(self) -> list[int]:
        """How many steps are done after each part: each is twice the one before, the last one is all."""
        # doubling lengths: three points of one decade fix the exponent
        parts = {max(self.steps * number // 16, place + 1) for place, number in enumerate((1, 2, 4, 8, 16))}
        return sorted(min(part, self.steps) for part in parts if part <= self.steps or part == min(parts))
