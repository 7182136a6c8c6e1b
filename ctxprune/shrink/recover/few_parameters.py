"""PERP: after pruning, a few expressive parameters are enough to train.

Zimmer and others, PERP: Rethinking the Prune-Retrain Paradigm in the Era of LLMs, 2023. Biases and norms are 0.03 to
0.4 % of a transformer; training them recovers most of what retraining everything does, with the optimiser's memory of
so many parameters. Differs: towards the teacher's output where there is one (the paper: the loss of pre-training), and
its variants with low-rank additions are `adapters.v1` and `sparse_adapters.v1`.
"""

from dataclasses import dataclass

from ctxprune.errors import UsageError
from ctxprune.shrink.learning.losses import LOSSES, build_objective
from ctxprune.shrink.learning.training import TOWARDS, Schedule, train
from ctxprune.shrink.recover.base import Training
from ctxprune.shrink.types import Subject, nn
from ctxprune.utils.validation import check_choice, check_number, check_whole, checked_field

_SETS = ("biases", "embeddings", "head", "norms")


@dataclass(frozen=True)
class FewParameters(Training):
    """Trains some kinds of parameters alone; how many they are is noted as "few_parameters" (count and share).

    Attributes:
        rate: Peak learning rate; about ten times that of tuning everything.
        sets: Of "biases", "norms", "head" (what stands above the layers) and "embeddings" (of words).
        loss: As in `tune.v1`.
    """

    steps: int = checked_field(100, check_whole)
    rate: float = checked_field(1e-3, check_number, over=0)
    sets: tuple[str, ...] = ("biases", "norms", "head")
    towards: str = checked_field("teacher", check_choice, TOWARDS)
    loss: str = checked_field("output", check_choice, LOSSES)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.sets or set(self.sets) - set(_SETS):
            raise UsageError(f"sets are {list(self.sets)}", hint=f"some of {', '.join(_SETS)}")

    def __call__(self, subject: Subject) -> Subject:
        """The same subject, its model trained in place.

        Raises:
            UsageError: The model has no such parameters.
        """
        chosen = chosen_parameters(subject, self.sets)
        count = sum(entry.numel() for entry in chosen)
        total = sum(entry.numel() for entry in subject.model.parameters())
        subject.notes["few_parameters"] = {"parameters": count, "share": count / total}
        aim = build_objective(subject, self.loss, towards=self.towards)
        train(subject, Schedule(self.steps, self.rate), parameters=[*chosen, *aim.parameters], loss=aim.loss)
        return subject


def chosen_parameters(subject: Subject, sets: tuple[str, ...]) -> list[nn.Parameter]:
    """The model's parameters of these kinds, each once.

    Raises:
        UsageError: There are none.
    """
    anatomy = subject.anatomy
    base = anatomy.embedded.rpartition(".")[0]
    layers = tuple(f"{layer.path}." for layer in anatomy.layers)
    norms = tuple(f"{path}." for path in anatomy.norms)
    words = subject.model.get_parameter(f"{anatomy.embeddings}.weight")
    found: dict[int, nn.Parameter] = {}
    for name, entry in subject.model.named_parameters():
        own = {
            "biases": name.endswith(".bias") and not name.startswith(norms),
            "norms": name.startswith(norms),
            "embeddings": entry is words,
            "head": not name.startswith((*layers, *norms, *([f"{base}."] if base else [anatomy.embedded])))
            and entry is not words,
        }
        if any(own[kind] for kind in sets):
            found[id(entry)] = entry
    if not found:
        raise UsageError(f"the model has no {' or '.join(sets)}", where="few_parameters.v1", hint="name other sets")
    return list(found.values())
