"""The part of contextual pruning that cuts words: entries that a domain's data never use share one row.

Valicenti and others, Mini-GPTs: Efficient Large Language Models through Contextual Pruning, 2023. The tokenizer stays
as it is: the embeddings look up which row an entry reads. Entries that were not seen read the mean of theirs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from ctxprune.errors import UsageError
from ctxprune.shrink.model.families.base import replace_module
from ctxprune.shrink.model.modules import Mapped
from ctxprune.shrink.model.subject import module_of

if TYPE_CHECKING:
    from ctxprune.shrink.model.subject import Subject

__all__ = ["CutVocabulary"]


@dataclass(frozen=True)
class CutVocabulary:
    """Keeps the rows of entries that the calibration data have, and of the first ones.

    Attributes:
        least: How often an entry must come, from 1 up.
        first: So many entries stay in any case: special ones and single characters stand first in most vocabularies.
    """

    least: int = 1
    first: int = 0

    def __post_init__(self) -> None:
        if self.least < 1 or self.first < 0:
            raise UsageError(f"{self} is out of range", hint="least from 1 up, first from 0 up")

    def __call__(self, subject: Subject) -> Subject:
        """The same subject, its model changed in place. Notes `vocabulary`: rows left, or why it was left whole."""
        anatomy = subject.anatomy
        old: Any = module_of(subject.model, anatomy.embeddings)
        held = {part.parameter for part in anatomy.groups["vocabulary", -1].slices}
        tied = sum(entry is old.weight for module in subject.model.modules() for entry in module._parameters.values())
        if len(held) > 1 or tied > 1 or isinstance(old, Mapped):
            subject.notes["vocabulary"] = "left whole: the model also writes by it, or it was cut before"
            return subject
        counts = torch.zeros(len(old.weight), dtype=torch.int64)
        for batch in subject.needed_calibration():
            counts += torch.bincount(batch["input_ids"].flatten(), minlength=len(counts))
        seen = counts >= self.least
        seen[: self.first] = True
        if old.padding_idx is not None:
            seen[old.padding_idx] = True
        rows = seen.nonzero().flatten()
        if len(rows) + 1 < len(counts):
            new = Mapped(len(counts), len(rows) + 1, old.weight.shape[1])
            with torch.no_grad():
                new.weight[:-1] = old.weight[rows]
                new.weight[-1] = old.weight[~seen].mean(0)
                new.rows.fill_(len(rows))
                new.rows[rows] = torch.arange(len(rows), dtype=torch.int32)
            replace_module(subject.model, anatomy.embeddings, new.to(old.weight.device).eval())
        subject.notes["vocabulary"] = len(module_of(subject.model, anatomy.embeddings).weight)
        return subject
