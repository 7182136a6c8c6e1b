"""Lottery tickets: back to early weights, with what is zero by now, and trained again."""

from dataclasses import dataclass

import torch

from ctxprune.errors import InputError
from ctxprune.shrink.recover.base import Training
from ctxprune.shrink.recover.tune import Tune
from ctxprune.shrink.types import Subject


@dataclass(frozen=True)
class Rewind(Training):
    """The weights of the base model (of the model as it was given, where there is none) under the masks, then tuned.

    Frankle and Carbin, The Lottery Ticket Hypothesis: Finding Sparse, Trainable Neural Networks, ICLR 2019; rewinding
    to weights early in training as in Frankle and others, 2020: give those as the subject's base. For `recover` in a
    stage with rounds: train, take the lowest weights, rewind, train again.

    Attributes:
        steps: Of the optimiser, after rewinding.
        tune: Whether there is training; without it the early weights are left, for a choice before any.
    """

    tune: bool = True

    def __call__(self, subject: Subject) -> Subject:
        """The same subject, its model rewound and trained in place."""
        early = subject.needed_base() if subject.base is not None else subject.teacher
        if early is None:
            raise InputError("there is nothing to rewind to", hint="give a base model or a teacher of the same shapes")
        source = dict(early.named_parameters())
        with torch.no_grad():
            for name, entry in subject.model.named_parameters():
                if name not in source or source[name].shape != entry.shape:
                    raise InputError("the weights to rewind to have other shapes", where=name, hint="give a base model")
                entry.copy_(source[name])
                if name in subject.masks:
                    entry.mul_(subject.masks[name])
        return Tune(self.steps, self.rate, self.towards)(subject) if self.tune else subject
