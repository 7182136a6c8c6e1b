"""The steps of a pipeline: each takes a state and returns the next one."""

from __future__ import annotations

from .base import Refusal, State, Step, as_step
from .choose import AssessAnswer, JudgeCandidates, SelectAnswer
from .context import LinkSchema, ReadSamples, RetrieveValues, Screen, ShowValues, with_values, without_examples
from .execute import Execute
from .generate import PATHS, Generate
from .names import CheckNames
from .withheld import NoteWithheld

__all__ = [
    "PATHS",
    "AssessAnswer",
    "CheckNames",
    "Execute",
    "Generate",
    "JudgeCandidates",
    "LinkSchema",
    "NoteWithheld",
    "ReadSamples",
    "Refusal",
    "RetrieveValues",
    "Screen",
    "SelectAnswer",
    "ShowValues",
    "State",
    "Step",
    "as_step",
    "with_values",
    "without_examples",
]
