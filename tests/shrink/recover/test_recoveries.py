"""Recoveries: what they train and what they leave, on tiny models with parts of their weights spoilt."""

from __future__ import annotations

import dataclasses

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import models  # noqa: E402

from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.shrink.learning.adapters import add_adapters, linear_paths  # noqa: E402
from ctxprune.shrink.learning.losses import build_objective  # noqa: E402
from ctxprune.shrink.model.cost import matrices  # noqa: E402
from ctxprune.shrink.model.shared import SharedLinear  # noqa: E402
from ctxprune.shrink.model.subject import Subject  # noqa: E402
from ctxprune.shrink.model.tasks.language_model import LanguageModel  # noqa: E402
from ctxprune.shrink.recover.adapters import Adapters, layer_losses, ranks_by_loss  # noqa: E402
from ctxprune.shrink.recover.correct_teacher import CorrectTeacher  # noqa: E402
from ctxprune.shrink.recover.few_parameters import FewParameters, chosen_parameters  # noqa: E402
from ctxprune.shrink.recover.learn_gates import LearnGates  # noqa: E402
from ctxprune.shrink.recover.on_subset import OnSubset  # noqa: E402
from ctxprune.shrink.recover.regularise import Regularise  # noqa: E402
from ctxprune.shrink.recover.scratch import Scratch  # noqa: E402
from ctxprune.shrink.recover.sparse_adapters import SparseAdapters  # noqa: E402
from ctxprune.shrink.recover.stop_by_law import StopByLaw  # noqa: E402
from ctxprune.shrink.recover.tune import Tune  # noqa: E402
from ctxprune.shrink.registries import SELECTORS  # noqa: E402
from ctxprune.shrink.run.runner import apply_masks  # noqa: E402


def spoilt(maker=models.encoder):
    """A copy whose teacher is the whole model, and whose first feed-forward part is halved."""
    subject = maker()
    work = dataclasses.replace(subject.copy(), teacher=subject.model)
    with torch.no_grad():
        for path in matrices(work.model):
            if ".1." in path:
                work.model.get_parameter(path).mul_(0.4)
    return work


def sparse(maker=models.encoder):
    """The same with half of each matrix's weights at zero."""
    work = spoilt(maker)
    generator = torch.Generator().manual_seed(4)
    shapes = {path: work.model.get_parameter(path).shape for path in matrices(work.model)}
    masks = {path: torch.rand(shape, generator=generator) > 0.5 for path, shape in shapes.items()}
    apply_masks(work, masks)
    return work.with_model(work.model, masks)


def distance(subject, loss: str = "output") -> float:
    aim = build_objective(subject, loss)
    with torch.no_grad():
        return sum(float(aim.loss(subject.model, batch)) for batch in subject.calibration)


PIECES = {
    "tune": Tune(20, 1e-3),
    "margin": Tune(20, 1e-3, loss="margin"),
    "hidden": Tune(20, 1e-3, loss="hidden"),
    "few": FewParameters(20, 1e-2),
    "adapters": Adapters(20, 3e-3, rank=2),
    "ranked": Adapters(20, 3e-3, rank=3, by_layer=True),
    "scaled": SparseAdapters(20, 1e-2, rank=2),
    "subset": OnSubset(recover={"piece": "tune.v1", "rate": 1e-3}, steps=20, share=0.5),
    "law": StopByLaw({"piece": "tune.v1", "rate": 3e-4}, steps=32),
}


@pytest.mark.parametrize("maker", [models.encoder, models.decoder])
@pytest.mark.parametrize("name", PIECES)
def test_a_recovery_comes_nearer_to_the_teacher(name: str, maker):
    if name == "margin" and maker is models.decoder:
        pytest.skip("rankers only")
    work = spoilt(maker)
    names = [path for path, _ in work.model.named_parameters()]
    loss = name if name == "margin" else "output"
    before = distance(work, loss)
    done = PIECES[name](work)
    assert distance(done, loss) < 0.9 * before
    assert [path for path, _ in done.model.named_parameters()] == names
    assert len(done.calibration) == 3
    assert not any(module._forward_hooks for module in done.model.modules())


@pytest.mark.parametrize("name", ["tune", "few", "adapters", "scaled", "subset"])
def test_zeros_stay_zeros(name: str):
    work = sparse()
    before = distance(work)
    done = PIECES[name](work)
    for path, mask in work.masks.items():
        assert bool((done.model.get_parameter(path)[~mask] == 0).all())
    assert distance(done) < before


def test_few_parameters_change_and_their_share_is_noted():
    work = spoilt()
    before = {name: entry.clone() for name, entry in work.model.named_parameters()}
    FewParameters(3, sets=("norms",))(work)
    changed = {name for name, entry in work.model.named_parameters() if not torch.equal(entry, before[name])}
    assert changed == {name for name in before if "LayerNorm" in name}
    total = sum(entry.numel() for entry in before.values())
    count = 9 * 2 * 32
    assert work.notes["few_parameters"] == {"parameters": count, "share": pytest.approx(count / total)}


def test_sets_of_parameters():
    work = spoilt()
    name_of = {id(entry): name for name, entry in work.model.named_parameters()}
    found = {
        kind: {name_of[id(entry)] for entry in chosen_parameters(work, (kind,))}
        for kind in ("head", "biases", "embeddings")
    }
    assert found["head"] == {"classifier.weight", "classifier.bias"}
    assert found["embeddings"] == {"bert.embeddings.word_embeddings.weight"}
    assert "bert.encoder.layer.0.output.dense.bias" in found["biases"]
    assert not any("LayerNorm" in name or "weight" in name for name in found["biases"])
    decoder = models.decoder()
    heads = chosen_parameters(decoder, ("head",))
    assert heads[0] is decoder.model.lm_head.weight
    assert len(heads) == 1
    with pytest.raises(UsageError, match="no biases"):
        chosen_parameters(decoder, ("biases",))
    with pytest.raises(UsageError, match="sets are"):
        FewParameters(sets=("noses",))


def test_adapters_of_rank_1_change_weights_by_rank_1():
    work = spoilt()
    path = "bert.encoder.layer.1.output.dense.weight"
    before = work.model.get_parameter(path).clone()
    Adapters(3, rank=1)(work)
    assert int(torch.linalg.matrix_rank(work.model.get_parameter(path) - before, rtol=1e-3)) == 1
    assert 0 < work.notes["adapters"]["share"] < 0.2


def test_ranks_go_where_most_was_lost():
    assert ranks_by_loss([0.0, 1.0, 3.0], 4) == [1, 3, 8]
    assert ranks_by_loss([0.0, 0.0], 4) == [4, 4]
    assert sum(ranks_by_loss([0.3, 0.3, 0.3, 0.2], 5)) == 20
    losses = layer_losses(spoilt())
    assert losses[0] == pytest.approx(0, abs=1e-5)
    assert losses[1] > 0.01
    with pytest.raises(UsageError, match="need a teacher"):
        layer_losses(models.encoder())


def test_scratch_draws_new_weights():
    work = spoilt()
    old = work.model
    done = Scratch(steps=1, rate=1e-12)(work)
    assert done.model is not old
    assert done.teacher is work.teacher
    weights = done.model.bert.encoder.layer[0].output.dense.weight
    assert float(weights.detach().std()) == pytest.approx(0.02, rel=0.1)
    assert torch.equal(done.model.bert.encoder.layer[0].output.LayerNorm.weight, torch.ones(32))
    words = "bert.embeddings.word_embeddings.weight"
    kept = Scratch(steps=1, rate=1e-12, embeddings="kept")(work).model
    assert torch.allclose(kept.get_parameter(words), old.get_parameter(words))
    assert not torch.allclose(done.model.get_parameter(words), old.get_parameter(words))
    again = Scratch(steps=1, rate=1e-12)(work).model
    assert torch.equal(again.get_parameter(words), done.model.get_parameter(words))


def test_scratch_learns_from_labels_or_a_teacher():
    work = spoilt()
    fresh = Scratch(1, 1e-9)(work)
    assert Scratch(20, 3e-3)(work).loss() < fresh.loss()
    assert distance(Scratch(20, 3e-3, towards="teacher")(work)) < distance(fresh)
    unlabelled = [{name: value for name, value in batch.items() if name != "labels"} for batch in work.calibration]
    with pytest.raises(UsageError, match="no labels"):
        Scratch(1)(dataclasses.replace(work, calibration=unlabelled))
    masked = sparse()
    done = Scratch(5)(masked)
    assert all(bool((done.model.get_parameter(path)[~mask] == 0).all()) for path, mask in masked.masks.items())


def test_labels_weigh_beside_the_teacher(monkeypatch: pytest.MonkeyPatch):
    seen = []

    def look(subject, schedule, *, parameters, loss):
        with torch.no_grad():
            seen.append(float(loss(subject.model, subject.calibration[0])))

    monkeypatch.setattr("ctxprune.shrink.recover.tune.train", look)
    for labels in (0.0, 0.25, 1.0):
        Tune(1, labels=labels)(spoilt())
    assert seen[1] == pytest.approx(0.75 * seen[0] + 0.25 * seen[2], rel=1e-5)
    assert seen[0] != pytest.approx(seen[2], rel=0.1)


def test_the_teacher_is_corrected_on_the_data_and_the_given_one_is_left():
    work = spoilt(models.decoder)
    before = {name: entry.clone() for name, entry in work.teacher.state_dict().items()}
    done = CorrectTeacher(10, 1e-3)(work)
    assert done.model is work.model
    assert done.notes["teacher_loss"] == pytest.approx([work.loss(work.teacher), work.loss(done.teacher)])
    assert all(torch.equal(entry, before[name]) for name, entry in work.teacher.state_dict().items())
    assert done.loss(done.teacher) < work.loss(work.teacher) - 0.01
    assert not any(entry.grad is not None for entry in done.teacher.parameters())
    with pytest.raises(UsageError, match="no teacher to correct"):
        CorrectTeacher(2)(models.decoder())


def test_a_subset_is_chosen_in_each_round():
    work = spoilt()
    piece = OnSubset({"piece": "tune.v1"}, {"piece": "el2n.v1"}, steps=5, share=1 / 3, rounds=3, whole="first")
    done = piece(work)
    assert done.notes["subset"] == [24, 8, 8]
    assert done.calibration == work.calibration
    last = OnSubset({"piece": "tune.v1"}, steps=5, share=1 / 3, rounds=3, whole="last")
    assert last(spoilt()).notes["subset"] == [8, 8, 24]
    anew = {"recover": {"piece": "scratch.v1"}, "rounds": 2}
    for bad in ({"share": 0}, {"rounds": 0}, {"whole": "first"}, {"select": {}}, {"explore": 1}, anew):
        with pytest.raises(UsageError):
            OnSubset(**bad)


def test_a_part_of_the_share_is_drawn_from_the_other_rows(monkeypatch: pytest.MonkeyPatch):
    work, seen = spoilt(models.decoder), []
    monkeypatch.setattr("ctxprune.shrink.recover.on_subset.rebatch", lambda batches, kept: seen.append(kept) or batches)
    for explore in (0.0, 0.5, 0.9):
        OnSubset(select={"piece": "el2n.v1"}, steps=1, share=0.5, explore=explore)(spoilt(models.decoder))
    chosen = [SELECTORS.get("el2n.v1")()(work, share) for share in (0.5, 0.25, 0.05)]
    assert [int(kept.sum()) for kept in seen] == [12, 12, 12]
    assert torch.equal(seen[0], chosen[0])
    assert all(bool(kept[best].all()) for kept, best in zip(seen, chosen, strict=True))
    assert not torch.equal(seen[2], chosen[0])


def test_training_stops_where_the_law_says_so():
    work = spoilt()
    done = StopByLaw({"piece": "tune.v1", "rate": 1e-3}, steps=32, threshold=10.0)(work)
    assert done.notes["p2_law"]["steps"] == 8
    assert len(done.notes["p2_law"]["losses"]) == 3
    assert done.calibration == work.calibration
    assert done.seed == work.seed
    done = StopByLaw({"piece": "few_parameters.v1"}, steps=32, threshold=1e-9)(spoilt())
    assert done.notes["p2_law"]["steps"] in (8, 16, 32)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Tune(loss="mse"), lambda: Tune(steps=0), lambda: Adapters(rank=0), lambda: SparseAdapters(scale=0),
        lambda: Scratch(embeddings="some"), lambda: Scratch(towards="stars"), lambda: StopByLaw(threshold=0),
        lambda: Adapters(loss="mse"), lambda: SparseAdapters(towards="stars"), lambda: FewParameters(loss="mse"),
        lambda: StopByLaw({"piece": "tune.v1", "towards": "stars"}), lambda: StopByLaw({"piece": "scratch.v1"}),
        lambda: Tune(rate=0),
        lambda: LearnGates(steps=0), lambda: Regularise(rate=-1), lambda: Tune(layers="every"),
        lambda: Tune(labels=2),lambda: CorrectTeacher(0),
    ],
)  # fmt: skip
def test_bad_parameters_are_refused(make):
    with pytest.raises(UsageError):
        make()


def test_modules_that_are_never_called_get_no_additions():
    subject = Subject(models.mamba(), LanguageModel(), models.batches(1))
    paths = linear_paths(subject.model)
    assert {path.rpartition(".")[2] for path in paths} == {"in_proj", "x_proj", "out_proj"}
    work = dataclasses.replace(subject.copy(), teacher=subject.model)
    SparseAdapters(1, 1e-2, rank=2)(work)
    assert work.notes["adapters"]["parameters"] > 0


def test_additions_to_a_shared_weight_are_refused():
    subject = spoilt()
    first, second = [path for path in linear_paths(subject.model) if path.endswith("intermediate.dense")][:2]
    base, own = subject.model.get_submodule(first), subject.model.get_submodule(second)
    subject.model.set_submodule(second, SharedLinear(base, own, 1))
    with pytest.raises(UsageError, match="another module shares its weight"):
        Adapters(1, 1e-3, rank=2)(subject)
    with (
        pytest.raises(UsageError, match="another module shares its weight"),
        add_adapters(subject.model, [first], rank=1, scale=1.0, generator=torch.Generator()),
    ):
        pass
