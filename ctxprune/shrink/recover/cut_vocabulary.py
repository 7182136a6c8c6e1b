"""The part of contextual pruning that cuts words: entries that a domain's data never use share one row.

Valicenti and others, Mini-GPTs: Efficient Large Language Models through Contextual Pruning, 2023. The tokenizer stays
as it is: the embeddings look up which row an entry reads, and the output which row it is written by. Entries that were
not seen share the mean of theirs.
"""

from dataclasses import dataclass
from typing import Any

import torch

from ctxprune.shrink.model.families.base import replace_module
from ctxprune.shrink.model.modules import Mapped, MappedOutput
from ctxprune.shrink.model.subject import module_of
from ctxprune.shrink.types import Subject, Tensor
from ctxprune.utils.validation import Checked, check_whole, checked_field


@dataclass(frozen=True)
class CutVocabulary(Checked):
    """Keeps the rows of entries that the calibration data have, and of the first ones.

    Attributes:
        least: How often an entry must come, from 1 up.
        first: So many entries stay in any case: special ones and single characters stand first in most vocabularies.
    """

    least: int = checked_field(1, check_whole)
    first: int = checked_field(0, check_whole, minimum=0)

    def __call__(self, subject: Subject) -> Subject:
        """The same subject, its model changed in place. Notes `vocabulary`: rows left, or why it was left whole."""
        anatomy, model = subject.anatomy, subject.model
        old: Any = module_of(model, anatomy.embeddings)
        if isinstance(old, Mapped):
            subject.notes["vocabulary"] = "left whole: it was cut before"
            return subject
        counts = torch.zeros(len(old.weight), dtype=torch.int64)
        for batch in subject.needed_calibration():
            counts += torch.bincount(batch["input_ids"].flatten(), minlength=len(counts))
        seen = counts >= self.least
        seen[: self.first] = True
        if old.padding_idx is not None:
            seen[old.padding_idx] = True
        count = int(seen.sum()) + 1
        if count < len(counts):
            new = _filled(Mapped(len(counts), count, old.weight.shape[1]), old.weight, seen)
            replace_module(model, anatomy.embeddings, new)
            named = {part.parameter.rpartition(".")[0] for part in anatomy.groups["vocabulary", -1].slices}
            for path in sorted(named - {anatomy.embeddings}):
                replace_module(model, path, _output(module_of(model, path), old, new, seen))
        subject.notes["vocabulary"] = min(count, len(counts))
        return subject


def _output(head: Any, old: Any, new: Mapped, seen: Tensor) -> MappedOutput:
    """A language head whose entries share rows as those of the embeddings do; tied weights stay tied."""
    tied = head.weight is old.weight
    made = MappedOutput(head.in_features, len(seen), len(new.weight), bias=head.bias is not None, tied=tied)
    _filled(made, head.weight, seen)
    if tied:
        made.weight = new.weight
    if head.bias is not None:
        made.bias = head.bias
    return made


def _filled(module: Any, table: Tensor, seen: Tensor) -> Any:
    """The module with the rows of entries that were seen, and the mean of the others as its last row."""
    with torch.no_grad():
        module.weight[:-1] = table[seen]
        module.weight[-1] = table[~seen].mean(0)
        module.rows.copy_(torch.where(seen, seen.cumsum(0) - 1, len(module.weight) - 1))
    return module.to(table.device).eval()
