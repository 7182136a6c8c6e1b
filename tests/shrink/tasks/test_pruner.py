"""The pruner's task: what is pooled, what a loss is taken of, and average precision by hand."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink.pruners import pruner, pruner_batches  # noqa: E402

from ctxprune.shrink.measure.activations import moments  # noqa: E402
from ctxprune.shrink.measure.gradients import gate_gradients, weight_gradients  # noqa: E402
from ctxprune.shrink.model.subject import Subject  # noqa: E402
from ctxprune.shrink.model.tasks.pruner import Pruner, pruner_batch  # noqa: E402
from ctxprune.shrink.score.clusters import Clusters  # noqa: E402
from ctxprune.shrink.score.knowledge import Knowledge  # noqa: E402
from ctxprune.shrink.score.removal import Removal  # noqa: E402
from ctxprune.shrink.score.taylor import Taylor  # noqa: E402
from ctxprune.train.batches import Batch  # noqa: E402
from ctxprune.train.losses import pruner_loss  # noqa: E402


class Fixed(torch.nn.Module):
    """Logits that are given."""

    def __init__(self, keep, relevance):
        super().__init__()
        self.both = keep, relevance

    def forward(self, ids, types, mask):
        return self.both


def batch():
    return {
        "input_ids": torch.zeros(1, 5, dtype=torch.long),
        "token_type_ids": torch.tensor([[0, 1, 1, 1, 1]]),
        "attention_mask": torch.ones(1, 5, dtype=torch.long),
        "unit": torch.tensor([[-1, 0, 0, 1, 2]]),
        "document": torch.tensor([[-1, 0, 0, 0, 1]]),
        "unit_labels": torch.tensor([1.0, 0.0, 1.0]),
        "unit_groups": torch.tensor([0, 0, 0]),
        "document_labels": torch.tensor([1.0, 0.0]),
        "document_groups": torch.tensor([0, 0]),
    }


def test_logits_are_means_over_tokens_and_the_loss_is_the_pruners():
    keep, relevance = torch.tensor([[9.0, 1.0, 3.0, 5.0, -1.0]]), torch.tensor([[9.0, 0.0, 3.0, 6.0, -2.0]])
    task, model, given = Pruner(), Fixed(keep, relevance), batch()
    assert task.output(model, given).tolist() == [2.0, 5.0, -1.0, 3.0, -2.0]
    units, documents = torch.tensor([2.0, 5.0, -1.0]), torch.tensor([3.0, -2.0])
    wanted = pruner_loss(
        (units, given["unit_labels"], given["unit_groups"]),
        (documents, given["document_labels"], given["document_groups"]),
    )
    assert task.loss(model, given) == wanted
    assert task.quality(model, [given]) == pytest.approx((1 / 2 + 2 / 3) / 2)


def test_without_labels_the_teacher_is_the_measure():
    given = {name: value for name, value in batch().items() if "labels" not in name}
    one, other = Fixed(torch.zeros(1, 5), torch.zeros(1, 5)), Fixed(torch.ones(1, 5), torch.ones(1, 5) * 2)
    task = Pruner()
    assert float(task.loss(one, given, other)) == pytest.approx((3 * 1 + 2 * 4) / 5)
    assert task.quality(one, [given]) == -float(task.loss(one, given))


def test_batches_of_training_become_batches_here():
    examples = Batch(
        *(np.ones((2, 3), dtype=np.int64) for _ in range(3)),
        np.array([[-1, 0, 1], [-1, 2, 2]]), np.array([[-1, 0, 0], [-1, 1, 1]]),
        np.ones(3, dtype=np.float32), np.zeros(3, dtype=np.int64),
        np.ones(2, dtype=np.float32), np.zeros(2, dtype=np.int64), 1,
    )  # fmt: skip
    found = pruner_batch(examples)
    assert found["input_ids"].shape == found["attention_mask"].shape == (2, 3)
    assert found["unit"].tolist() == [[-1, 0, 1], [-1, 2, 2]]
    assert set(found) == set(batch())


def test_statistics_and_gradients_of_gates():
    subject = Subject(pruner(), Pruner(), pruner_batches(2))
    groups = subject.groups(["head", "neuron"])
    found = moments(subject, [group.consumer for group in groups])
    real = sum(int(entry["attention_mask"].sum()) for entry in subject.calibration)
    assert all(entry.count == real for entry in found.values())
    slopes = gate_gradients(subject, groups)
    assert all(entry.shape == (4, group.count) for entry, group in zip(slopes.values(), groups, strict=True))
    assert all(entry.abs().sum() > 0 for entry in slopes.values())


def test_examples_are_the_parts_that_the_loss_is_a_mean_of():
    (given,) = pruner_batches(1, rows=3)
    task, model = Pruner(), pruner()
    parts = list(task.examples(given))
    assert [len(part["input_ids"]) for part in parts] == [1, 1, 1]
    assert [len(part["unit_labels"]) for part in parts] == [4, 4, 3]
    assert all(int(part["unit"].max()) + 1 == len(part["unit_labels"]) for part in parts)
    whole = task.output(model, given)
    outputs = [task.output(model, part) for part in parts]
    units = torch.cat([output[: len(part["unit_labels"])] for output, part in zip(outputs, parts, strict=True)])
    documents = torch.cat([output[len(part["unit_labels"]) :] for output, part in zip(outputs, parts, strict=True)])
    assert torch.allclose(torch.cat([units, documents]), whole, atol=1e-5)
    bare = {name: value for name, value in given.items() if "groups" not in name}
    assert list(task.examples(bare)) == [bare]


@pytest.mark.parametrize("score", [Taylor(samples=4), Clusters(clusters=2), Removal(samples=2), Knowledge(samples=2)])
def test_scores_that_look_at_parts_of_a_batch_work_on_the_pruner(score):
    subject = Subject(pruner(), Pruner(), pruner_batches(2, rows=3))
    kinds = ["layer"] if isinstance(score, Removal) else ["head", "neuron"]
    found = score(subject, subject.groups(kinds))
    assert all(bool(torch.isfinite(entry).all()) and bool(entry.any()) for entry in found.values())


def test_gradients_of_single_weights_are_taken_example_by_example():
    subject = Subject(pruner(), Pruner(), pruner_batches(2, rows=3))
    name = "layers.0.inner.weight"
    found = [entry[name] for entry in weight_gradients(subject, [name])]
    assert len(found) == 6
    assert len(list(weight_gradients(subject, [name], samples=4))) == 4
    (wanted,) = torch.autograd.grad(
        subject.task.loss(subject.model, next(subject.task.examples(subject.calibration[0]))),
        [subject.model.get_parameter(name)],
    )
    assert torch.equal(found[0], wanted)
