"""Teacher correction: the teacher is tuned a little on the data before a smaller model is distilled from it.

Sreenivas and others, LLM Pruning and Distillation in Practice: The Minitron Approach, 2024: the data that the teacher
was trained on is not at hand, and on other data it guides better once it is tuned on them.
"""

import copy
from dataclasses import dataclass, replace

from ctxprune.errors import UsageError
from ctxprune.shrink.learning.training import Schedule, train
from ctxprune.shrink.types import Subject
from ctxprune.utils.validation import Checked, check_number, check_whole, checked_field


@dataclass(frozen=True)
class CorrectTeacher(Checked):
    """Replaces the teacher by a copy that is tuned by the task's loss; the one that was given stays as it is.

    Without labels a ranker's teacher has nothing to be tuned towards and stays the same; "teacher_loss" notes its loss
    before and after.

    Attributes:
        updates: Of the optimiser; `--steps` is for the smaller model and leaves them as they are.
        rate: Peak learning rate.
    """

    updates: int = checked_field(20, check_whole)
    rate: float = checked_field(1e-4, check_number, over=0)

    def __call__(self, subject: Subject) -> Subject:
        """The subject with the tuned teacher.

        Raises:
            UsageError: There is no teacher.
        """
        if subject.teacher is None:
            raise UsageError("there is no teacher to correct", where="correct_teacher.v1", hint="give the subject one")
        teacher = copy.deepcopy(subject.teacher)
        # notes of its own: these steps are none of the smaller model's
        alone = replace(subject, model=teacher, teacher=None, masks={}, seed=subject.seed + 1, notes={})
        before = alone.loss()
        train(alone, Schedule(self.updates, self.rate), loss=alone.task.loss)
        subject.notes["teacher_loss"] = [before, alone.loss()]
        return replace(subject, teacher=alone.model)
