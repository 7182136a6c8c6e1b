"""From a pruner and the mixture to a smaller pruner: `ctxprune train distil`."""

from __future__ import annotations

import hashlib
import json
import random
from dataclasses import dataclass, field, replace
from itertools import count, islice
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ctxprune.errors import FormatError, InputError, UsageError
from ctxprune.models.windows import FIXED
from ctxprune.storage.sealed import parse_json
from ctxprune.train.batches import encode, view
from ctxprune.train.distillation import DistilRecipe, DistilRun
from ctxprune.train.graph_reader import read_network
from ctxprune.train.mixture import epoch, fingerprint
from ctxprune.train.pairs import UNLABELLED, free_pairs
from ctxprune.train.pruner_network import HEADS, EncoderShape
from ctxprune.train.student import build_student, check_growth, grow_student
from ctxprune.train.teacher_targets import TeacherTargets, run_teacher, target_batches
from ctxprune.train.train_pruner import export_trained, report_run
from ctxprune.train.vocabulary import choose_vocabulary, cut_tokenizer, vocabulary_ids

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from ctxprune.train.batches import Encoded, View
    from ctxprune.train.examples import Example
    from ctxprune.train.pruner_network import PrunerNetwork
    from ctxprune.train.train_pruner import TrainingInputs

__all__ = ["DistilPlan", "distil_pruner", "view_shards", "vocabulary_of"]

_LIMIT = 256


@dataclass(frozen=True, slots=True)
class DistilPlan:
    """Shape of the student, and the data that it reads.

    Attributes:
        shape: Of the student; its vocabulary is what `vocabulary` leaves.
        layers: Which of the teacher's layers each of the student's is made of.
        vocabulary: Pieces.
        shards: Files of windows that the teacher reads.
        labelled, pairs: Views of the mixture in each, and of pairs without labels.
        seed: Of the windows; with another one the teacher reads other windows.
        recipe: How it learns.
        name: Of the model, for its manifest.

    Raises:
        UsageError: A number is out of range.
    """

    shape: EncoderShape = field(
        default_factory=lambda: EncoderShape.uniform(layers=6, heads=4, inner=384, size=32, positions=_LIMIT)
    )
    layers: tuple[int, ...] = (0, 1, 2, 3, 4, 5)
    vocabulary: int = 24_000
    shards: int = 28
    labelled: int = 1000
    pairs: int = 650
    seed: int = 0
    recipe: DistilRecipe = field(default_factory=DistilRecipe)
    name: str = "pruner.v2"

    def __post_init__(self) -> None:
        if min(self.vocabulary, self.shards, self.labelled) < 1 or self.pairs < 0:
            raise UsageError("vocabulary, shards and labelled are from 1 up, pairs from 0", where=repr(self))
        if self.shape.positions < _LIMIT:
            raise UsageError(f"the student has {self.shape.positions} positions", hint=f"windows need {_LIMIT}")


def distil_pruner(
    parts: TrainingInputs,
    teacher: Path,
    out: Path,
    plan: DistilPlan,
    *,
    student: Path | None = None,
    resume: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Let the teacher read, make the student and train it, export, weigh. Writes what `train_pruner` does to `out`.

    Windows with the teacher's targets are in `out/run/taught`; those that are there are not made again with
    `resume`.

    Args:
        parts: The mixture, and the teacher's tokenizer; their network is not used.
        teacher: A model folder.
        out: Folder; made if it is not there.
        plan: What to make.
        student: A model folder to go on from instead of first weights out of the teacher; its vocabulary stays, and
            what the shape has more than it is added (`ctxprune.train.student.grow_student`).
        resume: Go on from windows and checkpoint that are there.
        progress: Called with the tokens that the student has read and all of them.

    Returns:
        What `training.json` says.

    Raises:
        InputError, FormatError: Teacher or student cannot be read, or windows or checkpoint are of another run.
        UsageError: The student's shape does not fit the teacher's, or the student to go on from does not fit into it.
    """
    from tokenizers import Tokenizer

    network = read_network(teacher)
    small = None if student is None else read_network(student)
    if small is not None:
        check_growth(small.shape, plan.shape)  # not after hours of reading
    order, text = _vocabulary(parts, plan) if student is None else vocabulary_of(student, parts)
    tokenizer = Tokenizer.from_str(text)
    folder = out / "run" / "taught"
    folder.mkdir(parents=True, exist_ok=True)
    data = fingerprint(parts.train)
    digest = hashlib.sha256((teacher / "model.onnx").read_bytes()).hexdigest()
    begun = "" if student is None else hashlib.sha256((student / "model.onnx").read_bytes()).hexdigest()
    read = [data, digest, hashlib.sha256(text.encode()).hexdigest(), plan.seed, plan.labelled, plan.pairs]
    what = hashlib.sha256(json.dumps([*read, plan.recipe.bfloat16]).encode()).hexdigest()
    # refused before windows of another teacher are mixed with those that are there
    if resume:
        _same_windows(folder / "windows.txt", what)
    (folder / "windows.txt").write_text(what + "\n", encoding="utf-8")
    paths = [folder / f"{number:04d}.npz" for number in range(plan.shards)]
    missing = [path for path in paths if not (resume and path.is_file())]
    if missing:
        halved = _halved(network) if plan.recipe.bfloat16 else network
        for path, views in zip(paths, view_shards(parts.train, tokenizer, plan), strict=False):
            if path in missing:
                run_teacher(halved, views, order).save(path)
        network = read_network(teacher)
    torch.manual_seed(plan.recipe.seed)
    given = (plan.shape, plan.layers, _first_windows(paths[0]), order.tolist())
    made = build_student(network, *given) if small is None else grow_student(small, network, *given)
    run = DistilRun(made, plan.recipe, out / "run", fingerprint=f"{what} {plan.shards} {begun}".strip())
    if resume:
        run.resume()
    run.train(paths, progress=progress)
    made.eval()
    export_trained(made, text, parts.aside, out, name=plan.name, limit=_LIMIT, words=4)
    report: dict[str, Any] = {
        "name": plan.name,
        "teacher_sha256": digest,
        "student_sha256": begun,
        "shape": made.shape.to_dict(),
        "layers": list(plan.layers),
        "plan": {"vocabulary": len(order)}
        | {"shards": plan.shards, "labelled": plan.labelled, "pairs": plan.pairs, "seed": plan.seed},
        **report_run(run, parts, data),
    }
    (out / "training.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return report


def _same_windows(path: Path, what: str) -> None:
    """Windows that are there were read by this teacher, of this data, as this plan says."""
    if path.is_file() and path.read_text(encoding="utf-8").strip() != what:
        raise FormatError(
            "the windows are of another run", where=str(path.parent), hint="name another folder, or begin anew"
        )


def _vocabulary(parts: TrainingInputs, plan: DistilPlan) -> tuple[np.ndarray[Any, np.dtype[np.int64]], str]:
    """The teacher's id of each piece that stays, and the tokenizer of those alone."""
    document = json.loads(parts.tokenizer)
    texts: dict[str, None] = {}
    for example in parts.train:
        texts[example.question] = None
        for entry in example.documents:
            texts[entry.title] = None
            texts.update(dict.fromkeys(entry.sentences))
    fixed = FIXED & set(vocabulary_ids(document).values())
    order = choose_vocabulary(document, texts, plan.vocabulary, fixed=fixed)
    cut = cut_tokenizer(document, order) | {"padding": None, "truncation": None}
    return np.asarray(order, dtype=np.int64), json.dumps(cut, ensure_ascii=False)


def vocabulary_of(student: Path, parts: TrainingInputs) -> tuple[np.ndarray[Any, np.dtype[np.int64]], str]:
    """As `_vocabulary`, of a student's own tokenizer."""
    path = student / "tokenizer.json"
    try:
        text = path.read_text(encoding="utf-8")
        document = parse_json(text)
    except (OSError, ValueError) as error:
        raise InputError(f"the student's tokenizer cannot be read ({error})", where=str(path)) from error
    own, whole = vocabulary_ids(document), vocabulary_ids(json.loads(parts.tokenizer))
    if missing := own.keys() - whole.keys():
        raise UsageError(
            f"{len(missing)} of the student's pieces are not the teacher's, {min(missing)!r} one of them",
            where=str(student),
            hint="go on from a student of this teacher",
        )
    return np.asarray([whole[piece] for piece in sorted(own, key=own.__getitem__)], dtype=np.int64), text


def view_shards(examples: Sequence[Example], tokenizer: Any, plan: DistilPlan) -> Iterator[list[View]]:
    """For each shard its views: some of the mixture, as an epoch orders it, and some pairs."""
    pairs = list(free_pairs(examples, plan.pairs * plan.shards, seed=plan.seed + 1)) if plan.pairs else []
    whole = [*examples, *pairs]
    place = {id(example): entry for example, entry in zip(whole, encode(whole, tokenizer), strict=True)}
    # one stream through all epochs, so that shards do not repeat examples before all were read
    mixed = (example for number in count() for example in epoch(examples, number, seed=plan.seed + 7))
    for number in range(plan.shards):
        own = [*islice(mixed, plan.labelled), *pairs[number * plan.pairs : (number + 1) * plan.pairs]]
        rng = random.Random(f"view {plan.seed} {number}")
        rng.shuffle(own)
        made = [_view(example, place[id(example)], rng) for example in own]
        yield [entry for entry in made if entry.windows]


def _view(example: Example, encoded: Encoded, rng: random.Random) -> View:
    made = view(encoded, rng, limit=_LIMIT)
    return replace(made, labels={}, relevant={}) if example.source == UNLABELLED else made


def _first_windows(path: Path) -> list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    batches = target_batches(TeacherTargets.load(path), tokens=4096, rng=random.Random(0))
    return [(batch.ids, batch.types, batch.mask) for batch in islice(batches, 10)]


def _halved(network: PrunerNetwork) -> PrunerNetwork:
    """The encoder in bfloat16, in place."""
    for name, value in network.named_parameters():
        if not name.startswith(HEADS):
            value.data = value.data.bfloat16()
    return network
