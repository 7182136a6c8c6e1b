"""From a teacher to a student: what the teacher says, the student's first weights, its run, the whole way."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("onnx", reason="the train extra is not installed")

from ctxprune.errors import FormatError, InputError, UsageError  # noqa: E402
from ctxprune.models.windows import Tokens, windows  # noqa: E402
from ctxprune.rag import Passage  # noqa: E402
from ctxprune.scorers.neural.pruner import PrunerScorer  # noqa: E402
from ctxprune.train.batches import View  # noqa: E402
from ctxprune.train.distil_pruner import DistilPlan, distil_pruner  # noqa: E402
from ctxprune.train.distillation import DistilRecipe, DistilRun, distil_losses  # noqa: E402
from ctxprune.train.pairs import UNLABELLED, free_pairs  # noqa: E402
from ctxprune.train.pruner_network import EncoderShape, LayerShape, PrunerNetwork  # noqa: E402
from ctxprune.train.student import build_student, grow_student  # noqa: E402
from ctxprune.train.teacher_targets import TeacherTargets, run_teacher, target_batches  # noqa: E402
from ctxprune.train.train_pruner import export_trained, smoke_inputs  # noqa: E402

SHAPE = EncoderShape.uniform(vocabulary=1200, positions=256, width=16, heads=4, inner=32, layers=2)
ORDER = np.arange(1200)
RECIPE = DistilRecipe(tokens=4000, batch=512, rate=3e-3, head_rate=3e-3, bfloat16=False)


def network(shape: EncoderShape = SHAPE, seed: int = 0) -> PrunerNetwork:
    torch.manual_seed(seed)
    made = PrunerNetwork(shape).eval()
    with torch.no_grad():
        for value in made.layers.parameters():
            value.add_(torch.randn_like(value) * 0.1)
    return made


def views(count: int = 24, seed: int = 0) -> list[View]:
    rng = random.Random(seed)
    made = []
    for number in range(count):
        documents = [Tokens([], [[rng.randrange(200, 300) for _ in range(9)] for _ in range(3)]) for _ in range(2)]
        labels = {(0, 0): True, (0, 1): False, (1, 2): False} if number % 2 else {}
        relevant = {0: True, 1: False} if number % 2 else {}
        made.append(View(tuple(windows([201, 202, 203], documents, "passage")), labels, relevant))
    return made


@pytest.fixture(scope="module")
def shard() -> TeacherTargets:
    return run_teacher(network(), views(), ORDER)


def test_teacher_targets_are_stored_by_token(shard: TeacherTargets, tmp_path: Path) -> None:
    shard.save(tmp_path / "0.npz")
    again = TeacherTargets.load(tmp_path / "0.npz")
    teacher, seen = network(), 0
    for batch in target_batches(again, tokens=300, rng=random.Random(0)):
        assert batch.mask.numel() <= 300 or batch.views == 1
        with torch.no_grad():
            last = teacher.states(batch.ids, batch.types, batch.mask)[-1]
            logits = torch.stack(teacher(batch.ids, batch.types, batch.mask), dim=-1)
        real = batch.mask.bool()
        torch.testing.assert_close(batch.logits[real], logits[real], atol=2e-2, rtol=2e-3)
        torch.testing.assert_close(batch.states[real], last[real], atol=3e-2, rtol=0)
        assert batch.unit[real].max() + 1 == len(batch.unit_label) == len(batch.unit_group)
        for group in range(batch.views):
            labels = batch.unit_label[batch.unit_group == group].tolist()
            assert labels in ([1, 0, -1, -1, -1, 0], [-1] * 6)
            assert batch.document_label[batch.document_group == group].tolist() in ([1, 0], [-1, -1])
        seen += batch.views
    assert seen == 24
    (tmp_path / "1.npz").write_bytes(b"nothing")
    with pytest.raises(FormatError):
        TeacherTargets.load(tmp_path / "1.npz")


def test_a_student_of_the_same_shape_is_its_teacher(shard: TeacherTargets) -> None:
    teacher = network()
    batch = next(target_batches(shard, tokens=4000, rng=random.Random(0)))
    inputs = (batch.ids, batch.types, batch.mask)
    student = build_student(teacher, SHAPE, (0, 1), [inputs], ORDER.tolist())
    with torch.no_grad():
        teacher.words.weight.copy_(student.words.weight)  # which are rounded
        theirs, ours = teacher.states(*inputs)[-1], student.states(*inputs)[-1]
    real = batch.mask.bool()
    assert float((ours - theirs)[real].square().mean()) < 0.02 * float(theirs[real].square().mean())


def test_a_smaller_student_is_nearer_with_fitted_matrices_than_with_those_it_got(shard: TeacherTargets) -> None:
    teacher = network()
    batch = next(target_batches(shard, tokens=4000, rng=random.Random(0)))
    inputs, real = (batch.ids, batch.types, batch.mask), batch.mask.bool()
    shape = EncoderShape(1200, 200, 16, 4, (LayerShape(2, 8), LayerShape(0, 8)))
    student = build_student(teacher, shape, (0, 1), [inputs], ORDER.tolist())
    assert student.shape == shape
    with torch.no_grad():
        wanted = teacher.states(*inputs)[-1][real]
        fitted = float((student.states(*inputs)[-1][real] - wanted).square().mean())
        for new, old in zip(student.layers, teacher.layers, strict=True):
            rows = [old.inner.weight.tolist().index(row) for row in new.inner.weight.tolist()]
            new.outer.weight.copy_(old.outer.weight[:, rows])
            new.outer.bias.copy_(old.outer.bias)
        assert fitted < float((student.states(*inputs)[-1][real] - wanted).square().mean())


@pytest.mark.parametrize(
    ("shape", "layers"),
    [
        (EncoderShape.uniform(width=16, heads=4, inner=64, layers=1), (0,)),
        (EncoderShape.uniform(width=32, heads=4, inner=8, layers=1), (0,)),
        (EncoderShape.uniform(width=16, heads=4, inner=8, layers=1, positions=64), (0, 1)),
        (EncoderShape.uniform(width=16, heads=4, inner=8, layers=1, positions=64), (2,)),
    ],
)
def test_students_that_do_not_fit(shard: TeacherTargets, shape: EncoderShape, layers: tuple[int, ...]) -> None:
    batch = next(target_batches(shard, tokens=400, rng=random.Random(0)))
    with pytest.raises(UsageError):
        build_student(network(), shape, layers, [(batch.ids, batch.types, batch.mask)], ORDER.tolist())


@pytest.mark.parametrize("own", [(LayerShape(2, 8), LayerShape(0, 8)), (LayerShape(1, 0), LayerShape(3, 24))])
def test_a_grown_student_keeps_its_outputs_and_can_learn_more(
    shard: TeacherTargets, own: tuple[LayerShape, ...]
) -> None:
    teacher = network()
    batch = next(target_batches(shard, tokens=400, rng=random.Random(0)))
    inputs = (batch.ids, batch.types, batch.mask)
    small = build_student(teacher, replace(SHAPE, layers=own), (0, 1), [inputs], ORDER.tolist())
    shape = replace(SHAPE, layers=(LayerShape(3, 16), LayerShape(4, 32)))
    big = grow_student(small, teacher, shape, (0, 1), [inputs], ORDER.tolist())
    assert big.shape == shape
    with torch.no_grad():
        for theirs, ours in zip(small(*inputs), big(*inputs), strict=True):
            torch.testing.assert_close(ours, theirs)
    distil_losses(big, batch, bfloat16=False)["states"].backward()
    for old, new in zip(small.layers, big.layers, strict=True):
        assert new.output.weight.grad[:, old.heads * 4 :].abs().min() > 0
        assert new.outer.weight.grad[:, old.neurons :].abs().max() > 0
        assert new.inner.weight[old.neurons :].abs().min() > 0


def test_a_student_does_not_grow_smaller(shard: TeacherTargets) -> None:
    teacher = network()
    batch = next(target_batches(shard, tokens=400, rng=random.Random(0)))
    inputs = (batch.ids, batch.types, batch.mask)
    small = build_student(teacher, SHAPE, (0, 1), [inputs], ORDER.tolist())
    for layers in ((LayerShape(3, 32), LayerShape(4, 32)), (LayerShape(4, 32),) * 2 + (LayerShape(4, 32),)):
        with pytest.raises(UsageError):
            grow_student(small, teacher, replace(SHAPE, layers=layers), range(len(layers)), [inputs], ORDER.tolist())


def test_a_student_learns_and_goes_on_where_it_stood(shard: TeacherTargets, tmp_path: Path) -> None:
    shard.save(tmp_path / "0000.npz")
    small = EncoderShape.uniform(vocabulary=1200, positions=256, width=16, heads=2, size=4, inner=8, layers=1)
    batch = next(target_batches(shard, tokens=4000, rng=random.Random(0)))
    with torch.no_grad():
        before = distil_losses(network(small, seed=1), batch, bfloat16=False)
    whole = DistilRun(network(small, seed=1), RECIPE, tmp_path / "whole", fingerprint="x")
    whole.train([tmp_path / "0000.npz"])
    with torch.no_grad():
        after = distil_losses(whole.network, batch, bfloat16=False)
    for name in ("states", "logits", "means"):
        assert float(after[name]) < float(before[name])

    class CutError(Exception):
        pass

    half = DistilRun(network(small, seed=1), RECIPE, tmp_path / "half", fingerprint="x")
    step, taken = half._step, []

    def some(given):
        if len(taken) == 3:
            raise CutError
        taken.append(1)
        return step(given)

    half._step = some
    with pytest.raises(CutError):
        half.train([tmp_path / "0000.npz"])
    half.save()
    rest = DistilRun(network(small, seed=2), RECIPE, tmp_path / "half", fingerprint="x")
    assert rest.resume()
    rest.train([tmp_path / "0000.npz"])
    assert rest.step == whole.step > 3
    for name, value in whole.network.state_dict().items():
        torch.testing.assert_close(rest.network.state_dict()[name], value)
    with pytest.raises(FormatError):
        DistilRun(network(small), RECIPE, tmp_path / "half", fingerprint="y").resume()


@pytest.mark.parametrize("wrong", [{"tokens": 0}, {"warmup": 2.0}, {"states": -1.0}])
def test_recipes_out_of_range(wrong: dict) -> None:
    with pytest.raises(UsageError):
        DistilRecipe(**wrong)


def test_plans_out_of_range() -> None:
    with pytest.raises(UsageError):
        DistilPlan(shards=0)
    with pytest.raises(UsageError):
        DistilPlan(shape=EncoderShape(positions=128))


def test_pairs_have_no_labels_and_are_the_same_again() -> None:
    parts, _ = smoke_inputs()
    made = list(free_pairs(parts.train, 40, seed=3))
    assert made == list(free_pairs(parts.train, 40, seed=3))
    assert made != list(free_pairs(parts.train, 40, seed=4))
    known = {text for example in parts.train for document in example.documents for text in document.sentences}
    for example in made:
        assert example.source == UNLABELLED
        assert 1 <= len(example.documents) <= 4
        assert not any(label for document in example.documents for label in document.labels)
        assert {text for document in example.documents for text in document.sentences} <= known
    assert len({example.question for example in made}) > 10


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_whole_way(tmp_path: Path) -> None:
    parts, _ = smoke_inputs()
    document = json.loads(parts.tokenizer)
    names = document["model"]["vocab"] | {letter: 300 + number for number, letter in enumerate("abcdefghilnorstuvw")}
    names |= {f"##{letter}": 400 + number for number, letter in enumerate("abcdefghilnorstuvw")}
    names |= {f"[word{number}]": number for number in range(1200) if number not in names.values()}
    document["model"] = {
        "type": "WordPiece", "vocab": names, "unk_token": "[UNK]", "continuing_subword_prefix": "##",
        "max_input_chars_per_word": 100,
    }  # fmt: skip
    parts = type(parts)(parts.network, json.dumps(document), parts.train, parts.aside)
    export_trained(parts.network.eval(), parts.tokenizer, parts.aside, tmp_path / "teacher", name="mine.v1", limit=256)
    shape = EncoderShape.uniform(positions=256, width=32, heads=1, size=16, inner=16, layers=1)
    recipe = DistilRecipe(tokens=9_000, batch=1024, bfloat16=False)
    plan = DistilPlan(shape, (1,), vocabulary=1100, shards=2, labelled=24, pairs=12, recipe=recipe)
    with pytest.raises(UsageError, match="vocabulary"):
        distil_pruner(parts, tmp_path / "teacher", tmp_path / "out", replace(plan, vocabulary=99))
    report = distil_pruner(parts, tmp_path / "teacher", tmp_path / "out", replace(plan, name="mine.v2"))
    assert report == json.loads((tmp_path / "out" / "training.json").read_text(encoding="utf-8"))
    assert report["shape"]["layers"] == [[1, 16]]
    scorer = PrunerScorer(model=tmp_path / "out")
    assert scorer.loaded.manifest.name == "mine.v2"
    assert len(scorer.score("where is the red house", Passage("the red house is old. the blue one is new."))) == 2
    again = distil_pruner(parts, tmp_path / "teacher", tmp_path / "out", replace(plan, name="mine.v2"), resume=True)
    assert again["steps"] == report["steps"]
    with pytest.raises(FormatError, match="another run"):
        distil_pruner(parts, tmp_path / "teacher", tmp_path / "out", replace(plan, seed=1), resume=True)
    wider = replace(plan, shape=replace(shape, layers=(LayerShape(2, 24),)), seed=1)
    more = distil_pruner(parts, tmp_path / "teacher", tmp_path / "more", wider, student=tmp_path / "out")
    assert more["shape"]["layers"] == [[2, 24]]
    assert more["shape"]["vocabulary"] == report["shape"]["vocabulary"]
    assert more["student_sha256"] != report["student_sha256"] == ""
    first, other = (TeacherTargets.load(tmp_path / name / "run" / "taught" / "0000.npz") for name in ("out", "more"))
    assert first.ids.tolist() != other.ids.tolist()
    own = json.loads((tmp_path / "out" / "tokenizer.json").read_text(encoding="utf-8"))
    own["model"]["vocab"]["strange"] = len(own["model"]["vocab"])
    (tmp_path / "out" / "tokenizer.json").write_text(json.dumps(own), encoding="utf-8")
    with pytest.raises(UsageError, match="'strange'"):
        distil_pruner(parts, tmp_path / "teacher", tmp_path / "other", wider, student=tmp_path / "out")


def test_a_student_that_cannot_be_gone_on_from(tmp_path: Path) -> None:
    parts, _ = smoke_inputs()
    export_trained(parts.network.eval(), parts.tokenizer, parts.aside, tmp_path / "teacher", name="mine.v1", limit=256)
    plan = DistilPlan(replace(parts.network.shape, positions=256), (0, 1))
    for student in (tmp_path / "none", tmp_path):
        with pytest.raises((InputError, FormatError)):
            distil_pruner(parts, tmp_path / "teacher", tmp_path / "out", plan, student=student)
    smaller = replace(plan, shape=replace(plan.shape, layers=(LayerShape(1, 8),) * 2))
    with pytest.raises(UsageError, match="is to grow"):
        distil_pruner(parts, tmp_path / "teacher", tmp_path / "out", smaller, student=tmp_path / "teacher")
    assert not (tmp_path / "out").exists()  # nothing was read or written
