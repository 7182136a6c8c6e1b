"""The pruner's task: what is pooled, what a loss is taken of, and average precision by hand."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink.pruners import pruner, pruner_batches  # noqa: E402

from ctxprune.shrink.activations import moments  # noqa: E402
from ctxprune.shrink.gradients import gate_gradients  # noqa: E402
from ctxprune.shrink.subject import Subject  # noqa: E402
from ctxprune.shrink.tasks.pruner import Pruner, pruner_batch  # noqa: E402
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
