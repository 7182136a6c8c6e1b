"""Plain tuning of all parameters, or of the last layers, towards the teacher or towards the labels."""

from dataclasses import dataclass

from ctxprune.errors import UsageError
from ctxprune.shrink.learning.losses import LOSSES, MAPS, build_objective
from ctxprune.shrink.learning.training import TOWARDS, Schedule, train
from ctxprune.shrink.recover.base import Training
from ctxprune.shrink.types import Batch, Subject, Tensor, nn
from ctxprune.utils.validation import check_choice, check_range, check_whole, checked_field


@dataclass(frozen=True)
class Tune(Training):
    """Trains every parameter, or those of the last layers and what stands after them; `Schedule` has steps and rates.

    Attributes:
        towards: "teacher", or "labels" for the task's loss.
        loss: How the teacher is followed: "output", "margin", "listwise" or "hidden"; see
            `ctxprune.shrink.learning.losses`.
        layers: How "hidden" matches layers: "uniform" or "nearest".
        last: How many of the last layers are trained, with the head alone at 0; -1 = everything. Word embeddings stay
            even where a head shares them. Lu and others, Reassessing Layer Pruning in LLMs (2024): after the top
            quarter of the layers has gone, three layers and the head do better than low-rank tuning of all.
        labels: Weight of the task's own loss beside the teacher's, 0..1; the teacher's is 1 less it. Ben-Baruch and
            others, Distilling the Knowledge in Data Pruning (2024): the less data there is, the smaller it should be.
    """

    steps: int = checked_field(100, check_whole)
    towards: str = checked_field("teacher", check_choice, TOWARDS)
    loss: str = checked_field("output", check_choice, LOSSES)
    layers: str = checked_field("uniform", check_choice, MAPS)
    last: int = checked_field(-1, check_whole, minimum=-1)
    labels: float = checked_field(0.0, check_range)

    def __call__(self, subject: Subject) -> Subject:
        """The same subject, its model trained in place.

        Raises:
            UsageError: Nothing stands after the last layer, and no layer is to be trained.
        """
        aim = build_objective(subject, self.loss, towards=self.towards, layers=self.layers)
        fixed = self._fixed(subject)
        chosen = [entry for entry in subject.model.parameters() if id(entry) not in fixed]
        if not chosen:
            raise UsageError("nothing stands after the last layer", where="tune.v1", hint="train a layer at least")

        def mixed(model: nn.Module, batch: Batch) -> Tensor:
            return (1 - self.labels) * aim.loss(model, batch) + self.labels * subject.task.loss(model, batch)

        loss = mixed if self.labels else aim.loss
        train(subject, Schedule(self.steps, self.rate), parameters=[*chosen, *aim.parameters], loss=loss)
        return subject

    def _fixed(self, subject: Subject) -> set[int]:
        """Which parameters are not trained."""
        if self.last < 0:
            return set()
        anatomy = subject.anatomy
        frozen = [f"{layer.path}." for layer in anatomy.layers[: max(len(anatomy.layers) - self.last, 0)]]
        frozen += [f"{anatomy.embedded}.", f"{anatomy.embeddings}."]
        return {id(entry) for name, entry in subject.model.named_parameters() if name.startswith(tuple(frozen))}
